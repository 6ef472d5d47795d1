// SPDX-License-Identifier: Apache-2.0
// Real traces against numbers that were computed elsewhere: every row of oracle.csv that is exact must come out to the
// nanosecond, through import, file and reader.
#include "imported.h"
#include <fstream>
#include <map>
#include <set>
#include <sstream>

using namespace shardscope;
using namespace shardscope::test;

namespace {

using OracleRow = std::map<std::string, std::string>;

std::vector<OracleRow> oracle(const std::string& folder) {
    std::ifstream file(folder + "/oracle.csv");
    std::vector<std::string> header;
    std::vector<OracleRow> rows;
    for (std::string line; std::getline(file, line);) {
        std::istringstream cells(line);
        std::vector<std::string> row;
        for (std::string cell; std::getline(cells, cell, ',');) row.push_back(cell);
        if (header.empty()) {
            header = row;
            continue;
        }
        row.resize(header.size());
        OracleRow named;
        for (size_t i = 0; i < header.size(); ++i) named[header[i]] = row[i];
        rows.push_back(named);
    }
    return rows;
}

// The rows that HTA keeps: calls before the start of the last step (or, inclusive, up to the latest end of a step), and
// the device rows that they launched.
std::vector<IntervalEvent> filteredByStep(const Imported& imported, int32_t rank, bool inclusive) {
    int64_t last_start = std::numeric_limits<int64_t>::min(), latest_end = last_start;
    std::set<std::string> steps;
    const auto ofRank = [&](const IntervalEvent& e) {
        return imported.trace->lanes()[static_cast<size_t>(e.lane)].rank == rank;
    };
    for (const IntervalEvent& e : imported.events([&](const IntervalEvent& event) {
             return !isWork(event.op_class) && imported.trace->name(event.name).starts_with("ProfilerStep#");
         })) {
        steps.insert(imported.trace->name(e.name));
        last_start = std::max(last_start, e.start_ns);
        latest_end = std::max(latest_end, e.end_ns);
    }
    if (steps.size() < 2)
        return imported.events([&](const IntervalEvent& e) { return ofRank(e) && isWork(e.op_class); });
    std::set<int64_t> kept;
    for (const IntervalEvent& e : imported.events([&](const IntervalEvent& event) {
             return ofRank(event) && !isWork(event.op_class) && event.correlation >= 0;
         }))
        if (inclusive ? e.start_ns <= latest_end : e.start_ns < last_start) kept.insert(e.correlation);
    return imported.events(
        [&](const IntervalEvent& e) { return ofRank(e) && isWork(e.op_class) && kept.contains(e.correlation); });
}

} // namespace

TEST_CASE("imported samples give the oracle's numbers to the nanosecond") {
    const std::string samples = samplesFolder();
    if (samples.empty()) {
        WARN("skipped: SHARDSCOPE_SAMPLES names no folder with samples");
        return;
    }
    const TemporaryFolder folder;
    std::map<std::string, Imported> traces;
    int compared = 0;
    for (const OracleRow& row : oracle(samples)) {
        const std::string source = row.at("source"), sample = row.at("sample"), mode = row.at("mode");
        if (source != "rederived_exact" && source != "nsys_rederived_exact") continue;
        INFO(sample << " rank " << row.at("rank_or_device") << " " << mode);
        // The two files of one run were loaded together.
        const bool pair = sample.starts_with("hta_ws128");
        const std::string key = pair ? "hta_ws128" : sample;
        if (!traces.contains(key)) {
            std::vector<std::string> files = {samples + "/" + sample};
            if (pair)
                files = {samples + "/hta_ws128_sampled_rank0.json.gz", samples + "/hta_ws128_sampled_rank1.json.gz"};
            traces.emplace(key, importInto(folder, files));
        }
        const Imported& imported = traces.at(key);
        const int32_t rank = std::stoi(row.at("rank_or_device"));
        const auto events = mode == "all" ? imported.events([&](const IntervalEvent& e) {
            return imported.trace->lanes()[static_cast<size_t>(e.lane)].rank == rank && isWork(e.op_class);
        })
                                          : filteredByStep(imported, rank, mode == "incl");
        const Budget b = budgetOf(events);
        const auto expected = [&](const char* column) { return std::stoll(row.at(column)); };
        CHECK(b.span == expected("kernel_time"));
        CHECK(b.idle == expected("idle"));
        CHECK(b.busy == expected("busy"));
        CHECK(b.compute == expected("compute"));
        CHECK(b.comm == expected("comm"));
        CHECK(b.overlap == expected("overlap"));
        CHECK(b.comm - b.overlap == expected("exposed_comm"));
        CHECK(b.busy - b.compute == expected("non_compute"));
        CHECK(b.copy == expected("memory"));
        CHECK(b.compute_rows == expected("n_comp"));
        CHECK(b.comm_rows == expected("n_comm"));
        CHECK(b.copy_rows == expected("n_mem"));
        CHECK(b.other_rows == expected("n_other"));
        ++compared;
    }
    CHECK(compared == 15);
}
