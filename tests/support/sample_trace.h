// SPDX-License-Identifier: Apache-2.0
// Writes plausible ZeRO traces for tests, without running any training: the ops of a small GPT on a few ranks,
// collectives that overlap with backward, memory that rises and falls by category. The same options always give the
// same events.
#pragma once
#include "traces/trace_event.h"
#include <cstdint>
#include <functional>
#include <string>

namespace shardscope {

struct SampleTraceOptions {
    int ranks = 4;
    int steps = 4;
    int stage = 2; // 0..3
    int layers = 6;
    uint64_t seed = 1;                        // of the jitter in durations; losses do not depend on it
    bool emulated_link = false;               // most of each transfer is marked as added by a link model
    double comm_slowness = 1;                 // factor on transfer times, to move exposed communication
    bool finish = true;                       // false: the file stays as a killed run leaves it (status "running")
    std::function<void(int step)> after_step; // called after the commit of each step, for tests that follow a live file
    int64_t synthetic_events = 0;             // > 0: instead of training, so many short events on ranks * 2 lanes
};

// Throws std::runtime_error with the writer's sentence on failure, so that a test stops there.
void writeSampleTrace(const std::string& path, const SampleTraceOptions& = {});

} // namespace shardscope
