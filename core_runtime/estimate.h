// SPDX-License-Identifier: Apache-2.0
// What a configuration needs per rank, by one of several accountings: `plan` is what this runtime does, to the byte;
// the others are what was published, formulas of model states and activations (memory_formulas.h).
#pragma once
#include "core_runtime/config.h"
#include "core_runtime/memory_plan.h"
#include "core_runtime/model_spec.h"
#include <optional>

namespace shardscope {

enum class Accounting : uint8_t {
    plan,
    paper,     // ZeRO: 16 bytes per parameter, mixed precision with Adam
    fp32_grad, // the same with gradients accumulated in fp32, 20 bytes
    deepspeed, // DeepSpeed's own estimators
    megatron   // Megatron-LM: 18 bytes, its distributed optimizer is stage 1
};
inline constexpr std::array all_accountings = {Accounting::plan, Accounting::paper, Accounting::fp32_grad,
                                               Accounting::deepspeed, Accounting::megatron};
std::string_view toText(Accounting); // "fp32-grad"

struct EstimateRequest {
    Accounting accounting = Accounting::plan;
    Config config; // read for the data-parallel ranks, world_size / (tensor_parallel * pipeline_parallel)
    std::optional<ModelSpec> model;
    double parameters = 0; // where there is no model: model states alone
    int64_t world_size = 1;
    int64_t sequence = 0; // tokens; 0 = the model's context
    // The published accountings only.
    int64_t tensor_parallel = 1, pipeline_parallel = 1, interleave = 1;
    bool sequence_parallel = false;
    // DeepSpeed's only.
    int64_t devices_per_node = 0; // 0: all of them up to 8
    double largest_layer = 0;     // elements, where there is no model
    bool zero_init = true;
    double device_bytes = 0; // memory of a device; 0: not asked whether it fits
};

struct NamedBytes {
    std::string name; // a memory category, or as estimate.cpp says what is a part or a sum of them
    int64_t bytes = 0;
    bool operator==(const NamedBytes&) const = default;
};

// The most that lives at once; where and when.
struct PeakMoment {
    std::string op; // the next op after the allocation that reaches the peak
    std::string buffer;
    Phase phase = Phase::forward;
    int32_t layer = -1, micro_batch = 0;
};

struct Estimate {
    int64_t parameters = 0;
    std::array<std::vector<NamedBytes>, all_memory_tiers.size()>
        bytes; // each at its own peak; host of deepspeed: a node
    std::array<std::vector<NamedBytes>, all_memory_tiers.size()> at_peak; // plan: when the tier's total peaks
    std::array<int64_t, all_memory_tiers.size()> peak_bytes{};
    std::optional<PeakMoment> peak_at;                 // plan, of the device
    std::optional<int64_t> activation_bytes_per_layer; // what a block keeps from its forward for its backward pass
    std::string formula;                               // of what `bytes` counts
    std::optional<bool> fits;                          // the device's peak into device_bytes
    std::optional<double> largest_model;               // parameters whose model states fill device_bytes
    std::vector<std::string> notes;                    // what is left out or assumed, one sentence each
    const std::vector<NamedBytes>& of(MemoryTier t) const { return bytes[static_cast<size_t>(t)]; }
};

// Errors are about the request: what an accounting cannot count, numbers that do not divide.
Result<Estimate> estimate(const EstimateRequest&);

// Elements of the module with the most parameters of its own, as DeepSpeed's estimators take it.
int64_t largestLayer(const ModelSpec&);

} // namespace shardscope
