// SPDX-License-Identifier: Apache-2.0
// Checkpoints through the real program: continuing, interrupting, killing, consolidating.
#include "core_runtime/checkpoint.h"
#include "core_runtime/safetensors.h"
#include "program.h"
#include "support/catch.h"
#include "support/contains.h"
#include <chrono>
#include <csignal>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <random>
#include <set>
#include <thread>

using namespace shardscope;
using namespace shardscope::test;
namespace fs = std::filesystem;
using nlohmann::json;

namespace {

ProcessResult succeed(const std::vector<std::string>& arguments) {
    ProcessResult result = shardscopeProgram(arguments);
    INFO(result.err);
    REQUIRE(result.exit_code == 0);
    return result;
}

std::string refused(const std::vector<std::string>& arguments) {
    const ProcessResult result = shardscopeProgram(arguments);
    CHECK(result.exit_code == 1);
    return result.err;
}

std::vector<std::string> losses(const std::string& progress) { // by step, as printed
    std::vector<std::string> found;
    for (size_t at = 0; (at = progress.find("\"loss\":", at)) != std::string::npos; ++at)
        found.push_back(progress.substr(at, progress.find(',', at) - at));
    return found;
}

} // namespace

TEST_CASE("a run that is continued prints the losses of a run that was not interrupted") {
    const TestFolder folder;
    const std::string here = folder.path("here");
    const auto run = [&](std::vector<std::string> more) {
        more.insert(more.end(), {"--progress", "json", "--set", "bf16.enabled=true"});
        return losses(succeed(smallRun(folder, more)).err);
    };
    const auto whole = run({"--steps", "7", "--seed", "5", "--stage", "2"});
    REQUIRE(whole.size() == 7);
    auto parts = run({"--steps", "4", "--seed", "5", "--stage", "3", "--save-checkpoint", here});
    const auto rest = run({"--steps", "7", "--stage", "1", "--resume", here, "--save-checkpoint", here});
    CHECK(rest.size() == 3);
    parts.insert(parts.end(), rest.begin(), rest.end());
    CHECK(parts == whole);

    const ProcessResult info = succeed({"checkpoint", "info", here, "--format", "json"});
    const json about = json::parse(info.out);
    CHECK(about["global_steps"] == 7);
    CHECK(about["seed"] == 5);
    CHECK(about["stage"] == 1);
    CHECK(about["precision"] == "bf16");
    CHECK_THAT(succeed({"checkpoint", "info", here + ":global_step4"}).out, Contains("2 ranks, ZeRO-3, bf16"));

    // Consolidated weights are those that the run itself writes.
    const std::string one = folder.path("one.safetensors"), other = folder.path("other.safetensors");
    succeed(smallRun(folder, {"--steps", "7", "--seed", "5", "--set", "bf16.enabled=true", "--save-weights", one}));
    succeed({"checkpoint", "consolidate", here, "-o", other});
    CHECK(readFile(one) == readFile(other));
    succeed({"checkpoint", "consolidate", here + ":global_step7", "-o", other, "--dtype", "bf16"});
    const auto full = SafetensorsReader::open(one), half = SafetensorsReader::open(other);
    REQUIRE(full);
    REQUIRE(half);
    REQUIRE(full->tensors().size() == half->tensors().size());
    for (const TensorInfo& tensor : full->tensors()) {
        const TensorInfo* rounded = half->find(tensor.name);
        REQUIRE(rounded);
        CHECK(rounded->dtype == "BF16");
        CHECK(rounded->shape == tensor.shape);
        std::vector<float> a(static_cast<size_t>(tensor.elements)), b(a.size());
        REQUIRE(full->read(tensor, 0, a));
        REQUIRE(half->read(*rounded, 0, b));
        for (float& value : a) value = static_cast<float>(bfloat16(value));
        CHECK(a == b);
    }
}

