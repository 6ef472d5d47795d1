// SPDX-License-Identifier: Apache-2.0
// A rank's share of a collective between ranks that see each other's memory, in the form in which each pulls: it adds
// its own slice of all ranks' buffers, in rank order, or copies the others' slices. What adds and copies is the
// caller's.
#pragma once
#include "core_runtime/step_program.h"
#include <cassert>
#include <type_traits>

namespace shardscope {

// T: of the elements. `startOf(rank, buffer)` gives a std::byte*; `copy(to, from, elements)`;
// `mean(outputs, inputs, elements)` on vectors of pointers.
template <class T, class StartOf, class Copy, class Mean>
void pullPieces(const Op& op, int64_t rank, int64_t ranks, StartOf startOf, Copy copy, Mean mean) {
    auto start = [&](int64_t q, BufferId buffer) { return reinterpret_cast<T*>(startOf(q, buffer)); };
    for (const CollectivePiece& p : op.pieces) {
        const bool in_place = p.shard == BufferId::none;
        if (in_place && ranks == 1) continue; // the sum over one rank, and all there is to gather
        auto slice = [&](int64_t holder, int64_t owner) {
            return start(holder, p.full) + p.full_offset + owner * p.slice_stride;
        };
        if (op.op_class == OpClass::all_gather) {
            for (int64_t q = 0; q < ranks; ++q) {
                const T* from = in_place ? slice(q, q) : start(q, p.shard) + p.shard_offset;
                if (from != slice(rank, q)) copy(slice(rank, q), from, p.slice_elements);
            }
            continue;
        }
        std::vector<const T*> inputs;
        std::vector<T*> outputs;
        for (int64_t q = 0; q < ranks; ++q) inputs.push_back(slice(q, rank));
        if (op.op_class == OpClass::all_reduce)
            for (int64_t q = 0; q < ranks; ++q) outputs.push_back(slice(q, rank));
        else
            outputs.push_back(in_place ? slice(rank, rank) : start(rank, p.shard) + p.shard_offset);
        if constexpr (std::is_same_v<T, double>)
            assert(!"doubles are only gathered");
        else
            mean(outputs, inputs, p.slice_elements);
    }
}

// Calls `pull` with a value of the element type of a collective's buffers.
template <class Pull> void withCollectiveType(const StepProgram& program, const Op& op, Pull pull) {
    assert(!op.pieces.empty());
    switch (program.buffer(op.pieces.front().full).dtype) {
    case DType::bf16:
        return pull(bfloat16());
    case DType::f16:
        return pull(float16());
    case DType::f64:
        return pull(double());
    default:
        return pull(float());
    }
}

} // namespace shardscope
