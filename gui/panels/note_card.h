// SPDX-License-Identifier: Apache-2.0
// One note: where it is pinned, and its text, which is edited in place. Enter or a double click edits, Esc leaves the
// text as it was, leaving the field keeps it.
#pragma once
#include <QFrame>

class QLabel;
class QPlainTextEdit;
class QToolButton;

namespace shardscope::gui {

class NoteCard : public QFrame {
    Q_OBJECT
public:
    explicit NoteCard(int note_id, QWidget* parent = nullptr);
    void show(const QString& place, const QString& text, bool chosen, bool reachable);
    void edit();
    bool editing() const;
    int noteId() const { return m_note_id; }
    QPlainTextEdit& editor() { return *m_editor; }

signals:
    void clicked(int note_id);
    void edited(int note_id, const QString& text);
    void removeRequested(int note_id);

protected:
    void mousePressEvent(QMouseEvent*) override;
    void mouseDoubleClickEvent(QMouseEvent*) override;
    void keyPressEvent(QKeyEvent*) override;
    bool eventFilter(QObject*, QEvent*) override;

private:
    void finish(bool keep);
    int m_note_id;
    QLabel *m_place, *m_text;
    QToolButton* m_remove;
    QPlainTextEdit* m_editor;
    QString m_current;
};

} // namespace shardscope::gui
