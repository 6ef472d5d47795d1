// SPDX-License-Identifier: Apache-2.0
#include "core_runtime/estimate.h"
#include "core_runtime/explain.h"
#include "core_runtime/memory_formulas.h"
#include "core_runtime/planner.h"
#include "core_runtime/zero_keys.h"
#include <algorithm>
#include <cassert>
#include <map>

namespace shardscope {
namespace {

constexpr double most_parameters = 1e15;

size_t tierIndex(MemoryTier tier) { return static_cast<size_t>(tier); }

int64_t& entry(std::vector<NamedBytes>& list, const std::string& name) {
    for (NamedBytes& named : list)
        if (named.name == name) return named.bytes;
    return list.emplace_back(NamedBytes{name, 0}).bytes;
}

// Activation bytes on the device that a block's forward pass leaves for its backward pass, of a middle block: the
// growth from where one block starts to where the next does.
std::optional<int64_t> plannedLayerActivations(const StepProgram& program, int64_t layers) {
    const auto is_activation = [&](const Op& op) {
        const BufferInfo& buffer = program.buffer(op.buffer);
        return buffer.category == MemoryCategory::activations && buffer.tier == MemoryTier::device;
    };
    const auto measured = static_cast<int32_t>(layers / 2);
    std::optional<int64_t> at_start;
    int64_t live = 0;
    for (const Op& op : program.ops) {
        const bool life = op.kind == OpKind::alloc || op.kind == OpKind::free;
        const bool works = life ? is_activation(op) && op.kind == OpKind::alloc : op.kind == OpKind::compute;
        if (works && op.phase == Phase::forward) {
            if (op.layer == measured && !at_start) at_start = live;
            if (op.layer == measured + 1 && at_start) return live - *at_start;
        }
        if (life && is_activation(op)) live += op.kind == OpKind::alloc ? op.bytes : -op.bytes;
    }
    return std::nullopt;
}

PeakMoment momentOf(const StepProgram& program, OpId peak) {
    if (peak == OpId::none) return {.op = "the whole step", .buffer = "what lives through the run"};
    size_t next = index(peak);
    while (next + 1 < program.ops.size() &&
           (program.ops[next].kind == OpKind::alloc || program.ops[next].kind == OpKind::free))
        ++next;
    const Op& op = program.ops[next];
    return {.op = op.name,
            .buffer = program.buffer(program.ops[index(peak)].buffer).name,
            .phase = op.phase,
            .layer = op.layer,
            .micro_batch = op.micro_batch};
}

Result<Estimate> fromPlan(const EstimateRequest& request) {
    const Result<Plan> made = plan(request.config, *request.model, request.world_size, request.sequence);
    if (!made) return made.error();
    const StepProgram& program = made->program;
    const MemoryPlan memory = planMemory(program);
    Estimate result;
    std::array<int64_t, all_memory_tiers.size()> resident_parameters{};
    for (const BufferInfo& buffer : program.buffers)
        if (buffer.persistent && buffer.category == MemoryCategory::parameters)
            resident_parameters[tierIndex(buffer.tier)] += buffer.bytes();
    const auto by_key = peaksByKey(program);
    for (const MemoryTier tier : all_memory_tiers) {
        const size_t t = tierIndex(tier);
        const TierPlan& planned = memory.tier(tier);
        const auto list = [&](const auto& categories) {
            std::vector<NamedBytes> named;
            const auto of = [&](MemoryCategory c) { return categories[static_cast<size_t>(c)]; };
            named.push_back({"model_states", resident_parameters[t] + of(MemoryCategory::gradients) +
                                                 of(MemoryCategory::optimizer) + of(MemoryCategory::master_weights)});
            for (const MemoryCategory category : all_memory_categories)
                named.push_back({std::string(toText(category)), of(category)});
            named.push_back({"gathered_parameters", of(MemoryCategory::parameters) - resident_parameters[t]});
            return named;
        };
        result.bytes[t] = list(planned.category_peak);
        result.at_peak[t] = list(planned.at_peak);
        const auto part = [&](const char* name, const char* key) {
            const auto found = by_key.find(key);
            result.bytes[t].push_back({name, found == by_key.end() ? 0 : found->second[t]});
        };
        part("prefetched_parameters", key_prefetch);
        part("reduce_buckets", key_reduce);
        result.peak_bytes[t] = planned.peak_bytes;
    }
    result.peak_at = momentOf(program, memory.device().peak_op);
    result.activation_bytes_per_layer = plannedLayerActivations(program, request.model->layers);
    result.formula = "the sum of the buffers of the step program that live at once, planned op by op";
    return result;
}

ActivationShape shapeOf(const EstimateRequest& request) {
    const ModelSpec& model = *request.model;
    return {.sequence = request.sequence > 0 ? request.sequence : model.context,
            .micro_batch = request.config.train_micro_batch_size_per_gpu,
            .hidden = model.channels,
            .heads = model.heads,
            .layers = model.layers,
            .vocabulary = model.vocabulary,
            .feed_forward = request.accounting == Accounting::megatron ? model.feedForward() : 0,
            .tensor_parallel = request.tensor_parallel,
            .pipeline_parallel = request.pipeline_parallel,
            .interleave = request.interleave,
            .sequence_parallel = request.sequence_parallel,
            .recompute = request.config.activations.recompute};
}

int64_t rounded(double bytes) { return static_cast<int64_t>(std::min(bytes, 9e18) + 0.5); }

// Activations of the published formulas, and the working memory of an offloaded model.
void addActivations(const EstimateRequest& request, Estimate& result) {
    if (!request.model) {
        result.notes.push_back("Model states alone: without a model nothing is known of activations.");
        return;
    }
    const ModelSpec& model = *request.model;
    const ActivationShape shape = shapeOf(request);
    result.activation_bytes_per_layer = rounded(activationBytesPerLayer(shape));
    if (model.family == ModelFamily::llama)
        result.notes.push_back(
            "The activation formula is that of a GPT layer with GELU, dropout masks and LayerNorm (Korthikanti et al.) "
            "at this model's shape; a LLaMA layer that keeps no attention matrix keeps " +
            std::to_string(rounded(llamaActivationBytesPerLayer(shape.sequence, shape.micro_batch, shape.hidden,
                                                                shape.heads, model.keyHeads(), model.feedForward()))) +
            " bytes.");
    if (request.accounting == Accounting::deepspeed) return; // its estimators leave activations out
    auto& device = result.bytes[tierIndex(MemoryTier::device)];
    const bool to_host = request.config.activations.cpu_checkpointing && shape.recompute == Recompute::full;
    auto& activations = to_host ? result.bytes[tierIndex(MemoryTier::host)] : device;
    entry(activations, "activations") = rounded(activationBytes(shape));
    entry(device, "output_activations") = rounded(outputActivationBytes(shape));
    result.formula += "; activations per layer " + activationFormula(shape) + ", head 4sbh/t (1 + v/h)";
    if (request.config.zero.offload_param.device == OffloadDevice::none) return;
    const InfinityShape infinity{.layers = model.layers,
                                 .hidden = model.channels,
                                 .heads = model.heads,
                                 .batch = shape.micro_batch,
                                 .sequence = shape.sequence};
    entry(device, "workspace") = rounded(infinityStateWorking(infinity));
    result.formula += "; working memory of the largest operator 4h * 4h (ZeRO-Infinity)";
    if (shape.recompute == Recompute::full) {
        entry(device, "workspace") += rounded(infinityActivationWorking(infinity));
        result.formula += " and of the block that is recomputed bs (16h + 2as)";
    }
}

Estimate fromPaper(const EstimateRequest& request, StateWeights weights, int64_t ranks) {
    const ZeroConfig& zero = request.config.zero;
    Estimate result;
    const double of_device =
        request.parameters / static_cast<double>(request.tensor_parallel * request.pipeline_parallel);
    const ModelStates states = modelStates(weights, of_device, zero.stage, ranks);
    const auto tierOf = [](OffloadDevice device) {
        return device == OffloadDevice::none  ? MemoryTier::device
               : device == OffloadDevice::cpu ? MemoryTier::host
                                              : MemoryTier::nvme;
    };
    const MemoryTier optimizer = tierOf(zero.offload_optimizer.device), parameters = tierOf(zero.offload_param.device);
    const auto add = [&](MemoryTier tier, const char* name, int64_t bytes) {
        entry(result.bytes[tierIndex(tier)], "model_states") += bytes;
        entry(result.bytes[tierIndex(tier)], name) += bytes;
    };
    for (const MemoryTier tier : all_memory_tiers)
        for (const char* name : {"model_states", "parameters", "gradients", "optimizer", "activations"})
            entry(result.bytes[tierIndex(tier)], name) = 0;
    add(parameters, "parameters", states.parameters);
    add(zero.stage >= 2 ? optimizer : MemoryTier::device, "gradients", states.gradients);
    add(optimizer, "optimizer", states.optimizer);
    result.formula = "model states " + stateFormula(weights, zero.stage);
    if (request.tensor_parallel * request.pipeline_parallel > 1) result.formula += ", Ψ divided by t p";
    if (request.device_bytes > 0)
        result.largest_model = largestModel(weights, zero.stage, ranks, request.device_bytes,
                                            request.tensor_parallel * request.pipeline_parallel);
    if (request.config.precision() == Precision::fp32)
        result.notes.push_back("This accounting is of mixed precision, 16-bit parameters with fp32 master weights; the "
                               "configuration is fp32.");
    if (request.accounting == Accounting::megatron && zero.stage > 1)
        result.notes.push_back("Megatron's distributed optimizer is stage 1 (6 + 12/N bytes per parameter); stages 2 "
                               "and 3 share the same 18 bytes further.");
    result.notes.push_back("Buckets, gathered parameters and fragmentation are not counted.");
    return result;
}

Result<Estimate> fromDeepSpeed(const EstimateRequest& request) {
    const ZeroConfig& zero = request.config.zero;
    if (zero.stage < 2)
        return Error{"DeepSpeed has estimators for stages 2 and 3 only, and the stage is " +
                     std::to_string(zero.stage) + "; take --accounting paper or another stage."};
    const int64_t per_node =
        request.devices_per_node > 0 ? request.devices_per_node : std::min<int64_t>(request.world_size, 8);
    if (request.world_size % per_node != 0)
        return Error{"The world size " + std::to_string(request.world_size) + " is not a multiple of " +
                     std::to_string(per_node) + " devices per node; give --gpus-per-node."};
    const double largest = request.largest_layer > 0 ? request.largest_layer
                           : request.model           ? static_cast<double>(largestLayer(*request.model))
                                                     : 0;
    if (zero.stage == 3 && largest == 0)
        return Error{
            "DeepSpeed's estimate of stage 3 needs the elements of the largest layer; give --largest-layer, or "
            "a model instead of --parameters."};
    const DeepSpeedCase c{.parameters = request.parameters,
                          .largest_layer = largest,
                          .devices_per_node = per_node,
                          .nodes = request.world_size / per_node,
                          .offload_optimizer = zero.offload_optimizer.device != OffloadDevice::none,
                          .offload_param = zero.offload_param.device != OffloadDevice::none,
                          .zero_init = request.zero_init};
    if (c.offload_param && !c.offload_optimizer)
        return Error{"DeepSpeed's estimator has no case of offloaded parameters without offload_optimizer; set "
                     "zero_optimization.offload_optimizer.device or take another accounting."};
    const DeepSpeedEstimate e = zero.stage == 3 ? deepspeedZero3(c) : deepspeedZero2(c, DeepSpeedVersion::documented);
    Estimate result;
    entry(result.bytes[tierIndex(MemoryTier::device)], "model_states") = e.device;
    entry(result.bytes[tierIndex(MemoryTier::host)], "model_states") = e.host;
    entry(result.bytes[tierIndex(MemoryTier::nvme)], "model_states") = 0;
    result.formula = "per device " + e.device_formula + "; host, per node, " + e.host_formula;
    if (zero.stage == 2 && !c.offload_optimizer) {
        const DeepSpeedEstimate now = deepspeedZero2(c, DeepSpeedVersion::current);
        result.notes.push_back("This is DeepSpeed's documentation; its code since June 2024 computes " +
                               now.device_formula + " = " + std::to_string(now.device) + " bytes per device.");
    }
    if (zero.offload_optimizer.device == OffloadDevice::nvme || zero.offload_param.device == OffloadDevice::nvme)
        result.notes.push_back("DeepSpeed's estimators know no NVMe: what would be there is counted on the host.");
    result.notes.push_back("DeepSpeed's estimators count model states; activations and buffers come on top.");
    return result;
}

std::optional<Error> mistake(const EstimateRequest& r) {
    const auto least = [](const char* name, int64_t value) -> std::optional<Error> {
        if (value >= 1 && value <= 1'000'000'000) return std::nullopt;
        return Error{std::string(name) + " is " + std::to_string(value) + "; use 1 to 1000000000."};
    };
    for (const auto& [name, value] : {std::pair{"The world size", r.world_size},
                                      {"--tensor-parallel", r.tensor_parallel},
                                      {"--pipeline-parallel", r.pipeline_parallel},
                                      {"--interleave", r.interleave}})
        if (auto error = least(name, value)) return error;
    if (!r.model && !(r.parameters >= 1 && r.parameters <= most_parameters))
        return Error{"--parameters must be from 1 to 1e15."};
    const int64_t model_parallel = r.tensor_parallel * r.pipeline_parallel;
    if (r.world_size % model_parallel != 0)
        return Error{"The world size " + std::to_string(r.world_size) +
                     " is not a multiple of tensor_parallel x pipeline_parallel = " + std::to_string(model_parallel) +
                     "."};
    if (r.accounting == Accounting::plan && !r.model)
        return Error{"A number of parameters cannot be planned, only a model; take --accounting paper."};
    const bool splits_model = model_parallel > 1 || r.sequence_parallel || r.interleave > 1;
    if (splits_model && (r.accounting == Accounting::plan || r.accounting == Accounting::deepspeed))
        return Error{"Tensor and pipeline parallelism are not part of --accounting " +
                     std::string(toText(r.accounting)) + "; take paper, fp32-grad or megatron."};
    if (r.sequence < 0 || r.sequence > 1'000'000'000)
        return Error{"--sequence is " + std::to_string(r.sequence) +
                     "; use 1 to 1000000000, or 0 for the model's context."};
    return std::nullopt;
}

} // namespace

std::string_view toText(Accounting accounting) {
    switch (accounting) {
    case Accounting::plan:
        return "plan";
    case Accounting::paper:
        return "paper";
    case Accounting::fp32_grad:
        return "fp32-grad";
    case Accounting::deepspeed:
        return "deepspeed";
    case Accounting::megatron:
        break;
    }
    return "megatron";
}

int64_t largestLayer(const ModelSpec& model) {
    std::map<std::string, int64_t> modules; // by name without ".weight" or ".bias"
    for (const ParameterInfo& p : parametersOf(model)) {
        int64_t elements = p.elements;
        // Hugging Face's LLaMA has modules of their own for what is one matrix here.
        if (model.family == ModelFamily::llama && p.role == ParameterRole::up_weight) elements /= 2;
        if (model.family == ModelFamily::llama && p.role == ParameterRole::qkv_weight)
            elements = model.channels * model.channels;
        modules[p.name.substr(0, p.name.rfind('.'))] += elements;
    }
    int64_t largest = 0;
    for (const auto& [name, elements] : modules) largest = std::max(largest, elements);
    return largest;
}

Result<Estimate> estimate(const EstimateRequest& given) {
    EstimateRequest request = given;
    if (const auto error = mistake(request)) return *error;
    if (request.model) request.parameters = static_cast<double>(parameterCount(*request.model));
    const int64_t ranks = request.world_size / (request.tensor_parallel * request.pipeline_parallel);
    const auto made = [&]() -> Result<Estimate> {
        switch (request.accounting) {
        case Accounting::plan:
            return fromPlan(request);
        case Accounting::deepspeed:
            return fromDeepSpeed(request);
        case Accounting::paper:
            return fromPaper(request, mixed_states, ranks);
        case Accounting::fp32_grad:
            return fromPaper(request, mixed_fp32_gradients, ranks);
        case Accounting::megatron:
            break;
        }
        return fromPaper(request, megatron_states, ranks);
    }();
    if (!made) return made.error();
    Estimate result = *made;
    result.parameters = rounded(request.parameters);
    if (request.accounting != Accounting::plan) {
        addActivations(request, result);
        for (const MemoryTier tier : all_memory_tiers)
            for (const char* name : {"model_states", "activations", "output_activations", "workspace"})
                for (const NamedBytes& named : result.of(tier))
                    if (named.name == name) result.peak_bytes[tierIndex(tier)] += named.bytes;
    }
    if (request.device_bytes > 0)
        result.fits = static_cast<double>(result.peak_bytes[tierIndex(MemoryTier::device)]) <= request.device_bytes;
    return result;
}

} // namespace shardscope
