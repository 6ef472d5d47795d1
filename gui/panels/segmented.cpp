// SPDX-License-Identifier: Apache-2.0
#include "gui/panels/segmented.h"
#include <QAction>
#include <QHBoxLayout>
#include <QToolButton>

namespace shardscope::gui {

Segmented::Segmented(const QList<QAction*>& actions, QWidget* parent)
    : QFrame(parent) {
    setObjectName("segmented");
    auto* row = new QHBoxLayout(this);
    row->setContentsMargins(0, 0, 0, 0);
    row->setSpacing(0);
    for (QAction* action : actions) {
        auto* button = new QToolButton;
        button->setDefaultAction(action);
        button->setToolButtonStyle(Qt::ToolButtonTextOnly);
        button->setFocusPolicy(Qt::TabFocus);
        button->setSizePolicy(QSizePolicy::Preferred, QSizePolicy::Fixed);
        button->setProperty("edge", action == actions.first() ? "first" : action == actions.last() ? "last" : "middle");
        row->addWidget(button);
    }
    setSizePolicy(QSizePolicy::Maximum, QSizePolicy::Fixed);
}

} // namespace shardscope::gui
