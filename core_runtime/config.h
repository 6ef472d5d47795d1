// SPDX-License-Identifier: Apache-2.0
// The DeepSpeed JSON as this runtime understands it. Names, units (elements, not bytes) and defaults are DeepSpeed's. A
// key that would change results and that we do not implement is refused with a sentence; a key that has no meaning here
// is accepted with a notice. Nothing is ignored in silence. docs/config.md lists every key.
#pragma once
#include "traces/result.h"
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace shardscope {

struct OptimizerConfig { // type Adam or AdamW; both decouple the weight decay, as DeepSpeed's Adam does by default
    double learning_rate = 1e-3;
    double beta1 = 0.9, beta2 = 0.999;
    double epsilon = 1e-8;
    double weight_decay = 0;
    bool operator==(const OptimizerConfig&) const = default;
};

enum class SchedulerKind : uint8_t { none, warmup, warmup_decay, warmup_cosine };

// scheduler.type and scheduler.params: WarmupLR, WarmupDecayLR, WarmupCosineLR; see lr_schedule.h for the formulas.
struct SchedulerConfig {
    SchedulerKind kind = SchedulerKind::none;
    double warmup_min_lr = 0;
    double warmup_max_lr = 0;        // resolved: the optimizer's lr where WarmupLR does not give it
    int64_t warmup_num_steps = 1000; // optimizer steps
    bool warmup_log = true;          // warmup_type: log or linear
    int64_t total_num_steps = 0;     // optimizer steps; decay and cosine
    double warmup_min_ratio = 0;     // cosine: ratios of the optimizer's lr
    double cos_min_ratio = 1e-4;
    bool operator==(const SchedulerConfig&) const = default;
};

struct Fp16Config { // fp16.*; see loss_scaler.h for the update rule
    bool enabled = false;
    double loss_scale = 0; // 0 = dynamic
    int64_t initial_scale_power = 16;
    int64_t loss_scale_window = 1000; // steps
    int64_t hysteresis = 2;
    bool consecutive_hysteresis = false;
    double min_loss_scale = 1;
    bool operator==(const Fp16Config&) const = default;
};

enum class OffloadDevice : uint8_t { none, cpu, nvme };

struct OffloadOptimizerConfig {
    OffloadDevice device = OffloadDevice::none;
    std::string nvme_path;
    int64_t buffer_count = 4;
    bool pipeline_read = false, pipeline_write = false;
    bool operator==(const OffloadOptimizerConfig&) const = default;
};

struct OffloadParamConfig {
    OffloadDevice device = OffloadDevice::none;
    std::string nvme_path;
    int64_t buffer_count = 5;
    int64_t buffer_size = 100'000'000;  // elements
    int64_t max_in_cpu = 1'000'000'000; // elements
    bool operator==(const OffloadParamConfig&) const = default;
};

struct ZeroConfig {
    int stage = 0;
    int64_t reduce_bucket_size = 500'000'000;             // elements
    int64_t allgather_bucket_size = 500'000'000;          // elements; stages 1 and 2
    bool overlap_comm = false;                            // default: true at stage 3 only
    bool reduce_scatter = true;                           // false: gradients are all-reduced, each rank keeps its slice
    int64_t sub_group_size = 1'000'000'000;               // elements of a rank's shard updated at once; stage 3
    int64_t stage3_prefetch_bucket_size = 50'000'000;     // elements of gathered parameters; 0 = no prefetch
    int64_t stage3_param_persistence_threshold = 100'000; // parameters of at most this many elements stay gathered
    int64_t stage3_model_persistence_threshold = INT64_MAX; // elements that stay gathered in all
    int64_t stage3_max_live_parameters = 1'000'000'000;     // elements; caps prefetch
    int64_t stage3_max_reuse_distance = 0; // elements; a unit used again within it stays gathered (DeepSpeed: 1e9)
    OffloadOptimizerConfig offload_optimizer;
    OffloadParamConfig offload_param;
    bool operator==(const ZeroConfig&) const = default;
};

enum class Recompute : uint8_t { none, selective, full }; // selective: the attention core only

struct ActivationConfig {
    Recompute recompute = Recompute::none; // shardscope.activation_checkpointing
    bool cpu_checkpointing = false;        // activation_checkpointing.cpu_checkpointing: block inputs kept on the host
    bool operator==(const ActivationConfig&) const = default;
};

enum class Precision : uint8_t { fp32, bf16, fp16 };

// One effective setting and where it came from, for the resolved JSON, the inspector and error messages.
struct Setting {
    std::string key;    // "zero_optimization.reduce_bucket_size"
    std::string value;  // as JSON text
    std::string origin; // "given" | "default" | "derived"
    std::string unit;   // "elements", "" ...
    bool inert = false; // it has no meaning in this runtime, whatever its value
};

struct Config {
    int64_t train_micro_batch_size_per_gpu = 1;
    int64_t gradient_accumulation_steps = 1;
    int64_t train_batch_size = 1;                     // = micro batch * accumulation * ranks
    bool bf16_enabled = false;                        // bf16 parameters and gradients, fp32 master weights
    Fp16Config fp16;                                  // the same with fp16 and a loss scale; neither: everything fp32
    std::optional<Precision> grad_accum_dtype;        // data_types.grad_accum_dtype; absent: the model's
    std::optional<Precision> communication_data_type; // of gradient collectives; absent: the model's
    double gradient_clipping = 0;                     // largest global L2 norm; 0 = off
    bool wall_clock_breakdown = false;
    bool delayed_update = false; // shardscope.delayed_update: the host's optimizer step runs beside the next step
    OptimizerConfig optimizer;
    SchedulerConfig scheduler;
    ZeroConfig zero;
    ActivationConfig activations;
    std::vector<Setting> settings;
    std::vector<std::string> notices; // keys that were accepted and have no effect here, one sentence each

    Precision precision() const {
        return bf16_enabled ? Precision::bf16 : fp16.enabled ? Precision::fp16 : Precision::fp32;
    }
};

std::string_view toText(Precision);     // "bf16", as DeepSpeed writes it
std::string_view toText(OffloadDevice); // "nvme"
std::string_view toText(Recompute);     // "selective"

// `source` names the text in messages (a file name). Errors name the key, the value and the remedy; malformed JSON
// carries line and column; an unknown key inside a typed section names the nearest known one. What the text itself does
// not know completes "auto" values as Hugging Face's Trainer does: `hidden_size` the bucket sizes and the persistence
// threshold, `total_steps` the length of a schedule. Without them "auto" is the default.
Result<Config> parseConfig(const std::string& text, const std::string& source, int64_t ranks,
                           std::optional<int64_t> hidden_size = std::nullopt,
                           std::optional<int64_t> total_steps = std::nullopt);
Result<Config> loadConfig(const std::string& path, int64_t ranks, std::optional<int64_t> hidden_size = std::nullopt,
                          std::optional<int64_t> total_steps = std::nullopt);
std::string resolvedJson(const Config&); // complete, loadable by DeepSpeed; a fixed point of parseConfig

} // namespace shardscope
