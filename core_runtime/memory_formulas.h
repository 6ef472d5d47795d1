// SPDX-License-Identifier: Apache-2.0
// Published formulas for the memory of training, as their authors count it: bytes unless a name says otherwise, per
// device unless a comment says otherwise. Pure functions; what this runtime itself needs is planned, not estimated
// (memory_plan.h). Sources:
//   ZeRO      Rajbhandari et al. 2020, arXiv 1910.02054
//   Offload   Ren et al. 2021, arXiv 2101.06840
//   Infinity  Rajbhandari et al. 2021, arXiv 2104.07857
//   Kor.      Korthikanti et al. 2022, arXiv 2205.05198
//   DS        DeepSpeed, runtime/zero/stage_1_and_2.py, stage3.py and docs/code-docs/source/memory.rst
//   Megatron  Megatron-LM, training/theoretical_memory_usage.py
#pragma once
#include "core_runtime/config.h"
#include <cstdint>
#include <string>

namespace shardscope {

// Bytes of model states per parameter. The optimizer's include the master weights where there are some.
struct StateWeights {
    int64_t parameters = 2, gradients = 2, optimizer = 12;
    int64_t sum() const { return parameters + gradients + optimizer; }
    bool operator==(const StateWeights&) const = default;
};
inline constexpr StateWeights mixed_states = {2, 2, 12};           // ZeRO section 3.1: K = 12
inline constexpr StateWeights mixed_fp32_gradients = {2, 6, 12};   // with gradients accumulated in fp32 beside
inline constexpr StateWeights megatron_states = {2, 4, 12};        // Megatron: gradients in fp32 only, 18 in all
inline constexpr StateWeights single_precision_states = {4, 4, 8}; // everything fp32, no master weights

struct ModelStates {
    int64_t parameters = 0, gradients = 0, optimizer = 0;
    int64_t sum() const { return parameters + gradients + optimizer; }
};

// ZeRO section 5, figure 1 and table 1: stage 1 divides the optimizer's by the data-parallel ranks, stage 2 the
// gradients' too, stage 3 all. Fractions of a byte are rounded up.
ModelStates modelStates(StateWeights, double parameters, int stage, int64_t ranks);
double stateBytesPerParameter(StateWeights, int stage, int64_t ranks);
std::string stateFormula(StateWeights, int stage); // "2Ψ + 14Ψ/N"
// ZeRO table 2: the largest model whose states fit, with `model_parallel` devices sharing each replica.
double largestModel(StateWeights, int stage, int64_t ranks, double device_bytes, int64_t model_parallel = 1);

// What DeepSpeed's estimate_zero2_ and estimate_zero3_model_states_mem_needs compute: parameters, gradients and
// optimizer states, no activations, no buffers. `host` is per node.
struct DeepSpeedCase {
    double parameters = 0, largest_layer = 0; // elements; the largest layer of stage 3: those of one module
    int64_t devices_per_node = 1, nodes = 1;
    bool offload_optimizer = false, offload_param = false;
    bool zero_init = true;      // stage 3: the model is built under zero.Init
    double buffer_factor = 1.5; // of host memory
};
struct DeepSpeedEstimate {
    int64_t device = 0, host = 0;
    std::string device_formula, host_formula; // P parameters, L largest layer, g devices per node, n nodes
};
// Without offload the documentation counts 4P + 16P/(gn) per device; the code since June 2024 2P + 18P/(gn).
enum class DeepSpeedVersion : uint8_t { documented, current };
DeepSpeedEstimate deepspeedZero2(const DeepSpeedCase&, DeepSpeedVersion);
DeepSpeedEstimate deepspeedZero3(const DeepSpeedCase&);

// Activations of a GPT layer in 16 bits with dropout masks of one byte, LayerNorm and GELU (Kor. section 4, table 2).
struct ActivationShape {
    int64_t sequence = 0, micro_batch = 1, hidden = 0, heads = 0, layers = 0, vocabulary = 0;
    int64_t feed_forward = 0; // 0: 4 hidden, as in the paper; else Megatron's 18 + 4 feed_forward / hidden for 34
    int64_t tensor_parallel = 1, pipeline_parallel = 1, interleave = 1;
    bool sequence_parallel = false;
    bool partition_checkpoints = false; // ZeRO section 6.1, P_a: full recomputation stores a slice per tensor rank
    Recompute recompute = Recompute::none;
};
double activationBytesPerLayer(const ActivationShape&);
std::string activationFormula(const ActivationShape&); // "sbh(10 + 24/t + 5as/(ht))"
// Layers whose activations the first pipeline stage holds: all L with 1F1B, L (1 + (p-1)/(pm)) with interleaving
// (Kor. section 4.2.3).
double heldLayers(const ActivationShape&);
double activationBytes(const ActivationShape&); // of all held layers
// Final norm, head and logits, 4sbh/t (1 + v/h); with pipeline stages the last one has them (Kor. section 4.3).
double outputActivationBytes(const ActivationShape&);
// The part of a layer that selective recomputation does not store, and the arithmetic it adds to a step (Kor. section
// 5: 72BLsh^2 (1 + s/(3h) + v/(12Lh)) instead of (1 + s/(6h) + v/(12Lh))).
double selectiveSaving(const ActivationShape&);
double selectiveExtraFlops(const ActivationShape&);
// The same ledger for a LLaMA layer: RMSNorm, grouped-query attention that keeps no attention matrix, SwiGLU, no
// dropout: sbh (12 + 4 kv/a + 6 ffn/h) of 16-bit tensors, and 4 bytes of statistics per token and norm or head.
double llamaActivationBytesPerLayer(int64_t sequence, int64_t micro_batch, int64_t hidden, int64_t heads,
                                    int64_t kv_heads, int64_t feed_forward);

// ZeRO section 3.2, footnote 3: elements of all activations of a GPT-2, coarsely.
double zeroActivationElements(int64_t hidden, int64_t batch, int64_t sequence, int64_t layers);
// ZeRO section 3.2: the gradients flattened into one fp32 buffer.
double fusedBufferBytes(double parameters);

// Infinity sections 3 and 5.1.2. Model states and checkpoints are of the whole model and batch, not per device.
struct InfinityShape {
    int64_t layers = 0, hidden = 0, heads = 0;
    int64_t batch = 1, sequence = 0;
    int64_t checkpoint_interval = 1; // blocks between two activation checkpoints
};
double infinityParameters(const InfinityShape&);        // elements: 12 nl hd^2
double infinityModelStates(const InfinityShape&);       // 20 bytes each: 240 nl hd^2
double infinityCheckpoints(const InfinityShape&);       // 2 bsz seq hd nl / ci
double infinityStateWorking(const InfinityShape&);      // MSWM, of the largest operator: 4 hd * 4 hd
double infinityActivationWorking(const InfinityShape&); // AWM: bsz seq ci (16 hd + 2 heads seq)

} // namespace shardscope
