// SPDX-License-Identifier: Apache-2.0
#include "gui/actions.h"
#include "gui/style.h"
#include <QActionGroup>
#include <QMenu>
#include <QMenuBar>
#include <map>

namespace shardscope::gui {
namespace {

using enum ActionId;

constexpr ActionSpec table[] = {
    {open, "File", "Open trace…", "Ctrl+O", "open", "Open one to four *.shardscope files"},
    {close_trace, "File", "Close trace", "Ctrl+W", "close", "Take the active trace out of the library"},
    {save_picture, "File", "Save picture…", "Ctrl+Shift+S", "picture", "Save what the window shows as a PNG"},
    {copy_comparison, "File", "Copy numbers as text", "Ctrl+Shift+C", "copy",
     "Copy the comparison as an aligned table"},
    {quit, "File", "Quit", "Ctrl+Q", "", "Close the window; a run that is going on is stopped"},

    {place_run, "View", "Run", "Ctrl+1", "", "Configure and start a training run", Choice::place},
    {place_timeline, "View", "Timeline", "Ctrl+2", "", "All ranks of the active trace", Choice::place},
    {place_compare, "View", "Compare", "Ctrl+3", "", "Up to four traces on one time axis", Choice::place},
    {place_memory, "View", "Memory", "Ctrl+4", "", "What every byte was for, over time", Choice::place},
    {zoom_in, "Navigate", "Zoom in", "W", "", "Also the mouse wheel"},
    {zoom_out, "Navigate", "Zoom out", "S", "", "Also the mouse wheel"},
    {pan_left, "Navigate", "Earlier", "A", "", "Also dragging, or Shift and the wheel"},
    {pan_right, "Navigate", "Later", "D", "", "Also dragging, or Shift and the wheel"},
    {fit, "Navigate", "Fit", "F", "", "The whole step; once more: the whole recording"},
    {previous_step, "Navigate", "Previous step", "[", "previous", "Align the traces at the step before"},
    {next_step, "Navigate", "Next step", "]", "next", "Align the traces at the step after"},
    {longest_exposed, "Navigate", "Longest exposed communication", "X", "",
     "Select it in the active trace, in this step"},
    {clear_selection, "Navigate", "Clear selection", "Esc", "", "Nothing selected"},
    {align_step, "View", "Align by step", "", "", "Every trace starts at the same step", Choice::align},
    {align_time, "View", "By time", "", "", "Every trace starts at its own recording's start", Choice::align},
    {all_ranks, "View", "All ranks", "", "", "Lanes of every rank", Choice::rank},
    {one_rank, "View", "Rank 0", "", "", "Lanes of one rank; comma and point choose which", Choice::rank},
    {previous_rank, "View", "Previous rank", ",", "", "Show the rank before"},
    {next_rank, "View", "Next rank", ".", "", "Show the rank after"},
    {exposed_only, "View", "Exposed only", "E", "", "Grey out all but communication that compute does not cover",
     Choice::toggle},
    {memory_curves, "View", "Memory curves", "M", "", "Memory by category below the lanes", Choice::toggle},
    {theme_dark, "View", "Dark", "", "", "Dark theme", Choice::theme},
    {theme_light, "View", "Light", "", "", "Light theme", Choice::theme},
    {reset_layout, "View", "Reset layout", "", "", "Put the panels of this place back"},

    {new_run, "Run", "New run", "Ctrl+N", "", "Go to the run form"},
    {start_run, "Run", "Start", "Ctrl+R", "start", "Start the run that the form describes"},
    {stop_run, "Run", "Stop", "Ctrl+.", "stop", "End the run after its current step; after 5 s it is killed"},

    {keys, "Help", "Keys", "?", "", "What the keys and the mouse do"},
    {about, "Help", "About Shardscope", "", "", "Version and licence"},
};
static_assert(std::size(table) == static_cast<size_t>(ActionId::count));

} // namespace

std::span<const ActionSpec> actionTable() { return table; }

Actions::Actions(QObject* parent)
    : QObject(parent) {
    std::map<Choice, QActionGroup*> groups;
    for (const ActionSpec& spec : table) {
        auto* action = new QAction(QString::fromUtf8(spec.text), this);
        if (*spec.shortcut)
            action->setShortcut(QKeySequence(QString::fromUtf8(spec.shortcut), QKeySequence::PortableText));
        action->setToolTip(*spec.shortcut
                               ? QString("%1 (%2)").arg(QString::fromUtf8(spec.help),
                                                        action->shortcut().toString(QKeySequence::NativeText))
                               : QString::fromUtf8(spec.help));
        action->setCheckable(spec.choice != Choice::none);
        if (spec.choice != Choice::none && spec.choice != Choice::toggle) {
            QActionGroup*& group = groups[spec.choice];
            if (!group) group = new QActionGroup(this);
            group->addAction(action);
        }
        m_actions[static_cast<size_t>(spec.id)] = action;
    }
}

QAction* Actions::get(ActionId id) const { return m_actions[static_cast<size_t>(id)]; }

QList<QAction*> Actions::ofChoice(Choice choice) const {
    QList<QAction*> actions;
    for (const ActionSpec& spec : table)
        if (spec.choice == choice) actions << get(spec.id);
    return actions;
}

void Actions::fillMenus(QMenuBar* bar) const {
    std::map<std::string, QMenu*> menus;
    for (const char* name : {"File", "View", "Navigate", "Run", "Help"})
        menus[name] = bar->addMenu(QString("&%1").arg(name));
    const ActionSpec* before = nullptr;
    for (const ActionSpec& spec : table) {
        QMenu* menu = menus.at(spec.menu);
        const bool new_group = before && before->choice != spec.choice && !menu->isEmpty();
        if (new_group || spec.id == quit) menu->addSeparator();
        menu->addAction(get(spec.id));
        before = &spec;
    }
}

void Actions::setIconColour(const QColor& colour) {
    for (const ActionSpec& spec : table)
        if (*spec.icon) get(spec.id)->setIcon(tintedIcon(spec.icon, colour));
}

} // namespace shardscope::gui
