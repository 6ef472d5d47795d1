// SPDX-License-Identifier: Apache-2.0
// What other tools rely on in exported files, checked without any code of the exporters.
#include "program.h"
#include "support/contains.h"
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sqlite3.h>
#include <sstream>

using namespace shardscope::test;
using nlohmann::json;

namespace {

ProcessResult succeed(const std::vector<std::string>& arguments) {
    ProcessResult result = shardscopeProgram(arguments);
    INFO(result.err);
    REQUIRE(result.exit_code == 0);
    return result;
}

std::string record(const TestFolder& folder, const std::string& stage) {
    const std::string trace = folder.path("run.shardscope");
    succeed(smallRun(folder, {"--steps", "3", "--stage", stage, "--trace", trace, "--link", "20:5", "--progress",
                              "none", "--set", "zero_optimization.reduce_bucket_size=5e3", "--set",
                              "zero_optimization.overlap_comm=true"}));
    return trace;
}

// "12.345" as 12345, without a detour over floating point.
int64_t nanoseconds(const json& microseconds) { return std::llround(microseconds.get<double>() * 1000); }

struct Slice {
    int64_t start, end;
};

int64_t unionLength(std::vector<Slice> slices) {
    std::sort(slices.begin(), slices.end(), [](const Slice& a, const Slice& b) { return a.start < b.start; });
    int64_t sum = 0, covered = INT64_MIN;
    for (const Slice& s : slices) {
        sum += std::max<int64_t>(s.end - std::max(s.start, covered), 0);
        covered = std::max(covered, s.end);
    }
    return sum;
}

int64_t scalar(const std::string& database, const std::string& sql) {
    sqlite3* db = nullptr;
    sqlite3_stmt* statement = nullptr;
    int64_t value = -1;
    if (sqlite3_open_v2(database.c_str(), &db, SQLITE_OPEN_READONLY, nullptr) == SQLITE_OK &&
        sqlite3_prepare_v2(db, sql.c_str(), -1, &statement, nullptr) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW)
        value = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return value;
}

} // namespace

TEST_CASE("a Chrome trace has unique threads, nesting slices, flows inside them, and counters") {
    const TestFolder folder;
    const std::string trace = record(folder, "3"), out = folder.path("run.json");
    const ProcessResult exported = succeed({"export", trace, "-o", out});
    CHECK_THAT(exported.err, Contains("intervals exported"));
    const json document = json::parse(readFile(out));
    CHECK(document["displayTimeUnit"] == "ms");

    std::map<int, int> process_of_thread;
    std::map<int, std::vector<Slice>> slices;
    std::map<int, int> flow_starts, flow_ends;
    std::set<std::string> processes, counters;
    int64_t intervals = 0;
    const json& events = document["traceEvents"];
    for (const json& e : events) {
        const std::string phase = e["ph"];
        if (phase == "M" && e["name"] == "process_name") processes.insert(e["args"]["name"]);
        if (phase == "C") counters.insert(e["name"]);
        if (phase != "X") continue;
        const int pid = e["pid"], tid = e["tid"];
        CHECK(process_of_thread.try_emplace(tid, pid).first->second == pid); // a thread belongs to one process
        const int64_t start = nanoseconds(e["ts"]);
        CHECK(start >= 0);
        slices[tid].push_back({start, start + nanoseconds(e["dur"])});
        intervals += e["args"].contains("phase");
    }
    CHECK(processes == std::set<std::string>{"steps", "rank 0", "rank 1"});
    CHECK(counters == std::set<std::string>{"device memory, bytes"});
    CHECK(intervals == scalar(trace, "SELECT count(*) FROM event_row"));
    for (auto& [tid, own] : slices) {
        std::stable_sort(own.begin(), own.end(), [](const Slice& a, const Slice& b) {
            return a.start != b.start ? a.start < b.start : a.end > b.end;
        });
        std::vector<int64_t> open;
        for (const Slice& s : own) {
            while (!open.empty() && open.back() <= s.start) open.pop_back();
            CHECK((open.empty() || s.end <= open.back()));
            open.push_back(s.end);
        }
    }
    for (const json& e : events) {
        const std::string phase = e["ph"];
        if (phase != "s" && phase != "f") continue;
        ++(phase == "s" ? flow_starts : flow_ends)[e["id"].get<int>()];
        const int64_t time = nanoseconds(e["ts"]);
        const auto& own = slices[e["tid"].get<int>()];
        CHECK(std::any_of(own.begin(), own.end(), [&](const Slice& s) { return s.start <= time && time <= s.end; }));
    }
    REQUIRE_FALSE(flow_starts.empty());
    CHECK(flow_starts == flow_ends);
    for (const auto& [id, count] : flow_starts) CHECK(count == 1);
}

