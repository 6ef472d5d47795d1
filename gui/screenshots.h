// SPDX-License-Identifier: Apache-2.0
// Draws every place of the window into PNG files, for documentation and for looking at changes.
#pragma once
#include "gui/options.h"

namespace shardscope::gui {

int takeScreenshots(const Options&); // the exit code; needs a QApplication

} // namespace shardscope::gui
