// SPDX-License-Identifier: Apache-2.0
// What the inspector says about one event: what is it, because of which key, and what that key did here. Plain values
// computed from the trace, so that they can be tested without a window. Nothing here is predicted; all of it was
// recorded.
#pragma once
#include "gui/run_facts.h"
#include <string>
#include <vector>

namespace shardscope::gui {

enum class Tone { normal, good, bad, attention };

struct Fact {
    std::string name, value;
    Tone tone = Tone::normal;
    std::string tooltip;
    bool operator==(const Fact&) const = default;
};

struct EventFacts {
    std::string place; // "rank 0 · comm"
    std::string title; // "Reduce-scatter, bucket 1"
    std::string subtitle;
    std::vector<Fact> facts;
    std::optional<ConfigFact> cause;
    std::string sentence; // what the key did here
};

std::optional<EventFacts> eventFacts(const TraceReader&, EventId);
// The part of a collective or copy during which its rank computed nothing.
int64_t exposedNs(const TraceReader&, const IntervalEvent&);
// The longest exposed collective of a rank within the range; none if nothing is exposed.
EventId longestExposed(const TraceReader&, int32_t rank, TimeRange);
// Why there is none: covered by compute, or never recorded.
std::string nothingExposed(const TraceReader&, int32_t rank, TimeRange);

} // namespace shardscope::gui
