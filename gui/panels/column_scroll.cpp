// SPDX-License-Identifier: Apache-2.0
#include "gui/panels/column_scroll.h"
#include <QEvent>
#include <QLayout>

namespace shardscope::gui {

ColumnScroll::ColumnScroll(QWidget* content, QWidget* parent)
    : QScrollArea(parent) {
    setWidgetResizable(true);
    setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    setFrameShape(QFrame::NoFrame);
    setFocusPolicy(Qt::NoFocus);
    content->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred); // else it would be as wide as it wishes
    setWidget(content);
    content->installEventFilter(this);
}

void ColumnScroll::fit() {
    const QLayout* layout = widget()->layout();
    const int needed = layout->hasHeightForWidth() ? layout->minimumHeightForWidth(viewport()->width())
                                                   : layout->minimumSize().height();
    if (widget()->minimumHeight() != needed) widget()->setMinimumHeight(needed);
}

bool ColumnScroll::eventFilter(QObject* content, QEvent* event) {
    if (content == widget() && event->type() == QEvent::LayoutRequest) fit();
    return QScrollArea::eventFilter(content, event);
}

void ColumnScroll::resizeEvent(QResizeEvent* event) {
    QScrollArea::resizeEvent(event);
    fit();
}

} // namespace shardscope::gui
