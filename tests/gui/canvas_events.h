// SPDX-License-Identifier: Apache-2.0
// Mouse events sent straight to a widget: QTest has no wheel, and its moves go by the cursor, which swallows a move to
// where the cursor already is.
#pragma once
#include <QApplication>
#include <QMouseEvent>
#include <QWheelEvent>
#include <QWidget>

namespace shardscope::gui {

inline void moveMouse(QWidget& widget, QPointF to, Qt::MouseButtons held = {}) {
    QMouseEvent event(QEvent::MouseMove, to, widget.mapToGlobal(to), Qt::NoButton, held, {});
    QApplication::sendEvent(&widget, &event);
}

// `angle` in eighths of a degree: 120 is one notch.
inline void turnWheel(QWidget& widget, QPointF at, QPoint angle, Qt::KeyboardModifiers modifiers = {}) {
    QWheelEvent event(at, widget.mapToGlobal(at), {}, angle, Qt::NoButton, modifiers, Qt::NoScrollPhase, false);
    QApplication::sendEvent(&widget, &event);
}

} // namespace shardscope::gui
