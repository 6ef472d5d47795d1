// SPDX-License-Identifier: Apache-2.0
#include "core_runtime/model_state.h"
#include "core_runtime/tiling.h"
#include "core_runtime/zero_keys.h"
#include <algorithm>
#include <cassert>
#include <cstring>

namespace shardscope {
namespace {

// Calls `visit(offset in the slice, parameter of parametersOf(), first element, count)` for every stretch of parameter
// values in slice `rank` of a segment, or in the whole segment when `whole`.
template <class Visit>
void forEachStretch(const Plan& plan, const Segment& segment, int64_t rank, bool whole, Visit visit) {
    const int64_t from = whole ? 0 : rank * segment.slice_elements;
    const int64_t to = whole ? segment.padded_elements : from + segment.slice_elements;
    for (int32_t p : segment.parameters) {
        const int64_t start = at(plan.layout.places, p).offset;
        const int64_t first = std::max(from, start);
        const int64_t end = std::min(to, start + at(plan.parameters, p).elements);
        if (first >= end) continue;
        forEachWholeStretch(at(plan.parameters, p), first - start, end - first,
                            [&](int32_t parameter, int64_t element, int64_t offset, int64_t count) {
                                visit(first - from + offset, parameter, element, count);
                            });
    }
}

void convert(std::span<const float> values, DType dtype, std::byte* to) {
    auto put = [&]<class T>(T) {
        std::transform(values.begin(), values.end(), reinterpret_cast<T*>(to), [](float v) { return T(v); });
    };
    if (dtype == DType::bf16)
        put(bfloat16());
    else if (dtype == DType::f16)
        put(float16());
    else
        put(float());
}

// A buffer of one rank to write into between steps; one on NVMe is read, changed in memory and written back.
class OpenBuffer {
public:
    OpenBuffer(Executor& executor, const Plan& plan, int64_t rank, BufferId id)
        : m_executor(executor)
        , m_info(plan.program.buffer(id))
        , m_rank(rank)
        , m_id(id) {
        if (stored()) m_copy = executor.readStored(rank, id);
        m_start = stored() ? m_copy.data() : executor.buffer<std::byte>(rank, id).data();
    }
    void put(int64_t offset, std::span<const float> values) {
        assert(offset + static_cast<int64_t>(values.size()) <= m_info.elements);
        convert(values, m_info.dtype, m_start + offset * bytesOf(m_info.dtype));
    }
    const float* floats(int64_t offset) const {
        assert(m_info.dtype == DType::f32);
        return reinterpret_cast<const float*>(m_start) + offset;
    }
    void close() {
        if (stored()) m_executor.writeStored(m_rank, m_id, m_copy);
    }

private:
    bool stored() const { return m_info.tier == MemoryTier::nvme; }
    Executor& m_executor;
    const BufferInfo& m_info;
    int64_t m_rank;
    BufferId m_id;
    std::vector<std::byte> m_copy;
    std::byte* m_start;
};

void putSegment(OpenBuffer& buffer, const Plan& plan, const Segment& segment, int64_t rank, bool whole, int64_t offset,
                const ValueSource& source) {
    std::vector<float> values;
    forEachStretch(plan, segment, rank, whole, [&](int64_t stretch, int32_t p, int64_t first, int64_t count) {
        values.resize(static_cast<size_t>(count));
        source(p, first, values);
        buffer.put(offset + stretch, values);
    });
}

// Where the optimizer's view of the parameters or a state of theirs lives.
BufferId stateBuffer(const Plan& plan, StateKind kind) {
    return kind == StateKind::master ? plan.master : kind == StateKind::exp_avg ? plan.exp_avg : plan.exp_avg_sq;
}
bool onNvme(const Plan& plan) { return plan.config.zero.offload_optimizer.device == OffloadDevice::nvme; }

// Calls `visit(buffer, segment, offset)` for every segment of a rank's share of a state; `change`: visit writes.
template <class Visit>
void forEachState(Executor& executor, const Plan& plan, int64_t rank, StateKind kind, bool change, Visit visit) {
    if (!onNvme(plan)) {
        OpenBuffer buffer(executor, plan, rank, stateBuffer(plan, kind));
        for (const Segment& segment : plan.layout.segments) visit(buffer, segment, plan.stateOffset(segment));
        return;
    }
    for (const SubGroup& group : plan.sub_groups) {
        OpenBuffer buffer(executor, plan, rank, group.swap);
        int64_t offset = static_cast<int64_t>(kind) * group.elements;
        for (int32_t s : group.segments) {
            const Segment& segment = at(plan.layout.segments, s);
            visit(buffer, segment, offset);
            offset += segment.slice_elements;
        }
        if (change) buffer.close();
    }
}

} // namespace

void setState(Executor& executor, const Plan& plan, StateKind kind, const ValueSource& source) {
    const bool whole = !plan.shards_optimizer();
    for (int64_t rank = 0; rank < plan.ranks; ++rank)
        forEachState(executor, plan, rank, kind, true, [&](OpenBuffer& buffer, const Segment& segment, int64_t offset) {
            putSegment(buffer, plan, segment, rank, whole, offset, source);
        });
}

void setParameters(Executor& executor, const Plan& plan, const ValueSource& source) {
    for (int64_t rank = 0; rank < plan.ranks; ++rank) {
        if (plan.staging != BufferId::none) { // a delayed update's first return finds what is there
            OpenBuffer buffer(executor, plan, rank, plan.staging);
            for (const Segment& segment : plan.layout.segments)
                putSegment(buffer, plan, segment, rank, false, segment.shard_offset, source);
        }
        for (size_t u = 0; u < plan.layout.units.size(); ++u) {
            const std::vector<int32_t>& segments = plan.layout.units[u].segments;
            if (const BufferId gathered = plan.unit_buffers[u]; gathered != BufferId::none) {
                OpenBuffer buffer(executor, plan, rank, gathered);
                for (int32_t s : segments) {
                    const Segment& segment = at(plan.layout.segments, s);
                    putSegment(buffer, plan, segment, rank, true, segment.unit_offset, source);
                }
            }
            if (plan.unit_stores.empty()) continue;
            OpenBuffer buffer(executor, plan, rank, plan.unit_stores[u].buffer);
            for (int32_t s : segments) {
                const Segment& segment = at(plan.layout.segments, s);
                putSegment(buffer, plan, segment, rank, false, plan.storeOffset(segment), source);
            }
            buffer.close();
        }
    }
    if (plan.master != BufferId::none || onNvme(plan)) setState(executor, plan, StateKind::master, source);
}

std::vector<std::vector<float>> collectState(Executor& executor, const Plan& plan, StateKind kind) {
    std::vector<std::vector<float>> values;
    for (const ParameterInfo& p : parametersOf(plan.model)) values.emplace_back(static_cast<size_t>(p.elements));
    auto take = [&](const OpenBuffer& buffer, const Segment& segment, int64_t rank, bool whole, int64_t offset) {
        forEachStretch(plan, segment, rank, whole, [&](int64_t stretch, int32_t p, int64_t first, int64_t count) {
            std::copy_n(buffer.floats(offset + stretch), count, at(values, p).begin() + first);
        });
    };
    const bool apart = kind != StateKind::master || plan.master != BufferId::none || onNvme(plan);
    if (apart) {
        const bool whole = !plan.shards_optimizer();
        for (int64_t rank = 0; rank < (whole ? 1 : plan.ranks); ++rank)
            forEachState(executor, plan, rank, kind, false,
                         [&](const OpenBuffer& buffer, const Segment& s, int64_t offset) {
                             take(buffer, s, rank, whole, offset);
                         });
        return values;
    }
    // The fp32 parameters are their own master: on every rank, or sharded at stage 3.
    for (const Segment& segment : plan.layout.segments) {
        const bool sharded = !plan.unit_stores.empty();
        for (int64_t rank = 0; rank < (sharded ? plan.ranks : 1); ++rank) {
            const OpenBuffer buffer(executor, plan, rank,
                                    sharded ? at(plan.unit_stores, segment.unit).buffer
                                            : at(plan.unit_buffers, segment.unit));
            take(buffer, segment, rank, !sharded, sharded ? plan.storeOffset(segment) : segment.unit_offset);
        }
    }
    return values;
}

} // namespace shardscope
