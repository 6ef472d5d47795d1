// SPDX-License-Identifier: Apache-2.0
// Where the time goes: the intervals of a trace grouped by name, phase, layer, ..., with the greatest groups first.
#pragma once
#include "profiler/analysis/table.h"
#include "traces/trace_reader.h"

namespace shardscope {

struct TopOptions {
    std::string by = "name";    // one of topGroups()
    std::string sort = "total"; // one of topOrders()
    std::string op_class;       // only this class; empty: all work
    int64_t limit = 20;         // groups; 0: all
    int32_t rank = -1;          // only this rank; -1: all
    int32_t step = -1;          // only this step; -1: all
};

const std::vector<std::string>& topGroups(); // name, class, phase, layer, bucket, rank, lane, step
const std::vector<std::string>& topOrders(); // total, calls, mean, max, name

Result<Report> topReport(const TraceReader&, const TopOptions&);

} // namespace shardscope
