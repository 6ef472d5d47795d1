// SPDX-License-Identifier: Apache-2.0
#include "gui/compare/card_flow.h"
#include "gui/canvas/theme.h"
#include <algorithm>
#include <cmath>

namespace shardscope::gui {
namespace {

constexpr int gap = 24, row_gap = 12, left = 16, right = 14, top = 8, bottom = 6, least_height = 152;

int scaled(int pixels) { return static_cast<int>(std::lround(static_cast<float>(pixels) * uiScale())); }

} // namespace

CardFlow::CardFlow(QWidget* parent)
    : QWidget(parent) {
    setObjectName("canvasSide");
    setAttribute(Qt::WA_StyledBackground);
}

void CardFlow::add(QWidget* widget, int least_width, int stretch) {
    widget->setParent(this);
    m_cards.push_back({widget, least_width, stretch});
}

void CardFlow::arrange() {
    const int room = std::max(100, width() - left - right);
    std::vector<std::vector<Card>> rows;
    int used = 0;
    for (const Card& card : m_cards) {
        if (card.widget->isHidden()) continue;
        if (rows.empty() || used + gap + scaled(card.least_width) > room) {
            rows.emplace_back();
            used = -gap;
        }
        rows.back().push_back(card);
        used += gap + scaled(card.least_width);
    }
    const int count = std::max(1, static_cast<int>(rows.size()));
    const int needed = top + bottom + count * scaled(least_height) + (count - 1) * row_gap;
    if (minimumHeight() != needed) setMinimumHeight(needed);
    m_row_height = (std::max(height(), needed) - top - bottom - (count - 1) * row_gap) / count;
    int y = top;
    for (const auto& row : rows) {
        int least = 0, stretch = 0, x = left;
        for (const Card& card : row) {
            least += scaled(card.least_width);
            stretch += card.stretch;
        }
        const int spare = room - least - gap * (static_cast<int>(row.size()) - 1);
        for (const Card& card : row) {
            const int wide =
                std::min(room, scaled(card.least_width) + std::max(0, spare) * card.stretch / std::max(1, stretch));
            card.widget->setGeometry(x, y, wide, m_row_height);
            x += wide + gap;
        }
        y += m_row_height + row_gap;
    }
    emit arranged();
}

void CardFlow::resizeEvent(QResizeEvent* event) {
    QWidget::resizeEvent(event);
    arrange();
}

} // namespace shardscope::gui
