// SPDX-License-Identifier: Apache-2.0
// Pieces of the look that single widgets ask for: tokens of the theme as Qt's colours, fonts (Inter where it is
// installed), and our own icons tinted with the text colour. What all widgets stand on is in application_style.h.
#pragma once
#include "gui/canvas/theme.h"
#include <QColor>
#include <QFont>
#include <QIcon>
#include <QString>

namespace shardscope::gui {

QBrush patternBrush(Pattern, Rgb on); // lies over a fill of that colour
QColor toColour(Rgb, double alpha = 1);
QColor readableOn(const QColor& fill); // black or white text, whichever is easier to read on it
Rgb traceColour(int index);            // of trace A, B, C, D in charts where traces are told apart by colour

QFont uiFont(float pixels = metrics::font, bool strong = false);
QFont monoFont(float pixels = metrics::font_small);
QFont headFont(); // section heads: capitals (headText) at weight 600
QIcon tintedIcon(const QString& name, const QColor&);
QString text(std::string_view utf8); // shorthand: what the analysis returns, as Qt wants it

} // namespace shardscope::gui
