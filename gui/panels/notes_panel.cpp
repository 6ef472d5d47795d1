// SPDX-License-Identifier: Apache-2.0
#include "gui/panels/notes_panel.h"
#include "gui/canvas/format.h"
#include "gui/panels/column_scroll.h"
#include "gui/panels/note_card.h"
#include "gui/panels/section.h"
#include "gui/style.h"
#include "gui/workspace.h"
#include <QFileInfo>
#include <QToolButton>
#include <QVBoxLayout>
#include <algorithm>

namespace shardscope::gui {

NotesPanel::NotesPanel(Session& session, Workspace& workspace, SectionHead* head, QWidget* parent)
    : QWidget(parent)
    , m_session(session)
    , m_workspace(workspace)
    , m_head(head)
    , m_restore(new QToolButton)
    , m_hint(roleLabel({}, "dim"))
    , m_column(new QVBoxLayout) {
    setMinimumWidth(250);
    setMinimumHeight(90);
    m_restore->setText("Undo");
    m_restore->setProperty("flat", true);
    m_restore->setToolTip("Bring the note back that was removed last");
    m_restore->setAccessibleName("Bring the removed note back");
    auto* add = new QToolButton;
    add->setText("+");
    add->setProperty("flat", true);
    add->setToolTip(session.actions().get(ActionId::add_note)->toolTip());
    add->setAccessibleName("Add note");
    connect(add, &QToolButton::clicked, session.actions().get(ActionId::add_note), &QAction::trigger);
    head->addWidget(m_restore);
    head->addWidget(add);
    m_hint->setWordWrap(true);
    auto* content = new QWidget;
    content->setLayout(m_column);
    m_column->setContentsMargins(10, 10, 10, 10);
    m_column->setSpacing(8);
    m_column->addWidget(m_hint);
    m_column->addStretch();
    auto* scroll = new ColumnScroll(content);
    auto* outer = new QVBoxLayout(this);
    outer->setContentsMargins(0, 0, 0, 0);
    outer->addWidget(scroll);
    connect(m_restore, &QToolButton::clicked, &session.notes(), &NoteBook::restoreRemoved);
    connect(&session.notes(), &NoteBook::changed, this, &NotesPanel::rebuild);
    connect(&session.notes(), &NoteBook::chosenChanged, this, &NotesPanel::rebuild);
    connect(&session, &Session::tracesChanged, this, &NotesPanel::rebuild);
    rebuild();
}

// "C · rank 0 comm · step 12, 36.9 ms"
QString NotesPanel::placeOf(const Note& note) const {
    const OpenTrace* trace = openTraceAt(m_session, note.trace);
    if (!trace) return QFileInfo(text(note.trace)).fileName() + ", not open";
    QStringList parts;
    if (!trace->label.empty()) parts << text(trace->label);
    const auto lanes = trace->reader->lanes();
    if (note.lane != LaneId::none && static_cast<size_t>(note.lane) < lanes.size())
        parts << text(lanes[static_cast<size_t>(note.lane)].name);
    int64_t since = trace->reader->span().start_ns;
    QString step;
    for (const StepEvent& candidate : trace->reader->steps())
        if (note.start_ns >= candidate.start_ns && note.start_ns < candidate.end_ns) {
            step = QString("step %1, ").arg(candidate.step);
            since = candidate.start_ns;
        }
    parts << step + text(formatDuration(note.start_ns - since));
    return parts.join(" · ");
}

// Cards are kept by note, so that one that is being edited stays.
void NotesPanel::rebuild() {
    const NoteBook& notes = m_session.notes();
    std::vector<NoteCard*> kept;
    for (const Note& note : notes.notes()) {
        const auto found =
            std::find_if(m_cards.begin(), m_cards.end(), [&](NoteCard* card) { return card->noteId() == note.id; });
        NoteCard* card = found == m_cards.end() ? nullptr : *found;
        if (!card) {
            card = new NoteCard(note.id);
            connect(card, &NoteCard::clicked, &m_workspace, &Workspace::goToNote);
            connect(card, &NoteCard::removeRequested, &m_session.notes(), &NoteBook::remove, Qt::QueuedConnection);
            connect(card, &NoteCard::edited, this,
                    [this](int id, const QString& text) { m_session.notes().setText(id, text.toStdString()); });
        }
        const auto at = static_cast<int>(kept.size());
        if (m_column->indexOf(card) != at) {
            m_column->removeWidget(card);
            m_column->insertWidget(at, card);
        }
        card->show(placeOf(note), text(note.text), note.id == notes.chosen(),
                   openTraceAt(m_session, note.trace) != nullptr);
        kept.push_back(card);
    }
    for (NoteCard* card : m_cards)
        if (std::find(kept.begin(), kept.end(), card) == kept.end()) card->deleteLater();
    m_cards = std::move(kept);
    m_restore->setVisible(notes.canRestore());
    m_head->setRight(m_cards.empty() ? QString() : QString::number(m_cards.size()));
    m_hint->setVisible(m_cards.empty());
    const auto key = [this](ActionId id) {
        return m_session.actions().get(id)->shortcut().toString(QKeySequence::NativeText);
    };
    m_hint->setText(QString("%1 marks what is selected or the moment under the mouse; %2 writes a note there.")
                        .arg(key(ActionId::mark), key(ActionId::add_note)));
}

void NotesPanel::edit(int note_id) {
    for (NoteCard* card : m_cards)
        if (card->noteId() == note_id) card->edit();
}

} // namespace shardscope::gui
