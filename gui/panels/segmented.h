// SPDX-License-Identifier: Apache-2.0
// A segmented control: actions that exclude each other, side by side in one frame.
#pragma once
#include <QFrame>

class QAction;

namespace shardscope::gui {

class Segmented : public QFrame {
    Q_OBJECT
public:
    explicit Segmented(const QList<QAction*>&, QWidget* parent = nullptr);
};

} // namespace shardscope::gui
