// SPDX-License-Identifier: Apache-2.0
#include "gui/compare/chart_card_view.h"
#include "gui/compare/elided_label.h"
#include "gui/panels/section.h"
#include "gui/panels/stacked_bars.h"
#include "gui/style.h"
#include <QVBoxLayout>

namespace shardscope::gui {

ChartCardView::ChartCardView(QWidget* parent)
    : QWidget(parent)
    , m_head(headLabel({}))
    , m_verdict(new ElidedLabel)
    , m_bars(new StackedBars) {
    m_verdict->setProperty("role", "dim");
    m_verdict->setFont(uiFont(metrics::font_axis));
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(1);
    column->addWidget(m_head);
    column->addWidget(m_verdict);
    column->addWidget(m_bars, 1);
}

void ChartCardView::setCard(const ChartCard& card) {
    m_head->setText(headText(card.title, card.unit));
    m_verdict->setText(card.verdict);
    m_bars->setAccessibleName(card.title);
    m_bars->setChart(card.chart);
}

QString ChartCardView::verdict() const { return m_verdict->text(); }

} // namespace shardscope::gui
