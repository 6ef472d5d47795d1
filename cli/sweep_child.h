// SPDX-License-Identifier: Apache-2.0
// One training run of a sweep in a process of its own, so that whatever happens to it ends this run and not the sweep.
// It dies with us.
#pragma once
#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace shardscope::cli {

struct ChildOutcome {
    bool stopped = false; // by `stop`; what it wrote is incomplete
    std::string error;    // one sentence; empty: it succeeded
    double seconds = 0;
};

// Runs this program with other arguments, which must contain --progress json. `on_step` hears the steps that are done.
ChildOutcome runChild(const std::vector<std::string>& arguments, const std::atomic<bool>& stop,
                      const std::function<void(int64_t done)>& on_step);

} // namespace shardscope::cli
