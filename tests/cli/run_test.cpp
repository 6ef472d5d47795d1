// SPDX-License-Identifier: Apache-2.0
#include "core_runtime/model_spec.h"
#include "program.h"
#include "support/contains.h"
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

using namespace shardscope;
using namespace shardscope::test;
using nlohmann::json;

namespace {

ProcessResult succeed(const std::vector<std::string>& arguments) {
    ProcessResult result = shardscopeProgram(arguments);
    INFO(result.err);
    REQUIRE(result.exit_code == 0);
    return result;
}

std::vector<json> lines(const std::string& text) {
    std::vector<json> result;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) result.push_back(json::parse(line));
    return result;
}

void checkBudget(const json& budget) {
    const auto ns = [&](const char* key) { return budget.at(key).get<int64_t>(); };
    CHECK(ns("compute_ns") + ns("exposed_comm_ns") + ns("exposed_copy_ns") + ns("idle_ns") == ns("span_ns"));
    CHECK(ns("overlap_ns") + ns("exposed_comm_ns") == ns("comm_ns"));
    CHECK(ns("span_ns") > 0);
}

} // namespace

TEST_CASE("a run ends with its summary, and every budget adds up") {
    const TestFolder folder;
    const std::string trace = folder.path("run.shardscope");
    for (const std::string stage : {"0", "1", "2", "3"}) {
        INFO(stage);
        const ProcessResult run =
            succeed(smallRun(folder, {"--steps", "4", "--stage", stage, "--trace", trace, "--format", "json", "--link",
                                      "5:50", "--progress", "none"}));
        CHECK(run.err.empty());
        const json summary = json::parse(run.out);
        REQUIRE(summary["ranks"].size() == 2);
        for (const json& rank : summary["ranks"]) checkBudget(rank);
        REQUIRE(summary["steps"].size() == 4);
        for (const json& step : summary["steps"]) {
            CHECK(step["loss"].get<double>() > 0);
            for (const json& budget : step["budgets"]) checkBudget(budget);
        }
        CHECK(summary["median_step_ns"].get<int64_t>() > 0);
        CHECK_FALSE(summary["traffic"].empty());
        int totals = 0;
        for (const json& row : summary["memory"]) {
            CHECK(row["planned_peak_bytes"] == row["peak_bytes"]);
            totals += row["category"] == "total";
        }
        CHECK(totals == 2);
        CHECK(json::parse(succeed({"summary", trace, "--format", "json"}).out) == summary);
        CHECK_FALSE(succeed({"summary", trace}).out.empty());
    }
}

TEST_CASE("a run without a trace leaves nothing behind, with a summary or without") {
    const TestFolder folder;
    smallModel(folder);
    setenv("TMPDIR", folder.path("").c_str(), 1);
    const json summary = json::parse(succeed(smallRun(folder, {"--steps", "2", "--format", "json"})).out);
    const std::string text = succeed(smallRun(folder, {"--steps", "2"})).out;
    unsetenv("TMPDIR");
    CHECK(summary["steps"].size() == 2);
    CHECK_THAT(text, Contains("2 steps, loss") && Contains("--trace"));
    const auto begin = std::filesystem::directory_iterator(folder.path(""));
    CHECK(std::distance(begin, std::filesystem::directory_iterator()) == 1); // the model
}

TEST_CASE("progress as JSON is one object per line") {
    const TestFolder folder;
    const auto events = lines(succeed(smallRun(folder, {"--steps", "3", "--progress", "json"})).err);
    REQUIRE(events.size() == 5);
    CHECK(events.front()["event"] == "start");
    CHECK(events.front()["steps"] == 3);
    for (size_t i = 1; i <= 3; ++i) {
        CHECK(events[i]["event"] == "step");
        CHECK(events[i]["step"] == i - 1);
        CHECK(events[i]["steps"] == 3);
        CHECK(events[i]["loss"].get<double>() > 0);
        CHECK(events[i]["step_ns"].get<int64_t>() > 0);
        CHECK(events[i]["tokens_per_s"].get<double>() > 0);
        CHECK(events[i]["eta_s"].get<double>() >= 0);
    }
    CHECK(events.back() == json({{"event", "end"}, {"status", "finished"}}));
}

TEST_CASE("plain progress and the bar tell step, loss and rate") {
    const TestFolder folder;
    for (const std::string mode : {"plain", "bar"}) {
        const ProcessResult run = succeed(smallRun(folder, {"--steps", "3", "--progress", mode}));
        CHECK_THAT(run.err, Contains("step 3/3") && Contains("tokens/s") && Contains("loss"));
    }
}

TEST_CASE("a run is repeatable, and a file's overrides reach it") {
    const TestFolder folder;
    const std::string config =
        folder.write("ds.json", R"({"train_batch_size": 4, /* small */ "optimizer": {"params": {"lr": 0.01}}})");
    const auto losses = [&](std::vector<std::string> more) {
        more.insert(more.end(), {"--config", config, "--steps", "4", "--format", "json", "--progress", "none"});
        std::vector<double> result;
        const json summary = json::parse(succeed(smallRun(folder, more)).out);
        for (const json& step : summary["steps"]) result.push_back(step["loss"].get<double>());
        REQUIRE(result.size() == 4);
        return result;
    };
    const auto usual = losses({});
    CHECK(losses({}) == usual);
    CHECK(losses({"--stage", "3", "--set", "zero_optimization.reduce_bucket_size=3e3"}) ==
          usual); // ZeRO changes no number
    CHECK(losses({"--set", "optimizer.params.lr=0.02"}) != usual);
    CHECK(losses({"--seed", "2"}) != usual);
    CHECK(losses({"--data", folder.write("data.txt", std::string(500, 'a'))}) != usual);
}

