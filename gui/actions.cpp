// SPDX-License-Identifier: Apache-2.0
#include "gui/actions.h"
#include "gui/style.h"
#include <QActionGroup>
#include <QMenu>
#include <QMenuBar>
#include <algorithm>
#include <map>

namespace shardscope::gui {
namespace {

using enum ActionId;

constexpr ActionSpec table[] = {
    {open, "File", "Open trace…", "Ctrl+O", "open", "Open one to four *.shardscope files"},
    {new_project, "File", "New project", "", "", "Close everything; what was open can be continued later"},
    {open_project, "File", "Open project…", "Ctrl+Shift+O", "", "Traces, notes, bookmarks and layout of a *.shardproj"},
    {continue_project, "File", "Continue where you left off", "", "", "What was open in the window before this one"},
    {save_project, "File", "Save project", "Ctrl+S", "", "Keep traces, notes, bookmarks and layout in a file"},
    {save_project_as, "File", "Save project as…", "", "", "The same under another name"},
    {close_trace, "File", "Close trace", "Ctrl+W", "close", "Take the active trace out of the library"},
    {save_picture, "File", "Save picture…", "Ctrl+Shift+S", "picture", "Save what the window shows as a PNG"},
    {export_view, "File", "Export…", "Ctrl+E", "", "This view as PNG, SVG, PDF or CSV, at any size"},
    {export_report, "File", "Export report…", "Ctrl+Shift+E", "", "The comparison as one self-contained HTML file"},
    {copy_comparison, "File", "Copy numbers as text", "Ctrl+Shift+C", "copy",
     "Copy the comparison as an aligned table"},
    {settings, "File", "Settings…", "Ctrl+,", "", "Theme, colours, size of type, keys"},
    {quit, "File", "Quit", "Ctrl+Q", "", "Close the window; asks once while a run goes on"},

    {place_run, "View", "Run", "Alt+1", "", "Configure and start a training run", Choice::place},
    {place_timeline, "View", "Timeline", "Alt+2", "", "All ranks of the active trace", Choice::place},
    {place_compare, "View", "Compare", "Alt+3", "", "Up to four traces on one time axis", Choice::place},
    {place_buckets, "View", "Buckets", "Alt+4", "",
     "Bucket sizes: what a sweep measured, and every collective of a step", Choice::place},
    {place_memory, "View", "Memory", "Alt+5", "", "What every byte was for, over time", Choice::place},
    {zoom_in, "Navigate", "Zoom in", "W", "", "Also the mouse wheel"},
    {zoom_out, "Navigate", "Zoom out", "S", "", "Also the mouse wheel"},
    {pan_left, "Navigate", "Earlier", "A", "", "Also dragging, or Shift and the wheel"},
    {pan_right, "Navigate", "Later", "D", "", "Also dragging, or Shift and the wheel"},
    {focus, "Navigate", "Focus on the selection", "F", "", "Without a selection: the whole step, then everything"},
    {fit, "Navigate", "Fit", "Home", "", "The whole step; once more: the whole recording"},
    {undo_view, "Navigate", "Back to the view before", "Ctrl+Z; Backspace; Alt+Left", "", "Undo zooming and moving"},
    {redo_view, "Navigate", "Forward to the view after", "Ctrl+Shift+Z; Alt+Right", "", "Redo zooming and moving"},
    {previous_step, "Navigate", "Previous step", "[", "previous", "Align the traces at the step before"},
    {next_step, "Navigate", "Next step", "]", "next", "Align the traces at the step after"},
    {go_to_step, "Navigate", "Go to step…", "Ctrl+G", "", "Type the number of a step"},
    {go_to_lane, "Navigate", "Go to lane…", "Ctrl+P", "", "Type a part of the lane's name or rank"},
    {search, "Navigate", "Search operations…", "/", "",
     "Names, /expressions/, bucket:3, layer:2, class:all_gather, key:…"},
    {find_anything, "Navigate", "Find anything…", "Ctrl+Shift+F", "",
     "Find a lane, a step or a command by a part of its name"},
    {previous_event, "Navigate", "Previous event", ",", "",
     "The match before while something is searched for, else the event before in the lane"},
    {next_event, "Navigate", "Next event", ".", "",
     "The next match while something is searched for, else the next event of the lane"},
    {longest_exposed, "Navigate", "Longest exposed communication", "X", "",
     "Select it in the active trace, in this step"},
    {zoom_to_range, "Navigate", "Zoom to range", "Z", "", "The range drawn with Ctrl or Shift held"},
    {clear_selection, "Navigate", "Clear selection", "Esc", "", "Nothing selected"},
    {mark, "Navigate", "Mark", "M", "",
     "Pin a mark to the selection or the moment under the mouse; again: take it away"},
    {add_note, "Navigate", "Write a note…", "N", "", "Pin a note to the selection or the moment under the mouse"},
    {bookmark_1, "Navigate/Bookmarks", "Bookmark 1", "Ctrl+1", "", "Show what the window showed when it was set"},
    {bookmark_2, "Navigate/Bookmarks", "Bookmark 2", "Ctrl+2", "", "Show what the window showed when it was set"},
    {bookmark_3, "Navigate/Bookmarks", "Bookmark 3", "Ctrl+3", "", "Show what the window showed when it was set"},
    {bookmark_4, "Navigate/Bookmarks", "Bookmark 4", "Ctrl+4", "", "Show what the window showed when it was set"},
    {bookmark_5, "Navigate/Bookmarks", "Bookmark 5", "Ctrl+5", "", "Show what the window showed when it was set"},
    {bookmark_6, "Navigate/Bookmarks", "Bookmark 6", "Ctrl+6", "", "Show what the window showed when it was set"},
    {bookmark_7, "Navigate/Bookmarks", "Bookmark 7", "Ctrl+7", "", "Show what the window showed when it was set"},
    {bookmark_8, "Navigate/Bookmarks", "Bookmark 8", "Ctrl+8", "", "Show what the window showed when it was set"},
    {bookmark_9, "Navigate/Bookmarks", "Bookmark 9", "Ctrl+9", "", "Show what the window showed when it was set"},
    {bookmark_0, "Navigate/Bookmarks", "Bookmark 0", "Ctrl+0", "", "Show what the window showed when it was set"},
    {set_bookmark_1, "Navigate/Set bookmark", "Set bookmark 1", "Ctrl+Shift+1", "", "Keep what the window shows now"},
    {set_bookmark_2, "Navigate/Set bookmark", "Set bookmark 2", "Ctrl+Shift+2", "", "Keep what the window shows now"},
    {set_bookmark_3, "Navigate/Set bookmark", "Set bookmark 3", "Ctrl+Shift+3", "", "Keep what the window shows now"},
    {set_bookmark_4, "Navigate/Set bookmark", "Set bookmark 4", "Ctrl+Shift+4", "", "Keep what the window shows now"},
    {set_bookmark_5, "Navigate/Set bookmark", "Set bookmark 5", "Ctrl+Shift+5", "", "Keep what the window shows now"},
    {set_bookmark_6, "Navigate/Set bookmark", "Set bookmark 6", "Ctrl+Shift+6", "", "Keep what the window shows now"},
    {set_bookmark_7, "Navigate/Set bookmark", "Set bookmark 7", "Ctrl+Shift+7", "", "Keep what the window shows now"},
    {set_bookmark_8, "Navigate/Set bookmark", "Set bookmark 8", "Ctrl+Shift+8", "", "Keep what the window shows now"},
    {set_bookmark_9, "Navigate/Set bookmark", "Set bookmark 9", "Ctrl+Shift+9", "", "Keep what the window shows now"},
    {set_bookmark_0, "Navigate/Set bookmark", "Set bookmark 0", "Ctrl+Shift+0", "", "Keep what the window shows now"},
    {align_step, "View", "Align by step", "", "", "Every trace starts at the same step", Choice::align},
    {align_time, "View", "By time", "", "", "Every trace starts at its own recording's start", Choice::align},
    {all_ranks, "View", "All ranks", "", "", "Lanes of every rank", Choice::rank},
    {one_rank, "View", "Rank 0", "", "", "Lanes of one rank; R and Shift+R choose which", Choice::rank},
    {previous_rank, "View", "Previous rank", "Shift+R", "", "Show the rank before"},
    {next_rank, "View", "Next rank", "R", "", "Show the rank after"},
    {exposed_only, "View", "Exposed only", "E", "", "Grey out all but communication that compute does not cover",
     Choice::toggle},
    {differences, "View", "Differences", "Shift+D", "",
     "Mark what differs from the baseline by more than noise, or is not in all runs", Choice::toggle},
    {use_as_baseline, "View", "Use as baseline", "Shift+B", "", "Compare the other traces with the active one"},
    {flow_arrows, "View", "Arrows", "", "", "What the selected operation waited for, and what waited for it",
     Choice::toggle},
    {collapse_ranks, "View", "Collapse all ranks", "C", "",
     "One summary lane for each rank; a click on a rank does it for one", Choice::toggle},
    {move_rank_up, "View", "Move rank up", "Ctrl+Up", "",
     "The rank of the selected operation, among those shown below each other"},
    {move_rank_down, "View", "Move rank down", "Ctrl+Down", "",
     "The rank of the selected operation, among those shown below each other"},
    {memory_curves, "View", "Memory curves", "Shift+M", "", "Memory by category below the lanes", Choice::toggle},
    {buffers_by_address, "View/Memory", "Buffers by address", "", "", "Each buffer where it lies in the arena",
     Choice::buffer_order},
    {buffers_by_size, "View/Memory", "Buffers by size", "", "", "One row per buffer, the largest first",
     Choice::buffer_order},
    {heat_at_peak, "View/Memory", "Ranks at their peaks", "", "", "The most of each category, whenever that was",
     Choice::heat_moment},
    {heat_at_cursor, "View/Memory", "Ranks at the cursor", "", "", "What is held at the time under the mouse",
     Choice::heat_moment},
    {memory_peak, "View/Memory", "Memory peak", "P", "", "What was alive when the memory of this rank peaked"},
    {tables, "View", "Tables", "T", "",
     "Ops, statistics, collectives, memory peaks, warnings and SQL of the active trace", Choice::toggle},
    {sql_console, "View", "SQL console", "Q", "", "Ask the active trace anything"},
    {warnings, "View", "Warnings", "", "", "What to know about the numbers of the active trace, with reasons"},
    {show_hidden_lanes, "View", "Show hidden lanes", "", "", "Lanes hidden from their menu come back"},
    {colour_operation, "View/Colours", "Colours by operation", "", "", "Phase of computation, kind of communication",
     Choice::colour},
    {colour_layer, "View/Colours", "Colours by layer", "", "", "One colour and pattern for each layer", Choice::colour},
    {colour_bucket, "View/Colours", "Colours by bucket", "", "", "One colour and pattern for each gradient bucket",
     Choice::colour},
    {colour_name, "View/Colours", "Colours by name", "", "", "One colour and pattern for each name", Choice::colour},
    {theme_dark, "View", "Dark", "", "", "Dark theme", Choice::theme},
    {theme_light, "View", "Light", "", "", "Light theme", Choice::theme},
    {reset_layout, "View", "Reset layout", "", "", "Put the panels of this place back"},

    {new_run, "Run", "New run", "Ctrl+N", "", "Go to the run form"},
    {start_run, "Run", "Start", "Ctrl+R", "start", "Start the run that the form describes"},
    {stop_run, "Run", "Stop", "Ctrl+.", "stop", "End the run after its current step; after 5 s it is killed"},
    {run_demo, "Run", "Run the demo", "", "", "Train a small model at ZeRO stages 0 to 3 and compare the four"},
    {run_again, "Run", "Run again", "Ctrl+Shift+R", "", "The latest run once more, into a trace of its own"},
    {queue_run, "Run", "Add to queue", "Ctrl+Shift+A", "", "Run what the form describes after the runs before it"},
    {queue_stages, "Run", "Stages 0-3 of this", "", "", "Four runs that differ in nothing but the ZeRO stage"},
    {vary_run, "Run", "Duplicate and change one thing", "Ctrl+D", "",
     "Take the active trace's configuration into the form and mark what you change"},
    {open_config, "Run", "Open ds_config.json…", "", "", "Take a DeepSpeed configuration into the form"},
    {save_config, "Run", "Save configuration…", "", "", "Write the DeepSpeed JSON into a file, with its comments"},

    {tour, "Help", "Tour", "", "", "What is where, in two minutes, over the real window"},
    {command_palette, "Help", "Command palette…", "Ctrl+Shift+P", "", "Every command by a part of its name"},
    {keys, "Help", "Keys and mouse", "?; F1", "", "What the keys and the mouse do"},
    {customize_keys, "Help", "Change keys…", "Ctrl+K", "", "Give commands other keys"},
    {about, "Help", "About Shardscope", "", "", "Version and licence"},
};
static_assert(std::size(table) == static_cast<size_t>(ActionId::count));

} // namespace

std::span<const ActionSpec> actionTable() { return table; }

const ActionSpec& actionSpec(ActionId id) {
    return *std::find_if(std::begin(table), std::end(table), [id](const ActionSpec& spec) { return spec.id == id; });
}

QList<QKeySequence> defaultKeys(const ActionSpec& spec) {
    if (!*spec.shortcut) return {};
    return QKeySequence::listFromString(QString::fromUtf8(spec.shortcut), QKeySequence::PortableText);
}

Actions::Actions(QObject* parent)
    : QObject(parent) {
    std::map<Choice, QActionGroup*> groups;
    for (const ActionSpec& spec : table) {
        auto* action = new QAction(QString::fromUtf8(spec.text), this);
        m_actions[static_cast<size_t>(spec.id)] = action;
        setKeys(spec.id, defaultKeys(spec));
        action->setCheckable(spec.choice != Choice::none);
        if (spec.choice != Choice::none && spec.choice != Choice::toggle) {
            QActionGroup*& group = groups[spec.choice];
            if (!group) group = new QActionGroup(this);
            group->addAction(action);
        }
    }
}

void Actions::setKeys(ActionId id, const QList<QKeySequence>& keys) {
    QAction* action = get(id);
    action->setShortcuts(keys);
    const QString help = QString::fromUtf8(actionSpec(id).help);
    action->setToolTip(keys.isEmpty() ? help
                                      : QString("%1 (%2)").arg(help, keys.first().toString(QKeySequence::NativeText)));
}

ActionId bookmarkAction(size_t number) { return static_cast<ActionId>(static_cast<size_t>(bookmark_0) + number); }
ActionId setBookmarkAction(size_t number) {
    return static_cast<ActionId>(static_cast<size_t>(set_bookmark_0) + number);
}

QAction* Actions::get(ActionId id) const { return m_actions[static_cast<size_t>(id)]; }

QList<QAction*> Actions::ofChoice(Choice choice) const {
    QList<QAction*> actions;
    for (const ActionSpec& spec : table)
        if (spec.choice == choice) actions << get(spec.id);
    return actions;
}

QMenu* Actions::menuOf(QMenuBar* bar, const QString& path) {
    QMenu*& menu = m_menus[path];
    if (menu) return menu;
    const qsizetype slash = path.indexOf('/');
    menu = slash < 0 ? bar->addMenu("&" + path) : m_menus.at(path.left(slash))->addMenu(path.mid(slash + 1));
    return menu;
}

QMenu* Actions::menu(const char* path) const {
    const auto found = m_menus.find(path);
    return found == m_menus.end() ? nullptr : found->second;
}

void Actions::fillMenus(QMenuBar* bar) {
    for (const char* name : {"File", "View", "Navigate", "Run", "Help"}) menuOf(bar, name);
    std::map<QMenu*, Choice> last;
    for (const ActionSpec& spec : table) {
        QMenu* menu = menuOf(bar, QString::fromUtf8(spec.menu));
        const bool new_group = last.contains(menu) && last[menu] != spec.choice;
        if (new_group || spec.id == settings || spec.id == new_project) menu->addSeparator();
        menu->addAction(get(spec.id));
        last[menu] = spec.choice;
    }
}

void Actions::setIconColour(const QColor& colour) {
    for (const ActionSpec& spec : table)
        if (*spec.icon) get(spec.id)->setIcon(tintedIcon(spec.icon, colour));
}

} // namespace shardscope::gui
