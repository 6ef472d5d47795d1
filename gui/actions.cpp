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
    {close_trace, "File", "Close trace", "Ctrl+W", "close", "Take the active trace out of the library"},
    {save_picture, "File", "Save picture…", "Ctrl+Shift+S", "picture", "Save what the window shows as a PNG"},
    {export_view, "File", "Export…", "Ctrl+E", "", "This view as PNG, SVG, PDF or CSV, at any size"},
    {export_report, "File", "Export report…", "Ctrl+Shift+E", "", "The comparison as one self-contained HTML file"},
    {copy_comparison, "File", "Copy numbers as text", "Ctrl+Shift+C", "copy",
     "Copy the comparison as an aligned table"},
    {quit, "File", "Quit", "Ctrl+Q", "", "Close the window; a run that is going on is stopped"},

    {place_run, "View", "Run", "Alt+1", "", "Configure and start a training run", Choice::place},
    {place_timeline, "View", "Timeline", "Alt+2", "", "All ranks of the active trace", Choice::place},
    {place_compare, "View", "Compare", "Alt+3", "", "Up to four traces on one time axis", Choice::place},
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
    {search, "Navigate", "Search…", "/", "", "Find a lane, a step or a command by a part of its name"},
    {previous_event, "Navigate", "Previous event", ",", "", "The event before the selected one in its lane"},
    {next_event, "Navigate", "Next event", ".", "", "The event after the selected one in its lane"},
    {longest_exposed, "Navigate", "Longest exposed communication", "X", "",
     "Select it in the active trace, in this step"},
    {clear_selection, "Navigate", "Clear selection", "Esc", "", "Nothing selected"},
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
    {memory_curves, "View", "Memory curves", "Shift+M", "", "Memory by category below the lanes", Choice::toggle},
    {tables, "View", "Tables", "T", "",
     "Ops, statistics, collectives, memory peaks, warnings and SQL of the active trace", Choice::toggle},
    {sql_console, "View", "SQL console", "Q", "", "Ask the active trace anything"},
    {warnings, "View", "Warnings", "", "", "What to know about the numbers of the active trace, with reasons"},
    {theme_dark, "View", "Dark", "", "", "Dark theme", Choice::theme},
    {theme_light, "View", "Light", "", "", "Light theme", Choice::theme},
    {reset_layout, "View", "Reset layout", "", "", "Put the panels of this place back"},

    {new_run, "Run", "New run", "Ctrl+N", "", "Go to the run form"},
    {start_run, "Run", "Start", "Ctrl+R", "start", "Start the run that the form describes"},
    {stop_run, "Run", "Stop", "Ctrl+.", "stop", "End the run after its current step; after 5 s it is killed"},

    {command_palette, "Help", "Command palette…", "Ctrl+Shift+P", "", "Every command by a part of its name"},
    {keys, "Help", "Keys and mouse", "?", "", "What the keys and the mouse do"},
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

QAction* Actions::get(ActionId id) const { return m_actions[static_cast<size_t>(id)]; }

QList<QAction*> Actions::ofChoice(Choice choice) const {
    QList<QAction*> actions;
    for (const ActionSpec& spec : table)
        if (spec.choice == choice) actions << get(spec.id);
    return actions;
}

void Actions::fillMenus(QMenuBar* bar) const {
    std::map<QString, QMenu*> menus;
    const auto menuOf = [&](const QString& path) {
        QMenu*& menu = menus[path];
        if (menu) return menu;
        const qsizetype slash = path.indexOf('/');
        menu = slash < 0 ? bar->addMenu("&" + path) : menus.at(path.left(slash))->addMenu(path.mid(slash + 1));
        return menu;
    };
    for (const char* name : {"File", "View", "Navigate", "Run", "Help"}) menuOf(name);
    std::map<QMenu*, Choice> last;
    for (const ActionSpec& spec : table) {
        QMenu* menu = menuOf(QString::fromUtf8(spec.menu));
        const bool new_group = last.contains(menu) && last[menu] != spec.choice;
        if (new_group || spec.id == quit) menu->addSeparator();
        menu->addAction(get(spec.id));
        last[menu] = spec.choice;
    }
}

void Actions::setIconColour(const QColor& colour) {
    for (const ActionSpec& spec : table)
        if (*spec.icon) get(spec.id)->setIcon(tintedIcon(spec.icon, colour));
}

} // namespace shardscope::gui
