// SPDX-License-Identifier: Apache-2.0
// The ops of kernels/ops.h on a CUDA device: `cuda::` has the same functions with the same meaning, on device pointers.
// A call enqueues on the calling thread's stream and returns; nothing allocates, waits or loads a library. Sums have a
// fixed order, so the bits depend on the inputs only. What differs is here.
#pragma once
#include "kernels/ops.h"

struct CUstream_st;

namespace shardscope::kernels::cuda {

using Stream = CUstream_st*;
void useStream(Stream); // by the calling thread, from now on; null: the default stream

// squaredSum() leaves its result on the device: `total` one double, `partials` scratch of so many doubles.
constexpr int64_t squared_sum_partials = 1024;
template <class T> void squaredSumInto(double* total, double* partials, const T* x, int64_t elements);

constexpr int64_t most_ranks = 64; // that sumRanks() takes

} // namespace shardscope::kernels::cuda
