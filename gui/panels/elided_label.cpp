// SPDX-License-Identifier: Apache-2.0
#include "gui/panels/elided_label.h"
#include <QPainter>
#include <QStyle>

namespace shardscope::gui {

ElidedLabel::ElidedLabel(const QString& text, Qt::TextElideMode mode)
    : QLabel(text)
    , m_mode(mode) {
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
    setTextFormat(Qt::PlainText);
}

QSize ElidedLabel::sizeHint() const {
    return {fontMetrics().horizontalAdvance(text()) + 2, QLabel::sizeHint().height()};
}

void ElidedLabel::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    const QString shown = fontMetrics().elidedText(text(), m_mode, contentsRect().width());
    style()->drawItemText(&painter, contentsRect(), static_cast<int>(Qt::AlignLeft | Qt::AlignVCenter), palette(),
                          isEnabled(), shown, foregroundRole());
    const bool whole = shown == text();
    if (m_tells_all == !whole || (!whole && !toolTip().isEmpty())) return;
    setToolTip(whole ? QString() : text());
    m_tells_all = !whole;
}

} // namespace shardscope::gui
