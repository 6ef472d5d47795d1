// SPDX-License-Identifier: Apache-2.0
#include "core_runtime/config.h"
#include "core_runtime/config_json.h"
#include "support/contains.h"
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <unistd.h>

using namespace shardscope;

namespace {

const std::string batch = R"("train_micro_batch_size_per_gpu": 2)";

Config accepted(const std::string& text, int64_t ranks = 4) {
    const auto config = parseConfig(text, "ds.json", ranks);
    INFO((config ? "" : config.error().message));
    REQUIRE(config);
    return *config;
}

std::string refused(const std::string& text, int64_t ranks = 4) {
    const auto config = parseConfig(text, "ds.json", ranks);
    REQUIRE_FALSE(config);
    const std::string message = config.error().message;
    CHECK(message.find('\n') == std::string::npos); // one sentence on one line
    CHECK(message.size() < 500);
    return message;
}

Config zero(const std::string& keys) { return accepted("{" + batch + R"(, "zero_optimization": {)" + keys + "}}"); }
std::string zeroRefused(const std::string& keys) {
    return refused("{" + batch + R"(, "zero_optimization": {)" + keys + "}}");
}

std::string originOf(const Config& config, const std::string& key) {
    for (const Setting& setting : config.settings)
        if (setting.key == key) return setting.origin;
    return "absent";
}

} // namespace

TEST_CASE("the batch size follows from what is given") {
    const Config both = accepted(R"({"train_batch_size": 8, "train_micro_batch_size_per_gpu": 2})");
    CHECK(both.train_batch_size == 8);
    CHECK(both.train_micro_batch_size_per_gpu == 2);
    const Config total = accepted(R"({"train_batch_size": 12})");
    CHECK(total.train_micro_batch_size_per_gpu == 3);
    CHECK(originOf(total, "train_micro_batch_size_per_gpu") == "derived");
    CHECK(originOf(total, "train_batch_size") == "given");
    CHECK(originOf(total, "gradient_accumulation_steps") == "default");
    const Config micro = accepted(
        R"({"train_micro_batch_size_per_gpu": 3, "gradient_accumulation_steps": 1, "train_batch_size": "auto"})");
    CHECK(micro.train_batch_size == 12);
    CHECK(originOf(micro, "train_batch_size") == "derived");
}

TEST_CASE("batch sizes that do not fit the ranks are refused with a size that does") {
    CHECK(refused(R"({"train_batch_size": 10})") ==
          "ds.json: train_batch_size 10 cannot be divided by 4 ranks; use 8 or 12");
    CHECK(refused(R"({"train_batch_size": 3})") == "ds.json: train_batch_size 3 cannot be divided by 4 ranks; use 4");
    CHECK_THAT(refused(R"({"train_batch_size": 10, "train_micro_batch_size_per_gpu": 3})"),
               Contains("cannot be divided by 4 ranks x micro-batch 3 = 12") && Contains("set train_batch_size to 12"));
    CHECK_THAT(refused(R"({"train_batch_size": 16, "train_micro_batch_size_per_gpu": 2})"),
               Contains("gradient_accumulation_steps 2") && Contains("train_micro_batch_size_per_gpu to 4"));
    CHECK_THAT(refused(R"({"train_batch_size": 4, "gradient_accumulation_steps": 2})"),
               Contains("only 1 is implemented"));
    CHECK_THAT(refused(R"({"gradient_accumulation_steps": 1})"), Contains("batch size is missing"));
    CHECK_THAT(refused(R"({"train_batch_size": 0})"), Contains("train_batch_size is 0; it must be at least 1"));
    CHECK_THAT(refused(R"({"train_batch_size": 4e9})"), Contains("at most 1000000000"));
    CHECK_THAT(refused("{" + batch + "}", 0), Contains("ranks is 0"));
}

TEST_CASE("defaults are DeepSpeed's") {
    const Config config = accepted("{" + batch + "}");
    CHECK(config.zero == ZeroConfig{});
    CHECK(config.optimizer == OptimizerConfig{});
    CHECK_FALSE(config.bf16_enabled);
    CHECK(zero(R"("stage": 3)").zero.overlap_comm);
    CHECK_FALSE(zero(R"("stage": 2)").zero.overlap_comm);
    CHECK_FALSE(zero(R"("stage": 3, "overlap_comm": false)").zero.overlap_comm);
    CHECK(originOf(config, "gradient_clipping") == "default");
}

