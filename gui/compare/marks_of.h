// SPDX-License-Identifier: Apache-2.0
// From the verdicts of a comparison to what the canvas marks.
#pragma once
#include "gui/canvas/difference_marks.h"
#include "profiler/analysis/compare.h"
#include <memory>

namespace shardscope::gui {

// What the canvas marks in the trace of a run. In the baseline itself: what not all other runs have.
std::shared_ptr<const DifferenceMarks> marksOf(const Comparison&, size_t run);

} // namespace shardscope::gui
