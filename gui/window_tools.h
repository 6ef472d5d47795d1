// SPDX-License-Identifier: Apache-2.0
// What lies over and behind the window whatever place is shown: the command palette, help and change of keys, settings,
// the tour and the demo, bookmarks and marks, and the way back through what was visible.
#pragma once
#include "gui/key_bindings.h"
#include "gui/palette_model.h"
#include <QObject>

namespace shardscope::gui {

class Appearance;
class CommandPalette;
class DemoRuns;
class KeysOverlay;
class KeysPanel;
class MainWindow;
class NotesPanel;
class Session;
class SettingsPanel;
class Tour;
class ViewTracker;
class Workspace;

class WindowTools : public QObject {
    Q_OBJECT
public:
    // `remembers`: keys and looks are read from the user's settings and written there.
    WindowTools(Session&, Workspace&, MainWindow&, NotesPanel&, bool remembers);
    CommandPalette& palette() { return *m_palette; }
    KeyBindings& bindings() { return *m_bindings; }
    KeysPanel& keysPanel() { return *m_keys_panel; }
    ViewTracker& views() { return *m_views; }
    Appearance& appearance() { return *m_appearance; }
    SettingsPanel& settingsPanel() { return *m_settings; }
    Tour& tour() { return *m_tour; }
    DemoRuns& demo() { return *m_demo; }

private:
    void connectPalette(Session&, MainWindow&);
    void connectMarks(Session&, Workspace&, NotesPanel&);
    void connectDemo(Session&, MainWindow&);
    void presentDemo(Session&, MainWindow&);
    void remember();
    DemoRuns* m_demo;
    Appearance* m_appearance;
    SettingsPanel* m_settings;
    Tour* m_tour;
    bool m_tour_wanted = false; // once the demo has something to show
    KeyBindings* m_bindings;
    ViewTracker* m_views;
    CommandPalette* m_palette;
    KeysOverlay* m_keys;
    KeysPanel* m_keys_panel;
};

} // namespace shardscope::gui
