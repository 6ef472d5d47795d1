// SPDX-License-Identifier: Apache-2.0
// Which keys do what: the defaults of the table of actions and what the user changed, which is stored in the settings
// by the action's text. A key has one owner: giving it to another action takes it away from the first.
#pragma once
#include "gui/actions.h"
#include <QObject>
#include <optional>

class QSettings;

namespace shardscope::gui {

class KeyBindings : public QObject {
    Q_OBJECT
public:
    explicit KeyBindings(Actions&, QObject* parent = nullptr);
    void load(QSettings&);
    void save(QSettings&) const; // only what differs from the defaults

    const QList<QKeySequence> keys(ActionId) const;
    QString shown(ActionId) const; // the first key as this system writes it; empty if there is none
    bool isDefault(ActionId) const;
    std::optional<ActionId> owner(const QKeySequence&) const;
    void assign(ActionId, const QKeySequence&); // replaces the action's keys; an empty sequence leaves it without any
    void reset(ActionId);                       // also takes its default keys back from whoever has them now
    void resetAll();

signals:
    void changed();

private:
    void take(const QKeySequence&, ActionId new_owner);
    Actions& m_actions;
};

} // namespace shardscope::gui
