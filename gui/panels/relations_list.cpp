// SPDX-License-Identifier: Apache-2.0
#include "gui/panels/relations_list.h"
#include "gui/canvas/format.h"
#include "gui/panels/section.h"
#include "gui/session.h"
#include "gui/style.h"
#include "gui/timeline_tools.h"
#include "gui/units.h"
#include <QHBoxLayout>
#include <QHeaderView>
#include <QTableWidget>
#include <QToolButton>
#include <QVBoxLayout>
#include <algorithm>

namespace shardscope::gui {
namespace {

constexpr int row_height = 22, most_rows = 8, most_links = 6;

QTableWidgetItem* cell(const QString& text) {
    auto* item = new QTableWidgetItem(text);
    item->setTextAlignment(Qt::AlignRight | Qt::AlignVCenter);
    item->setFlags(Qt::ItemIsEnabled | Qt::ItemIsSelectable);
    return item;
}

QToolButton* link() {
    auto* button = new QToolButton;
    button->setProperty("flat", true);
    button->setToolButtonStyle(Qt::ToolButtonTextOnly);
    button->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Fixed);
    return button;
}

} // namespace

RelationsList::RelationsList(Session& session, QWidget* parent)
    : QWidget(parent)
    , m_session(session)
    , m_ranks_head(headLabel("In every rank"))
    , m_ranks(new QTableWidget(0, 4))
    , m_steps(new QWidget)
    , m_previous(link())
    , m_next(link())
    , m_links(new QVBoxLayout) {
    m_ranks->setAccessibleName("The same operation in every rank");
    m_ranks->verticalHeader()->hide();
    m_ranks->verticalHeader()->setDefaultSectionSize(row_height);
    m_ranks->horizontalHeader()->setSectionResizeMode(QHeaderView::Stretch);
    m_ranks->horizontalHeader()->setDefaultAlignment(Qt::AlignRight | Qt::AlignVCenter);
    m_ranks->setSelectionBehavior(QAbstractItemView::SelectRows);
    m_ranks->setSelectionMode(QAbstractItemView::SingleSelection);
    m_ranks->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    m_ranks->setShowGrid(false);
    m_ranks->setFrameShape(QFrame::NoFrame);
    const auto leadThere = [this](int row) {
        if (row >= 0 && static_cast<size_t>(row) < m_shown_ranks.size()) goTo(m_shown_ranks[static_cast<size_t>(row)]);
    };
    connect(m_ranks, &QTableWidget::cellClicked, this, leadThere);
    connect(m_ranks, &QTableWidget::cellActivated, this, leadThere);
    auto* steps = new QHBoxLayout(m_steps);
    steps->setContentsMargins(0, 0, 0, 0);
    steps->addWidget(m_previous);
    steps->addWidget(m_next);
    connect(m_previous, &QToolButton::clicked, this, [this] {
        if (m_previous_event) goTo(*m_previous_event);
    });
    connect(m_next, &QToolButton::clicked, this, [this] {
        if (m_next_event) goTo(*m_next_event);
    });
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(6);
    column->addWidget(m_ranks_head);
    column->addWidget(m_ranks);
    column->addWidget(m_steps);
    m_links->setSpacing(0);
    column->addLayout(m_links);
    showRelations();
}

void RelationsList::goTo(const RelatedEvent& event) {
    if (const auto selected = m_session.selected())
        m_session.timelineTools().goTo(selected->trace_id, RelatedEvent(event)); // a copy: the list is shown anew
}

