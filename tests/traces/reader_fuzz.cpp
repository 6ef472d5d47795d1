// SPDX-License-Identifier: Apache-2.0
// Whatever the bytes, opening them as a trace and asking everything ends in answers or a sentence.
#include "profiler/analysis/compare.h"
#include "profiler/analysis/summary.h"
#include "support/fuzz_target.h"
#include "support/sample_trace.h"
#include "support/temporary_folder.h"
#include "traces/trace_reader.h"
#include <sqlite3.h>

using namespace shardscope;

namespace {

const std::string& inputPath() {
    static const TemporaryFolder folder;
    static const std::string path = folder / "input.shardscope";
    return path;
}

void write(const std::string& path, const char* data, size_t size) {
    std::ofstream(path, std::ios::binary).write(data, static_cast<std::streamsize>(size));
}

void askEverything(TraceReader& reader) {
    const TimeRange span = reader.span();
    for (size_t i = 0; i < reader.lanes().size(); ++i) {
        const auto lane = static_cast<LaneId>(i);
        for (const double pixels : {1.0, 100.0, 1e9}) {
            for (const LaneRect& rect : reader.rects(lane, span, static_cast<double>(span.duration()) / pixels))
                if (rect.count > 1000) (void)reader.details(rect.event);
        }
        (void)reader.rects(lane, {span.start_ns / 2 + span.end_ns / 2, span.end_ns}, 1);
    }
    (void)reader.details(EventId{1});
    (void)reader.refresh();
    (void)summaryText(summarize(reader));
    (void)comparisonJson(compare({&reader, &reader}));
}

using fuzz::Random;

// Bytes change in place: a database is made of pages, and inserting a byte would only ever test the first check.
std::string damageBytes(std::string input, Random& random) {
    for (uint64_t edits = 1 + random() % 6; edits > 0; --edits) {
        const size_t at = random() % input.size(), pages = input.size() / 4096;
        switch (random() % 6) {
        case 0:
            input[at] = static_cast<char>(input[at] ^ (1 << (random() % 8)));
            break;
        case 1:
            input[at] = static_cast<char>(random());
            break;
        case 2: // the head of a page, where the numbers are that lead elsewhere
            input[std::min(at / 4096 * 4096 + random() % 64, input.size() - 1)] = static_cast<char>(random());
            break;
        case 3:
            for (size_t i = at; i < std::min(input.size(), at + random() % 16); ++i)
                input[i] = "\0\xff\x7f\x80"[random() % 4];
            break;
        case 4:
            if (pages > 1)
                input.replace(random() % pages * 4096, 4096, std::string(input, random() % pages * 4096, 4096));
            break;
        default:
            if (random() % 8 == 0) input.resize(std::max<size_t>(random() % input.size(), 200));
        }
    }
    return input;
}

// Values change in a database that stays whole.
std::string damageValues(const std::string& input, Random& random) {
    static const TemporaryFolder folder;
    const std::string path = folder / "values.db";
    write(path, input.data(), input.size());
    sqlite3* db = nullptr;
    if (sqlite3_open(path.c_str(), &db) != SQLITE_OK) std::abort();
    sqlite3_exec(db, "PRAGMA synchronous=OFF; PRAGMA journal_mode=MEMORY; PRAGMA ignore_check_constraints=ON", nullptr,
                 nullptr, nullptr);
    static const std::vector<std::pair<std::string, std::vector<std::string>>> tables = {
        {"run", {"key", "value"}},
        {"name", {"id", "text"}},
        {"lane", {"id", "rank", "kind", "name"}},
        {"op", {"id", "name", "lane", "phase", "op_class", "layer", "bucket", "elements", "bytes", "config_key"}},
        {"op_wait", {"op", "waits_for"}},
        {"bucket", {"id", "elements", "padded_elements", "bytes", "parameters"}},
        {"planned_peak", {"id", "rank", "tier", "category", "bytes"}},
        {"event_row",
         {"id", "lane", "start_ns", "end_ns", "op", "name", "step", "phase", "op_class", "layer", "bucket", "elements",
          "bytes", "sent_bytes", "wait_ns", "emulated_ns"}},
        {"memory_row", {"id", "time_ns", "rank", "tier", "category", "delta_bytes", "buffer", "op", "step"}},
        {"step", {"step", "start_ns", "end_ns", "loss", "learning_rate", "tokens"}},
        {"lane_chunk",
         {"lane", "level", "chunk", "count", "first_start_ns", "last_start_ns", "last_end_ns", "shape", "detail"}}};
    static const std::vector<std::string> values = {"-1",
                                                    "0",
                                                    "1",
                                                    "NULL",
                                                    "9223372036854775807",
                                                    "-9223372036854775808",
                                                    "2147483648",
                                                    "65536",
                                                    "1e308",
                                                    "-1e308",
                                                    "9e999",
                                                    "''",
                                                    "'text'",
                                                    "zeroblob(5000)",
                                                    "x'28b52ffd'",
                                                    "randomblob(50)",
                                                    "char(0,255,65533)",
                                                    "replace(hex(zeroblob(9000)),'0','{')"};
    if (random() % 2) sqlite3_exec(db, "DELETE FROM lane_chunk", nullptr, nullptr, nullptr);
    if (random() % 4 == 0)
        sqlite3_exec(db, "UPDATE run SET value='running' WHERE key='status'", nullptr, nullptr, nullptr);
    for (uint64_t edits = 1 + random() % 4; edits > 0; --edits) {
        const auto& [table, columns] = tables[random() % tables.size()];
        const std::string& column = columns[random() % columns.size()];
        std::string sql = "UPDATE OR IGNORE " + table + " SET " + column + "=" + values[random() % values.size()];
        if (random() % 3) sql += " WHERE " + columns[0] + "%7=" + std::to_string(random() % 7);
        sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr);
    }
    sqlite3_close(db);
    return fuzz::contentOf(path);
}

} // namespace

namespace shardscope::fuzz {

std::vector<std::string> seeds() {
    const TemporaryFolder folder;
    SampleTraceOptions options;
    options.steps = 2;
    options.layers = 2;
    std::vector<std::string> all;
    for (const int64_t synthetic : {0, 20'000}) { // the second has coarser levels
        options.synthetic_events = synthetic;
        options.ranks = synthetic ? 1 : 2;
        writeSampleTrace(folder / "seed.shardscope", options);
        all.push_back(contentOf(folder / "seed.shardscope"));
    }
    return all;
}

std::string mutated(const std::string& input, const std::vector<std::string>&, Random& random) {
    return random() % 2 ? damageBytes(input, random) : damageValues(input, random);
}

void tryInput(const std::string& input) {
    write(inputPath(), input.data(), input.size());
    auto reader = TraceReader::open(inputPath());
    if (!reader) {
        if (reader.error().message.empty()) std::abort();
        return;
    }
    askEverything(**reader);
}

} // namespace shardscope::fuzz
