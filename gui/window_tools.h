// SPDX-License-Identifier: Apache-2.0
// What lies over and behind the window whatever place is shown: the command palette, help and change of keys, and the
// way back through what was visible.
#pragma once
#include "gui/key_bindings.h"
#include "gui/palette_model.h"
#include <QObject>

class QSettings;
class QWidget;

namespace shardscope::gui {

class CommandPalette;
class KeysOverlay;
class KeysPanel;
class Session;
class TimelinePanel;
class ViewTracker;

class WindowTools : public QObject {
    Q_OBJECT
public:
    // `remembers`: key bindings are read from the user's settings and written there.
    WindowTools(Session&, TimelinePanel&, QWidget* window, bool remembers);
    CommandPalette& palette() { return *m_palette; }
    KeyBindings& bindings() { return *m_bindings; }
    KeysPanel& keysPanel() { return *m_keys_panel; }
    ViewTracker& views() { return *m_views; }

private:
    KeyBindings* m_bindings;
    ViewTracker* m_views;
    CommandPalette* m_palette;
    KeysOverlay* m_keys;
    KeysPanel* m_keys_panel;
};

} // namespace shardscope::gui
