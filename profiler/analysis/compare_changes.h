// SPDX-License-Identifier: Apache-2.0
// How one sample of a number differs from that of run A. Internal to compare.
#pragma once
#include "profiler/analysis/compare.h"

namespace shardscope {

Change changeOf(const Statistics& a, const Statistics& other);

} // namespace shardscope
