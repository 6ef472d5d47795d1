// SPDX-License-Identifier: Apache-2.0
// Whatever an SQLite file holds, importing it as an export of Nsight Systems ends in a trace that can be read or in a
// sentence. Engine and settings as in import_json_fuzz.cpp; half of the inputs have damaged bytes, half damaged values.
#include "profiler/analysis/summary.h"
#include "support/temporary_folder.h"
#include "traces/importers/import.h"
#include "traces/trace_reader.h"
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <random>
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

void tryImport(const std::string& input) {
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

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    tryImport({reinterpret_cast<const char*>(data), size});
    return 0;
}

#ifndef SHARDSCOPE_LIBFUZZER

namespace {

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

std::string contentOf(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

std::string changed(const std::string& path, const std::string& sql) {
    sqlite3* db = nullptr;
    if (sqlite3_open(path.c_str(), &db) != SQLITE_OK) std::abort();
    sqlite3_exec(db, "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF", nullptr, nullptr, nullptr);
    sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr); // wrong columns are part of the game
    sqlite3_close(db);
    return contentOf(path);
}

int64_t setting(const char* name, int64_t otherwise) {
    const char* text = std::getenv(name);
    return text ? std::strtoll(text, nullptr, 10) : otherwise;
}

} // namespace

int main(int argc, char** argv) {
    for (int i = 1; i < argc; ++i) tryImport(contentOf(argv[i]));
    if (argc > 1) return 0;
    if (std::filesystem::is_directory("/dev/shm")) setenv("TMPDIR", "/dev/shm", 0); // many small files
    const std::string seed = changed(paths().seed, seed_sql);
    tryImport(seed);
    std::mt19937_64 random(static_cast<uint64_t>(setting("SHARDSCOPE_FUZZ_SEED", 1)));
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(setting("SHARDSCOPE_FUZZ_SECONDS", 3));
    int64_t tried = 0;
    for (; std::chrono::steady_clock::now() < end; ++tried) {
        std::string input = seed;
        for (uint64_t edits = 1 + random() % 4; edits > 0; --edits) {
            if (random() % 2) {
                const size_t at = random() % input.size();
                // The head of a page is where the numbers are that lead elsewhere.
                input[random() % 2 ? at : at / 1024 * 1024 + random() % 64] = static_cast<char>(random());
                if (random() % 64 == 0) input.resize(std::max<size_t>(random() % input.size(), 200));
            }
        }
        if (random() % 2) {
            std::ofstream(paths().seed, std::ios::binary) << seed;
            std::string sql;
            for (uint64_t edits = 1 + random() % 4; edits > 0; --edits) {
                const std::string& table = tables[random() % tables.size()];
                if (random() % 16 == 0)
                    sql += "DROP TABLE " + table + ";";
                else
                    sql += "UPDATE OR IGNORE " + table + " SET " + columns[random() % columns.size()] + "=" +
                           values[random() % values.size()] + " WHERE rowid%5<" + std::to_string(random() % 6) + ";";
                input = changed(paths().seed, sql);
                sql.clear();
            }
        }
        tryImport(input);
    }
    std::printf("%lld damaged exports, no fault\n", static_cast<long long>(tried));
    return 0;
}

#endif
