// SPDX-License-Identifier: Apache-2.0
#include "core_runtime/explain.h"
#include "core_runtime/zero_keys.h"
#include <algorithm>
#include <functional>

namespace shardscope {
namespace {

constexpr std::string_view zero = "zero_optimization.";
constexpr const char* key_batch = "train_micro_batch_size_per_gpu";
constexpr const char* key_live = "zero_optimization.stage3_max_live_parameters";
constexpr const char* key_reuse = "zero_optimization.stage3_max_reuse_distance";
constexpr const char* key_overlap = "zero_optimization.overlap_comm";
constexpr const char* key_recompute = "shardscope.activation_checkpointing";

struct Meaning {
    std::string_view key, memory;
};
constexpr std::array meanings = {
    Meaning{key_batch, "activations, workspaces and inputs of the model"},
    Meaning{key_accumulation, "gradients of a micro-batch and their sums, where they are apart"},
    Meaning{key_accumulation_type, "gradients of a micro-batch and their sums, where they are apart"},
    Meaning{key_communication_type, "gradients converted for their collective"},
    Meaning{key_bf16, "fp32 master weights"},
    Meaning{key_fp16, "fp32 master weights, norms of the overflow check"},
    Meaning{key_clipping, "norms of the gradients"},
    Meaning{key_optimizer, "moments of the optimizer, exp_avg and exp_avg_sq"},
    Meaning{key_stage, "parameters and gradients that the stage keeps, or gathers on demand"},
    Meaning{key_reduce, "gradient buckets, being filled and being reduced"},
    Meaning{key_reduce_scatter, "slices of all-reduced gradients"},
    Meaning{key_prefetch, "parameters gathered ahead, until their use is over"},
    Meaning{key_persistence, "small parameters that stay gathered"},
    Meaning{key_sub_group, "host buffer for the states of the largest sub-group"},
    Meaning{key_pipeline_read, "one more host buffer, for the sub-group that is read ahead"},
    Meaning{key_pipeline_write, "one more host buffer, for the sub-group that is written behind"},
    Meaning{key_offload_optimizer, "gradients and updated parameters on the host, states on NVMe"},
    Meaning{key_offload_param, "shards off the device, and those on their way to it"},
    Meaning{key_param_buffers, "host buffers between NVMe and device, each for the largest shard"},
    Meaning{"activation_checkpointing.cpu_checkpointing", "inputs of blocks on the host"},
};

// The most that lives at once, by tier, of the buffers that `wanted` names alike.
std::map<std::string, TierBytes> peaks(const StepProgram& program,
                                       const std::function<std::string(const BufferInfo&)>& name) {
    std::map<std::string, TierBytes> now, peak;
    const auto change = [&](const BufferInfo& buffer, int64_t delta) {
        const std::string group = name(buffer);
        const auto tier = static_cast<size_t>(buffer.tier);
        now[group][tier] += delta;
        peak[group][tier] = std::max(peak[group][tier], now[group][tier]);
    };
    for (const BufferInfo& buffer : program.buffers)
        if (buffer.persistent) change(buffer, buffer.bytes());
    for (const Op& op : program.ops)
        if (op.kind == OpKind::alloc || op.kind == OpKind::free)
            change(program.buffer(op.buffer), op.kind == OpKind::alloc ? op.bytes : -op.bytes);
    return peak;
}

TierBytes peakOf(const StepProgram& program) {
    const MemoryPlan memory = planMemory(program);
    TierBytes bytes{};
    for (size_t t = 0; t < bytes.size(); ++t) bytes[t] = memory.tiers[t].peak_bytes;
    return bytes;
}

class Explainer {
public:
    explicit Explainer(const Plan& plan)
        : m_plan(plan)
        , m_config(plan.config)
        , m_by_key(peaksByKey(plan.program))
        , m_peak(peakOf(plan.program)) {}

    ExplainedSetting explain(const Setting& setting) const {
        ExplainedSetting result{.setting = setting, .no_effect = noEffect(setting)};
        const std::string& key = setting.key;
        if (const auto found = m_by_key.find(key); found != m_by_key.end()) {
            const auto meaning =
                std::find_if(meanings.begin(), meanings.end(), [&](const Meaning& m) { return m.key == key; });
            result.bytes = found->second;
            result.memory = meaning == meanings.end() ? "buffers" : meaning->memory;
        } else if (key == key_live && m_config.zero.stage == 3) {
            result.bytes = peaks(m_plan.program, [](const BufferInfo& b) {
                return b.category == MemoryCategory::parameters && !b.persistent ? "gathered" : "";
            })["gathered"];
            result.memory = "all parameters gathered at once, on demand and ahead";
        } else if (key == key_overlap && m_config.zero.overlap_comm) {
            compare(result, "with false", [](Config& c) { c.zero.overlap_comm = false; });
        } else if (key == key_reuse && m_config.zero.stage == 3 && m_config.zero.stage3_max_reuse_distance > 0) {
            compare(result, "with 0", [](Config& c) { c.zero.stage3_max_reuse_distance = 0; });
        } else if (key == key_recompute && m_config.activations.recompute != Recompute::none) {
            compare(result, "with \"none\"", [](Config& c) { c.activations = {}; });
        }
        return result;
    }

private:
    void compare(ExplainedSetting& result, const std::string& other,
                 const std::function<void(Config&)>& without) const {
        Config config = m_config;
        without(config);
        const Result<Plan> plain = plan(config, m_plan.model, m_plan.ranks, m_plan.sequence);
        if (!plain) return;
        const TierBytes peak = peakOf(plain->program);
        for (size_t t = 0; t < peak.size(); ++t) result.bytes[t] = m_peak[t] - peak[t];
        result.memory = "the peak, less the peak " + other;
    }

