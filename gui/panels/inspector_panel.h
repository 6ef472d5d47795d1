// SPDX-License-Identifier: Apache-2.0
// What is selected: what it is, because of which key, and what that key did here. Below: how the compared runs differ.
// The event under the mouse is shown while it is there, then the selected one again.
#pragma once
#include "gui/event_facts.h"
#include "gui/session.h"
#include <QWidget>

class QFrame;
class QLabel;
class QToolButton;

namespace shardscope::gui {

class FactList;
class RangeCard;
class RelationsList;
class SectionHead;

class InspectorPanel : public QWidget {
    Q_OBJECT
public:
    InspectorPanel(Session&, SectionHead* dock_head, QWidget* parent = nullptr);
    QString title() const;
    const FactList& facts() const { return *m_facts; }
    const FactList& differences() const { return *m_differences; }
    RelationsList& relations() { return *m_relations; }
    RangeCard& range() { return *m_range; }
    QToolButton& changeButton() { return *m_change; }

private:
    void showSelection();
    void showFacts();
    void showDifferences();
    Session& m_session;
    SectionHead *m_head, *m_differences_head;
    QLabel *m_title, *m_subtitle, *m_hint;
    FactList *m_facts, *m_differences;
    RelationsList* m_relations;
    RangeCard* m_range;
    QFrame* m_cause;
    QLabel *m_cause_key, *m_cause_value, *m_cause_sentence;
    QToolButton* m_change; // leads to where the key can be changed
    struct Asked {         // what the facts are about
        PickedEvent event;
        int64_t recorded = 0; // events of the trace: one that grows is asked again
        bool operator==(const Asked&) const = default;
    };
    std::optional<Asked> m_asked;
    bool m_asking = false;             // one question at a time, and then the newest
    std::optional<EventFacts> m_known; // the answer, or an older one until it comes
    std::optional<PickedEvent> m_known_event;
    int m_shown_trace = 0;
    QString m_shown_key;
};

} // namespace shardscope::gui
