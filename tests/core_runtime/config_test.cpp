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

TEST_CASE("the rows of the batch size rules") { // train_batch_size = micro-batch x accumulation x 4 ranks
    const auto rule = [](const std::string& keys, int64_t total, int64_t micro, int64_t steps) {
        INFO(keys);
        const Config config = accepted("{" + keys + "}");
        CHECK(config.train_batch_size == total);
        CHECK(config.train_micro_batch_size_per_gpu == micro);
        CHECK(config.gradient_accumulation_steps == steps);
    };
    const std::string tb = R"("train_batch_size": 48)", mb = R"("train_micro_batch_size_per_gpu": 2)",
                      gas = R"("gradient_accumulation_steps": 6)";
    rule(tb + "," + mb + "," + gas, 48, 2, 6);
    rule(tb + "," + mb, 48, 2, 6);
    rule(tb + "," + gas, 48, 2, 6);
    rule(mb + "," + gas, 48, 2, 6);
    rule(tb, 48, 12, 1);
    rule(mb, 8, 2, 1);
    rule(mb + R"(, "gradient_accumulation_steps": "auto")", 8, 2, 1);
    rule(R"("train_batch_size": "auto")", 4, 1, 1);
    rule(R"("train_micro_batch_size_per_gpu": "auto",)" + gas, 24, 1, 6);
}

TEST_CASE("batch sizes that do not fit the ranks are refused with a size that does") {
    CHECK(refused(R"({"train_batch_size": 10})") ==
          "ds.json: train_batch_size 10 cannot be divided by 4 ranks; use 8 or 12");
    CHECK(refused(R"({"train_batch_size": 3})") == "ds.json: train_batch_size 3 cannot be divided by 4 ranks; use 4");
    CHECK_THAT(refused(R"({"train_batch_size": 10, "train_micro_batch_size_per_gpu": 3})"),
               Contains("cannot be divided by 4 ranks x micro-batch 3 = 12") && Contains("use 12"));
    CHECK_THAT(refused(R"({"train_batch_size": 28, "gradient_accumulation_steps": 2})"),
               Contains("cannot be divided by 4 ranks x accumulation 2; use 24 or 32"));
    CHECK_THAT(refused(R"({"train_batch_size": 48, "train_micro_batch_size_per_gpu": 2,
                           "gradient_accumulation_steps": 4})"),
               Contains("48 is not 4 ranks x micro-batch 2 x accumulation 4") && Contains("set it to 6"));
    CHECK_THAT(refused(R"({"train_micro_batch_size_per_gpu": 1000, "gradient_accumulation_steps": 1e6})"),
               Contains("larger than 1000000000"));
    CHECK_THAT(refused(R"({"train_micro_batch_size_per_gpu": 1, "gradient_accumulation_steps": 0})"),
               Contains("gradient_accumulation_steps is 0; it must be at least 1"));
    CHECK_THAT(refused(R"({"gradient_accumulation_steps": 1})"), Contains("batch size is missing"));
    CHECK_THAT(refused("{}"), Contains("give train_micro_batch_size_per_gpu"));
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
    CHECK_THAT(refused("{" + batch + R"(, "zero_optimization": []})"), Contains("must be an object"));
}

TEST_CASE("keys that would change results are refused with the reason, where DeepSpeed reads them") {
    zero(R"("stage": 2, "contiguous_gradients": true, "reduce_scatter": true, "round_robin_gradients": false,
        "offload_optimizer": {"device": "none", "pin_memory": true}, "sub_group_size": 1e9, "zeropp_loco_param": null)");
    zero(R"("stage": 1, "zero_hpz_partition_size": 8)"); // read at stage 3 only
    CHECK_THAT(zeroRefused(R"("stage": 1, "contiguous_gradients": false)"),
               Contains("contiguous_gradients is false") && Contains("set it to true"));
    CHECK_THAT(zeroRefused(R"("stage": 1, "round_robin_gradients": true)"),
               Contains("equal slices") && Contains("set it to false"));
    CHECK_THAT(zeroRefused(R"("stage": 3, "zero_quantized_weights": true)"),
               Contains("zero_quantized_weights is true") && Contains("would change results"));
    CHECK_THAT(zeroRefused(R"("stage": 2, "offload_optimizer": {"device": "cpu", "ratio": 0.5})"),
               Contains("ratio is 0.5") && Contains("set it to 1"));
    for (const std::string section : {"curriculum_learning", "data_efficiency", "amp", "torch_autocast"}) {
        CHECK_THAT(refused("{" + batch + ", \"" + section + R"(": {"enabled": true}})"),
                   Contains(section + " enables something"));
        accepted("{" + batch + ", \"" + section + R"(": {"enabled": false}})");
    }
    CHECK_THAT(refused("{" + batch + R"(, "tensor_parallel": {"autotp_size": 2}})"), Contains("never split"));
    CHECK_THAT(refused("{" + batch + R"(, "gradient_allreduce_op": "sum"})"), Contains("averaged"));
}

