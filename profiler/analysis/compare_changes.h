// SPDX-License-Identifier: Apache-2.0
// The parts of compare(). Internal to profiler/analysis.
#pragma once
#include "profiler/analysis/compare.h"

namespace shardscope {

Change changeOf(const Statistics& baseline, const Statistics& other);

void compareConfigurations(const std::vector<const TraceReader*>&, Comparison&); // differences, equal_keys, known
void compareLosses(Comparison&);                                                 // against its baseline
void compareOpTimes(std::vector<ComparedOp>&, size_t baseline);                  // changes and order
std::vector<std::string> notesOf(const Comparison&);

} // namespace shardscope
