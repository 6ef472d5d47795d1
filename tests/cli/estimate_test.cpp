// SPDX-License-Identifier: Apache-2.0
#include "program.h"
#include "support/contains.h"
#include <nlohmann/json.hpp>

using namespace shardscope::test;
using nlohmann::json;

namespace {

json estimated(std::vector<std::string> more) {
    more.insert(more.begin(), "estimate");
    more.insert(more.end(), {"--format", "json"});
    const ProcessResult result = shardscopeProgram(more);
    INFO(result.err);
    REQUIRE(result.exit_code == 0);
    return json::parse(result.out);
}

std::string refused(std::vector<std::string> more, int exit_code = 1) {
    more.insert(more.begin(), "estimate");
    const ProcessResult result = shardscopeProgram(more);
    CHECK(result.exit_code == exit_code);
    CHECK(result.out.empty());
    return result.err;
}

} // namespace

TEST_CASE("an estimate has the planner's numbers and says when the peak is") {
    const TestFolder folder;
    const std::string config =
        folder.write("ds.json", R"({"bf16": {"enabled": true}, "zero_optimization": {"stage": 3}})");
    const json document =
        estimated({"--model", "gpt2-124m", "--config", config, "--world-size", "8", "--micro-batch", "2"});
    CHECK(document["parameters"] == 124439808);
    CHECK(document["accounting"] == "plan");
    const ProcessResult plan = shardscopeProgram({"plan", "--model", "gpt2-124m", "--config", config, "--ranks", "8",
                                                  "--set", "train_micro_batch_size_per_gpu=2", "--format", "json"});
    const json planned = json::parse(plan.out);
    CHECK(document["peak_bytes"] == planned["peak_bytes"]);
    CHECK(document["bytes"]["device"]["total"] == planned["peak_bytes"]);
    CHECK(document["bytes"]["device"]["model_states"] == planned["model_state_bytes"]);
    for (const auto& [category, bytes] : planned["category_peak_bytes"].items())
        CHECK(document["bytes"]["device"][category] == bytes);
    CHECK(document["bytes"]["host"]["total"] == 0);
    CHECK(document["bytes"]["nvme"]["total"] == 0);
    CHECK(document["peak_at"]["bytes"]["total"] == planned["peak_bytes"]);
    CHECK_FALSE(document["peak_at"]["op"].get<std::string>().empty());
    CHECK(document["activation_bytes_per_layer"] > 0);
    CHECK_FALSE(document["formula"].get<std::string>().empty());
    const std::string text =
        shardscopeProgram({"estimate", "--model", "gpt2-124m", "--config", config, "--world-size", "8"}).out;
    CHECK_THAT(text, Contains("GB (1e9)") && Contains("GiB (2^30)") && Contains("the device's peak is at") &&
                         Contains("one sample per rank"));
}

TEST_CASE("published accountings are estimated from a number of parameters") {
    const json paper =
        estimated({"--parameters", "7.5e9", "--stage", "1", "--world-size", "64", "--device-memory", "32GB"});
    CHECK(paper["accounting"] == "paper");
    CHECK(paper["parameters"] == 7500000000);
    CHECK(paper["model"].is_null());
    CHECK(paper["peak_bytes"] == 31406250000);
    CHECK(paper["fits"] == true);
    CHECK(paper["largest_model_parameters"].get<double>() == Approx(7.6e9).epsilon(0.01));
    CHECK(paper["activation_bytes_per_layer"].is_null());
    CHECK(paper["formula"] == "model states 4Ψ + 12Ψ/N");
    const json offload =
        estimated({"--parameters", "2851e6", "--largest-layer", "32e6", "--stage", "3", "--world-size", "8",
                   "--accounting", "deepspeed", "--set", "zero_optimization.offload_optimizer.device=cpu", "--set",
                   "zero_optimization.offload_param.device=cpu", "--without-zero-init"});
    CHECK(offload["bytes"]["device"]["model_states"] == 128000000);
    CHECK(offload["bytes"]["host"]["model_states"] == 136848000000);
    CHECK(offload["host_bytes_are_per"] == "node");
    const json megatron = estimated({"--parameters", "1e9", "--stage", "1", "--world-size", "16", "--accounting",
                                     "megatron", "--tensor-parallel", "4"});
    CHECK(megatron["peak_bytes"] == (6 + 12 / 4) * int64_t{250000000});
}

TEST_CASE("mistakes in an estimate are explained") {
    CHECK_THAT(refused({"--world-size", "8", "--parameters", "1e9", "--accounting", "plan"}),
               Contains("cannot be planned"));
    CHECK_THAT(refused({"--world-size", "8", "--parameters", "1e30"}), Contains("--parameters"));
    CHECK_THAT(refused({"--world-size", "0"}), Contains("0"));
    CHECK_THAT(refused({"--world-size", "2", "--device-memory", "32 buckets"}),
               Contains("--device-memory is 32 buckets"));
    CHECK_THAT(refused({"--world-size", "2", "--device-memory", "80"}), Contains("write an amount such as 32GB"));
    CHECK_THAT(refused({"--world-size", "2", "--model", "gpt2-tiny", "--micro-batch", "0"}),
               Contains("train_micro_batch"));
    CHECK_THAT(refused({"--world-size", "6", "--tensor-parallel", "4", "--accounting", "paper"}),
               Contains("not a multiple"));
    CHECK_THAT(refused({"--world-size", "2", "--model", "gpt9"}), Contains("does not exist"));
    refused({"--world-size", "2", "--accounting", "mine"}, 2);
    refused({"--world-size", "2", "--model", "gpt2-tiny", "--parameters", "5"}, 2);
    refused({"--model", "gpt2-tiny"}, 2); // a world size is needed
}
