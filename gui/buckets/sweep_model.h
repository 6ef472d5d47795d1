// SPDX-License-Identifier: Apache-2.0
// A sweep as the chart shows it: curves of measured points over one key, and what may be said beside them. No Qt;
// nothing lies between two points.
#pragma once
#include "profiler/analysis/sweep.h"

namespace shardscope::gui {

struct ChartPoint {
    size_t point = 0; // of the sweep
    double x = 0;
    PointFigures figures;
    bool same_plan = false; // not run itself: its plan is that of another point
};

struct ChartCurve {
    std::string label;              // values of the other keys: "overlap_comm on"; empty with one key
    std::vector<ChartPoint> points; // by rising x; those without a successful run are left out
};

struct ChartNote {
    double x = 0;
    std::string text;
};

struct SweepModel {
    Sweep sweep;
    std::vector<PointFigures> figures; // by point
    SweepVerdict verdict;
    size_t key = 0;                      // on the axis
    bool logarithmic = false;            // all values are above 0 and span more than a decade
    bool words = false;                  // values are no numbers: x counts them
    std::vector<std::string> categories; // then their labels, by x
    std::vector<ChartCurve> curves;
    std::vector<ChartNote> notes; // why the ends are slow, where the measurements say so
    int64_t failed = 0;           // points without a successful run that were tried
};

// `key`: which one is on the axis; others make curves.
SweepModel sweepModel(Sweep, size_t key);
// The measured point of a curve that is nearest to x, in the axis' own scale; -1 without any.
int32_t nearestPoint(const SweepModel&, double x, int32_t keep_curve_of);
// Estimated seconds for so many runs of so many steps when a step takes `step_ns`.
double sweepSeconds(int64_t runs, int64_t steps, double step_ns);

} // namespace shardscope::gui
