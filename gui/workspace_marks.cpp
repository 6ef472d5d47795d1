// SPDX-License-Identifier: Apache-2.0
// The part of the Workspace that pins things: bookmarks, marks and notes.
#include "gui/style.h"
#include "gui/workspace.h"

namespace shardscope::gui {
namespace {

// The selected event, else the one under the mouse, else the moment under the mouse in the active trace.
std::optional<Note> placeOfMark(const Session& session) {
    const PlaceModel shown = session.model();
    if (const auto picked = session.selected() ? session.selected() : session.hovered()) {
        const OpenTrace* trace = session.trace(picked->trace_id);
        const auto details = trace ? trace->reader->details(picked->event) : std::nullopt;
        if (details)
            return Note{.trace = trace->reader->path(),
                        .lane = details->event.lane,
                        .start_ns = details->event.start_ns,
                        .end_ns = details->event.end_ns,
                        .event = picked->event,
                        .text = {}};
    }
    const OpenTrace* active = session.active();
    if (!active || !session.cursor()) return std::nullopt;
    for (size_t i = 0; i < shown.trace_ids.size(); ++i) {
        if (shown.trace_ids[i] != active->id) continue;
        const int64_t moment = *session.cursor() + shown.timeline.traces[i].origin_ns;
        return Note{.trace = active->reader->path(), .start_ns = moment, .end_ns = moment, .text = {}};
    }
    return std::nullopt;
}

} // namespace

void Workspace::setBookmark(size_t number) {
    if (number >= m_bookmarks.size() || m_session.traces().empty()) return;
    m_bookmarks[number] = bookmarkOf(m_session);
    m_session.notify(QString("Bookmark %1 is set to what the window shows; %2 brings it back.")
                         .arg(number)
                         .arg(m_session.actions()
                                  .get(bookmarkAction(number))
                                  ->shortcut()
                                  .toString(QKeySequence::NativeText)),
                     false);
    touch();
}

void Workspace::goToBookmark(size_t number) {
    if (number >= m_bookmarks.size()) return;
    if (!m_bookmarks[number])
        return m_session.notify(QString("Bookmark %1 is not set; %2 sets it to what the window shows.")
                                    .arg(number)
                                    .arg(m_session.actions()
                                             .get(setBookmarkAction(number))
                                             ->shortcut()
                                             .toString(QKeySequence::NativeText)),
                                false);
    if (const auto missing = goTo(m_session, *m_bookmarks[number])) m_session.notify(text(*missing), true);
}

int Workspace::mark(bool toggle) {
    const auto place = placeOfMark(m_session);
    if (!place) {
        m_session.notify("Select an event or point at a moment first; the mark is pinned to it.", false);
        return 0;
    }
    NoteBook& notes = m_session.notes();
    const auto there = notes.at(*place);
    if (!there) return notes.add(*place);
    if (toggle && notes.note(*there)->text.empty())
        notes.remove(*there);
    else
        notes.choose(*there);
    return *there;
}

void Workspace::goToNote(int id) {
    const Note* note = m_session.notes().note(id);
    if (!note) return;
    m_session.notes().choose(id);
    const OpenTrace* trace = openTraceAt(m_session, note->trace);
    if (!trace) return m_session.notify("The trace of this note is not open: " + text(note->trace) + ".", true);
    if (m_session.place() != Place::timeline && !(m_session.place() == Place::compare && trace->compared))
        m_session.setPlace(Place::timeline);
    m_session.setActive(trace->id);
    const auto lanes = trace->reader->lanes();
    if (note->lane != LaneId::none && static_cast<size_t>(note->lane) < lanes.size()) {
        const int32_t rank = lanes[static_cast<size_t>(note->lane)].rank;
        if (m_session.onlyRank() >= 0 && rank != m_session.onlyRank()) m_session.setOnlyRank(rank);
    }
    for (const StepEvent& step : trace->reader->steps())
        if (note->start_ns >= step.start_ns && note->start_ns < step.end_ns) m_session.setStep(step.step);
    const PlaceModel shown = m_session.model();
    for (size_t i = 0; i < shown.trace_ids.size(); ++i) {
        if (shown.trace_ids[i] != trace->id) continue;
        const int64_t from = note->start_ns - shown.timeline.traces[i].origin_ns;
        const int64_t to = note->end_ns - shown.timeline.traces[i].origin_ns;
        const TimeRange now = m_session.visible();
        if (from >= now.start_ns && to <= now.end_ns) break;
        const int64_t length = std::max(now.duration(), (to - from) * 5 / 4);
        const int64_t start = from + (to - from) / 2 - length / 2;
        m_session.setVisible({start, start + length});
    }
    if (note->event != EventId::none && trace->reader->details(note->event))
        m_session.select(PickedEvent{trace->id, note->event});
}

} // namespace shardscope::gui
