// SPDX-License-Identifier: Apache-2.0
// What each setting does in a plan: the memory that it asked for, and why it changes nothing where that is so.
#pragma once
#include "core_runtime/memory_plan.h"
#include "core_runtime/planner.h"
#include <map>

namespace shardscope {

using TierBytes = std::array<int64_t, all_memory_tiers.size()>;

struct ExplainedSetting {
    Setting setting;
    // Per rank and tier, the most that lives at once of what the key asked for. Where the key decides when memory is
    // used rather than what for, the peak of the plan less the peak without it; `memory` says which.
    TierBytes bytes{};
    std::string memory;    // what these bytes are; empty: none
    std::string no_effect; // why no other value would change anything in this plan; empty: it acts
};

// The most that lives at once, per rank and tier, of the buffers that each key asked for.
std::map<std::string, TierBytes> peaksByKey(const StepProgram&);

// In the order of Config::settings.
std::vector<ExplainedSetting> explainSettings(const Plan&);

} // namespace shardscope
