// SPDX-License-Identifier: Apache-2.0
// Everything a user can do, as one table of {id, menu, text, shortcut, icon}. Menus, toolbar, shortcuts, the command
// palette and the help overlay are made from it; who carries an action out connects to get(id). Keys in the table are
// the defaults: what a key does now is in the QAction, see key_bindings.h.
#pragma once
#include <QAction>
#include <QKeySequence>
#include <QList>
#include <QObject>
#include <array>
#include <span>

class QActionGroup;
class QMenuBar;

namespace shardscope::gui {

enum class ActionId {
    open,
    close_trace,
    save_picture,
    export_view,
    export_report,
    copy_comparison,
    quit,
    place_run,
    place_timeline,
    place_compare,
    place_memory,
    zoom_in,
    zoom_out,
    pan_left,
    pan_right,
    focus,
    fit,
    undo_view,
    redo_view,
    previous_step,
    next_step,
    go_to_step,
    go_to_lane,
    search,
    previous_event,
    next_event,
    align_step,
    align_time,
    all_ranks,
    one_rank,
    previous_rank,
    next_rank,
    exposed_only,
    differences,
    use_as_baseline,
    memory_curves,
    tables,
    sql_console,
    warnings,
    longest_exposed,
    clear_selection,
    theme_dark,
    theme_light,
    reset_layout,
    new_run,
    start_run,
    stop_run,
    command_palette,
    keys,
    customize_keys,
    about,
    count
};

enum class Choice {
    none,
    place,
    align,
    rank,
    theme,
    toggle
}; // actions of one choice exclude each other; toggle stands alone

struct ActionSpec {
    ActionId id;
    const char* menu;     // "File" ..., or "Navigate/Bookmarks" for a menu within a menu
    const char* text;     // without the ampersand of a mnemonic; no two are the same
    const char* shortcut; // portable text, "" for none; "Ctrl+Z; Backspace" for two, of which the first is shown
    const char* icon;     // name in resources/icons, "" for none
    const char* help;     // one line for the tooltip
    Choice choice = Choice::none;
};

std::span<const ActionSpec> actionTable();
const ActionSpec& actionSpec(ActionId);
QList<QKeySequence> defaultKeys(const ActionSpec&);

class Actions : public QObject {
    Q_OBJECT
public:
    explicit Actions(QObject* parent);
    QAction* get(ActionId) const;
    QList<QAction*> ofChoice(Choice) const;
    void setKeys(ActionId, const QList<QKeySequence>&); // the tooltip says the first of them
    void fillMenus(QMenuBar*) const;
    void setIconColour(const QColor&);

private:
    std::array<QAction*, static_cast<size_t>(ActionId::count)> m_actions{};
};

} // namespace shardscope::gui
