// SPDX-License-Identifier: Apache-2.0
// What the data sheets of GPUs promise: arithmetic without sparsity and memory bandwidth, the roof that kernels are
// held against. Only devices whose sheet says it plainly; of others nothing is claimed.
#pragma once
#include <optional>
#include <string_view>

namespace shardscope {

struct SheetPeaks {
    double f32_flops_per_s;  // ordinary units: products in fp32 use no tensor cores here
    double half_flops_per_s; // tensor cores, bf16 and fp16 with sums in fp32
    double bytes_per_s;
};

std::optional<SheetPeaks> sheetPeaks(std::string_view device_name); // as the driver names it

} // namespace shardscope