TEST_CASE("info and compare read what run wrote") {
    const TestFolder folder;
    const std::string a = folder.path("a.shardscope"), b = folder.path("b.shardscope");
    succeed(smallRun(
        folder, {"--steps", "3", "--stage", "1", "--trace", a, "--set", "zero_optimization.reduce_bucket_size=5e3"}));
    succeed(smallRun(
        folder, {"--steps", "3", "--stage", "2", "--trace", b, "--set", "zero_optimization.reduce_bucket_size=5e3"}));
    const json info = json::parse(succeed({"info", a, "--format", "json"}).out);
    CHECK(info["run"]["status"] == "finished");
    CHECK(info["run"]["config_resolved"]["zero_optimization"]["stage"] == 1);
    CHECK(info["steps"] == 3);
    CHECK(info["ranks"] == 2);
    CHECK(info["program_ops"].get<int>() > 10);
    CHECK(info["buckets"].size() > 1);
    CHECK(info["events"].get<int64_t>() > 0);
    const std::string text = succeed({"info", a}).out;
    CHECK_THAT(text, Contains("finished") && Contains("zero_optimization.reduce_bucket_size") && Contains("given"));
    CHECK_THAT(text,
               Contains("family gpt2") && Contains("no limit") && !Contains("{") && !Contains("9223372036854775807"));

    const ProcessResult comparison = succeed({"compare", a, b, "--format", "json"});
    const json document = json::parse(comparison.out);
    CHECK_THAT(document.dump(), Contains("zero_optimization.stage"));
    CHECK(document["losses_equal"] == true);
    CHECK_THAT(succeed({"compare", a, b}).out, Contains("bitwise"));
}

TEST_CASE("weights are written as safetensors that Hugging Face's GPT-2 loads") {
    const TestFolder folder;
    const std::string path = folder.path("weights.safetensors");
    // With a learning rate of zero the weights stay what they were initialised to.
    succeed(smallRun(folder, {"--steps", "1", "--stage", "3", "--set", "optimizer.params.lr=0", "--save-weights", path,
                              "--seed", "5"}));
    const std::string file = readFile(path);
    REQUIRE(file.size() > 8);
    uint64_t length = 0;
    std::memcpy(&length, file.data(), sizeof length);
    REQUIRE(length % 8 == 0);
    REQUIRE(8 + length < file.size());
    const json header = json::parse(file.substr(8, length));
    const ModelSpec model{"small", 2, 32, 2, 256, 16};
    CHECK(file.size() == 8 + length + 4 * static_cast<uint64_t>(parameterCount(model)));
    CHECK(header["__metadata__"]["format"] == "pt");

    const auto parameters = parametersOf(model);
    CHECK(header.size() == parameters.size() + 1);
    int64_t end_of_last = 0;
    for (size_t p = 0; p < parameters.size(); ++p) {
        const ParameterInfo& parameter = parameters[p];
        INFO(parameter.name);
        REQUIRE(header.contains(parameter.name));
        const json& entry = header[parameter.name];
        CHECK(entry["dtype"] == "F32");
        const auto begin = entry["data_offsets"][0].get<int64_t>(), end = entry["data_offsets"][1].get<int64_t>();
        CHECK(begin == end_of_last);
        REQUIRE(end - begin == 4 * parameter.elements);
        end_of_last = end;
        std::vector<float> stored(static_cast<size_t>(parameter.elements)), expected(stored.size());
        std::memcpy(stored.data(), file.data() + 8 + length + begin, stored.size() * sizeof(float));
        initialValues(parameter, static_cast<int64_t>(p), 5, 0, expected);
        const bool linear = parameter.shape.size() == 2 && parameter.name.find(".h.") != std::string::npos;
        if (!linear) {
            CHECK(entry["shape"] == json(parameter.shape));
            CHECK(stored == expected);
            continue;
        }
        const auto out = static_cast<size_t>(parameter.shape[0]), in = static_cast<size_t>(parameter.shape[1]);
        CHECK(entry["shape"] == json({in, out}));
        bool equal = true;
        for (size_t o = 0; o < out; ++o)
            for (size_t i = 0; i < in; ++i) equal = equal && stored[i * out + o] == expected[o * in + i];
        CHECK(equal);
    }
    // Started from these weights, and not moved either, a run writes the same tensors.
    const std::string again = folder.path("again.safetensors");
    succeed(smallRun(folder, {"--steps", "1", "--stage", "1", "--set", "optimizer.params.lr=0", "--save-weights", again,
                              "--init-weights", path, "--seed", "6"}));
    const std::string second = readFile(again);
    REQUIRE(second.size() == file.size());
    CHECK(second.substr(8 + length) == file.substr(8 + length));
}
