// SPDX-License-Identifier: Apache-2.0
// The charts of a comparison as data: what each bar is made of, how far it may be trusted, and in words what differs by
// more than noise. Numbers come from compare(); nothing is computed here but sums for the scales.
#pragma once
#include "gui/canvas/format.h"
#include "gui/compare/bar_chart.h"
#include "gui/event_facts.h"
#include "gui/panels/loss_chart.h"
#include "profiler/analysis/compare.h"

namespace shardscope::gui {

enum class ChartId { budget, memory, overlap, throughput };

struct ChartCard {
    ChartId id = ChartId::budget;
    QString title, unit; // "Step budget", "ms"
    QString verdict;     // "B −20.7 % · C within noise", against the baseline; empty with one run
    BarChart chart;
};

struct ComparedTraces { // which trace each run of the comparison is, in its order
    std::vector<int> ids;
    int active = 0;
    int idOf(size_t run) const { return run < ids.size() ? ids[run] : 0; }
};

enum BudgetPart { compute_part, exposed_comm_part, exposed_copy_part, idle_part, other_part };
MemoryCategory categoryOfSegment(int segment); // of a bar of the memory chart

ChartCard budgetCard(const Comparison&, const ComparedTraces&, const Theme&);
ChartCard memoryCard(const Comparison&, const ComparedTraces&, const Theme&);
ChartCard overlapCard(const Comparison&, const ComparedTraces&, const Theme&);
ChartCard throughputCard(const Comparison&, const ComparedTraces&, const Theme&);
std::vector<ChartCard> allCards(const Comparison&, const ComparedTraces&,
                                const Theme&); // those that have something to say

// Runs whose losses equal those of the baseline share its curve.
std::vector<Curve> lossCurves(const Comparison&, const Theme&);
QString lossSentence(const Comparison&); // "✓ bitwise equal, 4 runs"
Tone lossTone(const Comparison&);

QString percentText(const Change&, int digits = 3);                // "−20.7 %"
QString verdictLine(const Comparison&, const std::string& metric); // of all runs but the baseline
QString differenceLine(const Comparison&); // "stage 0 → 1 → 2 → 3 · everything else equal"

} // namespace shardscope::gui
