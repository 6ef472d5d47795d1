// SPDX-License-Identifier: Apache-2.0
// Every kernel of the op table timed on a device, against what a plain copy and a large product reach there in the same
// minute, and against the device's data sheet where that is known.
#pragma once
#include "core_runtime/cuda/cublaslt.h"
#include "kernels/op_table.h"

namespace shardscope::cuda {

struct OpBench {
    std::string device_name; // as the driver names device 0
    kernels::CaseSet cases = kernels::CaseSet::device;
    std::vector<DType> types = {DType::f32, DType::bf16};
    int repeats = 20;                    // calls that are timed together, after one that is not
    int64_t copy_bytes = 256 << 20;      // of the copy that tells the bound of traffic
    int64_t product = 4096;              // rows, columns and depth of the product that tells the bound of arithmetic
    std::optional<CublasLtApi> products; // none: our own kernel
};

// On device 0 and the calling thread. Error: the device fails or has too little memory.
Result<std::string> benchOps(const OpBench&, bool json);

} // namespace shardscope::cuda
