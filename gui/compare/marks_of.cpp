// SPDX-License-Identifier: Apache-2.0
#include "gui/compare/marks_of.h"
#include "gui/compare/comparison_charts.h"
#include <cmath>

namespace shardscope::gui {

std::shared_ptr<const DifferenceMarks> marksOf(const Comparison& c, size_t run) {
    auto marks = std::make_shared<DifferenceMarks>();
    if (run >= c.runs.size()) return marks;
    const std::string baseline = c.runs[c.baseline].label;
    for (const ComparedOp& op : c.ops) {
        if (!op.ns[run]) continue;
        if (run == c.baseline) {
            std::string others;
            for (size_t i = 0; i < op.ns.size(); ++i)
                if (!op.ns[i]) others += (others.empty() ? "" : ", ") + c.runs[i].label;
            if (!others.empty())
                marks->add(op.phase, op.name, {OpDifference::missing_elsewhere, 0, "not in " + others});
            continue;
        }
        if (!op.ns[c.baseline]) {
            marks->add(op.phase, op.name, {OpDifference::only_here, 0, "not in " + baseline});
            continue;
        }
        const Change& change = op.changes[run];
        if (change.verdict != "real") continue;
        marks->add(op.phase, op.name,
                   {change.difference > 0 ? OpDifference::slower : OpDifference::faster,
                    std::isfinite(change.ratio) ? 100 * (change.ratio - 1) : 0,
                    percentText(change).toStdString() + " against " + baseline});
    }
    return marks;
}

} // namespace shardscope::gui
