// SPDX-License-Identifier: Apache-2.0
#include "profiler/analysis/planned_memory.h"
#include "traces/query.h"
#include <algorithm>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace shardscope {

namespace {

// An op of the program seen at work: a change of the ledger or a computation. Both are done in program order.
struct Moment {
    int64_t time_ns = 0;
    OpId op = OpId::none;
    MemoryTier tier = MemoryTier::device;
    int64_t delta_bytes = 0; // 0: a computation
};

constexpr int64_t most_bytes = int64_t{1} << 56;

constexpr int64_t farthest_bytes = int64_t{1} << 60;

int64_t sumOf(int64_t bytes, int64_t change) { return std::clamp(bytes + change, -farthest_bytes, farthest_bytes); }

int64_t integerOr(const Cell& cell, int64_t none) {
    const auto* value = std::get_if<int64_t>(&cell);
    return value ? *value : none;
}

Result<std::vector<Moment>> momentsOf(const TraceReader& trace, int32_t rank) {
    std::vector<Moment> moments;
    const auto read = queryTrace(
        trace.path(),
        fmt::format("SELECT time_ns, tier, delta_bytes, op FROM memory_row WHERE rank = {} AND tier BETWEEN 0 AND 2 "
                    "ORDER BY time_ns, id",
                    rank),
        {}, [](const auto&) {},
        [&](const Row& row) {
            moments.push_back({.time_ns = integerOr(row[0], 0),
                               .op = static_cast<OpId>(std::clamp<int64_t>(integerOr(row[3], -1), -1, INT32_MAX)),
                               .tier = static_cast<MemoryTier>(integerOr(row[1], 0)),
                               .delta_bytes = std::clamp(integerOr(row[2], 0), -most_bytes, most_bytes)});
            return true;
        });
    if (!read) return read.error();
    const auto lanes = trace.lanes();
    const TimeRange everything{trace.span().start_ns, trace.span().end_ns + 1};
    for (size_t i = 0; i < lanes.size(); ++i) {
        if (lanes[i].rank != rank || lanes[i].kind != LaneKind::compute) continue;
        for (const IntervalEvent& e : trace.events(static_cast<LaneId>(i), everything))
            if (e.op != OpId::none) moments.push_back({.time_ns = e.start_ns, .op = e.op});
    }
    std::stable_sort(moments.begin(), moments.end(),
                     [](const Moment& a, const Moment& b) { return a.time_ns < b.time_ns; });
    return moments;
}

PlannedCurve curveOf(const std::vector<Moment>& moments, const PlannedMemory& planned, MemoryTier tier) {
    PlannedCurve curve;
    int64_t recorded = 0;
    for (const Moment& moment : moments) {
        const bool changes = moment.delta_bytes != 0;
        if (changes && moment.tier == tier) recorded = sumOf(recorded, moment.delta_bytes);
        if (moment.op == OpId::none) continue; // before the first step
        const int64_t promised = planned.after(moment.op);
        if (changes && moment.tier == tier) {
            ++curve.moments;
            curve.different += promised != recorded;
        }
        if (!curve.total_bytes.empty() && curve.total_bytes.back() == promised) continue;
        curve.time_ns.push_back(moment.time_ns);
        curve.total_bytes.push_back(promised);
    }
    curve.seal();
    return curve;
}

} // namespace

std::vector<PlannedBuffer> plannedBuffers(const TraceReader& trace) {
    using nlohmann::json;
    const json plan = json::parse(trace.runValue("memory_plan"), nullptr, false);
    std::vector<PlannedBuffer> buffers;
    if (!plan.is_array()) return buffers;
    const auto word = [](const json& object, const char* key) {
        const auto found = object.find(key);
        return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
    };
    const auto number = [](const json& object, const char* key, int64_t most) -> int64_t {
        const auto found = object.find(key);
        if (found == object.end() || !found->is_number_integer()) return -1;
        return std::clamp<int64_t>(found->get<int64_t>(), -1, most);
    };
    for (const json& entry : plan) {
        if (!entry.is_object()) return {};
        const auto tier = fromText<MemoryTier>(word(entry, "tier"));
        const auto category = fromText<MemoryCategory>(word(entry, "category"));
        const int64_t bytes = number(entry, "bytes", most_bytes), address = number(entry, "address", most_bytes);
        if (!tier || !category || bytes < 0 || address < 0) return {}; // half a plan would be a wrong one
        buffers.push_back({.name = word(entry, "name"),
                           .tier = *tier,
                           .category = *category,
                           .bytes = bytes,
                           .address = address,
                           .alloc_op = static_cast<OpId>(number(entry, "alloc_op", INT32_MAX)),
                           .free_op = static_cast<OpId>(number(entry, "free_op", INT32_MAX)),
                           .config_key = word(entry, "config_key")});
    }
    return buffers;
}

