// SPDX-License-Identifier: Apache-2.0
#include "gui/panels/queue_list.h"
#include "gui/panels/elided_label.h"
#include "gui/panels/field_row.h"
#include "gui/panels/section.h"
#include "gui/style.h"
#include <QHBoxLayout>
#include <QMouseEvent>
#include <QProgressBar>
#include <QToolButton>
#include <QVBoxLayout>
#include <algorithm>

namespace shardscope::gui {
namespace {

Tone toneOf(RunState state) {
    switch (state) {
    case RunState::finished:
        return Tone::good;
    case RunState::stopped:
        return Tone::attention;
    case RunState::failed:
    case RunState::killed:
        return Tone::bad;
    default:
        return Tone::normal;
    }
}

// What sets a run apart from the one before it in the list.
QString differenceText(const RunRequest& before, const RunRequest& now) {
    QStringList parts;
    for (const RequestDifference& difference : differences(before, now)) {
        if (difference.field == "zero_optimization.stage" || difference.field == "model") continue; // the title says it
        const QString key = text(difference.field.substr(difference.field.rfind('.') + 1));
        parts << key + " " + (difference.after.empty() ? QString("default") : text(difference.after));
    }
    constexpr qsizetype most = 3;
    if (parts.size() > most) parts = parts.mid(0, most) << QString("%1 more").arg(parts.size() - most);
    return parts.join(", ");
}

QToolButton* rowButton(const char* name, const char* sign, const char* tooltip) {
    auto* button = new QToolButton;
    button->setObjectName(name);
    button->setText(sign);
    button->setToolTip(tooltip);
    button->setAccessibleName(tooltip);
    button->setProperty("flat", true);
    button->setFocusPolicy(Qt::TabFocus);
    return button;
}

} // namespace

QueueRow::QueueRow(int run_id)
    : m_run_id(run_id)
    , m_title(new ElidedLabel({}, Qt::ElideMiddle))
    , m_difference(new ElidedLabel({}, Qt::ElideMiddle))
    , m_status(roleLabel({}, "dim"))
    , m_bar(new QProgressBar)
    , m_below(new QHBoxLayout)
    , m_up(rowButton("up", "↑", "Run this one earlier"))
    , m_down(rowButton("down", "↓", "Run this one later"))
    , m_repeat(rowButton("again", "↻", "Run this configuration again"))
    , m_duplicate(rowButton("duplicate", "±", "Duplicate and change one thing"))
    , m_remove(rowButton("remove", "×", "Take this run out of the queue; its trace stays")) {
    setCursor(Qt::PointingHandCursor);
    m_title->setFont(uiFont(metrics::font_small));
    m_difference->setFont(uiFont(metrics::font_axis));
    m_difference->setProperty("role", "dim");
    m_bar->setTextVisible(false);
    auto* line = new QHBoxLayout;
    line->setSpacing(2);
    line->addWidget(m_title, 1);
    line->addWidget(m_status);
    line->addSpacing(4);
    for (QToolButton* button : {m_up, m_down, m_repeat, m_duplicate, m_remove}) line->addWidget(button);
    m_below->setSpacing(10);
    m_below->addWidget(m_difference, 1);
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(0, 0, 0, 2);
    column->setSpacing(1);
    column->addLayout(line);
    column->addLayout(m_below);
    column->addWidget(m_bar);
    m_line = line;
    connect(m_up, &QToolButton::clicked, this, [this] { emit moved(-1); });
    connect(m_down, &QToolButton::clicked, this, [this] { emit moved(+1); });
    connect(m_repeat, &QToolButton::clicked, this, &QueueRow::repeated);
    connect(m_duplicate, &QToolButton::clicked, this, &QueueRow::duplicated);
    connect(m_remove, &QToolButton::clicked, this, &QueueRow::removed);
}

void QueueRow::show(const QueuedRun& run, const QString& difference, bool first_waiting, bool last_waiting) {
    const bool goes_on = !run.waits() && (run.state == RunState::starting || run.state == RunState::running ||
                                          run.state == RunState::stopping);
    m_title->setText(text(requestTitle(run.request)));
    m_difference->setText(run.state == RunState::failed ? run.message : difference);
    m_difference->setVisible(!m_difference->text().isEmpty());
    m_status->setText(statusText(run));
    setTone(m_status, toneOf(run.state));
    setToolTip(run.trace_path.empty() ? text(run.request.trace) : text(run.trace_path));
    m_bar->setRange(0, static_cast<int>(std::clamp<int64_t>(run.steps, 1, 1'000'000)));
    m_bar->setValue(static_cast<int>(run.steps_done));
    m_bar->setVisible(goes_on);
    m_up->setVisible(run.waits() && !first_waiting);
    m_down->setVisible(run.waits() && !last_waiting);
    m_repeat->setVisible(!run.waits() && !goes_on);
    m_remove->setVisible(!goes_on);
    placeStatus();
}

// Behind the title where both have room, else at the head of the line below: what a run is called is never shortened
// for how it fares.
void QueueRow::placeStatus() {
    int others = 4;
    for (const QToolButton* button : {m_up, m_down, m_repeat, m_duplicate, m_remove})
        if (!button->isHidden()) others += button->sizeHint().width() + m_line->spacing();
    const bool below = m_title->sizeHint().width() + 8 + m_status->sizeHint().width() + others > width();
    if (below == (m_below->indexOf(m_status) >= 0)) return;
    if (below) {
        m_line->removeWidget(m_status);
        m_below->insertWidget(0, m_status);
    } else {
        m_below->removeWidget(m_status);
        m_line->insertWidget(1, m_status);
    }
}

void QueueRow::resizeEvent(QResizeEvent* event) {
    QWidget::resizeEvent(event);
    placeStatus();
}

QString QueueRow::status() const { return m_status->text(); }

QString QueueRow::title() const { return m_title->text(); }

void QueueRow::mousePressEvent(QMouseEvent* event) {
    if (event->button() == Qt::LeftButton) emit clicked();
}

QueueList::QueueList(RunQueue& queue, QWidget* parent)
    : QWidget(parent)
    , m_queue(queue)
    , m_column(new QVBoxLayout(this))
    , m_hint(roleLabel("Runs of this session appear here; Add to queue lets several follow one another.", "dim")) {
    m_hint->setWordWrap(true);
    m_column->setContentsMargins(14, 10, 10, 10);
    m_column->setSpacing(4);
    m_column->addWidget(m_hint);
    m_column->addStretch();
    connect(&queue, &RunQueue::changed, this, &QueueList::rebuild);
    rebuild();
}

void QueueList::rebuild() {
    const auto& runs = m_queue.runs();
    std::vector<QueueRow*> kept;
    for (size_t i = 0; i < runs.size(); ++i) {
        const QueuedRun& run = runs[i];
        const auto same = [&](const QueueRow* row) { return row->runId() == run.id; };
        const auto found = std::find_if(m_rows.begin(), m_rows.end(), same);
        QueueRow* row = found == m_rows.end() ? nullptr : *found;
        if (!row) {
            row = new QueueRow(run.id);
            connect(row, &QueueRow::clicked, this, [this, row] { emit openAsked(row->runId()); });
            connect(row, &QueueRow::repeated, this, [this, row] { emit repeatAsked(row->runId()); });
            connect(row, &QueueRow::duplicated, this, [this, row] { emit duplicateAsked(row->runId()); });
            connect(row, &QueueRow::moved, &m_queue, [this, row](int by) { m_queue.move(row->runId(), by); });
            connect(row, &QueueRow::removed, &m_queue, [this, row] { m_queue.remove(row->runId()); });
        }
        if (m_column->indexOf(row) != static_cast<int>(i)) m_column->insertWidget(static_cast<int>(i), row);
        const bool first_waiting = i == 0 || !runs[i - 1].waits(), last_waiting = i + 1 == runs.size();
        Difference& difference = m_differences[run.id];
        const int before = i > 0 ? runs[i - 1].id : 0;
        if (difference.before != before)
            difference = {before, before ? differenceText(runs[i - 1].request, run.request) : QString()};
        row->show(run, difference.text, first_waiting, last_waiting);
        kept.push_back(row);
    }
    for (QueueRow* row : m_rows)
        if (std::find(kept.begin(), kept.end(), row) == kept.end()) {
            row->hide();
            row->deleteLater();
        }
    m_rows = std::move(kept);
    m_hint->setVisible(m_rows.empty());
}

} // namespace shardscope::gui
