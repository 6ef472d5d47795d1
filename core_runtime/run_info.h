// SPDX-License-Identifier: Apache-2.0
// What a trace says about its run before the first step: configuration, model, hardware, software, the program and the
// plan.
#pragma once
#include "core_runtime/engine.h"
#include "core_runtime/memory_plan.h"
#include "core_runtime/planner.h"
#include "traces/trace_event.h"
#include <vector>

namespace shardscope {

std::vector<TraceEvent> describeRun(const EngineOptions&, const Plan&, const MemoryPlan&);
std::string hardwareJson(); // processor, cores, memory; no host or user names

} // namespace shardscope
