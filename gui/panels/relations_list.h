// SPDX-License-Identifier: Apache-2.0
// The selected operation among its kin: the same in every rank and in the steps before and after, what it waited for
// and who waited for it. Every row leads to the place in the trace.
#pragma once
#include "gui/event_relations.h"
#include <QWidget>

class QLabel;
class QTableWidget;
class QToolButton;
class QVBoxLayout;

namespace shardscope::gui {

class Session;

class RelationsList : public QWidget {
    Q_OBJECT
public:
    explicit RelationsList(Session&, QWidget* parent = nullptr);
    void showRelations(); // of the session's selection
    QTableWidget& ranks() { return *m_ranks; }
    QToolButton& previousStep() { return *m_previous; }
    QToolButton& nextStep() { return *m_next; }

private:
    void addLinks(const QString& head, const std::vector<RelatedEvent>&);
    void goTo(const RelatedEvent&);
    Session& m_session;
    QLabel* m_ranks_head;
    QTableWidget* m_ranks;
    QWidget* m_steps;
    QToolButton *m_previous, *m_next;
    QVBoxLayout* m_links;
    std::vector<RelatedEvent> m_shown_ranks;
    std::optional<RelatedEvent> m_previous_event, m_next_event;
};

} // namespace shardscope::gui