void RelationsList::addLinks(const QString& head, const std::vector<RelatedEvent>& events) {
    if (events.empty()) return;
    m_links->addSpacing(4);
    m_links->addWidget(headLabel(head));
    for (size_t i = 0; i < events.size() && i < most_links; ++i) {
        QToolButton* button = link();
        const RelatedEvent& event = events[i];
        const QString name = text(event.name).size() > 34 ? text(event.name).left(33) + "…" : text(event.name);
        button->setText(name + "  " + text(formatDuration(event.end_ns - event.start_ns)));
        button->setToolTip(text(event.name) + "\nGo there");
        button->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Fixed);
        connect(button, &QToolButton::clicked, this, [this, event] { goTo(event); });
        m_links->addWidget(button);
    }
    if (events.size() > most_links)
        m_links->addWidget(roleLabel(QString("and %1 more").arg(events.size() - most_links), "dim"));
}

void RelationsList::showRelations() {
    while (QLayoutItem* item = m_links->takeAt(0)) {
        if (item->widget()) {
            item->widget()->hide();
            item->widget()->deleteLater(); // it may be the button whose click led here
        }
        delete item;
    }
    const auto& relations = m_session.timelineTools().relations();
    const bool known = m_session.selected() && relations && relations->self.event != EventId::none;
    const bool table = known && relations->ranks.size() > 1;
    m_ranks_head->setVisible(table);
    m_ranks->setVisible(table);
    m_shown_ranks = table ? relations->ranks : std::vector<RelatedEvent>();
    m_previous_event = known ? relations->previous_step : std::nullopt;
    m_next_event = known ? relations->next_step : std::nullopt;
    m_steps->setVisible(m_previous_event || m_next_event);
    setVisible(known && (table || m_previous_event || m_next_event || !relations->waited_for.empty() ||
                         !relations->waited_by.empty()));
    if (!known) return;

    if (table) {
        int64_t first = m_shown_ranks.front().start_ns, longest = 0, waits = 0;
        for (const RelatedEvent& event : m_shown_ranks) {
            first = std::min(first, event.start_ns);
            longest = std::max({longest, event.end_ns - event.start_ns, event.start_ns - first});
            waits = std::max(waits, event.wait_ns);
        }
        for (const RelatedEvent& event : m_shown_ranks) longest = std::max(longest, event.start_ns - first);
        const Unit unit = timeUnit(longest);
        const QString name = QString::fromUtf8(unit.name);
        m_ranks->setColumnCount(waits > 0 ? 4 : 3);
        m_ranks->setHorizontalHeaderLabels({"rank", "start", "took", "wait"});
        m_ranks_head->setText(headText("In every rank", name));
        m_ranks->horizontalHeaderItem(1)->setToolTip("after the first rank started");
        m_ranks->setRowCount(static_cast<int>(m_shown_ranks.size()));
        for (int row = 0; row < m_ranks->rowCount(); ++row) {
            const RelatedEvent& event = m_shown_ranks[static_cast<size_t>(row)];
            m_ranks->setItem(row, 0, cell(QString::number(event.rank)));
            m_ranks->setItem(row, 1, cell(text(inUnit(event.start_ns - first, unit))));
            m_ranks->setItem(row, 2, cell(text(inUnit(event.end_ns - event.start_ns, unit))));
            if (waits > 0) m_ranks->setItem(row, 3, cell(text(inUnit(event.wait_ns, unit))));
            if (event.event == relations->self.event) m_ranks->selectRow(row);
        }
        const int rows = std::min(most_rows, m_ranks->rowCount());
        m_ranks->setFixedHeight(m_ranks->horizontalHeader()->sizeHint().height() + rows * row_height + 2);
    }
    const auto step = [](QToolButton* button, const std::optional<RelatedEvent>& event, const QString& pattern) {
        button->setVisible(event.has_value());
        if (!event) return;
        button->setText(pattern.arg(event->step).arg(text(formatDuration(event->end_ns - event->start_ns))));
        button->setToolTip(QString("The same operation in step %1").arg(event->step));
    };
    step(m_previous, m_previous_event, "‹ step %1: %2");
    step(m_next, m_next_event, "step %1: %2 ›");
    addLinks("Waited for", relations->waited_for);
    addLinks("Waited for by", relations->waited_by);
}

} // namespace shardscope::gui