TEST_CASE("zero_optimization is read with its aliases and number forms") {
    const Config config = zero(R"("stage": 3, "reduce_bucket_size": 5e5, "prefetch_bucket_size": 1.0e3,
        "param_persistence_threshold": 0, "allgather_bucket_size": "auto", "overlap_comm": null /* as absent */)");
    CHECK(config.zero.stage == 3);
    CHECK(config.zero.reduce_bucket_size == 500'000);
    CHECK(config.zero.stage3_prefetch_bucket_size == 1000);
    CHECK(config.zero.stage3_param_persistence_threshold == 0);
    CHECK(config.zero.allgather_bucket_size == 500'000'000);
    CHECK(originOf(config, "zero_optimization.allgather_bucket_size") == "default");
    CHECK(originOf(config, "zero_optimization.stage3_prefetch_bucket_size") == "given");
    const auto unit = std::find_if(config.settings.begin(), config.settings.end(),
                                   [](const Setting& s) { return s.key == "zero_optimization.reduce_bucket_size"; });
    REQUIRE(unit != config.settings.end());
    CHECK(unit->unit == "elements");
    CHECK_THAT(zeroRefused(R"("prefetch_bucket_size": 1, "stage3_prefetch_bucket_size": 1)"),
               Contains("two names of one key"));
}

TEST_CASE("values out of range name the key, the value and the remedy") {
    CHECK(zeroRefused(R"("stage": 4)") == "ds.json: zero_optimization.stage is 4; choose 0, 1, 2 or 3");
    CHECK_THAT(zeroRefused(R"("stage": -1)"), Contains("choose 0, 1, 2 or 3"));
    CHECK_THAT(zeroRefused(R"("stage": "2")"), Contains("stage is \"2\"") && Contains("whole number"));
    CHECK_THAT(zeroRefused(R"("reduce_bucket_size": 0)"),
               Contains("reduce_bucket_size is 0") && Contains("at least 1 element"));
    CHECK_THAT(zeroRefused(R"("reduce_bucket_size": -5)"), Contains("is -5"));
    CHECK_THAT(zeroRefused(R"("reduce_bucket_size": 1.5)"), Contains("is 1.5") && Contains("whole number"));
    CHECK_THAT(zeroRefused(R"("reduce_bucket_size": 1e30)"), Contains("below 1e15"));
    CHECK_THAT(zeroRefused(R"("reduce_bucket_size": 18446744073709551615)"), Contains("below 1e15"));
    CHECK_THAT(zeroRefused(R"("allgather_bucket_size": 7)"), Contains("odd number of elements; use 8"));
    CHECK_THAT(zeroRefused(R"("overlap_comm": 1)"), Contains("write true or false"));
    CHECK_THAT(zeroRefused(R"("stage3_prefetch_bucket_size": -1)"), Contains("0 turns prefetch off"));
    CHECK_THAT(refused("{" + batch + R"(, "zero_optimization": true})"), Contains("{\"stage\": 1}"));
    CHECK_THAT(refused("{" + batch + R"(, "zero_optimization": []})"), Contains("must be an object"));
}

TEST_CASE("keys that ask for what is not implemented are refused, those that ask for what is done anyway are not") {
    zero(R"("stage": 2, "contiguous_gradients": true, "reduce_scatter": true, "round_robin_gradients": false,
        "offload_optimizer": {"device": "none", "pin_memory": true}, "sub_group_size": 1e9)");
    zero(R"("stage": 3, "stage3_max_live_parameters": 1e9, "stage3_max_reuse_distance": 1e9,
        "stage3_gather_16bit_weights_on_model_save": true, "sub_group_size": 1e12)");
    zero(R"("stage": 1, "stage3_max_live_parameters": 5)"); // DeepSpeed reads it at stage 3 only
    CHECK_THAT(zeroRefused(R"("stage": 1, "contiguous_gradients": false)"),
               Contains("contiguous_gradients is false") && Contains("set it to true"));
    CHECK_THAT(zeroRefused(R"("stage": 3, "stage3_max_live_parameters": 5)"), Contains("set it to 1e9"));
    CHECK_THAT(zeroRefused(R"("stage": 2, "offload_optimizer": {"device": "cpu"})"),
               Contains("zero_optimization.offload_optimizer.device is \"cpu\"") && Contains("set it to \"none\""));
    CHECK_THAT(zeroRefused(R"("stage": 3, "zero_quantized_weights": true)"),
               Contains("zero_quantized_weights is true"));
    CHECK_THAT(refused("{" + batch + R"(, "gradient_clipping": 1.0})"),
               Contains("gradient_clipping is 1.0") && Contains("set it to 0"));
    accepted("{" + batch + R"(, "gradient_clipping": 0.0, "steps_per_print": 10, "wall_clock_breakdown": false})");
    CHECK_THAT(refused("{" + batch + R"(, "fp16": {"enabled": true}})"),
               Contains("fp16.enabled is true") && Contains("bf16.enabled"));
    CHECK_THAT(refused("{" + batch + R"(, "flops_profiler": {"enabled": true}})"),
               Contains("flops_profiler.enabled is true"));
    accepted("{" + batch + R"(, "fp16": {"enabled": false, "loss_scale": 0}, "flops_profiler": {"enabled": false}})");
    CHECK_THAT(refused("{" + batch + R"(, "communication_data_type": "fp16"})"), Contains("set it to \"fp32\""));
    accepted("{" + batch + R"(, "communication_data_type": "bf16", "bf16": {"enabled": true}})");
    CHECK_THAT(refused("{" + batch + R"(, "scheduler": {"type": "WarmupLR"}})"), Contains("learning rate is constant"));
}

TEST_CASE("unknown keys name the nearest known one") {
    CHECK(zeroRefused(R"("reduce_bucket_sise": 5)") ==
          "ds.json: zero_optimization.reduce_bucket_sise is not a known key; did you mean reduce_bucket_size?");
    CHECK_THAT(zeroRefused(R"("ovrelap_comm": true)"), Contains("did you mean overlap_comm?"));
    CHECK_THAT(zeroRefused(R"("offload_param": {"devise": "cpu"})"),
               Contains("offload_param.devise") && Contains("did you mean device?"));
    CHECK_THAT(refused("{" + batch + R"(, "zero_optimisation": {}})"), Contains("did you mean zero_optimization?"));
    CHECK_THAT(refused("{" + batch + R"(, "bf16": {"enable": true}})"), Contains("did you mean enabled?"));
    CHECK_THAT(refused("{" + batch + R"(, "optimizer": {"params": {"learning": 1}}})"),
               Contains("optimizer.params.learning"));
    CHECK_THAT(refused("{" + batch + ", \"" + std::string(100'000, 'x') + "\": 1}"),
               Contains("xxx...") && Contains("not a known key"));
}

TEST_CASE("the optimizer and the precision") {
    const Config config = accepted("{" + batch + R"(, "bfloat16": {"enabled": true}, "optimizer": {"type": "adam",
        "params": {"lr": 3e-4, "betas": [0.8, 0.9], "eps": 1e-6, "weight_decay": 0.1, "torch_adam": true}}})");
    CHECK(config.bf16_enabled);
    CHECK(originOf(config, "bf16.enabled") == "given");
    CHECK(config.optimizer == OptimizerConfig{3e-4, 0.8, 0.9, 1e-6, 0.1});
    const auto params = [](const std::string& text) {
        return refused("{" + batch + R"(, "optimizer": {"params": {)" + text + "}}}");
    };
    CHECK_THAT(params(R"("lr": -1)"), Contains("optimizer.params.lr is -1"));
    CHECK_THAT(params(R"("betas": [0.9])"), Contains("betas is [0.9]"));
    CHECK_THAT(params(R"("betas": [0.9, 1])"), Contains("below 1"));
    CHECK_THAT(params(R"("eps": 0)"), Contains("optimizer.params.eps"));
    CHECK_THAT(params(R"("weight_decay": "big")"), Contains("weight_decay is \"big\""));
    CHECK_THAT(params(R"("adam_w_mode": false)"), Contains("decoupled"));
    CHECK_THAT(refused("{" + batch + R"(, "optimizer": {"type": "SGD"}})"), Contains("only Adam and AdamW"));
    CHECK_THAT(refused("{" + batch + R"(, "bf16": {}, "bfloat16": {}})"), Contains("two names of one key"));
}

TEST_CASE("malformed JSON is located by line and column") {
    CHECK(refused("{\n  \"train_batch_size\": 4,\n}") ==
          "ds.json, line 3, column 1: not valid JSON, unexpected '}'; expected string literal");
    CHECK_THAT(refused("{\"a\": tru}"), Contains("line 1, column 10"));
    CHECK_THAT(refused("{\"train_batch_size\": 4"),
               Contains("line 1, column 23") && Contains("unexpected end of input"));
    CHECK_THAT(refused("{\"a\": \"\xff\"}"), Contains("line 1, column 8"));
    CHECK_THAT(refused("{\"train_batch_size\": 4} {}"), Contains("line 1, column 25"));
    CHECK_THAT(refused(std::string("{\0}", 3)), Contains("line 1, column 2"));
    CHECK_THAT(refused("{\"a\": \"one\ntwo\"}"), Contains("control character"));
}

TEST_CASE("hostile texts are one sentence each") {
    CHECK_THAT(refused(""), Contains("ds.json is empty"));
    CHECK_THAT(refused(" \n\t"), Contains("ds.json is empty"));
    CHECK_THAT(refused("[1, 2]"), Contains("must hold a JSON object"));
    CHECK_THAT(refused("4"), Contains("must hold a JSON object"));
    CHECK_THAT(refused("{\"a\": 1e999}"), Contains("too large"));
    std::string deep;
    for (int i = 0; i < 100'000; ++i) deep += "{\"a\":";
    CHECK_THAT(refused(deep), Contains("nested deeper than 32"));
    CHECK_THAT(refused("{\"a\":" + std::string(100'000, '[')), Contains("nested deeper"));
    CHECK_THAT(refused(std::string(2 << 20, '/')), Contains("larger than 1 MiB"));
    std::string wide = "{\"k0\": 0";
    for (int i = 1; i < 5000; ++i) wide += ",\"k" + std::to_string(i) + "\": 0";
    CHECK_THAT(refused(wide + "}"), Contains("more than 1000 keys"));
    CHECK_THAT(refused("{\"train_batch_size\": 4, \"train_batch_size\": 8}"),
               Contains("train_batch_size") && Contains("twice"));
    CHECK_THAT(zeroRefused(R"("stage": 1, "stage": 2)"), Contains("\"stage\" twice"));
}

TEST_CASE("comments are allowed and the resolved configuration is complete and stable") {
    const Config config = accepted("{ // batch\n" + batch + R"(, /* more */ "steps_per_print": 7,
        "zero_optimization": {"stage": 2, "reduce_bucket_size": 1e6, "contiguous_gradients": true}})");
    const std::string text = resolvedJson(config);
    const Config again = accepted(text);
    CHECK(resolvedJson(again) == text);
    CHECK(again.zero == config.zero);
    CHECK(again.optimizer == config.optimizer);
    CHECK(again.train_batch_size == config.train_batch_size);
    const Json json = Json::parse(text);
    CHECK(json["gradient_clipping"] == 0);
    CHECK(json["steps_per_print"] == 7);
    CHECK(json["zero_optimization"]["contiguous_gradients"] == true);
    CHECK(json["zero_optimization"]["round_robin_gradients"] == false);
    for (const Setting& setting : config.settings) {
        INFO(setting.key);
        std::string pointer = "/" + setting.key;
        std::replace(pointer.begin(), pointer.end(), '.', '/');
        REQUIRE(json.contains(Json::json_pointer(pointer)));
        CHECK(json[Json::json_pointer(pointer)] == Json::parse(setting.value));
        CHECK((setting.origin == "given" || setting.origin == "default" || setting.origin == "derived"));
    }
}

TEST_CASE("files that cannot be read are named") {
    const auto missing = loadConfig("/nonexistent/ds.json", 1);
    REQUIRE_FALSE(missing);
    CHECK_THAT(missing.error().message, Contains("/nonexistent/ds.json"));
    const auto directory = loadConfig("/tmp", 1);
    REQUIRE_FALSE(directory);
    CHECK_THAT(directory.error().message, Contains("is a directory"));
    const std::string path = "config_test_" + std::to_string(getpid()) + ".json";
    std::ofstream(path) << "{" << batch << "}";
    const auto good = loadConfig(path, 2);
    std::remove(path.c_str());
    REQUIRE(good);
    CHECK(good->train_batch_size == 4);
}
