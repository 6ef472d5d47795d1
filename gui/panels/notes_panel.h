// SPDX-License-Identifier: Apache-2.0
// The marks and notes of the project, by trace and time. A click leads to the place.
#pragma once
#include "gui/session.h"
#include <QWidget>

class QLabel;
class QToolButton;
class QVBoxLayout;

namespace shardscope::gui {

class NoteCard;
class SectionHead;
class Workspace;

class NotesPanel : public QWidget {
    Q_OBJECT
public:
    NotesPanel(Session&, Workspace&, SectionHead* head, QWidget* parent = nullptr);
    const std::vector<NoteCard*>& cards() const { return m_cards; }
    void edit(int note_id);

private:
    void rebuild();
    QString placeOf(const Note&) const;
    Session& m_session;
    Workspace& m_workspace;
    SectionHead* m_head;
    QToolButton* m_restore;
    QLabel* m_hint;
    QVBoxLayout* m_column;
    std::vector<NoteCard*> m_cards;
};

} // namespace shardscope::gui
