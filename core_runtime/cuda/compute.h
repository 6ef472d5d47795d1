// SPDX-License-Identifier: Apache-2.0
// Enqueues one compute op of a step program with the CUDA kernels.
#pragma once
#include "core_runtime/backend.h"
#include "core_runtime/cuda/api.h"

namespace shardscope::cuda {

// What the compute lane of a rank has beside the buffers of the program.
struct ComputeScratch {
    double* partial_sums = nullptr; // on the device: kernels::cuda::squared_sum_partials
    int32_t* batches = nullptr;     // page-locked: ids and targets of every micro-batch, on their way to the device
    int64_t batch_elements = 0;     // of ids, and of targets, of one micro-batch
    cudaStream_t stream = nullptr;
};

void enqueueCompute(const StepProgram&, const Op&, int64_t rank, const std::vector<std::byte*>& addresses,
                    const StepContext&, const ComputeScratch&);

} // namespace shardscope::cuda
