// SPDX-License-Identifier: Apache-2.0
// Benchmarks of the ops as text or JSON. Each number stands beside a bound measured in the same run: the traffic a
// plain copy loop reaches, and the rate of a large float matrix product.
#pragma once
#include <string>

namespace shardscope::kernels {

// Bytes read plus written per second by the fastest of plain loops over 64 MiB per thread and operand, far more than
// any cache holds: a copy, an addition in place, and the four streams of AdamW without its arithmetic.
double streamRate(int threads);

std::string benchOps(bool json);   // every op of the table against its reference; about ten seconds
std::string benchAdamW(bool json); // the optimizer on 1 and 2 threads, fp32 and bf16 with master weights

} // namespace shardscope::kernels
