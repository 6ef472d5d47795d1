// SPDX-License-Identifier: Apache-2.0
// config explain, and the notices that run and plan print.
#include "program.h"
#include "support/contains.h"
#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

using namespace shardscope::test;
using nlohmann::json;

namespace {

const std::string configs = SHARDSCOPE_CONFIGS;

json settingOf(const json& explained, const std::string& key) {
    for (const json& setting : explained["settings"])
        if (setting["key"] == key) return setting;
    FAIL(key << " is not explained");
    return {};
}

} // namespace

TEST_CASE("a public configuration is explained, or refused as run refuses it") {
    int explained = 0, refused = 0;
    for (const auto& entry : std::filesystem::directory_iterator(configs)) {
        const ProcessResult result = shardscopeProgram({"config", "explain", entry.path(), "--format", "json"});
        INFO(entry.path() << result.err);
        if (result.exit_code != 0) {
            CHECK(result.exit_code == 1);
            CHECK(result.out.empty());
            CHECK(std::count(result.err.begin(), result.err.end(), '\n') == 1);
            CHECK(shardscopeProgram({"plan", "--config", entry.path()}).err == result.err);
            ++refused;
            continue;
        }
        ++explained;
        CHECK(result.err.empty());
        const json document = json::parse(result.out);
        CHECK(document["settings"].size() > 30);
        for (const json& setting : document["settings"]) {
            const std::string origin = setting["origin"];
            CHECK((origin == "given" || origin == "default" || origin == "derived"));
            CHECK(setting["value"] != "auto");
            CHECK(setting.contains("bytes") == setting.contains("memory"));
        }
        const ProcessResult planned = shardscopeProgram({"plan", "--config", entry.path(), "--format", "json"});
        CHECK(json::parse(planned.out)["peak_bytes"] == document["peak_bytes"]["device"]);
    }
    CHECK(explained > 8);
    CHECK(refused > 10);
}

TEST_CASE("values say where they came from") {
    const TestFolder folder;
    const std::string file = folder.write("ds.json", R"({
        "train_batch_size": "auto", "train_micro_batch_size_per_gpu": 2, "steps_per_print": 10, # nothing here
        "zero_optimization": {"stage": 3, "reduce_bucket_size": "auto", "stage3_prefetch_bucket_size": 100}})");
    const std::vector<std::string> command = {"config",  "explain",   file,
                                              "--model", "gpt2-124m", "--ranks",
                                              "8",       "--set",     "zero_optimization.overlap_comm=false"};
    std::vector<std::string> as_json = command;
    as_json.insert(as_json.end(), {"--format", "json"});
    const json document = json::parse(shardscopeProgram(as_json).out);
    CHECK(document["model"] == "gpt2-124m");
    CHECK(document["parameters"] == 124439808);
    CHECK(settingOf(document, "train_batch_size")["value"] == 16);
    CHECK(settingOf(document, "train_batch_size")["origin"] == "derived");
    const json bucket = settingOf(document, "zero_optimization.reduce_bucket_size");
    CHECK(bucket["value"] == 768 * 768);
    CHECK(bucket["origin"] == "derived");
    CHECK(bucket["unit"] == "elements");
    CHECK(bucket["bytes"]["device"] > 0);
    CHECK(settingOf(document, "zero_optimization.overlap_comm")["origin"] == "given");
    CHECK(settingOf(document, "zero_optimization.sub_group_size")["origin"] == "default");
    CHECK(settingOf(document, "zero_optimization.stage3_prefetch_bucket_size").contains("no_effect"));
    REQUIRE(document["notices"].size() == 1);
    CHECK_THAT(document["notices"][0].get<std::string>(), Contains("steps_per_print has no effect"));
    const std::string text = shardscopeProgram(command).out;
    CHECK_THAT(text, Contains("zero_optimization.reduce_bucket_size = 589824 elements (derived)") &&
                         Contains("no effect: overlap_comm is false") && Contains("note: steps_per_print"));
    CHECK(shardscopeProgram({"config", "explain"}).exit_code == 2);
    CHECK(shardscopeProgram({"config"}).exit_code == 2);
}

TEST_CASE("run and plan print each notice once and know auto values") {
    const TestFolder folder;
    const std::string file = folder.write("ds.json", R"({"train_micro_batch_size_per_gpu": 1, "steps_per_print": 10,
        "zero_optimization": {"stage": 2, "reduce_bucket_size": "auto"},
        "scheduler": {"type": "WarmupDecayLR", "params": {"total_num_steps": "auto", "warmup_num_steps": 2}}})");
    const auto notices = [](const std::string& text) {
        int found = 0;
        for (size_t at = text.find("has no effect"); at != std::string::npos; at = text.find("has no effect", at + 1))
            ++found;
        return found;
    };
    CHECK(notices(shardscopeProgram({"plan", "--config", file}).err) == 1);
    const auto run = [&](const std::string& mode) {
        const ProcessResult result = shardscopeProgram(smallRun(
            folder, {"--config", file, "--steps", "5", "--progress", mode, "--trace", folder.path("run.shardscope")}));
        INFO(result.err);
        CHECK(result.exit_code == 0);
        CHECK_THAT(result.err, !Contains("total_num_steps")); // the length of the run is known
        return result.err;
    };
    CHECK_THAT(run("plain"), Contains("note: steps_per_print has no effect"));
    CHECK(notices(run("plain")) == 1);
    CHECK_THAT(run("json"), Contains(R"({"event":"notice","message":"steps_per_print has no effect)"));
    CHECK(run("none").empty());
    const json info =
        json::parse(shardscopeProgram({"query", folder.path("run.shardscope"),
                                       "select value from run where key = 'config_settings'", "--format", "json"})
                        .out);
    CHECK_THAT(info.dump(), Contains("reduce_bucket_size") && Contains("1024")); // 32 * 32, the model's hidden size
}
