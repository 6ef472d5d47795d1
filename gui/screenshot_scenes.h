// SPDX-License-Identifier: Apache-2.0
// The states that pass: what lies over the window for a moment, a run that goes on or failed, a question in a bar. Each
// is brought about through the same actions a user has, drawn, and taken back.
#pragma once
#include <QString>
#include <functional>

class QWidget;

namespace shardscope::gui {

class MainWindow;
class Session;

using SavePicture = std::function<bool(QWidget&, const char* name)>; // false: it could not be written
using SettleWindow = std::function<void()>;

// Over the traces that are open. False if a picture could not be written.
bool drawOverlays(Session&, MainWindow&, const SettleWindow&, const SavePicture&);
// Starts short runs of the smallest model in child processes; their traces go to a private folder.
bool drawRunStates(Session&, MainWindow&, const SettleWindow&, const SavePicture&);

} // namespace shardscope::gui
