// SPDX-License-Identifier: Apache-2.0
// Dividing one op among the threads that setThreadsPerOp allowed: the calling one and helpers of its own. Only work
// whose parts know nothing of each other is divided, so neither the number of threads nor the cut changes a result.
// Parts are taken one by one: a helper that the system has put aside holds up the part it has, and no other.
#pragma once
#include <algorithm>
#include <cstdint>

namespace shardscope::kernels::cpu {

inline constexpr int64_t element_grain = 65536; // elements worth waking a thread for
inline int64_t rowGrain(int64_t row_elements) { return element_grain / row_elements + 1; }

int64_t threadsPerOp(); // of the calling thread
// work(context, part) for every part in [0, parts), on the calling thread and its helpers.
void runParts(int64_t parts, void (*work)(const void* context, int64_t part), const void* context);

// body(part) for every part in [0, parts).
template <class Body> void parallelParts(int64_t parts, const Body& body) {
    runParts(
        parts, [](const void* context, int64_t part) { (*static_cast<const Body*>(context))(part); }, &body);
}

// body(first, last) over disjoint ranges that cover [0, count); each at least `grain` long, or one range for all.
template <class Body> void parallelRanges(int64_t count, int64_t grain, const Body& body) {
    constexpr int64_t parts_of_thread = 2; // so that one that is held up does less
    const int64_t threads = threadsPerOp();
    const int64_t parts =
        threads == 1 ? 1 : std::min<int64_t>(threads * parts_of_thread, count / std::max<int64_t>(grain, 1));
    if (parts <= 1) {
        body(int64_t{0}, count);
        return;
    }
    parallelParts(parts, [&](int64_t part) { body(count * part / parts, count * (part + 1) / parts); });
}

} // namespace shardscope::kernels::cpu