TEST_CASE("gzip, a step alone, and what is cut at the ends of a range") {
    const TestFolder folder;
    const std::string trace = record(folder, "2"), out = folder.path("run.json.gz");
    succeed({"export", trace, "-o", out, "--step", "1", "--no-flows"});
    const ProcessResult unpacked = runProcess({"/bin/sh", "-c", "gzip -dc '" + out + "'"});
    REQUIRE(unpacked.exit_code == 0);
    const json document = json::parse(unpacked.out);
    const int64_t start = scalar(trace, "SELECT start_ns FROM step WHERE step=1"),
                  end = scalar(trace, "SELECT end_ns FROM step WHERE step=1");
    int64_t intervals = 0;
    for (const json& e : document["traceEvents"]) {
        CHECK(e["ph"] != "s");
        if (e["ph"] != "X" || !e["args"].contains("phase")) continue;
        ++intervals;
        CHECK(nanoseconds(e["ts"]) >= start);
        CHECK(nanoseconds(e["ts"]) + nanoseconds(e["dur"]) <= end);
    }
    CHECK(intervals == scalar(trace, "SELECT count(*) FROM event_row WHERE step=1"));
}

TEST_CASE("a Kineto file gives the same numbers by the rules of Holistic Trace Analysis") {
    const TestFolder folder;
    const std::string trace = record(folder, "1");
    const ProcessResult exported = succeed({"export", trace, "-o", folder.path("run.pt.trace.json")});
    const json summary = json::parse(succeed({"summary", trace, "--format", "json"}).out);
    for (int rank = 0; rank < 2; ++rank) {
        const std::string file = folder.path("run.rank" + std::to_string(rank) + ".pt.trace.json");
        CHECK_THAT(exported.out, Contains(file));
        const std::string text = readFile(file);
        CHECK_THAT(text, Contains("\"rank\": " + std::to_string(rank))); // with the space
        const json document = json::parse(text);
        CHECK(document["distributedInfo"]["world_size"] == 2);
        std::vector<Slice> host, compute, comm, other;
        std::set<int64_t> launched, kernels;
        std::set<std::string> steps;
        for (const json& e : document["traceEvents"]) {
            if (e["ph"] != "X") continue;
            const std::string name = e["name"];
            if (name.starts_with("ProfilerStep#")) steps.insert(name);
            if (e["cat"] == "cuda_runtime") launched.insert(e["args"]["correlation"].get<int64_t>());
            const Slice slice{nanoseconds(e["ts"]), nanoseconds(e["ts"]) + nanoseconds(e["dur"])};
            if (e["cat"] == "cpu_op") host.push_back(slice);
            if (!e["args"].contains("stream")) continue;
            kernels.insert(e["args"]["correlation"].get<int64_t>());
            (name.starts_with("nccl") ? comm : name.starts_with("Mem") ? other : compute).push_back(slice);
        }
        CHECK(steps == std::set<std::string>{"ProfilerStep#0", "ProfilerStep#1", "ProfilerStep#2"});
        CHECK(launched == kernels);
        const json& budget = summary["ranks"][static_cast<size_t>(rank)];
        CHECK(unionLength(comm) == budget["comm_ns"]);
        // Work of the host is compute here, and there no work of the device.
        compute.insert(compute.end(), host.begin(), host.end());
        CHECK(unionLength(compute) == budget["compute_ns"]);
        for (const auto* more : {&comm, &other}) compute.insert(compute.end(), more->begin(), more->end());
        CHECK(unionLength(compute) == budget["busy_ns"]);
    }
    succeed({"export", trace, "-o", folder.path("r{rank}.json"), "--format", "kineto"});
    CHECK(std::filesystem::exists(folder.path("r1.json")));
}

