// SPDX-License-Identifier: Apache-2.0
// Against what Holistic Trace Analysis itself printed for real traces; see oracle.csv beside the samples.
#include "profiler/analysis/hta_compatible.h"
#include "profiler/analysis/summary.h"
#include "support/catch.h"
#include "support/sample_trace.h"
#include "support/temporary_folder.h"
#include "traces/importers/import.h"
#include <cmath>
#include <fstream>
#include <map>
#include <sstream>

using namespace shardscope;

namespace {

std::string samplesFolder() {
    const char* const set = std::getenv("SHARDSCOPE_SAMPLES");
    for (const std::string& folder : {std::string(set ? set : ""), std::string(set ? set : "") + "/samples"})
        if (set && std::filesystem::exists(folder + "/oracle.csv")) return folder;
    return {};
}

using OracleRow = std::map<std::string, std::string>;

std::vector<OracleRow> readOracle(const std::string& folder) {
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
        rows.emplace_back();
        for (size_t i = 0; i < header.size(); ++i) rows.back()[header[i]] = row[i];
    }
    return rows;
}

} // namespace

TEST_CASE("the HTA-compatible breakdown prints the digits of HTA, and the summary the exact nanoseconds") {
    const std::string samples = samplesFolder();
    if (samples.empty()) {
        WARN("skipped: SHARDSCOPE_SAMPLES names no folder with samples");
        return;
    }
    const TemporaryFolder folder;
    std::map<std::string, std::unique_ptr<TraceReader>> traces;
    int hta_rows = 0, exact_rows = 0, filtered_rows = 0;
    for (const OracleRow& row : readOracle(samples)) {
        const std::string source = row.at("source"), mode = row.at("mode"), sample = row.at("sample");
        const bool hta = source.starts_with("HTA@"), exact = source.ends_with("rederived_exact");
        if (!hta && !exact) continue;
        INFO(sample << " rank " << row.at("rank_or_device") << " " << mode);
        const bool pair = sample.starts_with("hta_ws128"); // the two ranks were loaded together
        auto& trace = traces[pair ? "pair" : sample];
        if (!trace) {
            std::vector<std::string> files = {samples + "/" + sample};
            if (pair)
                files = {samples + "/hta_ws128_sampled_rank0.json.gz", samples + "/hta_ws128_sampled_rank1.json.gz"};
            const std::string path = folder / (sample + ".shardscope");
            const auto imported = importTrace(files, path);
            if (!imported) FAIL(imported.error().message);
            trace = std::move(TraceReader::open(path)).value();
        }
        const int32_t rank = std::stoi(row.at("rank_or_device"));
        const auto whole = [&](const char* column) { return std::llround(std::stod(row.at(column))); };
        if (exact && mode != "all") {
            const Report report = htaExactReport(*trace, mode == "incl");
            const Row& found = report.tables.at(0).rows.at(static_cast<size_t>(rank));
            const Row expected = {int64_t{rank},
                                  int64_t{whole("kernel_time")},
                                  int64_t{whole("busy")},
                                  int64_t{whole("compute")},
                                  int64_t{whole("comm")},
                                  int64_t{whole("memory")},
                                  int64_t{whole("overlap")},
                                  int64_t{whole("exposed_comm")},
                                  int64_t{whole("idle")}};
            CHECK(std::equal(expected.begin(), expected.end(), found.begin()));
            ++filtered_rows;
            continue;
        }
        if (exact) {
            const RankBudget b = summarize(*trace).ranks.at(static_cast<size_t>(rank));
            CHECK(b.rank == rank);
            CHECK(b.span_ns == whole("kernel_time"));
            CHECK(b.idle_ns == whole("idle"));
            CHECK(b.busy_ns == whole("busy"));
            CHECK(b.compute_ns == whole("compute"));
            CHECK(b.comm_ns == whole("comm"));
            CHECK(b.overlap_ns == whole("overlap"));
            CHECK(b.exposed_comm_ns == whole("exposed_comm"));
            CHECK(b.copy_ns == whole("memory"));
            CHECK(b.compute_ns + b.exposed_comm_ns + b.exposed_copy_ns + b.other_ns + b.idle_ns == b.span_ns);
            CHECK(b.idle_host_ns + b.idle_dependency_ns + b.idle_other_ns == b.idle_ns);
            ++exact_rows;
            continue;
        }
        const HtaBreakdown b = htaBreakdown(*trace, mode == "incl").at(static_cast<size_t>(rank));
        CHECK(b.rank == rank);
        CHECK(b.kernel_time_us == whole("kernel_time"));
        CHECK(b.idle_time_us == whole("idle"));
        CHECK(b.compute_time_us == whole("compute"));
        CHECK(b.non_compute_time_us == whole("non_compute"));
        CHECK(b.idle_percent == Approx(std::stod(row.at("idle_pct"))).margin(1e-9));
        CHECK(b.compute_percent == Approx(std::stod(row.at("compute_pct"))).margin(1e-9));
        CHECK(b.non_compute_percent == Approx(std::stod(row.at("non_compute_pct"))).margin(1e-9));
        if (row.at("overlap_pct") == "nan")
            CHECK(std::isnan(b.overlap_percent));
        else
            CHECK(b.overlap_percent == Approx(std::stod(row.at("overlap_pct"))).margin(1e-9));
        ++hta_rows;
    }
    CHECK(hta_rows == 8);
    CHECK(exact_rows == 7);
    CHECK(filtered_rows == 8);
}

TEST_CASE("the last step of our own runs is left out unless it is asked for") {
    const TemporaryFolder folder;
    SampleTraceOptions options;
    options.steps = 3;
    writeSampleTrace(folder / "run.shardscope", options);
    const auto trace = TraceReader::open(folder / "run.shardscope");
    REQUIRE(trace);
    const auto without = htaBreakdown(**trace), with = htaBreakdown(**trace, true);
    REQUIRE(without.size() == 4);
    const Summary s = summarize(**trace);
    for (size_t r = 0; r < 4; ++r) {
        CHECK(without[r].kernel_time_us < with[r].kernel_time_us);
        CHECK(std::abs(with[r].kernel_time_us - s.ranks[r].span_ns / 1000) <= 2);
        CHECK(with[r].overlap_percent == Approx(s.ranks[r].overlap_percent).margin(0.5));
        CHECK(with[r].compute_time_us + with[r].idle_time_us + with[r].non_compute_time_us == with[r].kernel_time_us);
    }
}
