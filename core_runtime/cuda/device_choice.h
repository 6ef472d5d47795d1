// SPDX-License-Identifier: Apache-2.0
// Which GPUs the ranks of a run get, and how they exchange data.
#pragma once
#include "core_runtime/backend_choice.h"

namespace shardscope::cuda {

// `wanted`: "0,2", the devices in the order of the ranks; empty: all, in the driver's order. Error: a sentence why no
// GPU can be used, for people who asked for one.
Result<BackendChoice> chooseDevices(int64_t ranks, const std::string& wanted = "");

} // namespace shardscope::cuda
