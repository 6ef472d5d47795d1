// SPDX-License-Identifier: Apache-2.0
// The open traces as cards: runs, imported recordings, and traces of the project that are not where they were. A field
// finds cards by title, model, tag or path; files are dropped anywhere on the window.
#pragma once
#include "gui/session.h"
#include <QWidget>

class QLabel;
class QLineEdit;
class QVBoxLayout;

namespace shardscope::gui {

class MissingCard;
class Thumbnails;
class TraceCard;
class Workspace;

class LibraryPanel : public QWidget {
    Q_OBJECT
public:
    LibraryPanel(Session&, Workspace&, QWidget* parent = nullptr);
    const std::vector<TraceCard*>& cards() const { return m_cards; } // in the order of the session
    const std::vector<MissingCard*>& missingCards() const { return m_missing; }
    QLineEdit& filter() { return *m_filter; }
    bool settled() const; // the pictures are there

private:
    void rebuild();
    void arrange();
    TraceCard* makeCard(int trace_id);
    void showMenu(int trace_id, const QPoint& at);
    void locate(size_t missing);
    Session& m_session;
    Workspace& m_workspace;
    Thumbnails* m_thumbnails;
    QLineEdit* m_filter;
    QVBoxLayout* m_column;
    QWidget *m_imported_head, *m_missing_head;
    QLabel* m_hint;
    std::vector<TraceCard*> m_cards;
    std::vector<MissingCard*> m_missing;
};

} // namespace shardscope::gui
