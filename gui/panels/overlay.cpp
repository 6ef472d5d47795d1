// SPDX-License-Identifier: Apache-2.0
#include "gui/panels/overlay.h"
#include <QApplication>
#include <QKeyEvent>

namespace shardscope::gui {
namespace {

constexpr int margin = 16;

} // namespace

Overlay::Overlay(QWidget* window)
    : QFrame(window) {
    setObjectName("overlay");
    setAutoFillBackground(true);
    setFocusPolicy(Qt::StrongFocus);
    window->installEventFilter(this);
    connect(qApp, &QApplication::focusChanged, this, [this](QWidget*, QWidget* now) {
        if (m_closes_when_left && isVisible() && now && now != this && !isAncestorOf(now) &&
            now->window() == this->window())
            hide();
    });
    hide();
}

void Overlay::openOver() {
    if (!isVisible()) m_return_to = QApplication::focusWidget();
    place();
    show();
    raise();
    opened();
}

void Overlay::closeOver() {
    if (!isVisible()) return;
    const bool had_focus = isAncestorOf(QApplication::focusWidget()) || hasFocus();
    hide();
    if (had_focus && m_return_to && m_return_to->isVisible()) m_return_to->setFocus();
}

void Overlay::place() {
    const QSize room = parentWidget()->size() - QSize(2 * margin, 2 * margin);
    resize(wantedSize().boundedTo(room));
    move((parentWidget()->width() - width()) / 2, (parentWidget()->height() - height()) / 3);
}

bool Overlay::event(QEvent* event) {
    if (event->type() == QEvent::ShortcutOverride) event->accept();
    return QFrame::event(event);
}

bool Overlay::eventFilter(QObject* window, QEvent* event) {
    if (event->type() == QEvent::Resize && isVisible()) place();
    return QFrame::eventFilter(window, event);
}

void Overlay::keyPressEvent(QKeyEvent* event) {
    if (event->key() == Qt::Key_Escape)
        closeOver();
    else
        event->accept(); // not for the window behind
}

} // namespace shardscope::gui
