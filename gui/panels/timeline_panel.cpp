// SPDX-License-Identifier: Apache-2.0
#include "gui/panels/timeline_panel.h"
#include "gui/canvas/imgui_canvas.h"
#include "gui/canvas/timeline_layout.h"
#include "gui/panels/section.h"
#include "gui/style.h"
#include <QLabel>
#include <QStackedLayout>
#include <QToolButton>
#include <QVBoxLayout>
#include <algorithm>

namespace shardscope::gui {

TimelinePanel::TimelinePanel(Session& session, QWidget* parent)
    : QWidget(parent)
    , m_session(session)
    , m_stack(new QStackedLayout(this))
    , m_canvas(new ImGuiCanvas([this](const CanvasFrame& frame) { draw(frame); })) {
    m_canvas->setMinimumSize(320, 200);
    m_canvas->setObjectName("timelineCanvas");
    m_canvas->setNavigationKeys(false); // the table of actions has them
    m_stack->addWidget(m_canvas);
    m_stack->addWidget(makeEmptyState());
    setFocusProxy(m_canvas);
    connect(&session, &Session::viewChanged, m_canvas, &ImGuiCanvas::requestFrame);
    connect(&session, &Session::selectionChanged, m_canvas, &ImGuiCanvas::requestFrame);
    connect(&session, &Session::themeChanged, this, [this] { m_canvas->setTheme(m_session.theme()); });
    m_reading = roleLabel({}, "dim", metrics::font);
    m_reading->setAlignment(Qt::AlignCenter);
    m_stack->addWidget(m_reading);
    connect(&session, &Session::tracesChanged, this, &TimelinePanel::chooseFace);
    connect(&session, &Session::viewChanged, this, &TimelinePanel::chooseFace);
    m_canvas->setTheme(session.theme());
    chooseFace();
}

void TimelinePanel::chooseFace() {
    const bool reading = !m_session.traces().empty() && m_session.model().timeline.traces.empty() && m_session.busy();
    if (reading) m_reading->setText("Reading " + text(m_session.active()->reader->path()) + " …");
    m_stack->setCurrentIndex(m_session.traces().empty() ? 1 : reading ? 2 : 0);
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
    const float room = static_cast<float>(m_canvas->height()) - topHeight();
    const TimelineLayout layout = layoutRows(place.timeline, room);
    for (const TimelineRow& row : layout.rows)
        if (row.kind == RowKind::lane && row.lane == lane &&
            place.trace_ids[static_cast<size_t>(row.trace)] == trace_id)
            m_states[static_cast<size_t>(m_session.place())].scroll_y =
                std::clamp(row.y - room / 3, 0.0f, std::max(0.0f, layout.height - room));
    m_canvas->setFocus();
    m_canvas->requestFrame();
}

QWidget* TimelinePanel::makeEmptyState() {
    auto* empty = new QWidget;
    empty->setObjectName("canvasSide");
    empty->setAttribute(Qt::WA_StyledBackground);
    auto* title = new QLabel("What does ZeRO do to a training step?");
    title->setFont(uiFont(18, true));
    auto* hint = roleLabel("Start a run here and watch it, or open traces to compare.\n"
                           "Runs of the same model at stages 0 to 3 are a good first comparison.",
                           "dim", metrics::font);
    hint->setAlignment(Qt::AlignCenter);
    auto* row = new QHBoxLayout;
    row->addStretch();
    for (const ActionId id : {ActionId::new_run, ActionId::open}) {
        auto* button = new QToolButton;
        button->setDefaultAction(m_session.actions().get(id));
        button->setToolButtonStyle(Qt::ToolButtonTextOnly);
        button->setProperty("primary", id == ActionId::new_run);
        row->addWidget(button);
    }
    row->addStretch();
    auto* column = new QVBoxLayout(empty);
    column->setSpacing(14);
    column->addStretch();
    column->addWidget(title, 0, Qt::AlignCenter);
    column->addWidget(hint);
    column->addLayout(row);
    column->addStretch();
    return empty;
}

} // namespace shardscope::gui
