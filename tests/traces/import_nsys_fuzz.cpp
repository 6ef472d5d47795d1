// SPDX-License-Identifier: Apache-2.0
// Whatever an SQLite file holds, importing it as an export of Nsight Systems ends in a trace that can be read or in a
// sentence. Half of the inputs have damaged bytes, half damaged values.
#include "profiler/analysis/summary.h"
#include "support/fuzz_target.h"
#include "support/temporary_folder.h"
#include "traces/importers/import.h"
#include "traces/trace_reader.h"
#include <sqlite3.h>

using namespace shardscope;

namespace {

struct Paths {
    TemporaryFolder folder;
    std::string source = folder / "input.sqlite", trace = folder / "result.shardscope", seed = folder / "seed.sqlite";
};

const Paths& paths() {
    static const Paths all;
    return all;
}

constexpr const char* seed_sql =
    "PRAGMA page_size=1024; CREATE TABLE StringIds(id INTEGER NOT NULL PRIMARY KEY, value TEXT NOT NULL);"
    "INSERT INTO StringIds VALUES (1,'gemm'),(2,'cudaLaunchKernel_v7000'),(3,'ncclDevKernel_AllReduce'),(4,'range');"
    "CREATE TABLE CUPTI_ACTIVITY_KIND_KERNEL(start INTEGER, \"end\" INTEGER, deviceId INTEGER, contextId INTEGER, "
    "streamId "
    "INTEGER, correlationId INTEGER, globalPid INTEGER, demangledName INTEGER, shortName INTEGER);"
    "CREATE TABLE CUPTI_ACTIVITY_KIND_RUNTIME(start INTEGER, \"end\" INTEGER, globalTid INTEGER, correlationId "
    "INTEGER, "
    "nameId INTEGER);"
    "CREATE TABLE NVTX_EVENTS(start INTEGER, \"end\" INTEGER, eventType INTEGER, text TEXT, globalTid INTEGER, textId "
    "INTEGER);"
    "CREATE TABLE CUPTI_ACTIVITY_KIND_MEMCPY(start INTEGER, \"end\" INTEGER, deviceId INTEGER, streamId INTEGER, "
    "contextId "
    "INTEGER, globalPid INTEGER, bytes INTEGER, copyKind INTEGER, srcKind INTEGER, dstKind INTEGER);"
    "CREATE TABLE CUDA_GPU_MEMORY_USAGE_EVENTS(start INTEGER, globalPid INTEGER, deviceId INTEGER, contextId INTEGER, "
    "address INTEGER, bytes INTEGER, memKind INTEGER, memoryOperationType INTEGER);"
    "CREATE TABLE ThreadNames(nameId INTEGER, globalTid INTEGER, priority INTEGER);"
    "CREATE TABLE TARGET_INFO_SESSION_START_TIME(utcEpochNs INTEGER, systemClockNs INTEGER);"
    "INSERT INTO TARGET_INFO_SESSION_START_TIME VALUES (1700000000000000000, 50);"
    "INSERT INTO ThreadNames VALUES (4, (1<<24)+5, 1);"
    "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i+1 FROM n WHERE i<60) INSERT INTO CUPTI_ACTIVITY_KIND_KERNEL "
    "SELECT 1000+i*10, 1008+i*10, i%2, 1, 7+i%3, i, (1+i%2)<<24, 1+i%3, 1 FROM n;"
    "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i+1 FROM n WHERE i<60) INSERT INTO CUPTI_ACTIVITY_KIND_RUNTIME "
    "SELECT 900+i*10, 902+i*10, ((1+i%2)<<24)+5, i, 2 FROM n;"
    "INSERT INTO NVTX_EVENTS VALUES (900,1500,59,'step',(1<<24)+5,NULL),(950,NULL,34,NULL,(1<<24)+5,4),"
    "(950,1200,60,'ProfilerStep#1',(1<<24)+5,4);"
    "INSERT INTO CUPTI_ACTIVITY_KIND_MEMCPY VALUES (1000,1100,0,7,1,1<<24,4096,1,0,2);"
    "INSERT INTO CUDA_GPU_MEMORY_USAGE_EVENTS VALUES (1000,1<<24,0,1,5,4096,2,0),(1100,1<<24,0,1,5,4096,2,1);";

const std::vector<std::string> tables = {"StringIds",   "CUPTI_ACTIVITY_KIND_KERNEL",    "CUPTI_ACTIVITY_KIND_RUNTIME",
                                         "NVTX_EVENTS", "CUPTI_ACTIVITY_KIND_MEMCPY",    "CUDA_GPU_MEMORY_USAGE_EVENTS",
                                         "ThreadNames", "TARGET_INFO_SESSION_START_TIME"};
const std::vector<std::string> columns = {
    "start",     "\"end\"",       "deviceId",   "contextId",     "streamId", "correlationId", "globalPid",
    "globalTid", "nameId",        "textId",     "text",          "bytes",    "eventType",     "value",
    "id",        "demangledName", "utcEpochNs", "systemClockNs", "memKind",  "address",       "copyKind"};
const std::vector<std::string> values = {"-1",
                                         "0",
                                         "NULL",
                                         "9223372036854775807",
                                         "-9223372036854775808",
                                         "4294967295",
                                         "1e308",
                                         "'text'",
                                         "x'ff00'",
                                         "randomblob(40)",
                                         "''",
                                         "start*1000000",
                                         "2305843009213693952",
                                         "hex(zeroblob(9000))"};

// `path` after the statements.
std::string changed(const std::string& path, const std::string& sql) {
    sqlite3* db = nullptr;
    if (sqlite3_open(path.c_str(), &db) != SQLITE_OK) std::abort();
    sqlite3_exec(db, "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF", nullptr, nullptr, nullptr);
    sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr); // wrong columns are part of the game
    sqlite3_close(db);
    return fuzz::contentOf(path);
}

} // namespace

