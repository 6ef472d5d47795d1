// SPDX-License-Identifier: Apache-2.0
// Exports of Nsight Systems as different versions and options write them, made by hand, and hostile ones.
#include "imported.h"
#include <fstream>
#include <sqlite3.h>

using namespace shardscope;
using namespace shardscope::test;

namespace {

constexpr const char* strings = "CREATE TABLE StringIds(id INTEGER NOT NULL PRIMARY KEY, value TEXT NOT NULL);"
                                "INSERT INTO StringIds VALUES (1,'gemm'),(2,'cudaLaunchKernel_v7000'),"
                                "(3,'ncclDevKernel_AllReduce_Sum(x)'),(4,'ncclAllReduce'),(5,'main'),"
                                "(6,'SECRET_IN_STRINGS=1');";
// Process 1 on device 0 and process 2 on device 0 of its own; globalPid is the process in bits 24 and up.
constexpr const char* kernels =
    "CREATE TABLE CUPTI_ACTIVITY_KIND_KERNEL(start INTEGER NOT NULL, \"end\" INTEGER NOT NULL, deviceId INTEGER NOT "
    "NULL,"
    " contextId INTEGER NOT NULL, streamId INTEGER NOT NULL, correlationId INTEGER, globalPid INTEGER, demangledName "
    "INTEGER NOT NULL, shortName INTEGER NOT NULL);"
    "INSERT INTO CUPTI_ACTIVITY_KIND_KERNEL VALUES (1000,2000,0,1,7,100,1<<24,1,1),(1500,2500,0,1,9,101,1<<24,3,3),"
    "(5000,6000,0,1,7,100,2<<24,1,1);";
constexpr const char* calls =
    "CREATE TABLE CUPTI_ACTIVITY_KIND_RUNTIME(start INTEGER NOT NULL, \"end\" INTEGER NOT NULL, eventClass INTEGER NOT "
    "NULL, globalTid INTEGER, correlationId INTEGER, nameId INTEGER NOT NULL, returnValue INTEGER NOT NULL);"
    "INSERT INTO CUPTI_ACTIVITY_KIND_RUNTIME VALUES (900,950,0,(1<<24)+11,100,2,0),(4000,4100,0,(2<<24)+12,100,2,0);";

std::string make(const TemporaryFolder& folder, const std::string& sql) {
    const std::string path = folder / "report.sqlite";
    std::filesystem::remove(path);
    sqlite3* db = nullptr;
    REQUIRE(sqlite3_open(path.c_str(), &db) == SQLITE_OK);
    char* message = nullptr;
    if (sqlite3_exec(db, sql.c_str(), nullptr, nullptr, &message) != SQLITE_OK) FAIL(message);
    sqlite3_close(db);
    return path;
}

std::string contentOf(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

} // namespace

TEST_CASE("processes of one export are ranks, and launches are found within their process") {
    const TemporaryFolder folder;
    const std::string path = make(folder, std::string(strings) + kernels + calls);
    const std::string before = contentOf(path);
    const auto imported = importInto(folder, {path});
    CHECK(imported.summary.format == "Nsight Systems");
    CHECK(imported.summary.ranks == 2);
    const auto gemms = imported.named("gemm");
    REQUIRE(gemms.size() == 2);
    const auto rankOf = [&](const IntervalEvent& e) {
        return imported.trace->lanes()[static_cast<size_t>(e.lane)].rank;
    };
    CHECK(rankOf(gemms[0]) == 0);
    CHECK(rankOf(gemms[1]) == 1);
    CHECK(gemms[0].start_ns == 100); // the first call is the origin
    CHECK(imported.named("ncclDevKernel_AllReduce_Sum(x)").at(0).op_class == OpClass::all_reduce);
    CHECK(imported.named("cudaLaunchKernel").size() == 2);
    CHECK(imported.warned("unlinked_kernels") == 1);
    CHECK(contentOf(path) == before);
    CHECK(std::distance(std::filesystem::directory_iterator(folder.path()), {}) == 2); // source and result
}

TEST_CASE("ranges, allocations, copies and graphs of an export") {
    const TemporaryFolder folder;
    const auto imported = importInto(
        folder,
        {make(folder,
              std::string(strings) + kernels +
                  "CREATE TABLE NVTX_EVENTS(start INTEGER NOT NULL, \"end\" INTEGER, eventType INTEGER NOT NULL, text "
                  "TEXT, "
                  "globalTid INTEGER, textId INTEGER);"
                  "INSERT INTO NVTX_EVENTS VALUES (1000,1400,59,'aten::view, op_id = 314290',(1<<24)+11,NULL),"
                  "(1100,1200,59,NULL,(1<<24)+11,4),(1300,NULL,34,'mark',(1<<24)+11,NULL),(1300,NULL,59,'open',(1<<24)+"
                  "11,NULL),"
                  "(1000,3000,60,'ProfilerStep#2',(1<<24)+11,NULL),(0,NULL,75,'domain',NULL,NULL);"
                  "CREATE TABLE CUPTI_ACTIVITY_KIND_MEMCPY(start INTEGER, \"end\" INTEGER, deviceId INTEGER, streamId "
                  "INTEGER, "
                  "contextId INTEGER, globalPid INTEGER, bytes INTEGER, copyKind INTEGER, srcKind INTEGER, dstKind "
                  "INTEGER);"
                  "INSERT INTO CUPTI_ACTIVITY_KIND_MEMCPY VALUES "
                  "(2600,2700,0,7,1,1<<24,4096,1,0,2),(NULL,3,0,7,1,1<<24,1,1,0,2);"
                  "CREATE TABLE CUPTI_ACTIVITY_KIND_GRAPH_TRACE(start INTEGER, \"end\" INTEGER, deviceId INTEGER, "
                  "streamId INTEGER,"
                  " contextId INTEGER, globalPid INTEGER, graphId INTEGER);"
                  "INSERT INTO CUPTI_ACTIVITY_KIND_GRAPH_TRACE VALUES (2800,2900,0,7,1,1<<24,5);"
                  "CREATE TABLE CUDA_GPU_MEMORY_USAGE_EVENTS(start INTEGER, globalPid INTEGER, deviceId INTEGER, "
                  "contextId INTEGER,"
                  " address INTEGER, bytes INTEGER, memKind INTEGER, memoryOperationType INTEGER);"
                  "INSERT INTO CUDA_GPU_MEMORY_USAGE_EVENTS VALUES "
                  "(1000,1<<24,0,1,500,4096,2,0),(1200,1<<24,0,1,600,1000,2,0),"
                  "(1300,1<<24,0,1,500,0,2,1),(1400,1<<24,0,1,700,50,2,1),(1500,1<<24,0,1,800,64,1,0),(1500,1<<24,0,1,"
                  "900,64,4,0);"
                  "CREATE TABLE OSRT_API(start INTEGER); INSERT INTO OSRT_API VALUES (1),(2);"
                  "CREATE TABLE DIAGNOSTIC_EVENT(severity INTEGER); INSERT INTO DIAGNOSTIC_EVENT VALUES (1),(3);")});
    CHECK(imported.named("aten::view").size() == 1);
    CHECK(imported.named("ncclAllReduce").at(0).op_class == OpClass::annotation);
    CHECK(imported.named("mark").at(0).end_ns == imported.named("mark").at(0).start_ns);
    CHECK(imported.warned("open_ranges") == 1);
    CHECK(imported.named("domain").empty());
    REQUIRE(imported.trace->steps().size() == 1);
    CHECK(imported.trace->steps()[0].step == 2);
    const auto copies = imported.named("Memcpy HtoD (Pageable -> Device)");
    REQUIRE(copies.size() == 1);
    CHECK(copies[0].bytes == 4096);
    CHECK(copies[0].op_class == OpClass::copy);
    CHECK(imported.warned("incomplete_rows") == 1);
    CHECK_FALSE(isWork(imported.named("CUDA graph 5").at(0).op_class));
    CHECK(imported.warned("graph_traces") == 1);
    CHECK(imported.trace->memory(0, MemoryTier::device).peak_bytes == 5096);
    CHECK(imported.trace->memory(0, MemoryTier::device).total_bytes.back() == 1000);
    CHECK(imported.trace->memory(0, MemoryTier::host).peak_bytes == 64);
    CHECK(imported.warned("unmatched_releases") == 1);
    CHECK(imported.warned("managed_memory") == 1);
    CHECK(imported.warned("tables_not_imported") == 2);
    CHECK(imported.warned("profiler_diagnostics") == 1);
}

TEST_CASE("names may be empty") {
    const TemporaryFolder folder;
    const auto imported = importInto(
        folder,
        {make(folder, "CREATE TABLE StringIds(id INTEGER PRIMARY KEY, value TEXT); INSERT INTO StringIds VALUES (1,'');"
                      "CREATE TABLE NVTX_EVENTS(start INTEGER, \"end\" INTEGER, eventType INTEGER, text TEXT, "
                      "globalTid INTEGER, textId INTEGER);"
                      "INSERT INTO NVTX_EVENTS VALUES (1,2,59,NULL,1<<24,1),(3,4,59,'',1<<24,NULL);")});
    CHECK(imported.named("").size() == 1);
    CHECK(imported.named("range").size() == 1);
}

TEST_CASE("both clocks of exports end up on UTC") {
    const TemporaryFolder folder;
    const auto second = [&](const std::string& name, const std::string& sql) {
        const std::string made = make(folder, std::string(strings) + kernels + sql);
        std::filesystem::rename(made, folder / name);
        return folder / name;
    };
    // The same moment: 1000 ns after the session began, or 51000 ns on a clock that stood at 50000 then.
    const auto relative =
        second("a.sqlite", "CREATE TABLE TARGET_INFO_SESSION_START_TIME(utcEpochNs INTEGER);"
                           "INSERT INTO TARGET_INFO_SESSION_START_TIME VALUES (1700000000000000000);");
    const auto raw =
        second("b.sqlite", "UPDATE CUPTI_ACTIVITY_KIND_KERNEL SET start=start+50000, \"end\"=\"end\"+50000;"
                           "CREATE TABLE TARGET_INFO_SESSION_START_TIME(utcEpochNs INTEGER, systemClockNs INTEGER);"
                           "INSERT INTO TARGET_INFO_SESSION_START_TIME VALUES (1700000000000000000, 50000);");
    const auto imported = importInto(folder, {relative, raw});
    CHECK(imported.summary.ranks == 4);
    const auto gemms = imported.named("gemm");
    REQUIRE(gemms.size() == 4);
    CHECK(gemms[0].start_ns == gemms[2].start_ns);
    CHECK(gemms[1].start_ns == gemms[3].start_ns);
}

TEST_CASE("an export may lack tables, columns and keys") {
    const TemporaryFolder folder;
    // Without globalPid, correlation, names or a key: as rewriting tools leave it.
    const auto imported = importInto(
        folder,
        {make(folder, "CREATE TABLE StringIds(id INTEGER, value TEXT); INSERT INTO StringIds VALUES (1,'gemm');"
                      "CREATE TABLE CUPTI_ACTIVITY_KIND_KERNEL(start INTEGER, \"end\" INTEGER, shortName INTEGER);"
                      "INSERT INTO CUPTI_ACTIVITY_KIND_KERNEL VALUES (1,2,1),(3,4,99);"
                      "CREATE TABLE CUPTI_ACTIVITY_KIND_MEMSET(begin INTEGER); "
                      "CREATE TABLE EXPORT_META_DATA(name TEXT, value TEXT);"
                      "INSERT INTO EXPORT_META_DATA VALUES ('EXPORT_PRODUCT_VERSION','2022.2.1');")});
    CHECK(imported.named("gemm").size() == 1);
    CHECK(imported.named("kernel").size() == 1);
    CHECK(imported.warned("unnamed_kernels") == 1);
    CHECK(imported.warned("unknown_tables") == 1);
    CHECK(imported.trace->runValue("software") == "NVIDIA Nsight Systems 2022.2.1");
}

TEST_CASE("device rows without a process belong to the only one that made calls") {
    const TemporaryFolder folder;
    const std::string without = std::string(strings) + kernels +
                                "ALTER TABLE CUPTI_ACTIVITY_KIND_KERNEL DROP COLUMN "
                                "globalPid;";
    const auto unclear = importInto(folder, {make(folder, without + calls)});
    CHECK(unclear.warned("rows_without_process") == 3);
    const auto clear = importInto(
        folder, {make(folder, without + calls + "DELETE FROM CUPTI_ACTIVITY_KIND_RUNTIME WHERE start=4000;")});
    CHECK(clear.warned("rows_without_process") == 0);
    CHECK(clear.summary.ranks == 1);
    CHECK(clear.warned("unlinked_kernels") == 1); // only the launch of one kernel is there
}

TEST_CASE("times that are no numbers leave their row out") {
    const TemporaryFolder folder;
    const auto imported =
        importInto(folder, {make(folder, std::string(strings) + kernels + calls +
                                             "CREATE TABLE t AS SELECT * FROM CUPTI_ACTIVITY_KIND_KERNEL;"
                                             "DROP TABLE CUPTI_ACTIVITY_KIND_KERNEL;"
                                             "ALTER TABLE t RENAME TO CUPTI_ACTIVITY_KIND_KERNEL;"
                                             "UPDATE CUPTI_ACTIVITY_KIND_KERNEL SET start='abc' WHERE start=1000;"
                                             "UPDATE CUPTI_ACTIVITY_KIND_KERNEL SET start='1500' WHERE start=1500;"
                                             "UPDATE CUPTI_ACTIVITY_KIND_RUNTIME SET \"end\"=x'00' WHERE start=900;")});
    CHECK(imported.warned("incomplete_rows") == 2);
    const auto reduce = imported.named("ncclDevKernel_AllReduce_Sum(x)").at(0);
    CHECK(reduce.end_ns - reduce.start_ns == 1000);
    CHECK(imported.named("gemm").size() == 1);
}

TEST_CASE("hostile exports end in a sentence or a warning") {
    const TemporaryFolder folder;
    using Catch::Matchers::Contains;
    // Views that would run for ever, instead of tables.
    const std::string endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n) SELECT i AS start, i AS "
                                "\"end\", i AS demangledName FROM n";
    CHECK_THAT(refusedImport(
                   folder, make(folder, std::string(strings) + "CREATE VIEW CUPTI_ACTIVITY_KIND_KERNEL AS " + endless)),
               Contains("holds no events"));
    CHECK_THAT(refusedImport(folder, make(folder, "CREATE TABLE other(x)")), Contains("no Nsight Systems export"));
    const auto with_view =
        importInto(folder, {make(folder, std::string(strings) + kernels + "CREATE VIEW NVTX_EVENTS AS " + endless +
                                             "; CREATE TRIGGER t AFTER INSERT ON StringIds BEGIN SELECT 1; END;")});
    CHECK(with_view.warned("refused_views") == 2);
    CHECK(with_view.summary.events == 3);
    const auto absurd = importInto(
        folder,
        {make(folder, std::string(strings) + kernels +
                          "INSERT INTO CUPTI_ACTIVITY_KIND_KERNEL VALUES (9223372036854775807,-9223372036854775808,"
                          "9223372036854775807,-1,-9223372036854775808,9223372036854775807,-1,-1,-1),"
                          "(0,9223372036854775807,0,0,0,0,0,1,1),(5,'text',x'00','none',1.5,'a','b',1,1);" +
                          "") +
         ""});
    CHECK(absurd.named("gemm").size() >= 2);
    CHECK(absurd.warned("impossible_times") + absurd.warned("impossible_durations") == 2);
    std::string bytes = contentOf(make(folder, std::string(strings) + kernels + calls));
    for (size_t at = 100; at < bytes.size(); at += 3) bytes[at] = static_cast<char>(bytes[at] * 7 + 1);
    std::ofstream(folder / "noise.sqlite", std::ios::binary) << bytes;
    CHECK_FALSE(refusedImport(folder, folder / "noise.sqlite").empty());
}

TEST_CASE("the environment of an export is copied only when asked for") {
    const TemporaryFolder folder;
    const std::string path =
        make(folder, std::string(strings) + kernels +
                         "CREATE TABLE TARGET_INFO_SYSTEM_ENV(name TEXT, value TEXT);"
                         "INSERT INTO TARGET_INFO_SYSTEM_ENV VALUES ('DeviceEnvironment','TOKEN=never_show_this');"
                         "CREATE TABLE META_DATA_EXPORT(name TEXT, value TEXT); INSERT INTO META_DATA_EXPORT VALUES "
                         "('EXPORT_HOST','never_show_this_host'),('EXPORT_SCHEMA_VERSION','3.25.0');");
    const auto plain = importInto(folder, {path});
    const std::string bytes = contentOf(plain.trace->path());
    CHECK(bytes.find("never_show_this") == std::string::npos);
    CHECK(bytes.find("SECRET_IN_STRINGS") == std::string::npos);
    CHECK(bytes.find("3.25.0") != std::string::npos);
    ImportOptions options;
    options.with_environment = true;
    CHECK_THAT(importInto(folder, {path}, options).trace->runValue("environment"),
               Catch::Matchers::Contains("never_show_this_host"));
}
