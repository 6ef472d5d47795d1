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
#include <map>
#include <span>

class QActionGroup;
class QMenu;
class QMenuBar;

namespace shardscope::gui {

enum class ActionId {
    open,
    new_project,
    open_project,
    continue_project,
    save_project,
    save_project_as,
    close_trace,
    save_picture,
    export_view,
    export_report,
    copy_comparison,
    settings,
    quit,
    place_run,
    place_timeline,
    place_compare,
    place_buckets,
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
    find_anything,
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
    flow_arrows,
    collapse_ranks,
    show_hidden_lanes,
    move_rank_up,
    move_rank_down,
    colour_operation,
    colour_layer,
    colour_bucket,
    colour_name,
    memory_curves,
    buffers_by_address,
    buffers_by_size,
    heat_at_peak,
    heat_at_cursor,
    memory_peak,
    tables,
    sql_console,
    warnings,
    longest_exposed,
    zoom_to_range,
    clear_selection,
    mark,
    add_note,
    bookmark_0,
    bookmark_1,
    bookmark_2,
    bookmark_3,
    bookmark_4,
    bookmark_5,
    bookmark_6,
    bookmark_7,
    bookmark_8,
    bookmark_9,
    set_bookmark_0,
    set_bookmark_1,
    set_bookmark_2,
    set_bookmark_3,
    set_bookmark_4,
    set_bookmark_5,
    set_bookmark_6,
    set_bookmark_7,
    set_bookmark_8,
    set_bookmark_9,
    theme_dark,
    theme_light,
    reset_layout,
    new_run,
    start_run,
    stop_run,
    run_demo,
    run_again,
    queue_run,
    queue_stages,
    vary_run,
    open_config,
    save_config,
    tour,
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
    colour,
    theme,
    buffer_order,
    heat_moment,
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
ActionId bookmarkAction(size_t number); // 0 to 9
ActionId setBookmarkAction(size_t number);

class Actions : public QObject {
    Q_OBJECT
public:
    explicit Actions(QObject* parent);
    QAction* get(ActionId) const;
    QList<QAction*> ofChoice(Choice) const;
    void setKeys(ActionId, const QList<QKeySequence>&); // the tooltip says the first of them
    void fillMenus(QMenuBar*);
    QMenu* menu(const char* path) const; // null before fillMenus
    void setIconColour(const QColor&);

private:
    QMenu* menuOf(QMenuBar*, const QString& path);
    std::array<QAction*, static_cast<size_t>(ActionId::count)> m_actions{};
    std::map<QString, QMenu*> m_menus; // by path
};

} // namespace shardscope::gui
