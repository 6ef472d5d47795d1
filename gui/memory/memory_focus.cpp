// SPDX-License-Identifier: Apache-2.0
#include "gui/memory/memory_focus.h"
#include "gui/canvas/format.h"
#include <algorithm>

namespace shardscope::gui {
namespace {

constexpr int64_t search_ns = 1'000'000'000; // after an allocation, where its step is not known

const MemoryHeatRow* rowOf(const std::vector<MemoryHeatRow>& rows, int32_t rank, MemoryTier tier) {
    for (const MemoryHeatRow& row : rows)
        if (row.rank == rank && row.tier == tier) return &row;
    return nullptr;
}

} // namespace

std::vector<MemoryTier> tiersOf(const std::vector<MemoryHeatRow>& rows) {
    std::vector<MemoryTier> tiers;
    for (const MemoryTier tier : all_memory_tiers)
        if (std::any_of(rows.begin(), rows.end(), [tier](const MemoryHeatRow& row) { return row.tier == tier; }))
            tiers.push_back(tier);
    return tiers;
}

std::optional<MemoryFocus> focusOf(const std::vector<MemoryHeatRow>& rows, const FocusWishes& wishes) {
    const std::vector<MemoryTier> tiers = tiersOf(rows);
    if (tiers.empty()) return {};
    MemoryFocus focus{.trace_id = wishes.trace_id, .rank = wishes.only_rank, .tier = wishes.tier, .time_ns = {}};
    if (std::find(tiers.begin(), tiers.end(), focus.tier) == tiers.end()) focus.tier = tiers.front();
    const std::optional<MemoryFocus>& moment = wishes.moment;
    const bool here = moment && moment->trace_id == wishes.trace_id;
    if (focus.rank < 0 && here && rowOf(rows, moment->rank, focus.tier)) focus.rank = moment->rank;
    if (focus.rank < 0) { // the one that needs most
        const MemoryHeatRow* most = nullptr;
        for (const MemoryHeatRow& row : rows)
            if (row.tier == focus.tier && (!most || row.total_peak_bytes > most->total_peak_bytes)) most = &row;
        focus.rank = most->rank;
    }
    if (!rowOf(rows, focus.rank, focus.tier)) return {};
    if (here && moment->rank == focus.rank && moment->tier == focus.tier) focus.time_ns = moment->time_ns;
    return focus;
}

std::vector<HeatMapRow> heatRows(const std::vector<MemoryHeatRow>& rows, MemoryTier tier) {
    std::vector<HeatMapRow> shown;
    for (const MemoryHeatRow& row : rows) {
        if (row.tier != tier) continue;
        HeatMapRow& heat = shown.emplace_back();
        heat.rank = row.rank;
        heat.bytes = row.peak_bytes;
        heat.total_bytes = row.total_peak_bytes;
        if (row.planned_peak_bytes >= 0) heat.planned_bytes = row.planned_peak_bytes;
    }
    return shown;
}

std::vector<HeatMapRow> heatRowsAt(const std::vector<MemoryHeatRow>& rows, MemoryTier tier, const TraceReader& trace,
                                   int64_t time_ns) {
    std::vector<HeatMapRow> shown;
    for (const MemoryHeatRow& row : rows) {
        if (row.tier != tier) continue;
        const MemoryMoment moment = memoryAt(trace.memory(row.rank, tier), time_ns);
        HeatMapRow& heat = shown.emplace_back();
        heat.rank = row.rank;
        heat.bytes = moment.bytes;
        heat.total_bytes = moment.total_bytes;
    }
    return shown;
}

std::string peakSentence(const MemoryHeatRow& row, const PlannedCurve* plan) {
    std::string text = "peak " + formatBytes(row.total_peak_bytes);
    if (row.planned_peak_bytes < 0) return text;
    if (row.planned_peak_bytes != row.total_peak_bytes)
        return text + ", planned " + formatBytes(row.planned_peak_bytes) + ": " +
               formatCount(row.total_peak_bytes - row.planned_peak_bytes) + " B apart";
    text += " = planned";
    if (!plan || plan->moments == 0) return text;
    if (plan->different == 0) return text + ", and equal after each of " + formatCount(plan->moments) + " changes";
    return text + ", but different after " + formatCount(plan->different) + " of " + formatCount(plan->moments) +
           " changes";
}

std::vector<std::string> missingSentences(const BufferLives& lives, bool own_run) {
    std::vector<std::string> sentences;
    if (lives.plan.empty() && own_run)
        sentences.push_back("This file holds the planned peak but not the plan of every op; runs recorded now do.");
    if (lives.addresses == AddressSource::best_fit)
        sentences.push_back("Addresses are not recorded: each buffer is drawn in the smallest hole that held it.");
    if (lives.unnamed > 0)
        sentences.push_back("Buffers have no names: a release ends the latest allocation of its size.");
    if (lives.unmatched > 0)
        sentences.push_back(formatCount(lives.unmatched) + " releases are of memory from before the recording.");
    if (lives.left_out > 0)
        sentences.push_back(formatCount(lives.left_out) + " later changes are too many to be drawn as buffers.");
    return sentences;
}

std::string noMemorySentence(const TraceReader& trace) {
    const std::string source = trace.runValue("source_format");
    if (source.find("Nsight") != std::string::npos)
        return "This trace holds no memory changes; nsys profile --cuda-memory-usage=true records them.";
    if (source.find("PyTorch") != std::string::npos)
        return "This trace holds no memory changes; profile(profile_memory=True) records them.";
    return "This trace holds no memory changes.";
}

uint32_t changeOf(const BufferLives& lives, std::optional<int64_t> time_ns) {
    const uint32_t peak = lives.peakChange();
    if (!time_ns || (peak != BufferLife::never && lives.changeTimes()[peak] == *time_ns)) return peak;
    return lives.changeAt(*time_ns);
}

EventId allocatingEvent(const TraceReader& trace, const BufferLives& lives, size_t index) {
    const BufferLife& life = lives.all()[index];
    const ProgramOpEvent* op = opAfter(trace, life.alloc_op);
    const auto lanes = trace.lanes();
    EventId shortest = EventId::none;
    int64_t shortest_ns = INT64_MAX;
    TimeRange range{life.start_ns, op ? life.start_ns + search_ns : life.start_ns + 1};
    for (const StepEvent& step : trace.steps())
        if (op && step.step == life.step) range.end_ns = std::max(step.end_ns, life.start_ns + 1);
    const double finest = 1e-3; // ns per pixel: every event by itself
    for (size_t i = 0; i < lanes.size(); ++i) {
        if (lanes[i].rank != lives.rank || (op && lanes[i].kind != op->lane)) continue;
        for (const LaneRect& rect : trace.rects(static_cast<LaneId>(i), range, finest)) {
            if (!op) {
                const int64_t duration = rect.end_ns - rect.start_ns;
                if (rect.start_ns > life.start_ns || duration >= shortest_ns) continue;
                shortest = rect.event;
                shortest_ns = duration;
                continue;
            }
            const auto details = trace.details(rect.event);
            if (!details || details->event.step > life.step) break;
            if (details->event.op == op->op && details->event.step == life.step) return rect.event;
        }
    }
    return shortest;
}

} // namespace shardscope::gui