namespace shardscope::fuzz {

std::vector<std::string> seeds() {
    std::filesystem::remove(paths().seed);
    return {changed(paths().seed, seed_sql)};
}

std::string mutated(const std::string& input, const std::vector<std::string>&, Random& random) {
    std::string result = input;
    if (random() % 2) {
        for (uint64_t edits = 1 + random() % 4; edits > 0; --edits) {
            const size_t at = random() % result.size();
            // The head of a page is where the numbers are that lead elsewhere.
            result[random() % 2 ? at : std::min(at / 1024 * 1024 + random() % 64, result.size() - 1)] =
                static_cast<char>(random());
            if (random() % 64 == 0) result.resize(std::max<size_t>(random() % result.size(), 200));
        }
        return result;
    }
    std::ofstream(paths().seed, std::ios::binary) << input;
    std::string sql;
    for (uint64_t edits = 1 + random() % 4; edits > 0; --edits) {
        const std::string& table = tables[random() % tables.size()];
        if (random() % 16 == 0)
            sql += "DROP TABLE " + table + ";";
        else
            sql += "UPDATE OR IGNORE " + table + " SET " + columns[random() % columns.size()] + "=" +
                   values[random() % values.size()] + " WHERE rowid%5<" + std::to_string(random() % 6) + ";";
        result = changed(paths().seed, sql);
        sql.clear();
    }
    return result;
}

void tryInput(const std::string& input) {
    std::ofstream(paths().source, std::ios::binary).write(input.data(), static_cast<std::streamsize>(input.size()));
    const auto summary = importTrace(std::vector{paths().source}, paths().trace);
    if (!summary) {
        if (summary.error().message.empty()) std::abort();
        return;
    }
    const auto reader = TraceReader::open(paths().trace);
    if (!reader || (*reader)->eventCount() != summary->events) std::abort(); // we wrote it: it must be sound
    (void)summarize(**reader);
}

} // namespace shardscope::fuzz
