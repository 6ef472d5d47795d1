// SPDX-License-Identifier: Apache-2.0
// The part of the Workspace that pins things: bookmarks, marks and notes.
#include "gui/style.h"
#include "gui/workspace.h"

namespace shardscope::gui {
namespace {

// The moment under the mouse in the active trace.
std::optional<Note> momentOfMark(const Session& session) {
    const PlaceModel shown = session.model();
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
    m_session.notify(
        QString("Bookmark %1 is set to what the window shows; %2 brings it back.")
            .arg(number)
            .arg(m_session.actions().get(bookmarkAction(number))->shortcut().toString(QKeySequence::NativeText)),
        false);
    touch();
}

void Workspace::goToBookmark(size_t number) {
    if (number >= m_bookmarks.size()) return;
    if (!m_bookmarks[number])
        return m_session.notify(
            QString("Bookmark %1 is not set; %2 sets it to what the window shows.")
                .arg(number)
                .arg(m_session.actions().get(setBookmarkAction(number))->shortcut().toString(QKeySequence::NativeText)),
            false);
    if (const auto missing = goTo(m_session, *m_bookmarks[number])) m_session.notify(text(*missing), true);
}

void Workspace::mark(bool toggle, std::function<void(int id)> then) {
    const auto picked = m_session.selected() ? m_session.selected() : m_session.hovered();
    const OpenTrace* trace = picked ? m_session.trace(picked->trace_id) : nullptr;
    if (!trace) return mark(momentOfMark(m_session), toggle, then);
    m_session.withDetails(*picked, [this, path = trace->reader->path(), toggle, then](const IntervalDetails* details) {
        if (!details) return mark(momentOfMark(m_session), toggle, then);
        mark(Note{.trace = path,
                  .lane = details->event.lane,
                  .start_ns = details->event.start_ns,
                  .end_ns = details->event.end_ns,
                  .event = details->id,
                  .text = {}},
             toggle, then);
    });
}

void Workspace::mark(const std::optional<Note>& place, bool toggle, const std::function<void(int id)>& then) {
    if (!place) return m_session.notify("Select an event or point at a moment first; the mark is pinned to it.", false);
    NoteBook& notes = m_session.notes();
    const auto there = notes.at(*place);
    const int id = there ? *there : notes.add(*place);
    if (there && toggle && notes.note(id)->text.empty())
        notes.remove(id);
    else if (there)
        notes.choose(id);
    if (then) then(id);
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
    if (note->event == EventId::none) return;
    const PickedEvent picked{trace->id, note->event};
    m_session.withDetails(picked, [this, picked](const IntervalDetails* details) {
        if (details) m_session.select(picked);
    });
}

} // namespace shardscope::gui
