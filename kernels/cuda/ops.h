// SPDX-License-Identifier: Apache-2.0
// The ops of kernels/ops.h on a CUDA device: `cuda::` has the same functions with the same meaning, on device pointers.
// A call enqueues on the calling thread's stream and returns; nothing allocates, waits or loads a library. Sums have a
// fixed order, so the bits depend on the inputs only. What differs is here.
#pragma once
#include "kernels/ops.h"
#include <cstddef>

struct CUstream_st;

namespace shardscope::kernels::cuda {

using Stream = CUstream_st*;
void useStream(Stream); // by the calling thread, from now on; null: the default stream

// What ops keep between their kernels, on the device; of the calling thread, whose stream keeps its ops apart. Enough
// for sums over the rows of a matrix, and for gradients of as many tokens of an embedding, if it has scratchBytes().
void useScratch(std::byte* start, int64_t bytes);
int64_t scratchBytes(int64_t rows, int64_t columns);
constexpr int64_t most_column_scratch = 8 << 20; // however many rows, of up to a million columns

// squaredSum() leaves its result on the device: `total` one double, `partials` scratch of so many doubles.
constexpr int64_t squared_sum_partials = 1024;
template <class T> void squaredSumInto(double* total, double* partials, const T* x, int64_t elements);

// What a step does with its gradients is decided on the device, so that nothing waits for the host. `control` is
// {scale, skip, norm}: what gradients are multiplied with, 1 where the step changes nothing, and the norm before
// clipping.
struct GradientScaling {
    double loss_scale = 1, clipping = 0; // clipping: the greatest norm, 0 = off
    bool skip_on_overflow = false;
};
void sumInto(double* total, const double* terms, int64_t count); // in order
void gradientControl(float* control, const double* squared_norms, int64_t count, const GradientScaling&);
// adamw() with scale and skip from the device; a skipped step still rounds the master into param.
template <class T, class G>
void adamwControlled(T* param, float* master, const G* grad, float* exp_avg, float* exp_avg_sq, int64_t elements,
                     const AdamWStep&, const float* control);

constexpr int64_t most_ranks = 64; // that sumRanks() takes

} // namespace shardscope::kernels::cuda
