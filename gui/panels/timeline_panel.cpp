// SPDX-License-Identifier: Apache-2.0
#include "gui/panels/timeline_panel.h"
#include "gui/canvas/imgui_canvas.h"
#include "gui/canvas/timeline_layout.h"
#include "gui/lane_reading.h"
#include "gui/panels/section.h"
#include "gui/panels/timeline_menu.h"
#include "gui/style.h"
#include "gui/timeline_tools.h"
#include <QKeyEvent>
#include <QLabel>
#include <QMenu>
#include <QStackedLayout>
#include <algorithm>

namespace shardscope::gui {

TimelinePanel::TimelinePanel(Session& session, QWidget* parent)
    : QWidget(parent)
    , m_session(session)
    , m_stack(new QStackedLayout(this))
    , m_canvas(new ImGuiCanvas([this](const CanvasFrame& frame) { draw(frame); }))
    , m_reading(new LaneReading(session, this)) {
    m_canvas->setMinimumSize(320, 200);
    m_canvas->setObjectName("timelineCanvas");
    m_canvas->setAccessibleName("Timeline");
    m_canvas->setNavigationKeys(false); // the table of actions has them
    m_stack->addWidget(m_canvas);
    m_stack->addWidget(new QWidget);
    setFocusProxy(m_canvas);
    connect(&session, &Session::viewChanged, m_canvas, &ImGuiCanvas::requestFrame);
    connect(&session, &Session::selectionChanged, m_canvas, &ImGuiCanvas::requestFrame);
    connect(&session, &Session::themeChanged, this, [this] { m_canvas->setTheme(m_session.theme()); });
    QLabel* opening = roleLabel("Reading the trace …", "dim", metrics::font);
    opening->setAlignment(Qt::AlignCenter);
    m_stack->addWidget(opening);
    connect(&session, &Session::tracesChanged, this, &TimelinePanel::chooseFace);
    connect(&session, &Session::viewChanged, this, &TimelinePanel::chooseFace);
    connect(&session.timelineTools(), &TimelineTools::revealWanted, this, &TimelinePanel::reveal);
    connect(&session.timelineTools(), &TimelineTools::menuWanted, this, [this](const TimelineMenu& menu, int trace_id) {
        const auto offer = [this, menu, trace_id](const IntervalDetails* details) {
            if (QMenu* offered = makeTimelineMenu(m_session, menu, trace_id, details, this))
                offered->popup(m_canvas->mapToGlobal(QPoint(static_cast<int>(menu.x), static_cast<int>(menu.y))));
        };
        if (menu.event)
            m_session.withDetails({trace_id, menu.event->event}, offer);
        else
            offer(nullptr);
    });
    for (TimelineState& state : m_states) state.defers = true;
    connect(m_reading, &LaneReading::arrived, m_canvas, &ImGuiCanvas::requestFrame);
    m_canvas->installEventFilter(this);
    m_canvas->setTheme(session.theme());
    chooseFace();
}

void TimelinePanel::reveal(int trace_id, LaneId lane) {
    const PlaceModel place = m_session.model();
    for (size_t i = 0; i < place.trace_ids.size(); ++i) {
        if (place.trace_ids[i] != trace_id) continue;
        TimelineState& state = m_states[static_cast<size_t>(m_session.place())];
        state.reveal = EventRef{.trace = static_cast<int>(i)};
        state.reveal_lane = lane;
    }
    m_canvas->requestFrame();
}

bool TimelinePanel::eventFilter(QObject* watched, QEvent* event) {
    if (event->type() == QEvent::KeyPress) {
        const auto& key = static_cast<const QKeyEvent&>(*event);
        const int along = (key.key() == Qt::Key_Right) - (key.key() == Qt::Key_Left);
        const int across = (key.key() == Qt::Key_Down) - (key.key() == Qt::Key_Up);
        const bool plain = !(key.modifiers() & ~Qt::KeypadModifier);
        if (plain && (along != 0 || across != 0) && m_session.selected()) {
            m_session.timelineTools().moveSelection(along, across);
            return true;
        }
    }
    return QWidget::eventFilter(watched, event);
}

void TimelinePanel::chooseFace() {
    const bool none = m_session.traces().empty(), reading = none && m_session.opening() > 0;
    const int face = reading ? 2 : none ? 1 : 0, before = m_stack->currentIndex();
    m_stack->setCurrentIndex(face);
    if (face == 0 && before != 0 && isVisible()) m_canvas->setFocus(); // the keys are for what has just appeared
    m_canvas->requestFrame();
}

void TimelinePanel::draw(const CanvasFrame&) {
    const PlaceModel place = m_session.model();
    TimelineIntents intents = drawTimeline(place.timeline, m_session.timelineSelection(place), {}, m_session.theme(),
                                           m_states[static_cast<size_t>(m_session.place())]);
    // A canvas that the mouse is not in leaves the cursor to the one that it is in.
    const bool here = intents.cursor_ns.has_value();
    if (!here && !m_cursor_here) intents.cursor_ns = m_session.cursor();
    m_cursor_here = here;
    m_session.apply(intents, place);
    m_complete = !intents.incomplete && !place.timeline.traces.empty();
    m_reading->answerWishes(m_states[static_cast<size_t>(m_session.place())].cache);
    if (intents.wants_finer) m_canvas->requestFrame();
}

void TimelinePanel::revealLane(int trace_id, LaneId lane) {
    const OpenTrace* open = m_session.trace(trace_id);
    if (!open || static_cast<size_t>(lane) >= open->reader->lanes().size()) return;
    if (m_session.place() != Place::timeline && !(m_session.place() == Place::compare && open->compared))
        m_session.setPlace(Place::timeline);
    m_session.setActive(trace_id);
    const int32_t rank = open->reader->lanes()[static_cast<size_t>(lane)].rank;
    if (m_session.onlyRank() >= 0 && rank >= 0 && rank != m_session.onlyRank()) m_session.setOnlyRank(rank);
    const PlaceModel place = m_session.model();
    const float room = contentHeight(place.timeline, static_cast<float>(m_canvas->height()) / uiScale());
    const TimelineLayout layout = layoutRows(place.timeline, room);
    for (const TimelineRow& row : layout.rows)
        if (row.kind == RowKind::lane && row.lane == lane &&
            place.trace_ids[static_cast<size_t>(row.trace)] == trace_id)
            m_states[static_cast<size_t>(m_session.place())].scroll_y =
                std::clamp(row.y - room / 3, 0.0f, std::max(0.0f, layout.height - room));
    m_canvas->setFocus();
    m_canvas->requestFrame();
}

void TimelinePanel::setWelcome(QWidget* welcome) {
    delete m_stack->widget(1);
    m_stack->insertWidget(1, welcome);
    chooseFace();
}

} // namespace shardscope::gui
