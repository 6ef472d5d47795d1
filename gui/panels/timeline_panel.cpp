// SPDX-License-Identifier: Apache-2.0
#include "gui/panels/timeline_panel.h"
#include "gui/canvas/imgui_canvas.h"
#include "gui/panels/section.h"
#include "gui/style.h"
#include <QLabel>
#include <QStackedLayout>
#include <QToolButton>
#include <QVBoxLayout>

namespace shardscope::gui {

TimelinePanel::TimelinePanel(Session& session, QWidget* parent)
    : QWidget(parent)
    , m_session(session)
    , m_stack(new QStackedLayout(this))
    , m_canvas(new ImGuiCanvas([this](const CanvasFrame& frame) { draw(frame); })) {
    m_canvas->setMinimumSize(320, 200);
    m_canvas->setObjectName("timelineCanvas");
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

void TimelinePanel::draw(const CanvasFrame& frame) {
    const PlaceModel place = m_session.model();
    if (frame.fit) m_session.fit();
    const TimelineIntents intents = drawTimeline(place.timeline, m_session.timelineSelection(place),
                                                 {.zoom = frame.zoom, .pan = frame.pan, .fit = false},
                                                 m_session.theme(), m_states[static_cast<size_t>(m_session.place())]);
    m_session.apply(intents, place);
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
