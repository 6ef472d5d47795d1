// SPDX-License-Identifier: Apache-2.0
// All colours and sizes of the program in one place; Qt's palette, the canvases and the charts read them alike. Colours
// are 0xRRGGBB (opaque); who draws adds alpha.
#pragma once
#include "traces/vocabulary.h"
#include <cstdint>
#include <string_view>

namespace shardscope::gui {

using Rgb = uint32_t;

struct Theme {
    std::string_view name; // "dark" | "light"
    // `quiet` is the least of what is to be read, `faint` for lines and for what rests: nothing to read is written in
    // it.
    Rgb background, panel, raised, line, grid, text, dim, quiet, faint, accent, good, bad, attention;
    Rgb on_block; // text on a dark block; `textOn` chooses
};

// Colours that people with any kind of colour vision can tell apart: `distinct` has no pair of red and green. The
// choice holds for the whole program and is made on the thread that draws.
enum class ColourSet { standard, distinct };
void useColours(ColourSet);
ColourSet colourSet();

const Theme& darkTheme(); // of the chosen set
const Theme& lightTheme();

// The same in both themes: compute by phase, communication by kind. Compute is cool, communication warm.
Rgb operationColour(OpClass, Phase);
Rgb memoryColour(MemoryCategory);
// Beside the colours of the distinct set: kinds of communication, and what lies next to each other in memory, differ in
// texture as well. The standard set has none.
enum class Pattern : uint8_t { none, bars, dots, rule, hatch };
Pattern operationPattern(OpClass);
Pattern memoryPattern(MemoryCategory);
// For things that are only counted, such as layers and buckets; repeats after eight, so a pattern goes with it.
Rgb seriesColour(int64_t index);
inline constexpr int series_colours = 8;

Rgb mix(Rgb from, Rgb to, float share); // share 0: from, 1: to
double contrast(Rgb, Rgb);              // WCAG 2 contrast ratio, 1 to 21
Rgb textOn(Rgb block);                  // near-black or white, whichever reads better on it
Rgb readableOn(Rgb background, Rgb);    // the colour, moved towards black or white until text in it can be read

// How much larger than designed everything is shown: type of widgets, and canvases as a whole.
float uiScale();
void setUiScale(float);

namespace metrics { // logical pixels at scale 1
inline constexpr float font = 13, font_small = 12, font_axis = 11, lane_height = 20, lane_pitch = 24,
                       block_radius = 2.5f, card_radius = 9, control_radius = 7, control_height = 28;
}

} // namespace shardscope::gui
