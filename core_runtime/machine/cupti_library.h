// SPDX-License-Identifier: Apache-2.0
// CUPTI as GpuCapture wants it: its functions by name, from where vendor libraries are looked for.
#pragma once
#include "profiler/cupti/api.h"

namespace shardscope {

// Empty if the library is not found. Opened once and never closed, because threads of CUPTI outlive every capture.
cupti::Symbols cuptiSymbols();

} // namespace shardscope
