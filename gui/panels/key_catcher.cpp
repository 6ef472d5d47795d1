// SPDX-License-Identifier: Apache-2.0
#include "gui/panels/key_catcher.h"
#include <QKeyEvent>

namespace shardscope::gui {
namespace {

bool isModifier(int key) {
    return key == Qt::Key_Shift || key == Qt::Key_Control || key == Qt::Key_Alt || key == Qt::Key_Meta ||
           key == Qt::Key_AltGr || key == Qt::Key_CapsLock || key == 0 || key == Qt::Key_unknown;
}

// As Qt matches it: Shift does not count where it was only needed to reach a character such as '?'.
QKeySequence sequenceOf(const QKeyEvent& event) {
    Qt::KeyboardModifiers modifiers = event.modifiers() & ~Qt::KeypadModifier;
    const QString typed = event.text();
    const bool symbol =
        !typed.isEmpty() && typed.front().isPrint() && !typed.front().isLetterOrNumber() && !typed.front().isSpace();
    if (symbol) modifiers &= ~Qt::ShiftModifier;
    return QKeySequence(QKeyCombination(modifiers, static_cast<Qt::Key>(event.key())));
}

} // namespace

KeyCatcher::KeyCatcher(QWidget* parent)
    : QPushButton("Change…", parent) {
    connect(this, &QPushButton::clicked, this, &KeyCatcher::start);
}

void KeyCatcher::start() {
    m_catching = true;
    setText("Press the new key");
    setFocus();
}

void KeyCatcher::stop() {
    m_catching = false;
    setText("Change…");
}

bool KeyCatcher::event(QEvent* event) {
    if (m_catching && event->type() == QEvent::ShortcutOverride) {
        event->accept();
        return true;
    }
    if (!m_catching || event->type() != QEvent::KeyPress) return QPushButton::event(event);
    const auto& key = *static_cast<QKeyEvent*>(event);
    if (isModifier(key.key())) return true;
    stop();
    if (key.key() == Qt::Key_Escape && key.modifiers() == Qt::NoModifier)
        emit left();
    else
        emit caught(sequenceOf(key));
    return true;
}

void KeyCatcher::focusOutEvent(QFocusEvent* event) {
    QPushButton::focusOutEvent(event);
    if (!m_catching) return;
    stop();
    emit left();
}

} // namespace shardscope::gui
