// SPDX-License-Identifier: Apache-2.0
#include "gui/panels/range_card.h"
#include "gui/canvas/format.h"
#include "gui/panels/section.h"
#include "gui/session.h"
#include "gui/style.h"
#include "gui/tables/column_fit.h"
#include "gui/timeline_tools.h"
#include "gui/units.h"
#include <QHBoxLayout>
#include <QHeaderView>
#include <QLabel>
#include <QTableWidget>
#include <QToolButton>
#include <QVBoxLayout>
#include <algorithm>
#include <cmath>

namespace shardscope::gui {
namespace {

constexpr int range_row_height = 22, most_range_rows = 10, widest_column = 120;

} // namespace

RangeCard::RangeCard(Session& session, QWidget* parent)
    : QFrame(parent)
    , m_session(session)
    , m_title(new QLabel)
    , m_note(roleLabel({}, "dim"))
    , m_table(new QTableWidget) {
    setObjectName("card");
    m_title->setFont(uiFont(15, true));
    m_note->setWordWrap(true);
    m_table->setAccessibleName("Budget of the range by rank");
    m_table->setProperty("compact", true);
    m_table->verticalHeader()->hide();
    m_table->verticalHeader()->setDefaultSectionSize(range_row_height);
    m_table->setSelectionMode(QAbstractItemView::NoSelection);
    m_table->setEditTriggers(QAbstractItemView::NoEditTriggers);
    m_table->setHorizontalScrollMode(QAbstractItemView::ScrollPerPixel);
    m_table->setShowGrid(false);
    m_table->setFrameShape(QFrame::NoFrame);
    auto* buttons = new QHBoxLayout;
    auto* zoom = new QToolButton;
    zoom->setText("Zoom");
    zoom->setToolTip("Show this range alone (Z)");
    connect(zoom, &QToolButton::clicked, this, [this] {
        if (const auto range = m_session.timelineTools().range()) m_session.setVisible(*range);
    });
    auto* clear = new QToolButton;
    clear->setText("Clear");
    clear->setToolTip("Also Esc in the canvas");
    connect(clear, &QToolButton::clicked, this, [this] { m_session.timelineTools().setRange(std::nullopt, true); });
    buttons->addWidget(zoom);
    buttons->addWidget(clear);
    buttons->addStretch();
    auto* head = new QVBoxLayout;
    head->addWidget(roleLabel("selected range", "dim"));
    head->addWidget(m_title);
    auto* foot = new QVBoxLayout;
    foot->addWidget(m_note);
    foot->addLayout(buttons);
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(1, 9, 1, 10); // the table has the width of the card
    column->setSpacing(5);
    for (QVBoxLayout* part : {head, foot}) {
        part->setContentsMargins(9, 0, 9, 0);
        part->setSpacing(5);
    }
    column->addLayout(head);
    column->addWidget(m_table);
    column->addLayout(foot);
    connect(&session.timelineTools(), &TimelineTools::answered, this, &RangeCard::showRange);
    showRange();
}

QString RangeCard::headline() const { return m_title->text(); }

void RangeCard::showRange() {
    const TimelineTools& tools = m_session.timelineTools();
    const auto range = tools.range();
    setVisible(range.has_value());
    if (!range) return;
    m_title->setText(text(formatDuration(range->duration())));
    const auto& budgets = tools.budgets();
    bool copies = false;
    int rows = 0;
    for (const auto& trace : budgets) {
        rows += static_cast<int>(trace.budget.ranks.size()) + (trace.budget.ranks.size() > 1);
        for (const RankBudget& rank : trace.budget.ranks) copies |= rank.exposed_copy_ns > 0;
    }
    m_table->setVisible(rows > 0);
    m_note->setText(tools.budgetPending() ? "Computing …" : rows == 0 ? "Release the mouse to see its budget." : "");
    m_note->setVisible(!m_note->text().isEmpty());
    if (rows == 0) return;
    const Unit unit = timeUnit(budgets.front().budget.range.duration());
    const QString name = QString::fromUtf8(unit.name);
    QStringList heads{name, "compute", "exposed"};
    if (copies) heads << "copies";
    heads << "idle"
          << "overlap";
    m_table->setColumnCount(static_cast<int>(heads.size()));
    for (int column = 0; column < heads.size(); ++column) {
        auto* item = new QTableWidgetItem(heads[column]);
        item->setTextAlignment((column == 0 ? Qt::AlignLeft : Qt::AlignRight) | Qt::AlignVCenter);
        if (heads[column] == "idle") item->setData(gives_way_role, 1); // what the others leave
        m_table->setHorizontalHeaderItem(column, item);
    }
    m_table->horizontalHeaderItem(2)->setToolTip("communication during which the rank computed nothing");
    if (copies) m_table->horizontalHeaderItem(3)->setToolTip("copies beside which nothing else ran");
    m_table->setRowCount(rows);
    int row = 0;
    const auto add = [&](const QString& head, const RankBudget& rank, bool bold) {
        QStringList cells{head, text(inUnit(rank.compute_ns, unit)), text(inUnit(rank.exposed_comm_ns, unit))};
        if (copies) cells << text(inUnit(rank.exposed_copy_ns, unit));
        cells << text(inUnit(rank.idle_ns, unit))
              << (rank.comm_ns > 0 ? text(formatPercent(rank.overlap_percent)) : QString("–"));
        for (int column = 0; column < cells.size(); ++column) {
            auto* item = new QTableWidgetItem(cells[column]);
            item->setTextAlignment((column == 0 ? Qt::AlignLeft : Qt::AlignRight) | Qt::AlignVCenter);
            item->setFont(uiFont(metrics::font_small, bold));
            if (column == 2 && rank.exposed_comm_ns > 0) item->setForeground(toColour(m_session.theme().bad));
            m_table->setItem(row, column, item);
        }
        ++row;
    };
    for (const auto& trace : budgets) {
        const OpenTrace* open = m_session.trace(trace.trace_id);
        const QString label = budgets.size() > 1 && open ? text(open->label) + " " : QString();
        if (trace.budget.ranks.size() > 1) add(label + "mean", trace.budget.mean, true);
        for (const RankBudget& rank : trace.budget.ranks)
            add(label + (label.isEmpty() ? "rank " : "r") + QString::number(rank.rank), rank, false);
    }
    const int row_height = static_cast<int>(std::lround(range_row_height * uiScale()));
    m_table->verticalHeader()->setDefaultSectionSize(row_height);
    m_table->setFixedHeight(m_table->horizontalHeader()->sizeHint().height() +
                            std::min(rows, most_range_rows) * row_height + 2);
    fitColumns(*m_table, widest_column);
}

} // namespace shardscope::gui
