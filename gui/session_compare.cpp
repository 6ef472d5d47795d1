// SPDX-License-Identifier: Apache-2.0
// The part of the Session that is about comparing: the baseline, what is marked as different, and how a cell of a chart
// comes to its event.
#include "gui/compare/marks_of.h"
#include "gui/session.h"
#include <algorithm>

namespace shardscope::gui {

size_t Session::runOf(int trace_id) const {
    size_t run = 0;
    for (const OpenTrace& open : m_traces) {
        if (!open.compared) continue;
        if (open.id == trace_id) return run;
        ++run;
    }
    return m_comparison.runs.size();
}

int Session::baselineId() const {
    const OpenTrace* chosen = trace(m_baseline_id);
    if (chosen && chosen->compared) return m_baseline_id;
    const auto first = std::find_if(m_traces.begin(), m_traces.end(), [](const OpenTrace& t) { return t.compared; });
    return first == m_traces.end() ? 0 : first->id;
}

void Session::setBaseline(int trace_id) {
    const OpenTrace* chosen = trace(trace_id);
    if (!chosen || !chosen->compared) return;
    m_baseline_id = trace_id;
    if (const size_t run = runOf(trace_id); run < m_comparison.runs.size()) shardscope::setBaseline(m_comparison, run);
    markDifferences();
    emit analysisChanged();
    emit viewChanged();
}

void Session::figureOthers() {
    if (m_card_analysis.pending()) return;
    const auto next = std::ranges::find_if(m_traces, [this](const OpenTrace& t) {
        return !t.figures && !t.compared && !t.followed && !m_without_figures.contains(t.id);
    });
    if (next == m_traces.end()) return;
    m_card_id = next->id;
    m_card_analysis.request({next->reader->path()});
}

void Session::takeCardFigures(const Comparison* one) {
    OpenTrace* open = find(m_card_id);
    if (open && !open->figures && one && !one->runs.empty()) {
        open->figures = one->runs.front();
        open->figures->label.clear();
        emit analysisChanged();
    } else {
        m_without_figures.insert(m_card_id);
    }
    figureOthers();
}

void Session::setMarksDifferences(bool marks) {
    if (marks == m_marks_differences) return syncActions();
    m_marks_differences = marks;
    markDifferences();
    syncActions();
    emit viewChanged();
}

void Session::markDifferences() {
    for (OpenTrace& open : m_traces)
        open.differences = m_marks_differences && open.compared ? marksOf(m_comparison, runOf(open.id)) : nullptr;
}

void Session::reveal(const PickedEvent& event) {
    withDetails(event, [this, event](const IntervalDetails* details) {
        const OpenTrace* open = trace(event.trace_id);
        if (details && open) reveal(*open, event, *details);
    });
}

void Session::reveal(const OpenTrace& open, const PickedEvent& event, const IntervalDetails& details) {
    if (details.event.step >= 0) setStep(details.event.step);
    if (onlyRank() >= 0 && onlyRank() != details.lane.rank) setOnlyRank(details.lane.rank);
    const int64_t origin = originOf(open);
    select(event); // may move the trace in memory
    const int64_t start = details.event.start_ns - origin, end = details.event.end_ns - origin;
    if (start >= m_visible.start_ns && end <= m_visible.end_ns) return;
    const TimeRange step = m_align == Align::step ? stepRange() : TimeRange{start, start};
    if (start >= step.start_ns && end <= step.end_ns) {
        setVisible(step);
        return;
    }
    const int64_t width = std::max(m_visible.duration(), (end - start) * 5 / 4);
    const int64_t middle = start + (end - start) / 2;
    setVisible({middle - width / 2, middle + width / 2});
}

} // namespace shardscope::gui
