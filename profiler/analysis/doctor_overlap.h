// SPDX-License-Identifier: Apache-2.0
// Why collectives of the median step are exposed. Internal to doctor.
#pragma once
#include "profiler/analysis/doctor.h"

namespace shardscope {

std::vector<Finding> diagnoseOverlap(const TraceReader&); // the costliest first, at most six

} // namespace shardscope
