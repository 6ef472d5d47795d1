// SPDX-License-Identifier: Apache-2.0
// What all widgets stand on: fonts, palette, and one style sheet made from the tokens of a theme. Under a style sheet a
// widget that gets a parent takes everything in it through all rules again, so that a window is put together without.
#pragma once
#include "gui/canvas/theme.h"

class QApplication;

namespace shardscope::gui {

void prepareTheme(QApplication&, const Theme&); // fonts and colours alone: enough to put a window together
void applyTheme(QApplication&, const Theme&);   // and the style sheet

} // namespace shardscope::gui
