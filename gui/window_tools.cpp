// SPDX-License-Identifier: Apache-2.0
#include "gui/window_tools.h"
#include "gui/panels/command_palette.h"
#include "gui/panels/keys_overlay.h"
#include "gui/panels/keys_panel.h"
#include "gui/panels/timeline_panel.h"
#include "gui/session.h"
#include "gui/view_tracker.h"
#include <QSettings>
#include <algorithm>

namespace shardscope::gui {

WindowTools::WindowTools(Session& session, TimelinePanel& timeline, QWidget* window, bool remembers)
    : QObject(window)
    , m_bindings(new KeyBindings(session.actions(), this))
    , m_views(new ViewTracker(session, this))
    , m_palette(new CommandPalette(session, window))
    , m_keys(new KeysOverlay(session.actions(), window))
    , m_keys_panel(new KeysPanel(*m_bindings, window)) {
    if (remembers) {
        QSettings settings;
        m_bindings->load(settings);
        connect(m_keys_panel, &KeysPanel::bindingsEdited, this, [this] {
            QSettings stored;
            m_bindings->save(stored);
        });
    }
    m_palette->contribute(PaletteMode::commands, commandEntries(session));
    m_palette->contribute(PaletteMode::lanes, laneEntries(session, [&timeline](int trace_id, int lane) {
                              timeline.revealLane(trace_id, static_cast<LaneId>(lane));
                          }));
    m_palette->contribute(PaletteMode::steps, stepEntries(session));
    m_palette->contribute(PaletteMode::commands,
                          [steps = stepEntries(session)](const QString& typed, std::vector<PaletteEntry>& entries) {
                              const auto digit = [](QChar letter) { return letter.isDigit(); };
                              if (std::any_of(typed.begin(), typed.end(), digit)) steps(typed, entries);
                          });
    const auto on = [&](ActionId id, auto&& what) {
        connect(session.actions().get(id), &QAction::triggered, this, std::forward<decltype(what)>(what));
    };
    on(ActionId::command_palette, [this] { m_palette->open(PaletteMode::commands); });
    on(ActionId::go_to_lane, [this] { m_palette->open(PaletteMode::lanes); });
    on(ActionId::go_to_step, [this] { m_palette->open(PaletteMode::steps); });
    on(ActionId::search, [this] { m_palette->open(PaletteMode::anything); });
    on(ActionId::keys, [this] { m_keys->toggle(); });
    on(ActionId::customize_keys, [this] { m_keys_panel->openOver(); });
    on(ActionId::undo_view, [this] { m_views->back(); });
    on(ActionId::redo_view, [this] { m_views->forward(); });
}

} // namespace shardscope::gui