    std::string noEffect(const Setting& setting) const {
        if (setting.inert) return "DeepSpeed's own; this runtime has nothing that it would change";
        const std::string_view key = setting.key;
        if (key.starts_with("fp16.") && key != key_fp16) return fp16(key);
        if (!key.starts_with(zero)) return "";
        const std::string_view name = key.substr(zero.size());
        if (name.starts_with("offload_optimizer.")) return offloadOptimizer(name);
        if (name.starts_with("offload_param.")) return offloadParam(name);
        return zeroKey(name);
    }

    std::string fp16(std::string_view key) const {
        if (!m_config.fp16.enabled) return "fp16.enabled is false";
        if (key != "fp16.loss_scale" && m_config.fp16.loss_scale > 0)
            return "fp16.loss_scale is not 0, so the scale stays";
        return "";
    }

    std::string offloadOptimizer(std::string_view name) const {
        const OffloadDevice device = m_config.zero.offload_optimizer.device;
        if (name == "offload_optimizer.device") return "";
        if (device != OffloadDevice::nvme)
            return "offload_optimizer.device is \"" + std::string(toText(device)) + "\", and only \"nvme\" reads it";
        if (name == "offload_optimizer.buffer_count" && !m_config.zero.offload_optimizer.pipeline_read)
            return "without pipeline_read one sub-group is on the host at a time";
        return "";
    }

    std::string offloadParam(std::string_view name) const {
        const OffloadDevice device = m_config.zero.offload_param.device;
        if (name == "offload_param.device") return m_config.zero.stage < 3 ? stage3Only() : "";
        if (device != OffloadDevice::nvme)
            return "offload_param.device is \"" + std::string(toText(device)) + "\", and only \"nvme\" reads it";
        const bool none_stored = m_by_key.find(key_param_buffers) == m_by_key.end();
        if (none_stored && name != "offload_param.max_in_cpu") return "max_in_cpu keeps every shard on the host";
        if (name == "offload_param.buffer_size")
            return "a buffer has the size of the largest shard, which fits into it";
        return "";
    }

    std::string stage3Only() const { return "stage 3 only, and the stage is " + std::to_string(m_config.zero.stage); }

    std::string zeroKey(std::string_view name) const {
        const ZeroConfig& z = m_config.zero;
        const std::string at_stage = "at stage " + std::to_string(z.stage) + " ";
        if (name == "allgather_bucket_size") {
            if (z.stage == 0) return at_stage + "every rank updates all parameters, so nothing is gathered";
            if (z.stage == 3)
                return at_stage + "layers are gathered for their use; stage3_prefetch_bucket_size says how far ahead";
        }
        if (name == "reduce_scatter" && z.stage == 0) return at_stage + "gradients are always all-reduced";
        if (name.starts_with("stage3_") && z.stage < 3) return stage3Only();
        if (name == "sub_group_size") {
            if (z.stage < 3) return stage3Only();
            if (z.offload_optimizer.device == OffloadDevice::none)
                return "states on the device are updated where they are, whatever their groups";
        }
        const bool ahead = z.overlap_comm && z.stage3_prefetch_bucket_size > 0;
        if (name == "stage3_prefetch_bucket_size" && !z.overlap_comm)
            return "overlap_comm is false, so nothing is gathered ahead";
        if (name == "stage3_max_live_parameters" && !ahead) return "it caps what is gathered ahead, which is nothing";
        if (name == "stage3_model_persistence_threshold" && z.stage3_param_persistence_threshold == 0)
            return "stage3_param_persistence_threshold is 0, so nothing stays gathered";
        return "";
    }

    const Plan& m_plan;
    const Config& m_config;
    std::map<std::string, TierBytes> m_by_key;
    TierBytes m_peak;
};

} // namespace

std::map<std::string, TierBytes> peaksByKey(const StepProgram& program) {
    return peaks(program, [](const BufferInfo& b) { return b.config_key.empty() ? key_batch : b.config_key; });
}

std::vector<ExplainedSetting> explainSettings(const Plan& plan) {
    const Explainer explainer(plan);
    std::vector<ExplainedSetting> result;
    for (const Setting& setting : plan.config.settings) result.push_back(explainer.explain(setting));
    return result;
}

} // namespace shardscope
