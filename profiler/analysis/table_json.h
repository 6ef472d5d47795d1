// SPDX-License-Identifier: Apache-2.0
// Tables as JSON values, for documents that hold more than tables. Internal to profiler/analysis.
#pragma once
#include "profiler/analysis/table.h"
#include <nlohmann/json.hpp>

namespace shardscope {

nlohmann::ordered_json rowsJson(const Table&); // an array of objects; not-a-number is null
std::string dumpJson(const nlohmann::ordered_json&);

} // namespace shardscope
