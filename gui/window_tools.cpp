// SPDX-License-Identifier: Apache-2.0
#include "gui/window_tools.h"
#include "gui/appearance.h"
#include "gui/demo_runs.h"
#include "gui/main_window.h"
#include "gui/panels/command_palette.h"
#include "gui/panels/keys_overlay.h"
#include "gui/panels/keys_panel.h"
#include "gui/panels/notes_panel.h"
#include "gui/panels/settings_panel.h"
#include "gui/panels/timeline_panel.h"
#include "gui/panels/tour.h"
#include "gui/style.h"
#include "gui/tour_stops.h"
#include "gui/trace_watcher.h"
#include "gui/view_tracker.h"
#include "gui/workspace.h"
#include <QSettings>
#include <algorithm>

namespace shardscope::gui {
namespace {

template <class Function> void on(Session& session, ActionId id, QObject* owner, Function what) {
    QObject::connect(session.actions().get(id), &QAction::triggered, owner, std::move(what));
}

} // namespace

WindowTools::WindowTools(Session& session, Workspace& workspace, MainWindow& window, NotesPanel& notes, bool remembers)
    : QObject(&window)
    , m_demo(new DemoRuns(this))
    , m_appearance(new Appearance(session, this))
    , m_settings(new SettingsPanel(*m_appearance, &window))
    , m_tour(new Tour(&window))
    , m_bindings(new KeyBindings(session.actions(), this))
    , m_views(new ViewTracker(session, this))
    , m_palette(new CommandPalette(session, &window))
    , m_keys(new KeysOverlay(session.actions(), &window))
    , m_keys_panel(new KeysPanel(*m_bindings, &window)) {
    new TraceWatcher(session, this);
    connectPalette(session, window);
    connectMarks(session, workspace, notes);
    connectDemo(session, window);
    on(session, ActionId::keys, this, [this] { m_keys->toggle(); });
    on(session, ActionId::customize_keys, this, [this] { m_keys_panel->openOver(); });
    on(session, ActionId::settings, this, [this] { m_settings->openOver(); });
    connect(m_settings, &SettingsPanel::keysRequested, m_keys_panel, &KeysPanel::openOver);
    on(session, ActionId::undo_view, this, [this] { m_views->back(); });
    on(session, ActionId::redo_view, this, [this] { m_views->forward(); });
    connect(m_appearance, &Appearance::changed, &window,
            [this, &window] { window.setAnimated(!m_appearance->look().reduced_motion); });
    if (remembers) remember();
}

void WindowTools::remember() {
    QSettings settings;
    m_bindings->load(settings);
    m_appearance->set(loadLook(settings));
    connect(m_keys_panel, &KeysPanel::bindingsEdited, this, [this] {
        QSettings stored;
        m_bindings->save(stored);
    });
    connect(m_appearance, &Appearance::changed, this, [this] {
        QSettings stored;
        saveLook(stored, m_appearance->look());
    });
}

void WindowTools::connectPalette(Session& session, MainWindow& window) {
    m_palette->contribute(PaletteMode::commands, commandEntries(session));
    m_palette->contribute(PaletteMode::lanes, laneEntries(session, [&window](int trace_id, int lane) {
                              window.timeline().revealLane(trace_id, static_cast<LaneId>(lane));
                          }));
    m_palette->contribute(PaletteMode::steps, stepEntries(session));
    m_palette->contribute(PaletteMode::commands,
                          [steps = stepEntries(session)](const QString& typed, std::vector<PaletteEntry>& entries) {
                              const auto digit = [](QChar letter) { return letter.isDigit(); };
                              if (std::any_of(typed.begin(), typed.end(), digit)) steps(typed, entries);
                          });
    on(session, ActionId::command_palette, this, [this] { m_palette->open(PaletteMode::commands); });
    on(session, ActionId::go_to_lane, this, [this] { m_palette->open(PaletteMode::lanes); });
    on(session, ActionId::go_to_step, this, [this] { m_palette->open(PaletteMode::steps); });
    on(session, ActionId::find_anything, this, [this] { m_palette->open(PaletteMode::anything); });
}

void WindowTools::connectMarks(Session& session, Workspace& workspace, NotesPanel& notes) {
    for (size_t number = 0; number < workspace.bookmarks().size(); ++number) {
        on(session, bookmarkAction(number), this, [&workspace, number] { workspace.goToBookmark(number); });
        on(session, setBookmarkAction(number), this, [&workspace, number] { workspace.setBookmark(number); });
    }
    on(session, ActionId::mark, this, [&workspace] { workspace.mark(true); });
    on(session, ActionId::add_note, this,
       [&workspace, &notes] { workspace.mark(false, [&notes](int id) { notes.edit(id); }); });
}

void WindowTools::connectDemo(Session& session, MainWindow& window) {
    on(session, ActionId::run_demo, this, [this] { m_demo->start(); });
    on(session, ActionId::tour, this, [this, &session, &window] {
        if (!session.traces().empty()) return m_tour->start(tourStops(window, session));
        m_tour_wanted = m_demo->start(); // the tour is over real traces
    });
    connect(m_demo, &DemoRuns::failed, &session, [&session](const QString& why) { session.notify(why, true); });
    connect(m_demo, &DemoRuns::finishedStage, &session, [this, &session](const QString& trace) {
        session.openLater(trace.toStdString());
        if (session.place() == Place::run) session.setPlace(Place::compare);
        session.notify("The demo trains the same model at the other stages: " + m_demo->progressText() + ".", false);
    });
    connect(m_demo, &DemoRuns::finishedAll, this, [this, &session, &window] {
        session.whenOpened([this, &session, &window] { presentDemo(session, window); });
    });
}

void WindowTools::presentDemo(Session& session, MainWindow& window) {
    if (session.traces().empty()) return;
    session.setActive(session.traces().front().id);
    const QString key = session.actions().get(ActionId::longest_exposed)->shortcut().toString(QKeySequence::NativeText);
    session.notify(QString("Four runs of one model, ZeRO stage 0 to 3, on one axis. %1 selects the longest "
                           "communication that nothing hides.")
                       .arg(key.isEmpty() ? "A command of the Navigate menu" : key),
                   false);
    if (std::exchange(m_tour_wanted, false)) m_tour->start(tourStops(window, session));
}

} // namespace shardscope::gui
