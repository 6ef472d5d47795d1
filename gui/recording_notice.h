// SPDX-License-Identifier: Apache-2.0
// What has to be said wherever a trace is shown, because its times are not what they look like: virtual ranks, and
// kernels of a GPU that were not recorded; and the facts of a run that the inspector shows while nothing is selected.
#pragma once
#include "gui/event_facts.h"
#include "profiler/analysis/recording_facts.h"

namespace shardscope::gui {

std::vector<RecordingNotice> noticesOf(const RecordingFacts&);
std::string headNotice(const std::vector<RecordingNotice>&); // one line of all of them; empty: nothing to say
std::vector<Fact> runFactList(const TraceReader&);

} // namespace shardscope::gui