TEST_CASE("the offload sections and what they need") {
    const Config cpu = zero(R"("stage": 2, "offload_optimizer": {"device": "cpu"})");
    CHECK(cpu.zero.offload_optimizer.device == OffloadDevice::cpu);
    CHECK(cpu.zero.offload_param.device == OffloadDevice::none);
    CHECK_THAT(zeroRefused(R"("offload_optimizer": {"device": "cpu"})"),
               Contains("at stage 0") && Contains("stage to 1, 2 or 3"));
    CHECK_THAT(zeroRefused(R"("stage": 2, "offload_optimizer": {"device": "nvme", "nvme_path": "/tmp"})"),
               Contains("only stage 3"));
    CHECK_THAT(zeroRefused(R"("stage": 3, "offload_optimizer": {"device": "nvme"})"), Contains("nvme_path is missing"));
    CHECK_THAT(zeroRefused(R"("stage": 3, "offload_param": {"device": "nvme", "nvme_path": ""})"),
               Contains("offload_param.nvme_path"));
    CHECK_THAT(zeroRefused(R"("stage": 3, "offload_param": {"device": "nvme", "nvme_path": "a\u0000b"})"),
               Contains("write the path of a folder"));
    CHECK_THAT(zeroRefused(R"("stage": 3, "offload_optimizer": {"device": "nvme", "nvme_path": "x",
                              "buffer_count": 3})"),
               Contains("buffer_count is 3") && Contains("4 buffers"));
    CHECK_THAT(zeroRefused(R"("stage": 3, "offload_param": {"device": "gpu"})"),
               Contains("write \"none\", \"cpu\" or \"nvme\""));
    CHECK_THAT(zeroRefused(R"("stage": 3, "offload_param": {"buffer_size": 0})"), Contains("buffer_size is 0"));
    CHECK_THAT(zeroRefused(R"("stage": 3, "cpu_offload_param": true, "offload_param": {})"), Contains("old name"));
    CHECK_THAT(zeroRefused(R"("stage": 3, "cpu_offload_param": "yes")"), Contains("cpu_offload_param is \"yes\""));
    CHECK(zero(R"("stage": 3, "cpu_offload_param": true)").zero.offload_param.device == OffloadDevice::cpu);
    CHECK(zero(R"("stage": 3, "cpu_offload": false)").zero.offload_optimizer.device == OffloadDevice::none);
}