TEST_CASE("what a run cannot continue is refused with the remedy, before anything is written") {
    const TestFolder folder;
    const std::string here = folder.path("here"), trace = folder.path("run.shardscope");
    succeed(smallRun(folder, {"--steps", "3", "--save-checkpoint", here}));
    const auto resume = [&](std::vector<std::string> more) {
        more.insert(more.end(), {"--trace", trace});
        const std::string said = refused(smallRun(folder, more));
        CHECK_FALSE(fs::exists(trace));
        return said;
    };
    CHECK_THAT(resume({"--steps", "3", "--resume", here}), Contains("has made 3 steps") && Contains("larger --steps"));
    CHECK_THAT(resume({"--steps", "9", "--resume", here, "--seed", "2"}), Contains("leave --seed out"));
    CHECK_THAT(resume({"--steps", "9", "--resume", here + ":nothing"}), Contains("it holds global_step3"));
    CHECK_THAT(resume({"--steps", "9", "--resume", folder.path("none")}), Contains("no file 'latest'"));
    CHECK_THAT(resume({"--steps", "9", "--save-every", "2"}), Contains("--save-checkpoint"));
    CHECK_THAT(refused({"run", "--model", "gpt2-tiny", "--steps", "9", "--resume", here}),
               Contains("another model: layers is 2 there and 6 here") && Contains("--model small"));
    CHECK_THAT(refused({"checkpoint", "info", folder.path("none")}), Contains("no file 'latest'"));
    CHECK_THAT(refused({"checkpoint", "consolidate", here, "-o", folder.path("no/such/file")}), Contains("no/such"));
    const std::string states = here + "/global_step3/zero_rank_1_states.safetensors";
    folder.write("here/global_step3/zero_rank_1_states.safetensors", readFile(states).substr(0, 1000));
    CHECK_THAT(resume({"--steps", "9", "--resume", here}), Contains("has 1000 bytes"));
    CHECK_THAT(refused({"checkpoint", "consolidate", here, "-o", trace}), Contains("damaged"));
    CHECK_FALSE(fs::exists(trace));
}

TEST_CASE("an interrupted run saves what it reached, and old checkpoints go") {
    const TestFolder folder;
    const std::string here = folder.path("here");
    std::vector<std::string> command =
        smallRun(folder, {"--steps", "1000000", "--progress", "json", "--save-checkpoint", here, "--save-every", "5",
                          "--keep", "2"});
    command.insert(command.begin(), SHARDSCOPE_PROGRAM);
    Process process(command);
    REQUIRE(process.waitForError(R"("step":22)"));
    process.signal(SIGINT);
    const ProcessResult result = process.wait();
    CHECK(result.exit_code == 130);
    const auto info = readCheckpointInfo(here);
    REQUIRE(info);
    CHECK(info->state.global_steps == static_cast<int64_t>(losses(result.err).size()));
    CHECK_THAT(result.err, Contains(R"({"event":"checkpoint","path":")" + info->path));
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator(here)) names.insert(entry.path().filename().string());
    CHECK(names.size() == 3); // two checkpoints and 'latest'
}

TEST_CASE("a run that is killed again and again always finds a checkpoint to continue from") {
    const TestFolder folder;
    const std::string here = folder.path("here");
    std::mt19937 random(11);
    int64_t reached = 0;
    for (int round = 0; round < 12; ++round) {
        std::vector<std::string> command =
            smallRun(folder, {"--steps", "1000000", "--progress", "json", "--save-checkpoint", here, "--save-every",
                              "1", "--keep", "2"});
        if (round > 0) command.insert(command.end(), {"--resume", here});
        command.insert(command.begin(), SHARDSCOPE_PROGRAM);
        Process process(command);
        REQUIRE(process.waitForError(R"("event":"checkpoint")"));
        std::this_thread::sleep_for(std::chrono::microseconds(random() % 40'000));
        process.signal(SIGKILL);
        CHECK(process.wait().signal == SIGKILL);
        const auto reader = CheckpointReader::open(here); // reads and compares every byte
        if (!reader) FAIL(reader.error().message);
        CHECK(reader->info().state.global_steps > reached);
        reached = reader->info().state.global_steps;
    }
    const auto whole =
        losses(succeed(smallRun(folder, {"--steps", std::to_string(reached + 1), "--progress", "json"})).err);
    const auto last = losses(
        succeed(smallRun(folder, {"--steps", std::to_string(reached + 1), "--progress", "json", "--resume", here}))
            .err);
    REQUIRE(last.size() == 1);
    CHECK(last.front() == whole.back());
}
