// SPDX-License-Identifier: Apache-2.0
// The DeepSpeed JSON as this runtime understands it. Names, units (elements, not bytes) and defaults are DeepSpeed's. A
// key that would change what happens and that we do not implement is refused with a sentence; it is never ignored.
#pragma once
#include "traces/result.h"
#include <cstdint>
#include <string>
#include <vector>

namespace shardscope {

struct OptimizerConfig { // type Adam or AdamW; both decouple the weight decay, as DeepSpeed's Adam does by default
    double learning_rate = 1e-3;
    double beta1 = 0.9, beta2 = 0.999;
    double epsilon = 1e-8;
    double weight_decay = 0;
    bool operator==(const OptimizerConfig&) const = default;
};

struct ZeroConfig {
    int stage = 0;
    int64_t reduce_bucket_size = 500'000'000;             // elements
    int64_t allgather_bucket_size = 500'000'000;          // elements; stages 1 and 2
    bool overlap_comm = false;                            // default: true at stage 3 only
    int64_t stage3_prefetch_bucket_size = 50'000'000;     // elements of gathered parameters; 0 = no prefetch
    int64_t stage3_param_persistence_threshold = 100'000; // parameters of at most this many elements stay gathered
    bool operator==(const ZeroConfig&) const = default;
};

// One effective setting and where it came from, for the resolved JSON, the inspector and error messages.
struct Setting {
    std::string key;    // "zero_optimization.reduce_bucket_size"
    std::string value;  // as JSON text
    std::string origin; // "given" | "default" | "derived"
    std::string unit;   // "elements", "" ...
};

struct Config {
    int64_t train_micro_batch_size_per_gpu = 1;
    int64_t gradient_accumulation_steps = 1;
    int64_t train_batch_size = 1; // = micro batch * accumulation * ranks
    bool bf16_enabled = false;    // bf16 parameters and gradients, fp32 master weights; else everything fp32
    OptimizerConfig optimizer;
    ZeroConfig zero;
    std::vector<Setting> settings;
};

// `source` names the text in messages (a file name). Errors name the key, the value and the remedy; malformed JSON
// carries line and column; an unknown key inside a typed section names the nearest known one.
Result<Config> parseConfig(const std::string& text, const std::string& source, int64_t ranks);
Result<Config> loadConfig(const std::string& path, int64_t ranks);
std::string resolvedJson(const Config&); // complete, loadable by DeepSpeed

} // namespace shardscope
