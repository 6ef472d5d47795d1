// SPDX-License-Identifier: Apache-2.0
#include "core_runtime/program_builder.h"
#include <cassert>
#include <utility>

namespace shardscope {

BufferId ProgramBuilder::addBuffer(BufferInfo info) {
    assert(info.elements > 0);
    m_program.buffers.push_back(std::move(info));
    return static_cast<BufferId>(m_program.buffers.size() - 1);
}

Operand ProgramBuilder::all(BufferId id, Access access) const {
    return {.buffer = id, .offset = 0, .rank_stride = 0, .elements = m_program.buffer(id).elements, .access = access};
}

OpId ProgramBuilder::addCompute(ComputeKind kind, std::string name, Phase phase, int32_t layer, OpDims dims,
                                std::vector<Operand> operands, std::string config_key, LaneKind lane) {
    Op op;
    op.kind = OpKind::compute;
    op.lane = lane;
    op.compute = kind;
    op.op_class = lane == LaneKind::host || kind == ComputeKind::load_batch ? OpClass::host : OpClass::compute;
    op.phase = phase;
    op.layer = layer;
    op.name = std::move(name);
    op.config_key = std::move(config_key);
    op.dims = dims;
    op.operands = std::move(operands);
    for (const Operand& o : op.operands)
        if (o.buffer != BufferId::none && o.access != Access::read)
            op.bytes += o.elements * bytesOf(m_program.buffer(o.buffer).dtype);
    if (lane == LaneKind::compute) op.waits_for = std::exchange(m_compute_waits, {});
    return append(std::move(op));
}

OpId ProgramBuilder::addCopy(std::string name, Phase phase, int32_t layer, int32_t bucket, Operand to, Operand from,
                             std::string config_key) {
    const BufferInfo &target = m_program.buffer(to.buffer), &source = m_program.buffer(from.buffer);
    assert(to.elements == from.elements && target.dtype == source.dtype && target.tier != source.tier);
    const bool stored = target.tier == MemoryTier::nvme || source.tier == MemoryTier::nvme;
    Op op;
    op.kind = OpKind::copy;
    op.lane = stored ? LaneKind::storage : LaneKind::copy;
    op.op_class = stored ? OpClass::storage : OpClass::copy;
    op.phase = phase;
    op.layer = layer;
    op.bucket = bucket;
    op.name = std::move(name);
    op.config_key = std::move(config_key);
    op.elements = to.elements;
    op.bytes = to.elements * bytesOf(target.dtype);
    to.access = Access::write;
    from.access = Access::read;
    op.operands = {to, from};
    return append(std::move(op));
}

OpId ProgramBuilder::addCollective(OpClass op_class, std::string name, Phase phase, int32_t layer, int32_t bucket,
                                   std::vector<CollectivePiece> pieces, std::string config_key) {
    Op op;
    op.kind = OpKind::collective;
    op.lane = LaneKind::comm;
    op.op_class = op_class;
    op.phase = phase;
    op.layer = layer;
    op.bucket = bucket;
    op.name = std::move(name);
    op.config_key = std::move(config_key);
    op.pieces = std::move(pieces);
    for (const CollectivePiece& p : op.pieces) {
        op.elements += p.slice_elements * m_program.ranks;
        op.bytes += p.slice_elements * m_program.ranks * bytesOf(m_program.buffer(p.full).dtype);
    }
    return append(std::move(op));
}

OpId ProgramBuilder::append(Op op) {
    op.micro_batch = m_micro_batch;
    op.name += m_suffix;
    const OpId id = nextOp();
    m_program.ops.push_back(std::move(op));
    return id;
}

} // namespace shardscope
