// SPDX-License-Identifier: Apache-2.0
#include "gui/panels/note_card.h"
#include "gui/panels/elided_label.h"
#include "gui/panels/section.h"
#include "gui/style.h"
#include <QHBoxLayout>
#include <QKeyEvent>
#include <QPlainTextEdit>
#include <QToolButton>
#include <QVBoxLayout>

namespace shardscope::gui {

NoteCard::NoteCard(int note_id, QWidget* parent)
    : QFrame(parent)
    , m_note_id(note_id)
    , m_place(new ElidedLabel)
    , m_text(new QLabel)
    , m_remove(new QToolButton)
    , m_editor(new QPlainTextEdit) {
    setObjectName("card");
    setFocusPolicy(Qt::TabFocus);
    setCursor(Qt::PointingHandCursor);
    m_place->setProperty("role", "dim");
    m_place->setFont(uiFont(metrics::font_small));
    m_text->setWordWrap(true);
    m_text->setTextFormat(Qt::PlainText);
    m_text->setFont(uiFont(metrics::font_small));
    m_remove->setText("×");
    m_remove->setProperty("flat", true);
    m_remove->setFocusPolicy(Qt::NoFocus);
    m_remove->setToolTip("Remove this note (Delete)");
    m_remove->setAccessibleName("Remove note");
    m_editor->setAccessibleName("Text of the note");
    m_editor->setPlaceholderText("What is to be seen here");
    m_editor->setFixedHeight(76);
    m_editor->setTabChangesFocus(true);
    m_editor->installEventFilter(this);
    m_editor->hide();
    auto* head = new QHBoxLayout;
    head->addWidget(m_place, 1);
    head->addWidget(m_remove);
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(10, 6, 6, 8);
    column->setSpacing(2);
    column->addLayout(head);
    column->addWidget(m_text);
    column->addWidget(m_editor);
    connect(m_remove, &QToolButton::clicked, this, [this] { emit removeRequested(m_note_id); });
}

void NoteCard::show(const QString& place, const QString& text, bool chosen, bool reachable) {
    m_current = text;
    m_place->setText(place);
    m_place->setToolTip(place);
    m_text->setText(text);
    m_text->setVisible(!text.isEmpty() && !editing());
    m_place->setEnabled(reachable);
    setAccessibleName((text.isEmpty() ? "Mark, " : "Note, ") + place + (text.isEmpty() ? "" : ": " + text));
    if (property("active").toBool() != chosen) {
        setProperty("active", chosen);
        repolish(this);
    }
}

bool NoteCard::editing() const { return !m_editor->isHidden(); }

void NoteCard::edit() {
    m_editor->setPlainText(m_current);
    m_text->hide();
    m_editor->show();
    m_editor->moveCursor(QTextCursor::End);
    m_editor->setFocus();
}

void NoteCard::finish(bool keep) {
    if (!editing()) return;
    m_editor->hide();
    m_text->setVisible(!m_current.isEmpty());
    const QString text = m_editor->toPlainText().trimmed();
    if (keep && text != m_current) emit edited(m_note_id, text);
}

void NoteCard::mousePressEvent(QMouseEvent*) { emit clicked(m_note_id); }
void NoteCard::mouseDoubleClickEvent(QMouseEvent*) { edit(); }

void NoteCard::keyPressEvent(QKeyEvent* event) {
    switch (event->key()) {
    case Qt::Key_Space:
        return void(emit clicked(m_note_id));
    case Qt::Key_Return:
    case Qt::Key_Enter:
    case Qt::Key_F2:
        return edit();
    case Qt::Key_Delete:
        return void(emit removeRequested(m_note_id));
    default:
        QFrame::keyPressEvent(event);
    }
}

bool NoteCard::eventFilter(QObject* object, QEvent* event) {
    if (object != m_editor) return QFrame::eventFilter(object, event);
    if (event->type() == QEvent::FocusOut) finish(true);
    if (event->type() == QEvent::ShortcutOverride) { // Esc and Ctrl+Enter are the editor's here
        event->accept();
        return true;
    }
    if (event->type() != QEvent::KeyPress) return false;
    const auto& key = *static_cast<QKeyEvent*>(event);
    const bool enter = key.key() == Qt::Key_Return || key.key() == Qt::Key_Enter;
    if (key.key() != Qt::Key_Escape && !(enter && key.modifiers() & Qt::ControlModifier)) return false;
    finish(enter);
    setFocus();
    return true;
}

} // namespace shardscope::gui