int64_t PlannedMemory::after(OpId position) const {
    const auto next = std::upper_bound(op.begin(), op.end(), position);
    return next == op.begin() ? persistent_bytes : total_bytes[static_cast<size_t>(next - op.begin()) - 1];
}

int64_t PlannedMemory::peak() const {
    int64_t highest = persistent_bytes;
    for (const int64_t bytes : total_bytes) highest = std::max(highest, bytes);
    return highest;
}

std::optional<int64_t> PlannedCurve::at(int64_t time) const {
    const auto after = std::upper_bound(time_ns.begin(), time_ns.end(), time);
    if (after == time_ns.begin()) return {};
    return total_bytes[static_cast<size_t>(after - time_ns.begin()) - 1];
}

std::optional<int64_t> PlannedCurve::highest(int64_t from_ns, int64_t to_ns) const {
    const auto place = [this](int64_t time) {
        return static_cast<size_t>(std::lower_bound(time_ns.begin(), time_ns.end(), time) - time_ns.begin());
    };
    size_t first = place(from_ns);
    const size_t end = place(to_ns);
    const bool changes_at_start = first < time_ns.size() && time_ns[first] == from_ns;
    if (first > 0 && !changes_at_start) --first;
    if (first >= end) return {};
    int64_t highest = total_bytes[first];
    for (size_t i = first; i < end;) {
        const bool whole_chunk = i % chunk_points == 0 && i + chunk_points <= end;
        highest = std::max(highest, whole_chunk ? m_chunk_highest[i / chunk_points] : total_bytes[i]);
        i += whole_chunk ? chunk_points : 1;
    }
    return highest;
}

void PlannedCurve::seal() {
    m_chunk_highest.clear();
    for (size_t i = 0; i < total_bytes.size(); ++i) {
        if (i % chunk_points == 0) m_chunk_highest.push_back(total_bytes[i]);
        m_chunk_highest.back() = std::max(m_chunk_highest.back(), total_bytes[i]);
    }
}

PlannedMemory plannedMemory(const std::vector<PlannedBuffer>& buffers, MemoryTier tier) {
    PlannedMemory planned;
    std::map<OpId, int64_t> deltas;
    for (const PlannedBuffer& buffer : buffers) {
        if (buffer.tier != tier) continue;
        if (buffer.alloc_op == OpId::none) {
            planned.persistent_bytes = sumOf(planned.persistent_bytes, buffer.bytes);
            continue;
        }
        for (const auto& [op, delta] : {std::pair{buffer.alloc_op, buffer.bytes}, {buffer.free_op, -buffer.bytes}})
            if (op != OpId::none) deltas[op] = sumOf(deltas[op], delta);
    }
    int64_t total = planned.persistent_bytes;
    for (const auto& [op, delta] : deltas) {
        planned.op.push_back(op);
        planned.total_bytes.push_back(total = sumOf(total, delta));
    }
    return planned;
}

Result<PlannedCurves> plannedCurves(const TraceReader& trace, int64_t limit) {
    PlannedCurves curves;
    const std::vector<PlannedBuffer> plan = plannedBuffers(trace);
    if (plan.empty()) return curves;
    int64_t points = 0;
    for (int32_t rank = 0; rank < trace.ranks() && points < limit; ++rank) {
        const auto moments = momentsOf(trace, rank);
        if (!moments) return moments.error();
        for (const MemoryTier tier : all_memory_tiers) {
            const PlannedMemory planned = plannedMemory(plan, tier);
            if (planned.op.empty() && planned.persistent_bytes == 0) continue;
            PlannedCurve curve = curveOf(*moments, planned, tier);
            points += static_cast<int64_t>(curve.time_ns.size());
            if (!curve.time_ns.empty()) curves[{rank, tier}] = std::move(curve);
        }
    }
    return curves;
}

} // namespace shardscope
