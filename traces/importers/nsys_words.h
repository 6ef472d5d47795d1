// SPDX-License-Identifier: Apache-2.0
// Words for the numbers of an export of Nsight Systems, which old exports have no tables for, and names without what
// differs from call to call.
#pragma once
#include <cstdint>
#include <string_view>

namespace shardscope::importers {

const char* copyKind(int64_t);   // "HtoD"; CUPTI_ACTIVITY_KIND_MEMCPY.copyKind
const char* memoryKind(int64_t); // "Pinned"
const char* syncKind(int64_t);   // "Stream Sync"

std::string_view withoutVersion(std::string_view call);     // "cudaLaunchKernel_v7000" -> "cudaLaunchKernel"
std::string_view withoutCallNumber(std::string_view range); // "aten::view, op_id = 314290" -> "aten::view"

} // namespace shardscope::importers