TEST_CASE("what bounds nothing may be as large as it likes") {
    const Config config = zero(R"("stage": 3, "stage3_max_live_parameters": 1e30, "sub_group_size": 1e20,
        "stage3_model_persistence_threshold": 9223372036854775807)");
    CHECK(config.zero.stage3_max_live_parameters == 1'000'000'000'000'000);
    CHECK(config.zero.sub_group_size == 1'000'000'000'000'000);
    CHECK(config.zero.stage3_model_persistence_threshold == INT64_MAX);
    CHECK_THAT(zeroRefused(R"("stage3_max_reuse_distance": -1)"), Contains("0 releases parameters"));
    CHECK_THAT(zeroRefused(R"("sub_group_size": 0)"), Contains("at least 1 element"));
}

TEST_CASE("the loss scale of fp16") {
    const auto fp16 = [](const std::string& keys) { return "{" + batch + R"(, "fp16": {)" + keys + "}}"; };
    const Config config = accepted(fp16(R"("enabled": true, "initial_scale_power": 12, "loss_scale_window": 50,
        "hysteresis": 1, "consecutive_hysteresis": true, "min_loss_scale": 8)"));
    CHECK(config.fp16 == Fp16Config{true, 0, 12, 50, 1, true, 8});
    CHECK(config.precision() == Precision::fp16);
    CHECK_THAT(refused(fp16(R"("enabled": true, "loss_scale": -1)")), Contains("fp16.loss_scale is -1"));
    CHECK_THAT(refused(fp16(R"("enabled": true, "loss_scale": true)")), Contains("fp16.loss_scale is true"));
    CHECK_THAT(refused(fp16(R"("enabled": true, "loss_scale_window": 0)")), Contains("loss_scale_window is 0"));
    CHECK_THAT(refused(fp16(R"("enabled": true, "hysteresis": 0)")), Contains("hysteresis is 0"));
    CHECK_THAT(refused(fp16(R"("enabled": true, "min_loss_scale": 0)")), Contains("min_loss_scale is 0"));
    CHECK_THAT(refused(fp16(R"("enabled": true, "initial_scale_power": 127)")), Contains("0 to 126"));
    CHECK_THAT(refused(fp16(R"("enabled": true, "initial_scale_power": 2, "min_loss_scale": 8)")),
               Contains("above the scale at the start"));
    accepted(fp16(R"("enabled": false, "loss_scale_window": 0, "min_loss_scale": 0)"));
    CHECK_THAT(refused(fp16(R"("fp16_master_weights_and_grads": true)")), Contains("master weights are always fp32"));
    CHECK_THAT(refused(fp16(R"("loss_scael": 0)")), Contains("did you mean loss_scale?"));
}

TEST_CASE("types of gradients are the model's or fp32") {
    const auto types = [](const std::string& keys) { return "{" + batch + "," + keys + "}"; };
    const std::string bf16 = R"("bf16": {"enabled": true},)", fp16 = R"("fp16": {"enabled": true},)";
    const Config config = accepted(types(bf16 + R"("communication_data_type": "fp32", "data_types":
        {"grad_accum_dtype": "bfloat16", "param_dtype": "bf16"})"));
    CHECK(config.communication_data_type == Precision::fp32);
    CHECK(config.grad_accum_dtype == Precision::bf16);
    const Config neither = accepted(types(fp16 + R"("communication_data_type": "auto")"));
    CHECK_FALSE(neither.communication_data_type);
    CHECK(originOf(neither, "communication_data_type") == "derived");
    CHECK(Json::parse(resolvedJson(neither))["communication_data_type"] == "fp16");
    CHECK_THAT(refused(types(R"("communication_data_type": "fp16")")),
               Contains("the model is fp32") && Contains("use \"fp32\" or set fp16.enabled"));
    CHECK_THAT(refused(types(bf16 + R"("communication_data_type": "fp16")")), Contains("\"fp32\" or \"bf16\""));
    CHECK_THAT(refused(types(fp16 + R"("data_types": {"grad_accum_dtype": "bf16"})")), Contains("the model is fp16"));
    CHECK_THAT(refused(types(R"("data_types": {"grad_accum_dtype": "int8"})")), Contains("\"bf16\" or \"fp16\""));
    CHECK_THAT(refused(types(R"("data_types": {"param_dtype": "bf16"})")), Contains("the model is fp32"));
    CHECK_THAT(refused(types(R"("data_types": {"grad_accum_type": "fp32"})")),
               Contains("did you mean grad_accum_dtype?"));
}

TEST_CASE("recomputation and the delayed update") {
    const auto own = [](const std::string& keys, const std::string& more = "") {
        return "{" + batch + R"(, "shardscope": {)" + keys + "}" + more + "}";
    };
    const std::string host = R"(, "zero_optimization": {"stage": 1, "offload_optimizer": {"device": "cpu"}})";
    const std::string cpu = R"(, "activation_checkpointing": {"cpu_checkpointing": true})";
    CHECK(accepted(own(R"("activation_checkpointing": "selective")")).activations.recompute == Recompute::selective);
    CHECK(accepted(own("")).activations == ActivationConfig{});
    CHECK(accepted(own("", cpu)).activations == ActivationConfig{Recompute::full, true});
    CHECK(accepted(own(R"("activation_checkpointing": "full")", cpu)).notices.empty());
    CHECK_THAT(refused(own(R"("activation_checkpointing": "none")", cpu)), Contains("set it to \"full\""));
    CHECK_THAT(refused(own(R"("activation_checkpointing": "all")")), Contains("\"selective\""));
    CHECK_THAT(refused(own(R"("delayed_updates": true)")), Contains("did you mean delayed_update?"));
    CHECK(accepted(own(R"("delayed_update": true)", host)).delayed_update);
    CHECK_THAT(refused(own(R"("delayed_update": true)")), Contains("offload_optimizer.device to \"cpu\""));
    CHECK_THAT(refused(own(R"("delayed_update": true)", host + R"(, "fp16": {"enabled": true})")),
               Contains("overflow") && Contains("bf16.enabled"));
}

TEST_CASE("schedules") {
    const auto text = [](const std::string& type, const std::string& params) {
        return "{" + batch + R"(, "optimizer": {"params": {"lr": 0.5}}, "scheduler": {"type": ")" + type +
               R"(", "params": {)" + params + "}}}";
    };
    const Config warmup = accepted(text("WarmupLR", ""));
    CHECK(warmup.scheduler.warmup_max_lr == 0.5);
    CHECK(originOf(warmup, "scheduler.params.warmup_max_lr") == "derived");
    CHECK(accepted(text("WarmupDecayLR", R"("total_num_steps": 10)")).scheduler.warmup_max_lr == 1e-3);
    CHECK(
        accepted(text("WarmupDecayLR", R"("total_num_steps": 10, "warmup_max_lr": "auto")")).scheduler.warmup_max_lr ==
        0.5);
    CHECK_THAT(refused(text("WarmupDecayLR", "")), Contains("total_num_steps is missing"));
    CHECK_THAT(refused(text("WarmupLR", R"("total_num_steps": 10)")), Contains("scheduler.params.total_num_steps"));
    CHECK_THAT(refused(text("WarmupLR", R"("warmup_num_steps": 0)")), Contains("at least 1"));
    CHECK_THAT(refused(text("WarmupLR", R"("warmup_type": "cosine")")), Contains("\"log\" or \"linear\""));
    CHECK_THAT(refused(text("WarmupCosineLR", R"("total_num_steps": 10, "warmup_max_lr": 1)")),
               Contains("warmup_max_lr is not a known key"));
    CHECK_THAT(refused(text("warmuplr", "")), Contains("did you mean WarmupLR?"));
    CHECK_THAT(refused(text("LRRangeTest", "")), Contains("WarmupDecayLR and WarmupCosineLR"));
    const Config without = accepted("{" + batch + R"(, "scheduler": {"type": null, "params": {"warmup_min_lr": 1}}})");
    CHECK(without.scheduler.kind == SchedulerKind::none);
    REQUIRE(without.notices.size() == 1);
    CHECK_THAT(without.notices[0], Contains("scheduler.type is not given"));
}

