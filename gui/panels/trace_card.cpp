// SPDX-License-Identifier: Apache-2.0
#include "gui/panels/trace_card.h"
#include "gui/canvas/format.h"
#include "gui/panels/section.h"
#include "gui/style.h"
#include <QHBoxLayout>
#include <QKeyEvent>
#include <QLabel>
#include <QMouseEvent>
#include <QToolButton>
#include <QVBoxLayout>

namespace shardscope::gui {
namespace {

QLabel* chip() {
    auto* label = new QLabel;
    label->setObjectName("chip");
    label->setFont(uiFont(metrics::font_axis));
    return label;
}

constexpr int longest_title = 124; // pixels; a long one must not widen the library

QToolButton* flatButton(const char* name) {
    auto* button = new QToolButton;
    button->setObjectName(name);
    button->setProperty("flat", true);
    button->setFocusPolicy(Qt::NoFocus);
    return button;
}

// How the recording stands, where a finished one needs no word.
QString stateText(const OpenTrace& trace) {
    if (trace.followed) return trace.quiet ? "unfinished" : "recording";
    if (trace.facts.status == "running") return "ended early"; // the writer went away without a last word
    if (trace.facts.status == "stopped") return "stopped";
    if (trace.facts.status == "failed") return "failed";
    return {};
}

} // namespace

TraceCard::TraceCard(int trace_id, QWidget* parent)
    : QFrame(parent)
    , m_trace_id(trace_id)
    , m_badge(flatButton("badge"))
    , m_close(flatButton("close"))
    , m_title(new QLabel)
    , m_time(roleLabel({}, "dim"))
    , m_subtitle(roleLabel({}, "dim"))
    , m_peak(chip())
    , m_overlap(chip())
    , m_state(chip()) {
    setObjectName("card");
    setCursor(Qt::PointingHandCursor);
    setFocusPolicy(Qt::TabFocus);
    m_title->setFont(uiFont(metrics::font, true));
    m_badge->setFont(uiFont(metrics::font, true));
    m_close->setText("×");
    m_close->setToolTip("Close this trace; the file stays where it is");
    m_time->setToolTip("median step time");
    m_subtitle->setSizePolicy(QSizePolicy::Ignored,
                              QSizePolicy::Preferred); // a long model name must not widen the library

    auto* first = new QHBoxLayout;
    first->setSpacing(4);
    first->addWidget(m_badge);
    first->addWidget(m_title);
    first->addStretch();
    first->addWidget(m_time);
    auto* chips = new QHBoxLayout;
    chips->setSpacing(4);
    for (QLabel* label : {m_peak, m_overlap}) chips->addWidget(label);
    chips->addStretch();
    auto* second = new QHBoxLayout;
    second->setSpacing(4);
    second->addWidget(m_subtitle, 1);
    second->addWidget(m_close);
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(10, 8, 8, 8);
    column->setSpacing(3);
    column->addLayout(first);
    column->addLayout(second);
    column->addLayout(chips);
    column->addWidget(m_state, 0, Qt::AlignLeft);
    connect(m_close, &QToolButton::clicked, this, [this] { emit closeRequested(m_trace_id); });
    connect(m_badge, &QToolButton::clicked, this, [this] { emit compareToggled(m_trace_id); });
}

void TraceCard::show(const OpenTrace& trace, bool active) {
    m_badge->setText(trace.label.empty() ? "+" : text(trace.label));
    m_badge->setToolTip(trace.label.empty() ? "Put this trace into the comparison"
                                            : "Take this trace out of the comparison");
    const QString title = text(trace.facts.title()); // of an imported trace the name of a file
    m_title->setText(m_title->fontMetrics().elidedText(title, Qt::ElideMiddle, longest_title));
    m_title->setToolTip(title == m_title->text() ? QString() : title);
    m_subtitle->setText(text(trace.facts.subtitle()));
    const bool known = trace.figures && trace.figures->step_ns > 0;
    m_time->setText(known ? text(formatDuration(trace.figures->step_ns)) : QString());
    m_peak->setVisible(trace.figures && trace.figures->peak_total_bytes > 0);
    m_overlap->setVisible(known && trace.figures->comm_ns > 0);
    if (trace.figures) {
        m_peak->setText("peak " + text(formatBytes(trace.figures->peak_total_bytes)));
        m_overlap->setText("overlap " + text(formatPercent(trace.figures->overlap_percent)));
    }
    m_state->setText(stateText(trace));
    m_state->setVisible(!m_state->text().isEmpty());
    m_state->setToolTip({});
    if (m_state->text() == "unfinished")
        m_state->setToolTip("Nothing was added for a while; the program that records it may have been killed.");
    if (m_state->text() == "ended early")
        m_state->setToolTip("The program that recorded this trace went away; everything up to then is here.");
    setToolTip(text(trace.reader->path()));
    if (property("active").toBool() != active) {
        setProperty("active", active);
        repolish(this);
    }
}

void TraceCard::mousePressEvent(QMouseEvent* event) {
    if (event->button() == Qt::LeftButton) emit clicked(m_trace_id);
}

void TraceCard::keyPressEvent(QKeyEvent* event) {
    if (event->key() == Qt::Key_Return || event->key() == Qt::Key_Space)
        emit clicked(m_trace_id);
    else if (event->key() == Qt::Key_Delete)
        emit closeRequested(m_trace_id);
    else
        QFrame::keyPressEvent(event);
}

} // namespace shardscope::gui
