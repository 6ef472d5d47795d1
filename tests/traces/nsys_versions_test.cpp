// SPDX-License-Identifier: Apache-2.0
// The same recording as exports of several versions of Nsight Systems: tables and columns come and go, names stand in
// the row or in StringIds, times count from the session or from the machine's start. What is imported must not differ.
#include "imported.h"
#include "profiler/analysis/summary.h"
#include <fmt/format.h>
#include <sqlite3.h>

using namespace shardscope;
using namespace shardscope::test;

namespace {

struct Version {
    const char *product, *schema, *metadata; // the last: the table that says so
    bool lazy = true;                        // empty tables are left out
    bool enums = true;                       // ENUM_* tables are there
    bool texts_as_ids = true;                // NVTX names stand in StringIds
    bool raw_clock = false;                  // times of the machine; systemClockNs says when the session began
    bool graphs_whole = false;               // a graph launch instead of its kernels
    const char *kernel_columns = "", *kernel_values = "", *copy_columns = "", *copy_values = "";
    const char* gpus = nullptr; // INSERTs; none: no TARGET_INFO_GPU
    const char* hardware = "";
};

constexpr const char* gpu_table = "CREATE TABLE TARGET_INFO_GPU(vmId INTEGER NOT NULL, id INTEGER NOT NULL, name TEXT, "
                                  "totalMemory INTEGER, cuDevice INTEGER, chipName TEXT);";
// Process 1 sees GPU 1 as its device 0, process 2 sees GPU 0.
constexpr const char* by_ordinal = "INSERT INTO TARGET_INFO_GPU VALUES (1,0,'Red',8,0,'A'),(1,1,'Blue',8,1,'B');";
constexpr const char* by_process =
    "INSERT INTO TARGET_INFO_GPU VALUES (1,0,'Red',8,0,'A'),(1,1,'Blue',8,1,'B');"
    "CREATE TABLE TARGET_INFO_CUDA_DEVICE(gpuId INTEGER, cudaId INTEGER, pid INTEGER, uuid TEXT);"
    "INSERT INTO TARGET_INFO_CUDA_DEVICE VALUES (1,0,4001,NULL),(0,0,4002,NULL);";

const Version versions[] = {
    {.product = "2022.2.1",
     .schema = "2.9.1",
     .metadata = "EXPORT_META_DATA",
     .lazy = false,
     .enums = false,
     .texts_as_ids = false,
     .gpus = by_ordinal,
     .hardware = "rank 0: Red, rank 1: Red"},
    {.product = "2023.1.1",
     .schema = "3.1.7",
     .metadata = "META_DATA_EXPORT",
     .texts_as_ids = false,
     .gpus = by_ordinal,
     .hardware = "rank 0: Red, rank 1: Red"},
    {.product = "2024.5.1",
     .schema = "3.13.2",
     .metadata = "META_DATA_EXPORT",
     .kernel_columns = ", greenContextId INTEGER",
     .kernel_values = ", NULL",
     .copy_columns = ", greenContextId INTEGER",
     .copy_values = ", NULL",
     .gpus = by_ordinal,
     .hardware = "rank 0: Red, rank 1: Red"},
    {.product = "2025.5.1",
     .schema = "3.24.0",
     .metadata = "META_DATA_EXPORT",
     .kernel_columns = ", greenContextId INTEGER, graphNodeId INTEGER, graphId INTEGER, clusterX INTEGER",
     .kernel_values = ", NULL, 77, 3, 1",
     .copy_columns = ", greenContextId INTEGER, copyCount INTEGER",
     .copy_values = ", NULL, 1",
     .gpus = by_process,
     .hardware = "rank 0: Blue, rank 1: Red"},
    {.product = "2026.2.1",
     .schema = "3.25.0",
     .metadata = "META_DATA_EXPORT",
     .raw_clock = true,
     .kernel_columns = ", greenContextId INTEGER, graphNodeId INTEGER, tensorSizeMinusOneElements TEXT",
     .kernel_values = ", NULL, NULL, ''",
     .copy_columns = ", copyCount INTEGER",
     .copy_values = ", 1"},
    {.product = "2026.2.1", .schema = "3.25.0", .metadata = "META_DATA_EXPORT", .graphs_whole = true},
};

constexpr int64_t session_utc_ns = 1'700'000'000'000'000'000, machine_clock_ns = 35'255'823'190;

// Process P has device 0, stream 7 with kernels and copies, stream 9 with a collective:
//   gemm 1000-2000, norm 2000-2600, Memcpy HtoD 2600-2700, memset 2700-2710, all-reduce 1500-2500 on stream 9.
std::string process(const Version& v, int64_t pid, int64_t shift) {
    const int64_t global = (int64_t{0x1} << 48) | pid << 24, thread = global | (pid + 10);
    const auto at = [&](int64_t ns) { return ns + shift + (v.raw_clock ? machine_clock_ns : 0); };
    std::string sql;
    const auto kernel = [&](int64_t start, int64_t end, int stream, int correlation, int name) {
        sql += fmt::format("INSERT INTO CUPTI_ACTIVITY_KIND_KERNEL VALUES ({},{},0,1,{},{},{},{},{},NULL{});",
                           at(start), at(end), stream, correlation, global, name, name, v.kernel_values);
    };
    if (v.graphs_whole)
        sql += fmt::format("INSERT INTO CUPTI_ACTIVITY_KIND_GRAPH_TRACE VALUES ({},{},0,1,7,100,{},3,4);", at(1000),
                           at(2600), global);
    else
        kernel(1000, 2000, 7, 100, 1), kernel(2000, 2600, 7, 101, 2);
    kernel(1500, 2500, 9, 102, 4);
    sql += fmt::format("INSERT INTO CUPTI_ACTIVITY_KIND_MEMCPY VALUES ({},{},0,1,7,103,{},4096,1,0,2{});", at(2600),
                       at(2700), global, v.copy_values);
    sql += fmt::format("INSERT INTO CUPTI_ACTIVITY_KIND_MEMSET VALUES ({},{},0,1,7,104,{},0,512,2);", at(2700),
                       at(2710), global);
    for (const auto& [start, correlation] : {std::pair{800, 100}, {820, 101}, {840, 102}, {860, 103}, {880, 104}})
        for (const int driver : {0, 1}) // the runtime calls the driver, both under one number
            sql += fmt::format("INSERT INTO CUPTI_ACTIVITY_KIND_RUNTIME VALUES ({},{},{},{},{},{},0);",
                               at(start + driver), at(start + 10 - driver), driver, thread, correlation, 5 + driver);
    // A step around the launches of everything but the copy and the memset.
    for (const auto& [start, end, name, id] :
         {std::tuple{int64_t{790}, int64_t{855}, "ProfilerStep#3", 7}, {int64_t{795}, int64_t{850}, "forward", 8}})
        sql += fmt::format("INSERT INTO NVTX_EVENTS VALUES ({},{},59,{},{},{});", at(start), at(end),
                           v.texts_as_ids ? "NULL" : fmt::format("'{}'", name), thread,
                           v.texts_as_ids ? std::to_string(id) : "NULL");
    sql += fmt::format("INSERT INTO CUPTI_ACTIVITY_KIND_SYNCHRONIZATION VALUES ({},{},0,1,4294967295,105,{},4);",
                       at(2400), at(2750), global);
    sql += fmt::format("INSERT INTO CUDA_GPU_MEMORY_USAGE_EVENTS VALUES ({},{},0,1,4096,0,1000,2,0),"
                       "({},{},0,1,8192,0,500,2,0),({},{},0,1,4096,0,1000,2,1);",
                       at(700), global, at(710), global, at(2900), global);
    return sql;
}

std::string write(const TemporaryFolder& folder, const Version& v) {
    std::string sql = fmt::format(
        "CREATE TABLE StringIds(id INTEGER NOT NULL PRIMARY KEY, value TEXT NOT NULL);"
        "INSERT INTO StringIds VALUES (1,'gemm'),(2,'norm'),(4,'ncclDevKernel_AllReduce_Sum_bf16_RING_LL(x)'),"
        "(5,'cudaLaunchKernel_v7000'),(6,'cuLaunchKernel'),(7,'ProfilerStep#3'),(8,'forward');"
        "CREATE TABLE {0}(name TEXT NOT NULL, value TEXT);"
        "INSERT INTO {0} VALUES ('EXPORT_PRODUCT_VERSION','{1}'),('EXPORT_SCHEMA_VERSION','{2}'),"
        "('EXPORT_PARAM_LAZY','{3}');"
        "CREATE TABLE CUPTI_ACTIVITY_KIND_KERNEL(start INTEGER NOT NULL, \"end\" INTEGER NOT NULL, deviceId INTEGER "
        "NOT "
        "NULL, contextId INTEGER NOT NULL, streamId INTEGER NOT NULL, correlationId INTEGER, globalPid INTEGER, "
        "demangledName INTEGER NOT NULL, shortName INTEGER NOT NULL, mangledName INTEGER{4});"
        "CREATE TABLE CUPTI_ACTIVITY_KIND_MEMCPY(start INTEGER NOT NULL, \"end\" INTEGER NOT NULL, deviceId INTEGER "
        "NOT "
        "NULL, contextId INTEGER NOT NULL, streamId INTEGER NOT NULL, correlationId INTEGER, globalPid INTEGER, bytes "
        "INTEGER NOT NULL, copyKind INTEGER NOT NULL, srcKind INTEGER, dstKind INTEGER{5});"
        "CREATE TABLE CUPTI_ACTIVITY_KIND_MEMSET(start INTEGER NOT NULL, \"end\" INTEGER NOT NULL, deviceId INTEGER "
        "NOT "
        "NULL, contextId INTEGER NOT NULL, streamId INTEGER NOT NULL, correlationId INTEGER, globalPid INTEGER, value "
        "INTEGER NOT NULL, bytes INTEGER NOT NULL, memKind INTEGER);"
        "CREATE TABLE CUPTI_ACTIVITY_KIND_RUNTIME(start INTEGER NOT NULL, \"end\" INTEGER NOT NULL, eventClass INTEGER "
        "NOT NULL, globalTid INTEGER, correlationId INTEGER, nameId INTEGER NOT NULL, returnValue INTEGER NOT NULL);"
        "CREATE TABLE NVTX_EVENTS(start INTEGER NOT NULL, \"end\" INTEGER, eventType INTEGER NOT NULL, text TEXT, "
        "globalTid INTEGER, textId INTEGER);"
        "CREATE TABLE CUPTI_ACTIVITY_KIND_SYNCHRONIZATION(start INTEGER NOT NULL, \"end\" INTEGER NOT NULL, deviceId "
        "INTEGER NOT NULL, contextId INTEGER NOT NULL, streamId INTEGER NOT NULL, correlationId INTEGER, globalPid "
        "INTEGER, syncType INTEGER NOT NULL);"
        "CREATE TABLE CUDA_GPU_MEMORY_USAGE_EVENTS(start INTEGER NOT NULL, globalPid INTEGER NOT NULL, deviceId "
        "INTEGER "
        "NOT NULL, contextId INTEGER NOT NULL, address INTEGER NOT NULL, pc INTEGER NOT NULL, bytes INTEGER NOT NULL, "
        "memKind INTEGER NOT NULL, memoryOperationType INTEGER NOT NULL);",
        v.metadata, v.product, v.schema, v.lazy ? "true" : "false", v.kernel_columns, v.copy_columns);
    if (v.graphs_whole || !v.lazy)
        sql +=
            "CREATE TABLE CUPTI_ACTIVITY_KIND_GRAPH_TRACE(start INTEGER NOT NULL, \"end\" INTEGER NOT NULL, deviceId "
            "INTEGER NOT NULL, contextId INTEGER NOT NULL, streamId INTEGER NOT NULL, correlationId INTEGER, "
            "globalPid INTEGER, graphId INTEGER NOT NULL, graphExecId INTEGER NOT NULL);";
    if (!v.lazy)
        for (const char* empty : {"OSRT_API", "MPI_RANKS", "CUDA_GRAPH_EVENTS", "ThreadNames", "SCHED_EVENTS"})
            sql +=
                fmt::format("CREATE TABLE {}(start INTEGER, rank INTEGER, globalTid INTEGER, nameId INTEGER);", empty);
    if (v.enums)
        sql += "CREATE TABLE ENUM_CUDA_MEMCPY_OPER(id INTEGER, name TEXT, label TEXT);"
               "INSERT INTO ENUM_CUDA_MEMCPY_OPER VALUES (1,'CUDA_MEMCPY_KIND_HTOD','Host-to-Device');";
    if (v.gpus) sql += std::string(gpu_table) + v.gpus;
    sql += fmt::format("CREATE TABLE TARGET_INFO_SESSION_START_TIME(utcEpochNs INTEGER{}); INSERT INTO "
                       "TARGET_INFO_SESSION_START_TIME VALUES ({}{});",
                       v.raw_clock ? ", systemClockNs INTEGER" : "", session_utc_ns,
                       v.raw_clock ? fmt::format(", {}", machine_clock_ns) : "");
    sql += process(v, 4001, 0) + process(v, 4002, 10'000);
    const std::string path = folder / "report.sqlite";
    std::filesystem::remove(path);
    sqlite3* db = nullptr;
    REQUIRE(sqlite3_open(path.c_str(), &db) == SQLITE_OK);
    char* message = nullptr;
    if (sqlite3_exec(db, ("BEGIN;" + sql + "COMMIT").c_str(), nullptr, nullptr, &message) != SQLITE_OK) FAIL(message);
    sqlite3_close(db);
    return path;
}

} // namespace

TEST_CASE("one recording is the same trace from every version of Nsight Systems") {
    const TemporaryFolder folder;
    for (const Version& v : versions) {
        INFO(v.product << ", schema " << v.schema << (v.graphs_whole ? ", graphs as a whole" : ""));
        const auto imported = importInto(folder, {write(folder, v)});
        CHECK(imported.summary.ranks == 2);
        CHECK(imported.trace->runValue("software") == std::string("NVIDIA Nsight Systems ") + v.product);
        CHECK(imported.trace->runValue("source_schema") == v.schema);
        CHECK(imported.trace->runValue("hardware") == v.hardware);
        CHECK_THAT(
            imported.trace->runValue("source_offsets_ns"),
            Catch::Matchers::Contains(fmt::format("\"0\":{}", v.raw_clock ? machine_clock_ns + 700 : int64_t{700})));

        const Summary summary = summarize(*imported.trace);
        REQUIRE(summary.ranks.size() == 2);
        for (const RankBudget& rank : summary.ranks) {
            CHECK(rank.span_ns == (v.graphs_whole ? 1210 : 1710));
            CHECK(rank.busy_ns == (v.graphs_whole ? 1110 : 1710)); // without what the graph hides
            CHECK(rank.compute_ns == (v.graphs_whole ? 0 : 1600));
            CHECK(rank.comm_ns == 1000);
            CHECK(rank.copy_ns == 110);
            CHECK(rank.overlap_ns == (v.graphs_whole ? 0 : 1000));
            CHECK(rank.exposed_comm_ns == (v.graphs_whole ? 1000 : 0));
        }
        CHECK(imported.warned("graph_traces") == (v.graphs_whole ? 2 : 0));
        CHECK(imported.warned("unlinked_kernels") == 0);
        CHECK(imported.warned("unknown_tables") == 0);
        CHECK(imported.named("cudaLaunchKernel").size() == 10);
        CHECK(imported.named("cuLaunchKernel").size() == 10);
        CHECK(imported.named("forward").size() == 2);
        CHECK(imported.named("Context Sync").size() == 2);
        const auto copies = imported.named("Memcpy HtoD (Pageable -> Device)");
        REQUIRE(copies.size() == 2);
        CHECK(copies[0].bytes == 4096);
        CHECK(copies[0].step == -1); // launched after the step
        CHECK(copies[0].start_ns == 2600 - 700);
        CHECK(imported.named("Memset (Device)").size() == 2);
        const auto reduces = imported.named("ncclDevKernel_AllReduce_Sum_bf16_RING_LL(x)");
        REQUIRE(reduces.size() == 2);
        CHECK(reduces[0].op_class == OpClass::all_reduce);
        CHECK(reduces[0].step == 3);
        for (int32_t rank = 0; rank < 2; ++rank) {
            const MemoryCurve& memory = imported.trace->memory(rank, MemoryTier::device);
            CHECK(memory.peak_bytes == 1500);
            CHECK(memory.total_bytes.back() == 500);
        }
    }
}
