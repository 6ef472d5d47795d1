// SPDX-License-Identifier: Apache-2.0
#include "core_runtime/step_program.h"

namespace shardscope {

const char* toText(ComputeKind kind) {
    switch (kind) {
    case ComputeKind::none:
        return "none";
    case ComputeKind::zero:
        return "zero";
    case ComputeKind::load_batch:
        return "load_batch";
    case ComputeKind::embedding_forward:
        return "embedding_forward";
    case ComputeKind::embedding_backward:
        return "embedding_backward";
    case ComputeKind::layernorm_forward:
        return "layernorm_forward";
    case ComputeKind::layernorm_backward:
        return "layernorm_backward";
    case ComputeKind::rmsnorm_forward:
        return "rmsnorm_forward";
    case ComputeKind::rmsnorm_backward:
        return "rmsnorm_backward";
    case ComputeKind::matmul_forward:
        return "matmul_forward";
    case ComputeKind::matmul_backward_input:
        return "matmul_backward_input";
    case ComputeKind::matmul_backward_weight:
        return "matmul_backward_weight";
    case ComputeKind::rope_forward:
        return "rope_forward";
    case ComputeKind::rope_backward:
        return "rope_backward";
    case ComputeKind::attention_forward:
        return "attention_forward";
    case ComputeKind::attention_backward:
        return "attention_backward";
    case ComputeKind::gelu_forward:
        return "gelu_forward";
    case ComputeKind::gelu_backward:
        return "gelu_backward";
    case ComputeKind::swiglu_forward:
        return "swiglu_forward";
    case ComputeKind::swiglu_backward:
        return "swiglu_backward";
    case ComputeKind::dropout:
        return "dropout";
    case ComputeKind::residual_forward:
        return "residual_forward";
    case ComputeKind::cross_entropy:
        return "cross_entropy";
    case ComputeKind::accumulate:
        return "accumulate";
    case ComputeKind::squared_norm:
        return "squared_norm";
    case ComputeKind::norm_total:
        return "norm_total";
    case ComputeKind::clip_scale:
        return "clip_scale";
    case ComputeKind::adamw:
        return "adamw";
    }
    return "unknown";
}

std::vector<BufferUse> usesOf(const Op& op, int64_t ranks) {
    std::vector<BufferUse> uses;
    for (const Operand& o : op.operands) {
        if (o.buffer == BufferId::none) continue; // an optional argument left out
        uses.push_back({.buffer = o.buffer,
                        .first = o.offset,
                        .end = o.offset + (ranks - 1) * o.rank_stride + o.elements,
                        .reads = o.access != Access::write,
                        .writes = o.access != Access::read});
    }
    for (const CollectivePiece& p : op.pieces) {
        const bool gathers = op.op_class == OpClass::all_gather;
        const bool in_place = p.shard == BufferId::none;
        uses.push_back({.buffer = p.full,
                        .first = p.full_offset,
                        .end = p.full_offset + (ranks - 1) * p.slice_stride + p.slice_elements,
                        .reads = !gathers || in_place,
                        .writes = gathers || in_place});
        if (!in_place)
            uses.push_back({.buffer = p.shard,
                            .first = p.shard_offset,
                            .end = p.shard_offset + p.slice_elements,
                            .reads = gathers,
                            .writes = !gathers});
    }
    return uses;
}

} // namespace shardscope
