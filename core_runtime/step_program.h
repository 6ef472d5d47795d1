// SPDX-License-Identifier: Apache-2.0
// The step program: one flat, ordered list of ops that is one training step of every rank, with the rank as a
// parameter. Ops wait only on earlier ops, lanes run their ops in order, and alloc/free are ops derived from first and
// last use. It is what the executor runs, what the memory plan sums up and what the trace file stores.
#pragma once
#include "kernels/dtype.h"
#include "traces/vocabulary.h"
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace shardscope {

enum class BufferId : int32_t { none = -1 };
constexpr size_t index(BufferId id) { return static_cast<size_t>(id); }
constexpr size_t index(OpId id) { return static_cast<size_t>(id); }

struct ElementRange {
    int64_t first = 0;
    int64_t elements = 0;
    bool operator==(const ElementRange&) const = default;
};

// A piece of memory that every rank has in the same size.
struct BufferInfo {
    std::string name;
    DType dtype = DType::f32;
    int64_t elements = 0;
    MemoryCategory category = MemoryCategory::other;
    MemoryTier tier = MemoryTier::device;
    bool persistent = false;          // lives through the whole run, zero at its start
    std::vector<ElementRange> zeroed; // set to zero at each allocation: the padding that no op writes
    std::string config_key;           // what asked for it; empty: the model, at its micro-batch
    int64_t bytes() const { return elements * bytesOf(dtype); }
};

enum class Access : uint8_t { read, write, read_write };

// A contiguous range of a buffer; on rank r it starts at offset + r * rank_stride.
struct Operand {
    BufferId buffer = BufferId::none;
    int64_t offset = 0;
    int64_t rank_stride = 0;
    int64_t elements = 0;
    Access access = Access::read;
};

// A copy moves its second operand into its first; the tiers of the two say which lane does it: storage where one is on
// NVMe, else copy.
enum class OpKind : uint8_t { compute, collective, copy, alloc, free };

enum class ComputeKind : uint8_t {
    none,
    zero,
    load_batch,
    embedding_forward,
    embedding_backward,
    layernorm_forward,
    layernorm_backward,
    rmsnorm_forward,
    rmsnorm_backward,
    matmul_forward,
    matmul_backward_input,
    matmul_backward_weight,
    rope_forward,
    rope_backward,
    attention_forward,
    attention_backward,
    gelu_forward,
    gelu_backward,
    swiglu_forward,
    swiglu_backward,
    dropout,
    residual_forward,
    cross_entropy,
    accumulate,
    squared_norm,
    norm_total,
    clip_scale,
    adamw
};
const char* toText(ComputeKind);

using OpDims = std::array<int64_t, 6>; // rows, n, k ... as the kind needs

// One contiguous range of `full`, cut into N equal slices that lie slice_stride apart; slice q belongs to rank q. With
// a shard buffer, rank q keeps its slice there (all_gather reads it, reduce_scatter writes it); without, in place in
// `full`.
struct CollectivePiece {
    BufferId full = BufferId::none;
    int64_t full_offset = 0;
    int64_t slice_stride = 0;
    int64_t slice_elements = 0;
    BufferId shard = BufferId::none;
    int64_t shard_offset = 0;
};

struct Op {
    OpKind kind = OpKind::compute;
    LaneKind lane = LaneKind::compute;
    OpClass op_class = OpClass::compute;
    ComputeKind compute = ComputeKind::none;
    Phase phase = Phase::forward;
    int32_t layer = -1;
    int32_t bucket = -1;
    int32_t micro_batch = 0;
    std::string name;
    std::string config_key;
    std::vector<Operand> operands;       // compute: in the order of the kernel's arguments; copy: to, from
    OpDims dims{};                       // compute
    float value = 0;                     // compute: the epsilon of rmsnorm, the theta of rope, the p of dropout
    std::vector<CollectivePiece> pieces; // collective
    BufferId buffer = BufferId::none;    // alloc, free
    std::vector<OpId> waits_for;         // earlier ops of other lanes
    int64_t elements = 0;                // collectives: whole range with padding
    int64_t bytes = 0;                   // collectives: the same in bytes; compute and copy: bytes written
};

// A gradient bucket as planned; see layout.h for how it is cut.
struct BucketInfo {
    int64_t elements = 0;
    int64_t padded_elements = 0;
    int64_t bytes = 0;
    std::vector<int32_t> parameters;
    std::string closed_because;
};

struct StepProgram {
    int64_t ranks = 1;
    std::vector<BufferInfo> buffers;
    std::vector<Op> ops;
    std::vector<BucketInfo> buckets;
    const BufferInfo& buffer(BufferId id) const { return buffers[index(id)]; }
};

// Where an operand starts on a rank: in bytes from the start of its buffer, and in memory, given the start of every
// buffer of the rank by BufferId.
inline int64_t byteOffset(const StepProgram& program, const Operand& o, int64_t rank) {
    return (o.offset + rank * o.rank_stride) * bytesOf(program.buffer(o.buffer).dtype);
}
inline std::byte* addressOf(const StepProgram& program, const Operand& o, int64_t rank,
                            const std::vector<std::byte*>& addresses) {
    return addresses[index(o.buffer)] + byteOffset(program, o, rank);
}

struct BufferUse { // an operand or a side of a collective piece, as all ranks together touch it
    BufferId buffer;
    int64_t first;
    int64_t end;
    bool reads;
    bool writes;
};
// Everything an op touches (not for alloc and free); ranges cover all ranks.
std::vector<BufferUse> usesOf(const Op&, int64_t ranks);

} // namespace shardscope