TEST_CASE("unknown keys name the nearest known one") {
    CHECK(zeroRefused(R"("reduce_bucket_sise": 5)") ==
          "ds.json: zero_optimization.reduce_bucket_sise is not a known key; did you mean reduce_bucket_size?");
    CHECK_THAT(zeroRefused(R"("ovrelap_comm": true)"), Contains("did you mean overlap_comm?"));
    CHECK_THAT(zeroRefused(R"("offload_param": {"devise": "cpu"})"),
               Contains("offload_param.devise") && Contains("did you mean device?"));
    const Config stray = accepted("{" + batch + R"(, "zero_optimisation": {}, "my_own_section": 1})");
    REQUIRE(stray.notices.size() == 2); // DeepSpeed ignores them
    CHECK_THAT(stray.notices[0], Contains("did you mean zero_optimization?"));
    CHECK_THAT(stray.notices[1], Contains("my_own_section is not a known key and has no effect"));
    CHECK_THAT(refused("{" + batch + R"(, "bf16": {"enable": true}})"), Contains("did you mean enabled?"));
    CHECK_THAT(refused("{" + batch + R"(, "optimizer": {"params": {"learning": 1}}})"),
               Contains("optimizer.params.learning"));
    const Config wide = accepted("{" + batch + ", \"" + std::string(100'000, 'x') + "\": 1}");
    REQUIRE(wide.notices.size() == 1);
    CHECK_THAT(wide.notices[0], Contains("xxx...") && Contains("not a known key"));
    CHECK(wide.notices[0].size() < 200);
    std::string many = "{" + batch;
    for (int i = 0; i < 50; ++i) many += ", \"k" + std::to_string(i) + "\": 0";
    CHECK(accepted(many + "}").notices.size() == 21);
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
    CHECK(refused("{\n  \"train_batch_size\": 4,,\n}") ==
          "ds.json, line 2, column 25: not valid JSON, unexpected ','; expected string literal");
    CHECK_THAT(refused("{,}"), Contains("line 1, column 2"));
    CHECK_THAT(refused("{ # one\n // two\n /* three\n */ \"a\": tru}"), Contains("line 4, column 13"));
    CHECK_THAT(refused("{\"a\": 1 /* no end"), Contains("line 1"));
    CHECK_THAT(refused("{\"a\": 1 / 2}"), Contains("line 1, column"));
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

TEST_CASE("comments and last commas are allowed, also beside texts that look like them") {
    const Config config = accepted(R"({ # one, "train_batch_size": 4
        "train_batch_size": 8, // two }
        /* three , */ "zero_optimization": {"stage": 1, /* four */ }, # five
        "tensorboard": {"enabled": true, "job_name": "a # b // c /* d */ ,} \"" , },
        "optimizer": {"params": {"betas": [0.5, 0.5, ], }, }, # end
    } # after)");
    CHECK(config.train_batch_size == 8);
    CHECK(config.zero.stage == 1);
    CHECK(config.optimizer.beta2 == 0.5);
    const Json json = Json::parse(resolvedJson(config));
    CHECK(json["tensorboard"]["job_name"] == "a # b // c /* d */ ,} \"");
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
    CHECK(json["optimizer"]["type"] == "AdamW");
    CHECK(json["fp16"]["loss_scale_window"] == 1000);
    CHECK(json["zero_optimization"]["offload_optimizer"]["device"] == "none");
    CHECK(json["zero_optimization"]["stage3_model_persistence_threshold"] == INT64_MAX);
    CHECK(json["data_types"]["grad_accum_dtype"] == "fp32");
    CHECK(json["shardscope"]["activation_checkpointing"] == "none");
    CHECK_FALSE(json.contains("scheduler"));
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
