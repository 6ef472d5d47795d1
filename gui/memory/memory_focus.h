// SPDX-License-Identifier: Apache-2.0
// Whose memory is looked at, and when: decided from what the user chose last and from what the trace holds. Also the
// sentences that say what is a fact and what the trace does not tell. Plain values, no Qt.
#pragma once
#include "gui/canvas/heat_map.h"
#include "gui/memory/memory_data.h"
#include <optional>
#include <string>
#include <vector>

namespace shardscope::gui {

struct MemoryFocus {
    int trace_id = 0;
    int32_t rank = 0;
    MemoryTier tier = MemoryTier::device;
    std::optional<int64_t> time_ns; // trace time; nothing: the peak
    bool operator==(const MemoryFocus&) const = default;
};

struct FocusWishes {
    int trace_id = 0;
    int32_t only_rank = -1; // -1: any
    MemoryTier tier = MemoryTier::device;
    std::optional<MemoryFocus> moment; // that was clicked, of any trace
};

// Nothing if the trace has no memory of the wished rank. A tier that it does not have gives way to one that it has.
std::optional<MemoryFocus> focusOf(const std::vector<MemoryHeatRow>&, const FocusWishes&);
std::vector<MemoryTier> tiersOf(const std::vector<MemoryHeatRow>&);

// Rows of the tier, at their peaks or, with a reader, at a moment.
std::vector<HeatMapRow> heatRows(const std::vector<MemoryHeatRow>&, MemoryTier);
std::vector<HeatMapRow> heatRowsAt(const std::vector<MemoryHeatRow>&, MemoryTier, const TraceReader&, int64_t time_ns);

// "peak 28.55 MiB = planned, and equal after each of 888 changes"
std::string peakSentence(const MemoryHeatRow&, const PlannedCurve*);
std::vector<std::string> missingSentences(const BufferLives&, bool own_run); // what the trace does not tell
std::string noMemorySentence(const TraceReader&);

// The change that a moment means: the peak's own where the time is the peak's.
uint32_t changeOf(const BufferLives&, std::optional<int64_t> time_ns);

// The event that a buffer was allocated for: in a run of ours the op that needs it first, in an imported trace the
// shortest thing that went on.
EventId allocatingEvent(const TraceReader&, const BufferLives&, size_t life);

} // namespace shardscope::gui
