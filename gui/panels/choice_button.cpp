// SPDX-License-Identifier: Apache-2.0
#include "gui/panels/choice_button.h"
#include "gui/style.h"
#include <QPainter>
#include <QStyle>
#include <QStyleOptionButton>
#include <cmath>

namespace shardscope::gui {
namespace {

constexpr int margin = 16, designed_width = 300, designed_height = 64;

} // namespace

ChoiceButton::ChoiceButton(const QString& title, const QString& hint, bool primary)
    : QPushButton(title)
    , m_hint(hint) {
    setProperty("primary", primary);
    setAccessibleDescription(hint);
    setCursor(Qt::PointingHandCursor);
}

QSize ChoiceButton::sizeHint() const {
    return QSize(static_cast<int>(std::lround(designed_width * uiScale())),
                 static_cast<int>(std::lround(designed_height * uiScale())));
}

void ChoiceButton::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    QStyleOptionButton option;
    initStyleOption(&option);
    option.text.clear();
    style()->drawControl(QStyle::CE_PushButton, &option, &painter, this);
    const QColor strong = palette().color(QPalette::ButtonText);
    QColor weak = strong;
    weak.setAlphaF(0.82f); // on the accent as on a card this stays above 4.5 to 1
    const QRect words = rect().adjusted(margin, 0, -margin, 0);
    const QFont title = uiFont(metrics::font + 1, true);
    QFont hint = uiFont(metrics::font_small);
    hint.setWeight(QFont::Normal); // the widget's own may be heavier
    const QFontMetrics title_metric(title), hint_metric(hint);
    const int gap = 4, height = title_metric.height() + gap + hint_metric.height(), top = (this->height() - height) / 2;
    painter.setFont(title);
    painter.setPen(strong);
    painter.drawText(QRect(words.left(), top, words.width(), title_metric.height()), Qt::AlignLeft | Qt::AlignVCenter,
                     title_metric.elidedText(text(), Qt::ElideRight, words.width()));
    painter.setFont(hint);
    painter.setPen(weak);
    painter.drawText(QRect(words.left(), top + title_metric.height() + gap, words.width(), hint_metric.height()),
                     Qt::AlignLeft | Qt::AlignVCenter, hint_metric.elidedText(m_hint, Qt::ElideRight, words.width()));
}

} // namespace shardscope::gui
