// SPDX-License-Identifier: Apache-2.0
// Which GPUs a run may take, as the command line says it.
#pragma once
#include "traces/result.h"
#include <string>
#include <vector>

namespace shardscope {

// "0,2" as ordinals, of `count` devices; empty: all of them in order. Error: names what is no device, or stands twice.
Result<std::vector<int>> devicesOf(const std::string& list, int count);

} // namespace shardscope
