// SPDX-License-Identifier: Apache-2.0
// What the keys and the mouse do, over the window: made from the table of actions with the keys they have now. Any key
// or click closes it.
#pragma once
#include "gui/panels/overlay.h"

namespace shardscope::gui {

class Actions;

class KeysOverlay : public Overlay {
    Q_OBJECT
public:
    KeysOverlay(const Actions&, QWidget* window);
    void toggle();

protected:
    void keyPressEvent(QKeyEvent*) override { closeOver(); }
    void mousePressEvent(QMouseEvent*) override { closeOver(); }

private:
    void fill();
    const Actions& m_actions;
    QWidget* m_content = nullptr;
};

} // namespace shardscope::gui
