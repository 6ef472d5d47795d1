// SPDX-License-Identifier: Apache-2.0
// A sweep measures for real, goes on where it was interrupted, and refuses what makes no sense.
#include "program.h"
#include "support/contains.h"
#include <csignal>
#include <filesystem>
#include <nlohmann/json.hpp>

using namespace shardscope::test;
using Json = nlohmann::json;
namespace fs = std::filesystem;

namespace {

std::vector<std::string> smallSweep(const TestFolder& folder, std::vector<std::string> more) {
    std::vector<std::string> arguments = {"sweep",   "--model", smallModel(folder), "--ranks", "2", "--stage", "2",
                                          "--steps", "4",       "--progress",       "json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
}

int64_t runsIn(const Json& sweep) {
    int64_t runs = 0;
    for (const Json& point : sweep["points"]) runs += static_cast<int64_t>(point["runs"].size());
    return runs;
}

std::string refused(const std::vector<std::string>& arguments) {
    const ProcessResult result = shardscopeProgram(arguments);
    INFO(result.err);
    CHECK(result.exit_code == 1);
    CHECK(result.out.empty());
    const Json line = Json::parse(result.err, nullptr, false);
    REQUIRE(line.is_object());
    return line["message"].get<std::string>();
}

} // namespace

TEST_CASE("a sweep runs its points, keeps a trace of each and compares them with the default") {
    const TestFolder folder;
    const std::string out = folder.path("sweep");
    const auto arguments = smallSweep(
        folder, {"--vary", "reduce_bucket_size=1e4,1e6,1e7", "--repeat", "2", "-o", out, "--format", "json"});
    const ProcessResult result = shardscopeProgram(arguments);
    INFO(result.err);
    REQUIRE(result.exit_code == 0);
    const Json sweep = Json::parse(result.out);
    CHECK(sweep == Json::parse(readFile(out + "/sweep.json")));
    CHECK(sweep["status"] == "finished");
    REQUIRE(sweep["points"].size() == 4); // and the default, 5e8
    CHECK(runsIn(sweep) == 4);            // 1e6 and all above plan to one program
    CHECK_THAT(result.err, Contains("2 of 4 points plan to the same program"));
    CHECK(sweep["loss"] == "bitwise equal");
    CHECK(sweep["points"][3]["is_default"] == true);
    CHECK(sweep["points"][3]["same_plan_as"] == 1);
    const Json& run = sweep["points"][0]["runs"][1];
    CHECK(run["steps"] == 2); // of four, two are warm-up
    CHECK(run["step_ns"] > 0);
    CHECK(run["peak_bytes"] > 0);
    CHECK(run["collectives"] > sweep["points"][1]["runs"][0]["collectives"]);
    CHECK(sweep["points"][0].contains("step_interval_ns"));
    int64_t traces = 0;
    for (const auto& entry : fs::directory_iterator(out + "/traces"))
        traces += entry.path().extension() == ".shardscope";
    CHECK(traces == 2);
    CHECK_THAT(readFile(out + "/sweep.csv"), Contains("reduce_bucket_size,runs,step_ns") && Contains("10000,2,"));

    // Nothing is left to run, so nothing is; more repeats add to what is there.
    std::vector<std::string> again = arguments;
    CHECK(runsIn(Json::parse(shardscopeProgram(again).out)) == 4);
    again =
        smallSweep(folder, {"--vary", "reduce_bucket_size=1e4,2e4", "--repeat", "2", "-o", out, "--format", "json"});
    const ProcessResult more = shardscopeProgram(again);
    INFO(more.err);
    REQUIRE(more.exit_code == 0);
    const Json wider = Json::parse(more.out);
    CHECK(runsIn(wider) == 6);
    CHECK(wider["points"][1]["values"]["zero_optimization.reduce_bucket_size"] == 20'000);
    CHECK_THAT(
        shardscopeProgram(smallSweep(folder, {"--vary", "reduce_bucket_size=1e4", "--repeat", "1", "-o", out})).out,
        Contains("reduce_bucket_size") && Contains("default") && Contains("(bitwise, 6 runs)"));

    const auto other = [&](std::vector<std::string> options) {
        options.insert(options.end(), {"--vary", "reduce_bucket_size=1e4", "-o", out});
        return refused(smallSweep(folder, options));
    };
    CHECK_THAT(other({"--warmup", "1"}), Contains("a sweep with --warmup 2, not 1"));
    CHECK_THAT(other({"--link", "pcie4"}), Contains("another --link (none, not pcie4)"));
    CHECK_THAT(other({"--set", "gradient_clipping=1"}), Contains("another configuration"));
    CHECK_THAT(other({"--vary", "overlap_comm=on"}), Contains("other keys"));
}

TEST_CASE("an interrupted sweep keeps what is done and the same command goes on") {
    for (const int signal : {SIGINT, SIGKILL}) {
        const TestFolder folder;
        const std::string out = folder.path("sweep");
        const auto arguments =
            smallSweep(folder, {"--vary", "reduce_bucket_size=1e4,2e4", "--vary", "overlap_comm=on,off", "--repeat",
                                "2", "-o", out, "--format", "json"});
        std::vector<std::string> command = arguments;
        command.insert(command.begin(), SHARDSCOPE_PROGRAM);
        Process process(command);
        REQUIRE(process.waitForError(R"("event":"run")"));
        process.signal(signal);
        const ProcessResult result = process.wait();
        INFO(result.err);
        if (signal == SIGINT) {
            CHECK(result.exit_code == 130);
            CHECK_THAT(result.err, Contains(R"({"event":"end","status":"stopped"})"));
        }
        const Json kept = Json::parse(readFile(out + "/sweep.json"));
        CHECK(runsIn(kept) >= 1);
        CHECK(runsIn(kept) < 10);
        const ProcessResult rest = shardscopeProgram(arguments);
        INFO(rest.err);
        REQUIRE(rest.exit_code == 0);
        const Json sweep = Json::parse(rest.out);
        CHECK(sweep["status"] == "finished");
        CHECK(runsIn(sweep) == 10); // four points and the default, twice
        CHECK(sweep["points"][0]["runs"][0]["seconds"] == kept["points"][0]["runs"][0]["seconds"]); // not run again
    }
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) // whose shadow memory needs more address space
TEST_CASE("a point that fails does not end the sweep") {
    const TestFolder folder;
    const std::string out = folder.path("sweep");
    // A limit of memory that the larger batch does not fit into.
    std::vector<std::string> command = {"/bin/sh", "-c", "ulimit -v 1500000; exec \"$0\" \"$@\"", SHARDSCOPE_PROGRAM};
    const auto arguments = smallSweep(
        folder, {"--vary", "train_micro_batch_size_per_gpu=1,100000", "--repeat", "1", "-o", out, "--format", "json"});
    command.insert(command.end(), arguments.begin(), arguments.end());
    const ProcessResult result = runProcess(command);
    INFO(result.err);
    CHECK(result.exit_code == 1);
    const Json sweep = Json::parse(result.out, nullptr, false);
    REQUIRE(sweep.is_object());
    CHECK(sweep["status"] == "finished");
    CHECK(sweep["points"][0]["runs"][0]["error"] == "");
    CHECK(sweep["points"].back()["runs"][0]["error"] != "");
}
#endif

TEST_CASE("a sweep that makes no sense is refused before anything runs") {
    const TestFolder folder;
    const std::string out = folder.path("sweep");
    const auto sweep = [&](std::vector<std::string> options) {
        options.insert(options.end(), {"-o", out});
        return refused(smallSweep(folder, options));
    };
    CHECK_THAT(sweep({}), Contains("nothing is varied"));
    CHECK_THAT(refused(smallSweep(folder, {"--vary", "reduce_bucket_size=1e5"})), Contains("give -o DIR"));
    CHECK_THAT(sweep({"--vary", "reduce_bucket_size"}), Contains("is not KEY=VALUES"));
    CHECK_THAT(sweep({"--vary", "reduce_bucketsize=1"}), Contains("did you mean reduce_bucket_size?"));
    CHECK_THAT(sweep({"--vary", "reduce_bucket_size=9:1:log:3"}), Contains("is not below"));
    CHECK_THAT(sweep({"--vary", "reduce_bucket_size=-5"}), Contains("reduce_bucket_size -5") && Contains("is -5"));
    CHECK_THAT(sweep({"--vary", "stage=1,7"}), Contains("zero_optimization.stage is 7"));
    CHECK_THAT(sweep({"--vary", "stage=1", "--vary", "zero_optimization.stage=2"}), Contains("twice"));
    CHECK_THAT(sweep({"--vary", "stage=1", "--repeat", "0"}), Contains("--repeat is 0"));
    CHECK_THAT(sweep({"--vary", "stage=1", "--warmup", "9"}), Contains("warm-up"));
    CHECK_THAT(sweep({"--vary", "stage=1", "--link", "pcie44"}), Contains("did you mean pcie4?"));
    CHECK_FALSE(fs::exists(out));
    fs::create_directory(out);
    folder.write("sweep/sweep.json", "{");
    CHECK_THAT(sweep({"--vary", "stage=1"}), Contains("is damaged"));
}
