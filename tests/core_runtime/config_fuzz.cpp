// SPDX-License-Identifier: Apache-2.0
// Whatever the text, parseConfig gives one sentence or a configuration whose resolved form is read back as the same.
#include "core_runtime/config.h"
#include "support/fuzz_driver.h"
#include <nlohmann/json.hpp>

namespace {

void require(bool good, const char* what) {
    if (good) return;
    std::fprintf(stderr, "config_fuzz: %s\n", what);
    std::abort();
}

void check(const std::string& text) {
    const auto config = shardscope::parseConfig(text, "input", 4);
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
    require(config->train_batch_size == config->train_micro_batch_size_per_gpu * 4, "the batch sizes agree");
    const std::string resolved = shardscope::resolvedJson(*config);
    const auto again = shardscope::parseConfig(resolved, "resolved", 4);
    require(bool(again), "the resolved configuration is accepted");
    require(shardscope::resolvedJson(*again) == resolved, "resolving twice changes nothing");
}

} // namespace

int main(int argc, char** argv) {
    const std::vector<std::string> corpus = {
        R"({"train_batch_size": 8, "zero_optimization": {"stage": 2, "reduce_bucket_size": 5e5, "overlap_comm": true}})",
        R"({"train_micro_batch_size_per_gpu": 2, "bf16": {"enabled": true}, "optimizer": {"type": "AdamW", "params":
            {"lr": 3e-4, "betas": [0.9, 0.95], "eps": 1e-8, "weight_decay": 0.1}}, "gradient_clipping": 0})",
        R"({"train_batch_size": "auto", "train_micro_batch_size_per_gpu": 1, /* comment */ "fp16": {"enabled": false},
            "zero_optimization": {"stage": 3, "stage3_prefetch_bucket_size": 1e6, "param_persistence_threshold": 0,
            "offload_param": {"device": "none"}, "sub_group_size": 1e9, "stage3_max_reuse_distance": 1e9}})",
        R"({"train_batch_size": 4, "steps_per_print": 10, "comms_logger": {"enabled": false}, "data_types": {"grad_accum_dtype": "fp32"}})",
    };
    const std::vector<std::string> words = {"\"train_batch_size\":",
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
                                            "\"elasticity\":{},"};
    return shardscope::fuzz::runFuzz(corpus, words, check, argc, argv);
}
