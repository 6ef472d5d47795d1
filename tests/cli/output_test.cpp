// SPDX-License-Identifier: Apache-2.0
// The folder that a run fills, and the timers it prints.
#include "core_runtime/config.h"
#include "program.h"
#include "support/catch.h"
#include "support/contains.h"
#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

using namespace shardscope;
using namespace shardscope::test;
namespace fs = std::filesystem;
using nlohmann::json;

namespace {

std::set<std::string> namesIn(const std::string& folder) {
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder)) names.insert(entry.path().filename().string());
    return names;
}

std::vector<std::vector<std::string>> rowsOf(const std::string& csv) {
    std::vector<std::vector<std::string>> rows;
    std::istringstream lines(csv);
    for (std::string line; std::getline(lines, line);) {
        std::istringstream fields(line + ",");
        rows.emplace_back();
        for (std::string field; std::getline(fields, field, ',');) rows.back().push_back(field);
    }
    return rows;
}

} // namespace

TEST_CASE("--output fills a folder that tells one story") {
    const TestFolder folder;
    const std::string here = folder.path("runs/one");
    const auto run = [&](std::vector<std::string> more) {
        more.insert(more.end(), {"--steps", "5", "--output", here, "--progress", "json"});
        return shardscopeProgram(smallRun(folder, more));
    };
    const ProcessResult result = run({"--stage", "2", "--set", "gradient_clipping=0.5"});
    INFO(result.err);
    REQUIRE(result.exit_code == 0);
    CHECK_THAT(result.out, Contains("output: " + here));
    const std::set<std::string> files = {"run.shardscope", "training_metrics.csv", "training_curves.png",
                                         "summary.json", "deepspeed_config_auto.json"};
    CHECK(namesIn(here) == files);

    const auto rows = rowsOf(readFile(here + "/training_metrics.csv"));
    REQUIRE(rows.size() == 6);
    const json summary = json::parse(readFile(here + "/summary.json"));
    REQUIRE(summary["steps"].size() == 5);
    int64_t planned = 0;
    for (const json& row : summary["memory"])
        if (row["tier"] == "device" && row["category"] == "total")
            planned = std::max(planned, row["planned_peak_bytes"].get<int64_t>());
    for (size_t step = 0; step < 5; ++step) {
        const auto& row = rows[step + 1];
        REQUIRE(row.size() == rows[0].size());
        CHECK(row[0] == std::to_string(step));
        CHECK(std::stod(row[1]) == summary["steps"][step]["loss"].get<double>());
        CHECK(std::stod(row[6]) > 0); // the norm
        CHECK(row[7] == "0");
        CHECK(std::stoll(row[8]) == planned); // planned is recorded, in every step
        CHECK(row[9] == "0");
    }
    const std::string config = readFile(here + "/deepspeed_config_auto.json");
    const auto parsed = parseConfig(config, "it", 2);
    REQUIRE(parsed);
    CHECK(parsed->zero.stage == 2);
    CHECK(parsed->gradient_clipping == 0.5);
    const std::string png = readFile(here + "/training_curves.png");
    CHECK(png.substr(0, 8) == "\x89PNG\r\n\x1a\n");
    CHECK(png.substr(16, 8) == std::string("\0\0\6\100\0\0\3\350", 8)); // 1600 x 1000
    CHECK(png.substr(png.size() - 8, 4) == "IEND");

    const std::string csv = readFile(here + "/training_metrics.csv");
    const ProcessResult again = run({});
    CHECK(again.exit_code == 1);
    CHECK_THAT(again.err, Contains("already holds a run") && Contains("--overwrite"));
    CHECK(readFile(here + "/training_metrics.csv") == csv);
    CHECK(run({"--overwrite", "--link", "nonsense"}).exit_code == 1); // refused before anything is removed
    CHECK(namesIn(here) == files);
    CHECK(run({"--overwrite", "--stage", "3"}).exit_code == 0);
    CHECK(namesIn(here) == files);
    CHECK(json::parse(readFile(here + "/summary.json"))["run"]["stage"] == "3");

    CHECK(run({"--trace", folder.path("t.shardscope")}).exit_code == 1);
    CHECK(shardscopeProgram(smallRun(folder, {"--steps", "1", "--overwrite"})).exit_code == 1);
}

TEST_CASE("steps that fp16 skips are in the output and in the summary") {
    const TestFolder folder;
    const std::string here = folder.path("run");
    const ProcessResult result =
        shardscopeProgram(smallRun(folder, {"--steps", "30", "--output", here, "--set", "fp16.enabled=true", "--set",
                                            "fp16.initial_scale_power=32", "--set", "fp16.hysteresis=1"}));
    INFO(result.err);
    REQUIRE(result.exit_code == 0);
    const auto rows = rowsOf(readFile(here + "/training_metrics.csv"));
    REQUIRE(rows.size() == 31);
    CHECK(rows[1][5] == "4294967296");
    CHECK(rows[1][7] == "1");
    CHECK(std::any_of(rows.begin() + 1, rows.end(), [](const auto& row) { return row[7] == "0"; }));
    CHECK_THAT(shardscopeProgram({"summary", here + "/run.shardscope"}).out,
               Contains("skipped, because a gradient overflowed fp16") && Contains("4.29497e+09 skipped"));
}

TEST_CASE("wall_clock_breakdown prints DeepSpeed's timers, with a trace and without") {
    const TestFolder folder;
    for (const bool traced : {false, true}) {
        std::vector<std::string> more = {"--steps",    "3",
                                         "--stage",    "2",
                                         "--progress", "plain",
                                         "--set",      "wall_clock_breakdown=true",
                                         "--set",      "gradient_accumulation_steps=2"};
        if (traced) more.insert(more.end(), {"--trace", folder.path("run.shardscope")});
        const ProcessResult result = shardscopeProgram(smallRun(folder, more));
        INFO(result.err);
        REQUIRE(result.exit_code == 0);
        std::istringstream lines(result.err);
        int64_t micro = 0, whole = 0;
        for (std::string line; std::getline(lines, line);) {
            micro += line.find("| fwd_microstep: ") != std::string::npos;
            whole += line.find("| fwd: ") != std::string::npos;
        }
        CHECK(micro == 6);
        CHECK(whole == 3);
        CHECK_THAT(result.err, Contains("[Rank 0] step 2 time (ms) | fwd: "));
    }
}
