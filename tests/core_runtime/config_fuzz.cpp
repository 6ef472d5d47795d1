// SPDX-License-Identifier: Apache-2.0
// Whatever the text, parseConfig gives one sentence or a configuration whose resolved form is read back as the same.
#include "core_runtime/config.h"
#include "core_runtime/loss_scaler.h"
#include "core_runtime/lr_schedule.h"
#include "support/fuzz_target.h"
#include <cstdio>
#include <nlohmann/json.hpp>

namespace {

void require(bool good, const char* what) {
    if (good) return;
    std::fprintf(stderr, "config_fuzz: %s\n", what);
    std::abort();
}

} // namespace

namespace shardscope::fuzz {

std::vector<std::string> seeds() {
    return {
        R"({"train_batch_size": 8, "zero_optimization": {"stage": 2, "reduce_bucket_size": 5e5, "overlap_comm": true}})",
        R"({"train_micro_batch_size_per_gpu": 2, "bf16": {"enabled": true}, "optimizer": {"type": "AdamW", "params":
            {"lr": 3e-4, "betas": [0.9, 0.95], "eps": 1e-8, "weight_decay": 0.1}}, "gradient_clipping": 0})",
        R"({"train_batch_size": "auto", "train_micro_batch_size_per_gpu": 1, /* comment */ "fp16": {"enabled": false},
            "zero_optimization": {"stage": 3, "stage3_prefetch_bucket_size": 1e6, "param_persistence_threshold": 0,
            "offload_param": {"device": "none"}, "sub_group_size": 1e9, "stage3_max_reuse_distance": 1e9}})",
        R"({"train_batch_size": 64, "train_micro_batch_size_per_gpu": 4, "fp16": {"enabled": true, "loss_scale": 0,
            "initial_scale_power": 16, "loss_scale_window": 2, "hysteresis": 2, "consecutive_hysteresis": true,
            "min_loss_scale": 1}, "scheduler": {"type": "WarmupDecayLR", "params": {"total_num_steps": "auto",
            "warmup_max_lr": "auto", "warmup_num_steps": 3, "warmup_type": "linear"}}, # comment
            "zero_optimization": {"stage": 3, "offload_optimizer": {"device": "nvme", "nvme_path": "/x",
            "buffer_count": 5, "pipeline_read": true}, "offload_param": {"device": "cpu", "buffer_size": 1e6},
            "reduce_bucket_size": "auto", "stage3_model_persistence_threshold": 9223372036854775807,}})",
        R"({"train_micro_batch_size_per_gpu": 1, "gradient_accumulation_steps": 3, "gradient_clipping": 1.0,
            "bf16": {"enabled": true}, "data_types": {"grad_accum_dtype": "fp32"}, "communication_data_type": "bf16",
            "scheduler": {"type": "WarmupCosineLR", "params": {"total_num_steps": 9, "cos_min_ratio": 0.1}},
            "zero_optimization": {"stage": 1, "cpu_offload": true, "reduce_scatter": false},
            "activation_checkpointing": {"cpu_checkpointing": true}, "shardscope": {"delayed_update": true}})",
        R"({"train_batch_size": 4, "zero_optimization": true, "steps_per_print": 10, "comms_logger": {"enabled": false}, "data_types": {"grad_accum_dtype": "fp32"}})",
    };
}

std::string mutated(const std::string& input, const std::vector<std::string>& corpus, Random& random) {
    static const std::vector<std::string> words = {"\"train_batch_size\":",
                                                   "\"stage\":",
                                                   "3",
                                                   "null",
                                                   "\"auto\"",
                                                   "true",
                                                   "-1",
                                                   "1e999",
                                                   "18446744073709551616",
                                                   "[[[[",
                                                   "{\"a\":",
                                                   "\"\\ud800\"",
                                                   "\xff",
                                                   "//",
                                                   "/*",
                                                   "*/",
                                                   "\"bfloat16\":{\"enabled\":true},",
                                                   "\"zero_optimization\":{",
                                                   "}",
                                                   "0.5",
                                                   "\"checkpoint\":{\"a\":1},",
                                                   "\"aio\":null,",
                                                   "\"scheduler\":{},",
                                                   "\"mics_shard_size\":-1,",
                                                   "\"elasticity\":{},",
                                                   "\"enabled\":true,",
                                                   "\"device\":\"cpu\",",
                                                   "\"tensorboard\":{\"enabled\":true,\"x\":\"auto\"},",
                                                   "\"activation_checkpointing\":\"full\",",
                                                   "#",
                                                   ",}"};
    return mutatedText(input, corpus, words, random);
}

void tryInput(const std::string& text) {
    const auto config = parseConfig(text, "input", 4, 768, 100);
    if (!config) {
        const std::string& message = config.error().message;
        require(!message.empty() && message.size() < 1000, "a message has a sensible length");
        require(message.find('\n') == std::string::npos, "a message is one line");
        nlohmann::json(message).dump(); // throws if it is not UTF-8
        return;
    }
    require(config->zero.stage >= 0 && config->zero.stage <= 3, "the stage is in range");
    require(config->zero.reduce_bucket_size > 0 && config->zero.allgather_bucket_size % 2 == 0,
            "bucket sizes are in range");
    require(config->train_batch_size ==
                config->train_micro_batch_size_per_gpu * config->gradient_accumulation_steps * 4,
            "the batch sizes agree");
    require(!(config->bf16_enabled && config->fp16.enabled), "there is one precision");
    const auto& zero = config->zero;
    require(zero.offload_param.device == OffloadDevice::none || zero.stage == 3, "offload_param at stage 3");
    require(zero.offload_optimizer.device == OffloadDevice::none || zero.stage > 0,
            "offload_optimizer from stage 1 on");
    require(zero.offload_optimizer.device != OffloadDevice::nvme || !zero.offload_optimizer.nvme_path.empty(),
            "storage has a path");
    for (const std::string& notice : config->notices) {
        require(!notice.empty() && notice.size() < 1000 && notice.find('\n') == std::string::npos,
                "a notice is one line of sensible length");
        nlohmann::json(notice).dump();
    }
    const double rate = learningRate(config->scheduler, config->optimizer, 7);
    require(rate >= 0 && rate < 1e31, "the learning rate is a number in range");
    LossScaler scaler(config->fp16);
    for (int i = 0; i < 8; ++i)
        if (!scaler.update(i % 3 != 0)) break;
    require(scaler.scale() > 0, "the loss scale stays positive");

    const std::string resolved = resolvedJson(*config);
    const auto again = parseConfig(resolved, "resolved", 4);
    require(bool(again), "the resolved configuration is accepted");
    require(resolvedJson(*again) == resolved, "resolving twice changes nothing");
    require(again->zero == zero && again->scheduler == config->scheduler && again->fp16 == config->fp16 &&
                again->activations == config->activations && again->optimizer == config->optimizer,
            "the resolved configuration says the same");
}

} // namespace shardscope::fuzz
