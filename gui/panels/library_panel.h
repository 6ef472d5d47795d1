// SPDX-License-Identifier: Apache-2.0
// The open traces as cards, and where to drop more of them.
#pragma once
#include "gui/session.h"
#include <QWidget>

class QLabel;
class QVBoxLayout;

namespace shardscope::gui {

class TraceCard;

class LibraryPanel : public QWidget {
    Q_OBJECT
public:
    explicit LibraryPanel(Session&, QWidget* parent = nullptr);
    const std::vector<TraceCard*>& cards() const { return m_cards; }

private:
    void rebuild();
    Session& m_session;
    QVBoxLayout* m_column;
    QLabel* m_hint;
    std::vector<TraceCard*> m_cards;
};

} // namespace shardscope::gui
