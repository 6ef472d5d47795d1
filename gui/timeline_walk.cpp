// SPDX-License-Identifier: Apache-2.0
// The part of the TimelineTools that goes from one operation to another: through matches, along lanes, to relatives.
#include "gui/event_order.h"
#include "gui/session.h"
#include "gui/timeline_tools.h"
#include <algorithm>

namespace shardscope::gui {

int64_t TimelineTools::matchPosition() const {
    if (!m_session.selected() || !m_relations || m_relations->self.event != m_session.selected()->event) return 0;
    int64_t before = 0;
    for (const int id : m_searched_traces) {
        const auto found = m_matches.find(id);
        if (found == m_matches.end()) continue;
        if (id == m_session.selected()->trace_id) {
            const int64_t position = positionOf(*found->second, m_relations->self.start_ns, m_relations->self.lane);
            return position == 0 ? 0 : before + position;
        }
        before += found->second->count;
    }
    return 0;
}

void TimelineTools::goToMatch(bool forwards) {
    if (matchCount() == 0) return;
    // From the selection, or from the left edge of what is visible, in the active trace; else in the first with
    // matches.
    int trace_id = m_session.active() ? m_session.active()->id : 0;
    if (!m_matches.contains(trace_id) || m_matches[trace_id]->count == 0)
        for (const auto& [id, matches] : m_matches)
            if (matches->count > 0) {
                trace_id = id;
                break;
            }
    const OpenTrace* trace = m_session.trace(trace_id);
    if (!trace) return;
    const PlaceModel place = m_session.model();
    int64_t from = forwards ? trace->reader->span().start_ns - 1 : trace->reader->span().end_ns + 1;
    LaneId lane = LaneId::none;
    const auto shown = std::find(place.trace_ids.begin(), place.trace_ids.end(), trace_id);
    if (shown != place.trace_ids.end()) {
        const int64_t origin = place.timeline.traces[static_cast<size_t>(shown - place.trace_ids.begin())].origin_ns;
        from = (forwards ? m_session.visible().start_ns : m_session.visible().end_ns) + origin;
    }
    const auto selected = m_session.selected();
    if (!selected || selected->trace_id != trace_id) return goToMatchFrom(trace_id, from, lane, forwards);
    if (m_last_match && m_last_match->match.event == selected->event)
        return goToMatchFrom(trace_id, m_last_match->match.start_ns, m_last_match->lane, forwards);
    m_session.withDetails(*selected, [this, trace_id, from, lane, forwards](const IntervalDetails* details) {
        if (details)
            goToMatchFrom(trace_id, details->event.start_ns, details->event.lane, forwards);
        else
            goToMatchFrom(trace_id, from, lane, forwards);
    });
}

void TimelineTools::goToMatchFrom(int trace_id, int64_t from_ns, LaneId lane, bool forwards) {
    const auto found = m_matches.find(trace_id);
    const std::optional<MatchRef> next =
        found == m_matches.end() ? std::nullopt : nextMatch(*found->second, from_ns, lane, forwards);
    if (!next) return;
    m_last_match = next;
    // Its start is known and shown at once; how long it is, a moment later.
    select(trace_id, next->match.event, next->lane, {next->match.start_ns, next->match.start_ns});
    const PickedEvent picked{trace_id, next->match.event};
    m_session.withDetails(picked, [this, picked](const IntervalDetails* details) {
        if (!details || m_session.selected() != picked) return;
        select(picked.trace_id, picked.event, details->event.lane, {details->event.start_ns, details->event.end_ns});
    });
}

void TimelineTools::goTo(int trace_id, const RelatedEvent& event) {
    select(trace_id, event.event, event.lane, {event.start_ns, event.end_ns});
}

void TimelineTools::select(int trace_id, EventId event, LaneId lane, TimeRange own) {
    const PlaceModel place = m_session.model();
    const auto shown = std::find(place.trace_ids.begin(), place.trace_ids.end(), trace_id);
    m_session.select(PickedEvent{trace_id, event});
    if (shown == place.trace_ids.end()) return;
    const int64_t origin = place.timeline.traces[static_cast<size_t>(shown - place.trace_ids.begin())].origin_ns;
    const TimeRange visible = m_session.visible(), there{own.start_ns - origin, own.end_ns - origin};
    // Stays where it is if the event is in sight; else the same zoom around it, or wider if it would not fit.
    if (there.start_ns < visible.start_ns || there.end_ns > visible.end_ns) {
        const int64_t width = std::max(visible.duration(), there.duration() + there.duration() / 4);
        const int64_t middle = there.start_ns + there.duration() / 2;
        m_session.setVisible({middle - width / 2, middle - width / 2 + width});
    }
    emit revealWanted(trace_id, lane);
}

namespace {

// What a lane does at a moment, or else near to it.
EventId eventAt(const TraceReader& reader, LaneId lane, int64_t time_ns) {
    const TimeRange span = reader.span();
    for (int64_t reach = 1;; reach *= 4) {
        const TimeRange near{std::max(span.start_ns, time_ns - reach), std::min(span.end_ns + 1, time_ns + reach)};
        const EventId event = firstEvent(reader, lane, near);
        if (event != EventId::none || (near.start_ns <= span.start_ns && near.end_ns > span.end_ns)) return event;
    }
}

// What the nearest lane above or below does at the same time; empty lanes are passed over.
EventId eventAcross(const TraceReader& reader, EventId from, const std::vector<LaneId>& order, int across) {
    const auto details = reader.details(from);
    if (!details) return EventId::none;
    const IntervalEvent& event = details->event;
    auto at = std::find(order.begin(), order.end(), event.lane);
    if (at == order.end()) return EventId::none;
    const int64_t middle = event.start_ns + (event.end_ns - event.start_ns) / 2;
    while (across > 0 ? at + 1 != order.end() : at != order.begin()) {
        at += across > 0 ? 1 : -1;
        if (const EventId found = eventAt(reader, *at, middle); found != EventId::none) return found;
    }
    return EventId::none;
}

} // namespace

void TimelineTools::moveSelection(int along, int across) {
    const auto selected = m_session.selected();
    if (!selected) return;
    const PlaceModel place = m_session.model();
    const auto shown = std::find(place.trace_ids.begin(), place.trace_ids.end(), selected->trace_id);
    const std::vector<LaneId> order =
        shownLanes(place.timeline, static_cast<int>(shown - place.trace_ids.begin())); // as the canvas shows them
    m_session.ask(selected->trace_id, [this, from = *selected, order, along, across](const TraceReader& reader) {
        const EventId next =
            along != 0 ? neighbourEvent(reader, from.event, along) : eventAcross(reader, from.event, order, across);
        return [this, from, details = next == EventId::none ? std::nullopt : reader.details(next)] {
            if (details && m_session.selected() == from)
                select(from.trace_id, details->id, details->event.lane,
                       {details->event.start_ns, details->event.end_ns});
        };
    });
}

void TimelineTools::step(int direction) {
    if (matchCount() > 0)
        goToMatch(direction > 0);
    else
        m_session.selectNeighbour(direction);
}

} // namespace shardscope::gui
