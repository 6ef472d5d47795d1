// SPDX-License-Identifier: Apache-2.0
// Every action with its keys: find one, give it another key, take the key away, put the default back. A key that
// belongs to another action is given only after both names were shown.
#pragma once
#include "gui/key_bindings.h"
#include "gui/panels/overlay.h"

class QLabel;
class QLineEdit;
class QPushButton;
class QTreeWidget;

namespace shardscope::gui {

class KeyCatcher;

class KeysPanel : public Overlay {
    Q_OBJECT
public:
    KeysPanel(KeyBindings&, QWidget* window);
    void choose(ActionId);
    QLineEdit& field() { return *m_field; }
    KeyCatcher& catcher() { return *m_catcher; }
    QPushButton& confirm() { return *m_confirm; }
    QString sentence() const;

signals:
    void bindingsEdited(); // to be stored

protected:
    QSize wantedSize() const override { return {720, 560}; }
    void opened() override;

private:
    void fill();
    void filter(const QString&);
    void showChosen();
    void propose(const QKeySequence&);
    void give();
    std::optional<ActionId> chosen() const;

    KeyBindings& m_bindings;
    QLineEdit* m_field;
    QTreeWidget* m_list;
    QLabel* m_sentence;
    KeyCatcher* m_catcher;
    QPushButton *m_confirm, *m_remove, *m_reset, *m_reset_all;
    QKeySequence m_proposed;
};

} // namespace shardscope::gui
