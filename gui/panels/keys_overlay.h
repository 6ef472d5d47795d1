// SPDX-License-Identifier: Apache-2.0
// What the keys and the mouse do, over the window: made from the table of actions. Any key or click closes it.
#pragma once
#include <QFrame>

namespace shardscope::gui {

class KeysOverlay : public QFrame {
    Q_OBJECT
public:
    explicit KeysOverlay(QWidget* window);
    void toggle();

protected:
    bool event(QEvent*) override; // its keys are not shortcuts of the window
    void keyPressEvent(QKeyEvent*) override { hide(); }
    void mousePressEvent(QMouseEvent*) override { hide(); }
    void focusOutEvent(QFocusEvent*) override { hide(); }
};

} // namespace shardscope::gui
