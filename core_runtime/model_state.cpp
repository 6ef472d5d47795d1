// SPDX-License-Identifier: Apache-2.0
#include "core_runtime/model_state.h"
#include "core_runtime/tiling.h"
#include "core_runtime/zero_keys.h"
#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>
#include <optional>

namespace shardscope {
namespace {

// Calls `visit(offset in the slice, parameter of Plan::parameters, first element, count)` for every stretch of
// parameter values in slice `rank` of a segment, or in the whole segment when `whole`.
template <class Visit>
void forEachTileStretch(const Plan& plan, const Segment& segment, int64_t rank, bool whole, Visit visit) {
    const int64_t from = whole ? 0 : rank * segment.slice_elements;
    const int64_t to = whole ? segment.padded_elements : from + segment.slice_elements;
    for (int32_t p : segment.parameters) {
        const int64_t start = at(plan.layout.places, p).offset;
        const int64_t first = std::max(from, start);
        const int64_t end = std::min(to, start + at(plan.parameters, p).elements);
        if (first < end) visit(first - from, p, first - start, end - first);
    }
}

// The same by parametersOf().
template <class Visit>
void forEachStretch(const Plan& plan, const Segment& segment, int64_t rank, bool whole, Visit visit) {
    forEachTileStretch(plan, segment, rank, whole, [&](int64_t stretch, int32_t p, int64_t first, int64_t count) {
        forEachWholeStretch(at(plan.parameters, p), first, count,
                            [&](int32_t parameter, int64_t element, int64_t offset, int64_t length) {
                                visit(stretch + offset, parameter, element, length);
                            });
    });
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

// A buffer of one rank to write into between steps; one out of reach of the processor is read, changed in a copy and
// written back.
class OpenBuffer {
public:
    OpenBuffer(Executor& executor, const Plan& plan, int64_t rank, BufferId id)
        : m_executor(executor)
        , m_info(plan.program.buffer(id))
        , m_rank(rank)
        , m_id(id) {
        m_start = executor.inPlace(rank, id).data();
        if (m_start) return;
        m_copy = executor.read(rank, id);
        m_start = m_copy.data();
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
        if (!m_copy.empty()) m_executor.write(m_rank, m_id, m_copy);
    }

private:
    Executor& m_executor;
    const BufferInfo& m_info;
    int64_t m_rank;
    BufferId m_id;
    std::vector<std::byte> m_copy;
    std::byte* m_start;
};

constexpr int64_t piece_elements = 1 << 20; // what is held beside the buffers themselves

// Elements [first, first + count) of a parameter, from a source, to a place in a buffer.
template <class Source>
void putPieces(OpenBuffer& buffer, int64_t offset, int64_t first, int64_t count, const Source& source) {
    std::vector<float> values;
    for (int64_t done = 0; done < count; done += static_cast<int64_t>(values.size())) {
        values.resize(static_cast<size_t>(std::min(count - done, piece_elements)));
        source(first + done, std::span<float>(values));
        buffer.put(offset + done, values);
    }
}

void putSegment(OpenBuffer& buffer, const Plan& plan, const Segment& segment, int64_t rank, bool whole, int64_t offset,
                const ValueSource& source) {
    forEachStretch(plan, segment, rank, whole, [&](int64_t stretch, int32_t p, int64_t first, int64_t count) {
        putPieces(buffer, offset + stretch, first, count,
                  [&](int64_t at_element, std::span<float> out) { source(p, at_element, out); });
    });
}

// Where the optimizer's view of the parameters or a state of theirs lives.
BufferId stateBuffer(const Plan& plan, StateKind kind) {
    return kind == StateKind::master ? plan.master : kind == StateKind::exp_avg ? plan.exp_avg : plan.exp_avg_sq;
}
bool onNvme(const Plan& plan) { return plan.config.zero.offload_optimizer.device == OffloadDevice::nvme; }

// Whether the weights have fp32 values apart from the parameters that the model computes with.
bool hasMaster(const Plan& plan) { return plan.master != BufferId::none || onNvme(plan); }

constexpr std::array all_states = {StateKind::master, StateKind::exp_avg, StateKind::exp_avg_sq};
constexpr auto master_only = std::span(all_states).first(1), moments = std::span(all_states).subspan(1);

// Calls `open(buffer)` before and `visit(kind, offset in the buffer, parameter of Plan::parameters, first, count)` for
// every stretch of a rank's share; `everywhere`: of all that this rank holds, which is more only where states are
// replicated.
template <class Open, class Visit>
void walkStates(const Plan& plan, int64_t rank, std::span<const StateKind> kinds, bool everywhere, Open open,
                Visit visit) {
    const auto walk = [&](StateKind kind, const Segment& segment, int64_t offset, bool sharded) {
        const bool whole = !sharded && everywhere;
        forEachTileStretch(plan, segment, rank, whole, [&](int64_t stretch, int32_t p, int64_t first, int64_t count) {
            visit(kind, offset + stretch + (sharded || whole ? 0 : rank * segment.slice_elements), p, first, count);
        });
    };
    if (onNvme(plan)) {
        for (const SubGroup& group : plan.sub_groups) {
            open(group.swap);
            for (const StateKind kind : kinds) {
                int64_t offset = static_cast<int64_t>(kind) * group.elements;
                for (int32_t s : group.segments) {
                    const Segment& segment = at(plan.layout.segments, s);
                    walk(kind, segment, offset, true);
                    offset += segment.slice_elements;
                }
            }
        }
        return;
    }
    for (const StateKind kind : kinds) {
        const bool own = kind != StateKind::master || hasMaster(plan);
        if (own) open(stateBuffer(plan, kind));
        for (const Segment& segment : plan.layout.segments) {
            if (own) {
                walk(kind, segment, plan.stateOffset(segment), plan.shards_optimizer());
            } else if (plan.unit_stores.empty()) { // the fp32 parameters are their own master
                open(at(plan.unit_buffers, segment.unit));
                walk(kind, segment, segment.unit_offset, false);
            } else {
                open(at(plan.unit_stores, segment.unit).buffer);
                walk(kind, segment, plan.storeOffset(segment), true);
            }
        }
    }
}

void setStates(Executor& executor, const Plan& plan, std::span<const StateKind> kinds, const StateSource& source) {
    for (int64_t rank = 0; rank < plan.ranks; ++rank) {
        std::optional<OpenBuffer> buffer;
        const auto close = [&] {
            if (buffer) buffer->close();
        };
        walkStates(
            plan, rank, kinds, true,
            [&](BufferId id) {
                close();
                buffer.emplace(executor, plan, rank, id);
            },
            [&](StateKind kind, int64_t offset, int32_t p, int64_t first, int64_t count) {
                forEachWholeStretch(at(plan.parameters, p), first, count,
                                    [&](int32_t whole, int64_t element, int64_t stretch, int64_t length) {
                                        putPieces(*buffer, offset + stretch, element, length,
                                                  [&](int64_t at_element, std::span<float> out) {
                                                      source(kind, whole, at_element, out);
                                                  });
                                    });
            });
        close();
    }
}

} // namespace

void setMoments(Executor& executor, const Plan& plan, const StateSource& source) {
    setStates(executor, plan, moments, source);
}

std::vector<StateStretch> shareOf(const Plan& plan, int64_t rank) {
    std::vector<StateStretch> share;
    walkStates(
        plan, rank, all_states, false, [](BufferId) {},
        [&](StateKind kind, int64_t, int32_t p, int64_t first, int64_t count) {
            share.push_back({kind, p, first, count});
        });
    return share;
}

void visitShare(Executor& executor, const Plan& plan, int64_t rank, const StateVisitor& visit) {
    std::optional<OpenBuffer> buffer;
    walkStates(
        plan, rank, all_states, false, [&](BufferId id) { buffer.emplace(executor, plan, rank, id); },
        [&](StateKind kind, int64_t offset, int32_t p, int64_t first, int64_t count) {
            visit({kind, p, first, count}, {buffer->floats(offset), static_cast<size_t>(count)});
        });
}

void setParameters(Executor& executor, const Plan& plan, const ValueSource& source) {
    for (int64_t rank = 0; rank < plan.ranks; ++rank) {
        if (plan.staging != BufferId::none) { // a delayed update's first return finds what is there
            OpenBuffer buffer(executor, plan, rank, plan.staging);
            for (const Segment& segment : plan.layout.segments)
                putSegment(buffer, plan, segment, rank, false, segment.shard_offset, source);
            buffer.close();
        }
        for (size_t u = 0; u < plan.layout.units.size(); ++u) {
            const std::vector<int32_t>& segments = plan.layout.units[u].segments;
            if (const BufferId gathered = plan.unit_buffers[u]; gathered != BufferId::none) {
                OpenBuffer buffer(executor, plan, rank, gathered);
                for (int32_t s : segments) {
                    const Segment& segment = at(plan.layout.segments, s);
                    putSegment(buffer, plan, segment, rank, true, segment.unit_offset, source);
                }
                buffer.close();
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
    if (hasMaster(plan))
        setStates(executor, plan, master_only,
                  [&](StateKind, int32_t p, int64_t first, std::span<float> out) { source(p, first, out); });
}

std::vector<std::vector<float>> collectWeights(Executor& executor, const Plan& plan) {
    std::vector<std::vector<float>> values;
    for (const ParameterInfo& p : parametersOf(plan.model)) values.emplace_back(static_cast<size_t>(p.elements));
    for (int64_t rank = 0; rank < plan.ranks; ++rank)
        visitShare(executor, plan, rank, [&](const StateStretch& stretch, std::span<const float> data) {
            if (stretch.kind == StateKind::master)
                forEachWholeStretch(at(plan.parameters, stretch.parameter), stretch.first, stretch.elements,
                                    [&](int32_t p, int64_t first, int64_t offset, int64_t count) {
                                        std::copy_n(data.begin() + offset, count, at(values, p).begin() + first);
                                    });
        });
    return values;
}

} // namespace shardscope