TEST_CASE("CSV of a view and an SQLite database have every row") {
    const TestFolder folder;
    const std::string trace = record(folder, "2"), csv = folder.path("c.csv"), db = folder.path("run.sqlite");
    succeed({"export", trace, "-o", csv, "--table", "collective"});
    const std::string text = readFile(csv);
    CHECK(text.starts_with("id,rank,name,collective,step,"));
    CHECK(std::count(text.begin(), text.end(), '\n') == 1 + scalar(trace, "SELECT count(*) FROM collective"));

    succeed({"export", trace, "-o", db});
    for (const std::string table : {"event", "memory", "step", "op", "op_wait"})
        CHECK(scalar(db, "SELECT count(*) FROM " + table) == scalar(trace, "SELECT count(*) FROM " + table));
    for (const std::string sum :
         {"SELECT sum(duration_ns) FROM event WHERE op_class='reduce_scatter' AND rank=1",
          "SELECT sum(delta_bytes * time_ns) FROM memory WHERE category='gradients'",
          "SELECT count(*) FROM event WHERE name LIKE 'reduce_scatter bucket%' AND layer IS NULL"}) {
        CHECK(scalar(db, sum) == scalar(trace, sum));
        CHECK(scalar(db, sum) != 0);
    }
}

TEST_CASE("an export never replaces a trace and leaves nothing half-made") {
    const TestFolder folder;
    const std::string trace = record(folder, "0");
    const std::string before = readFile(trace);
    const auto refused = [&](std::vector<std::string> arguments) {
        arguments.insert(arguments.begin(), {"export", trace});
        const ProcessResult result = shardscopeProgram(arguments);
        CHECK(result.exit_code == 1);
        CHECK(result.out.empty());
        return result.err;
    };
    for (const std::string format : {"chrome", "csv", "sqlite"})
        CHECK_THAT(refused({"-o", trace, "--format", format}), Contains("is a trace and will not be replaced"));
    CHECK(readFile(trace) == before);
    CHECK_THAT(refused({"-o", folder.path("no/x.json")}), Contains("does not exist"));
    CHECK_THAT(refused({"-o", folder.path("x")}), Contains("--format"));
    CHECK_THAT(refused({"-o", folder.path("x.csv"), "--table", "nothing"}), Contains("event("));
    CHECK_THAT(refused({"-o", folder.path("x.csv"), "--table", "run", "--range", "0:100s"}), Contains("no times"));
    CHECK_THAT(refused({"-o", folder.path("x.json"), "--range", "5"}), Contains("start:end"));
    CHECK_THAT(refused({"-o", folder.path("x.json"), "--range", "100s:200s"}), Contains("holds nothing"));
    CHECK_THAT(refused({"-o", folder.path("x.json"), "--step", "9"}), Contains("no step 9"));
    const auto files = std::filesystem::directory_iterator(folder.path(""));
    CHECK(std::distance(files, std::filesystem::directory_iterator()) == 2); // the model and the trace
}

TEST_CASE("a comparison is written as one page that needs nothing else") {
    const TestFolder folder;
    const std::string trace = record(folder, "2"), page = folder.path("report.html");
    CHECK_THAT(succeed({"compare", trace, trace, "--html", page, "--baseline", "B"}).out, Contains("wrote " + page));
    std::stringstream content;
    content << std::ifstream(page).rdbuf();
    const std::string html = content.str();
    CHECK_THAT(html, Contains("<!DOCTYPE html>"));
    CHECK_THAT(html, Contains("(baseline)"));
    CHECK(html.find("<script") == std::string::npos);
    CHECK(html.find("href=") == std::string::npos);
    const ProcessResult refused = shardscopeProgram({"compare", trace, trace, "--html", trace});
    CHECK(refused.exit_code == 1);
    CHECK_THAT(refused.err, Contains("is a trace and will not be replaced"));
}
