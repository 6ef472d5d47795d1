// SPDX-License-Identifier: Apache-2.0
// Dividing one op among the threads that setThreadsPerOp allowed. Only work whose parts know nothing of each other is
// divided, so the number of threads never changes a result.
#pragma once
#include <algorithm>
#include <cstdint>
#include <omp.h>

namespace shardscope::kernels::cpu {

inline constexpr int64_t element_grain = 65536; // elements worth waking a thread for
inline int64_t rowGrain(int64_t row_elements) { return element_grain / row_elements + 1; }

// body(first, last) over disjoint ranges that cover [0, count); each at least `grain` long, or one range for all.
template <class Body> void parallelRanges(int64_t count, int64_t grain, const Body& body) {
    const int64_t parts = std::min<int64_t>(omp_get_max_threads(), count / std::max<int64_t>(grain, 1));
    if (parts <= 1) {
        body(int64_t{0}, count);
        return;
    }
#pragma omp parallel for schedule(static, 1) num_threads(static_cast <int>(parts))
    for (int64_t part = 0; part < parts; ++part) body(count * part / parts, count * (part + 1) / parts);
}

} // namespace shardscope::kernels::cpu
