// SPDX-License-Identifier: Apache-2.0
// How the window ends the children that work for it: they are asked first, so that nothing of theirs is left half done.
#pragma once
class QProcess;

namespace shardscope::gui {

void interrupt(const QProcess&); // as Ctrl-C does; nothing if it does not run
void endChild(QProcess&);        // interrupts, waits two seconds, kills; its signals reach nobody any more

} // namespace shardscope::gui
