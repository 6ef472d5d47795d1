// SPDX-License-Identifier: Apache-2.0
// The part of the Session that answers what is shown: place, time range, step, rank, and the model a canvas draws.
#include "gui/canvas/format.h"
#include "gui/event_facts.h"
#include "gui/event_order.h"
#include "gui/recording_notice.h"
#include "gui/session.h"
#include "gui/timeline_tools.h"
#include "gui/units.h"
#include <algorithm>
#include <cmath>

namespace shardscope::gui {
namespace {

constexpr int64_t shortest_range_ns = 100;

const StepEvent* stepOf(const TraceReader& reader, int32_t step) {
    for (const StepEvent& candidate : reader.steps())
        if (candidate.step == step) return &candidate;
    return nullptr;
}

std::string differenceText(int64_t ns, int64_t baseline_ns) {
    const int64_t difference = ns - baseline_ns;
    const double percent =
        100.0 * static_cast<double>(difference) / static_cast<double>(std::max<int64_t>(1, baseline_ns));
    const std::string sign = difference < 0 ? "−" : "+";
    return sign + formatDuration(std::abs(difference)) + " (" + significant(std::abs(percent), 3) + " %)";
}

} // namespace

void Session::setPlace(Place place) {
    if (place == m_place) return syncActions(); // an exclusive action was clicked once more
    const bool everything = showsEverything();
    m_place = place;
    if (everything) m_visible = fullRange(model().timeline);
    m_hovered.reset();
    chooseStep(); // while a place is looked at nothing jumps; entering it is the moment to take a better step
    syncActions();
    emit viewChanged();
    emit selectionChanged();
}

void Session::setAlign(Align align) {
    if (align == m_align) return;
    const OpenTrace* reference = active();
    const int64_t before = reference ? originOf(*reference) : 0;
    m_align = align;
    const int64_t shift =
        reference ? before - originOf(*reference) : 0; // keep the same moment of the active trace in view
    m_visible = {m_visible.start_ns + shift, m_visible.end_ns + shift};
    syncActions();
    emit viewChanged();
}

void Session::setStep(int32_t step) {
    bool exists = false;
    for (const OpenTrace& open : m_traces) exists |= stepOf(*open.reader, step) != nullptr;
    if (!exists || step == m_step) return;
    const OpenTrace* reference = active();
    const int64_t before = reference ? originOf(*reference) : 0;
    m_step = step;
    m_step_chosen = true;
    if (m_align == Align::time && reference) { // the origin does not move, so the range has to
        const StepEvent* chosen = stepOf(*reference->reader, step);
        if (chosen) m_visible = {chosen->start_ns, chosen->start_ns + m_visible.duration()};
    } else if (reference && before != originOf(*reference) && m_follow_everything) {
        m_visible = stepRange();
    }
    emit viewChanged();
}

void Session::stepBy(int delta) { setStep(m_step + delta); }

int32_t Session::onlyRank() const {
    const int32_t rank = m_only_rank[static_cast<size_t>(m_place)];
    return rank < 0 ? -1 : m_chosen_rank;
}

void Session::setOnlyRank(int32_t rank) {
    int32_t ranks = 0;
    for (const OpenTrace& open : m_traces) ranks = std::max(ranks, open.reader->ranks());
    if (rank >= 0) m_chosen_rank = std::min(rank, std::max(0, ranks - 1));
    m_only_rank[static_cast<size_t>(m_place)] = rank < 0 ? -1 : m_chosen_rank;
    syncActions();
    emit viewChanged();
}

void Session::setShowsMemory(bool shows) {
    m_shows_memory = shows;
    syncActions();
    emit viewChanged();
}

void Session::setExposedOnly(bool only) {
    m_exposed_only = only;
    syncActions();
    emit viewChanged();
}

// --- the time range ------------------------------------------------------------------------------------------------

int64_t Session::originOf(const OpenTrace& open) const {
    if (m_align == Align::time) return 0;
    const StepEvent* step = stepOf(*open.reader, m_step);
    if (step) return step->start_ns;
    return open.reader->steps().empty() ? open.reader->span().start_ns : open.reader->steps().back().start_ns;
}

TimeRange Session::stepRange() const {
    int64_t longest = 0;
    for (const OpenTrace& open : m_traces) {
        const StepEvent* step = stepOf(*open.reader, m_step);
        if (!step && !open.reader->steps().empty()) step = &open.reader->steps().back();
        if (step && (open.compared || open.id == m_active)) longest = std::max(longest, step->end_ns - step->start_ns);
    }
    if (longest == 0) return fullRange(model().timeline);
    return {0, longest + longest / 50};
}

int32_t Session::middleStep() const {
    const OpenTrace* reference = active();
    if (!reference || reference->reader->steps().empty()) return -1;
    const auto steps = reference->reader->steps();
    return steps[steps.size() / 2].step;
}

void Session::chooseStep() {
    if ((m_step >= 0 && m_step_chosen) || middleStep() < 0) return;
    m_step = middleStep();
    if (m_follow_everything && m_align == Align::step) m_visible = stepRange();
}

void Session::setVisible(TimeRange range) {
    if (range.duration() < shortest_range_ns) range.end_ns = range.start_ns + shortest_range_ns;
    if (range == m_visible) return;
    m_visible = range;
    m_follow_everything = false;
    emit viewChanged();
}

void Session::reveal(int trace_id, TimeRange range) {
    const OpenTrace* open = trace(trace_id);
    if (!open) return;
    setActive(trace_id);
    const int64_t origin = originOf(*open), start = range.start_ns - origin, end = range.end_ns - origin;
    if (start >= m_visible.start_ns && end <= m_visible.end_ns) return;
    const int64_t length = std::clamp<int64_t>(end - start, 0, int64_t{1} << 60);
    const int64_t duration = std::max(m_visible.duration(), 2 * length);
    const int64_t first = start + length / 2 - duration / 2;
    setVisible({first, first + duration});
}

bool Session::showsEverything() const { return m_follow_everything && m_visible == fullRange(model().timeline); }

void Session::fit() {
    const TimeRange everything = fullRange(model().timeline), step = stepRange();
    const TimeRange wanted = m_align == Align::step && m_visible != step ? step : everything;
    m_visible = wanted;
    m_follow_everything = true;
    emit viewChanged();
}

TimeRange Session::rangeOf(const PickedEvent& picked, const IntervalDetails& details) const {
    const OpenTrace* open = trace(picked.trace_id);
    const int64_t origin = open ? originOf(*open) : 0;
    return {details.event.start_ns - origin, details.event.end_ns - origin};
}

void Session::focus() {
    if (!m_selected) return fit();
    withDetails(*m_selected, [this, picked = *m_selected](const IntervalDetails* details) {
        if (!details) return fit();
        const TimeRange range = rangeOf(picked, *details);
        const int64_t margin = std::max<int64_t>(range.duration() / 4, shortest_range_ns / 2);
        const TimeRange wanted{range.start_ns - margin, range.end_ns + margin};
        if (wanted == m_visible) return fit();
        setVisible(wanted);
    });
}

void Session::goTo(const ViewPoint& view) {
    m_align = view.align;
    m_step = view.step;
    m_step_chosen = true;
    m_visible = view.visible;
    m_follow_everything = false;
    syncActions();
    emit viewChanged();
}

void Session::zoom(double factor) {
    const TimeRange everything = fullRange(model().timeline);
    const double widest = 1.1 * static_cast<double>(std::max<int64_t>(everything.duration(), shortest_range_ns));
    const double width =
        std::clamp(static_cast<double>(m_visible.duration()) * factor, static_cast<double>(shortest_range_ns), widest);
    const int64_t pivot = m_cursor_ns.value_or(m_visible.start_ns + m_visible.duration() / 2);
    const double before = static_cast<double>(pivot - m_visible.start_ns) /
                          static_cast<double>(std::max<int64_t>(1, m_visible.duration()));
    const int64_t start = pivot - std::llround(before * width);
    setVisible({start, start + std::llround(width)});
}

void Session::pan(double fraction) {
    const int64_t shift = std::llround(fraction * static_cast<double>(m_visible.duration()));
    setVisible({m_visible.start_ns + shift, m_visible.end_ns + shift});
}

// --- the model of a canvas -----------------------------------------------------------------------------------------

PlaceModel Session::model() const {
    PlaceModel place;
    place.timeline.only_rank = onlyRank();
    place.timeline.show_lanes = m_place != Place::memory;
    place.timeline.show_memory = m_shows_memory || m_place == Place::memory;
    place.timeline.exposed_only = m_exposed_only;
    place.timeline.axis_caption =
        m_align == Align::step && m_step >= 0 ? "step " + std::to_string(m_step) : "all steps";
    const OpenTrace* baseline = m_place == Place::timeline ? nullptr : trace(baselineId());
    const ComparedMetric* step_times = metricOf(m_comparison, "step_ns");
    for (const OpenTrace& open : m_traces) {
        const bool shown = m_place == Place::timeline
                               ? open.id == m_active
                               : open.compared || (m_place == Place::memory && open.id == m_active);
        if (!shown) continue;
        TraceView view;
        view.reader = open.reader.get();
        view.label = open.label;
        view.title = open.title();
        view.subtitle = stageSentence(open.facts.stage);
        view.notice = headNotice(open.facts.notices);
        view.origin_ns = originOf(open);
        view.planned = m_memory_data.planned(open.id);
        view.grows = open.followed;
        view.outside = m_memory_data.outside(open.id);
        view.differences = open.differences;
        view.is_baseline = baseline == &open && m_traces.size() > 1;
        if (baseline && baseline != &open && open.figures && baseline->figures && baseline->figures->step_ns > 0 &&
            open.figures->step_ns > 0) {
            const size_t run = runOf(open.id);
            view.difference = differenceText(open.figures->step_ns, baseline->figures->step_ns);
            view.difference_is_worse = open.figures->step_ns > baseline->figures->step_ns;
            view.difference_is_noise =
                step_times && run < step_times->changes.size() && step_times->changes[run].verdict == "within noise";
            if (view.difference_is_noise) view.difference += ", within noise";
        }
        for (const Note& note : m_notes.notes())
            if (note.trace == open.reader->path())
                place.timeline.notes.push_back({.trace = static_cast<int>(place.timeline.traces.size()),
                                                .lane = note.lane,
                                                .start_ns = note.start_ns,
                                                .end_ns = note.end_ns,
                                                .id = note.id,
                                                .chosen = note.id == m_notes.chosen(),
                                                .text = note.text});
        place.timeline.traces.push_back(std::move(view));
        place.trace_ids.push_back(open.id);
    }
    m_timeline_tools->decorate(place);
    return place;
}

TimelineSelection Session::timelineSelection(const PlaceModel& place) const {
    TimelineSelection selection{.visible = m_visible,
                                .selected = {},
                                .cursor_ns = m_cursor_ns,
                                .range = m_timeline_tools->range(),
                                .moment = {}};
    for (size_t i = 0; m_moment && i < place.trace_ids.size(); ++i)
        if (place.trace_ids[i] == m_moment->trace_id)
            selection.moment = MemoryRef{static_cast<int>(i), m_moment->rank, m_moment->tier, m_moment->time_ns};
    for (size_t i = 0; m_selected && i < place.trace_ids.size(); ++i)
        if (place.trace_ids[i] == m_selected->trace_id)
            selection.selected = EventRef{static_cast<int>(i), m_selected->event};
    return selection;
}

void Session::apply(const TimelineIntents& intents, const PlaceModel& place) {
    const auto picked = [&](const std::optional<EventRef>& ref) -> std::optional<PickedEvent> {
        if (!ref || ref->trace < 0 || static_cast<size_t>(ref->trace) >= place.trace_ids.size()) return std::nullopt;
        return PickedEvent{place.trace_ids[static_cast<size_t>(ref->trace)], ref->event};
    };
    m_timeline_tools->apply(intents, place);
    if (intents.visible) setVisible(*intents.visible);
    if (intents.cursor_ns != m_cursor_ns) {
        m_cursor_ns = intents.cursor_ns;
        emit viewChanged();
    }
    if (const auto hovered = picked(intents.hovered); hovered != m_hovered) {
        m_hovered = hovered;
        emit selectionChanged();
    }
    if (intents.note_clicked) {
        const int id = *intents.note_clicked;
        m_notes.choose(id);
    } else if (intents.clicked)
        select(picked(intents.clicked));
    else if (const auto& at = intents.clicked_memory; at && static_cast<size_t>(at->trace) < place.trace_ids.size())
        setMoment(PickedMoment{place.trace_ids[static_cast<size_t>(at->trace)], at->rank, at->tier, at->time_ns});
    else if (intents.clicked_empty)
        select(std::nullopt);
}

// --- the selection -------------------------------------------------------------------------------------------------

void Session::select(std::optional<PickedEvent> event) {
    if (event == m_selected) return;
    m_selected = event;
    if (event) setActive(event->trace_id);
    if (event) withDetails(*event, [](const IntervalDetails*) {}); // the next keys are about it
    emit selectionChanged();
    emit viewChanged();
}

void Session::setMoment(std::optional<PickedMoment> moment) {
    if (moment == m_moment) return;
    m_moment = moment;
    if (moment) setActive(moment->trace_id);
    emit momentChanged();
    emit viewChanged();
}

void Session::selectLongestExposed() {
    const OpenTrace* chosen = active();
    if (!chosen) return;
    const StepEvent* step = stepOf(*chosen->reader, m_step);
    const TimeRange range = step ? TimeRange{step->start_ns, step->end_ns} : chosen->reader->span();
    ask(chosen->id,
        [this, id = chosen->id, rank = std::max(0, onlyRank()), range](const TraceReader& reader) -> Answer {
            const EventId event = longestExposed(reader, rank, range);
            return [this, id, event, why_none = event == EventId::none ? nothingExposed(reader, rank, range) : ""] {
                if (event == EventId::none) return notify(QString::fromStdString(why_none), false);
                select(PickedEvent{id, event});
            };
        });
}

void Session::selectNeighbour(int direction) {
    if (!m_selected) return notify("Select an event first; then comma and point walk along its lane.", false);
    m_walk += direction; // keys may come faster than answers
    if (!m_walking || !m_questions.pending()) walk();
}

void Session::walk() {
    const int steps = std::exchange(m_walk, 0);
    m_walking = steps != 0 && m_selected;
    if (!m_walking) return;
    ask(m_selected->trace_id, [this, from = *m_selected, steps](const TraceReader& reader) -> Answer {
        EventId event = from.event, next = from.event;
        for (int i = 0; i < std::abs(steps) && next != EventId::none; ++i)
            if (next = neighbourEvent(reader, event, steps < 0 ? -1 : 1); next != EventId::none) event = next;
        return [this, from, steps, event, details = reader.details(event)] {
            if (m_selected == from && event == from.event) {
                notify(steps < 0 ? "This is the first event of its lane." : "This is the last event of its lane.",
                       false);
            } else if (m_selected == from && details) {
                select(PickedEvent{from.trace_id, event});
                show(rangeOf(*m_selected, *details));
            }
            walk();
        };
    });
}

void Session::show(TimeRange range) {
    if (range.end_ns > m_visible.start_ns && range.start_ns < m_visible.end_ns) return;
    const int64_t start = range.start_ns + range.duration() / 2 - m_visible.duration() / 2;
    setVisible({start, start + m_visible.duration()});
}

} // namespace shardscope::gui
