// SPDX-License-Identifier: Apache-2.0
// The command line of the desktop program, read before Qt starts because it decides about Qt's platform and scale.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace shardscope::gui {

struct Options {
    std::vector<std::string> files;
    std::string screenshot_folder; // empty: an ordinary window
    std::string theme;             // "dark" | "light"; empty: as remembered, or both for screenshots
    bool bench_zoom = false;       // time the drawing of files[0], or of a trace of bench_events
    int64_t bench_events = 0;
    int bench_frames = 2'000;
    bool bench_start = false; // time the way to the first picture of the files
    int bench_use = 0;        // rounds of use, with the memory that they leave behind
    bool measures() const { return bench_zoom || bench_start || bench_use > 0; }
    int width = 1600, height = 1000;
    int scale = 1;
    int font_px = 0;               // of screenshots; 0: as designed
    bool distinct_colours = false; // screenshots in colours that can be told apart without red and green
    bool states = false;           // screenshots of what passes, too: overlays, runs that go on or fail
    // Set when there is nothing more to do: help, version, or a mistake in the command line.
    bool done = false;
    int exit_code = 0;
};

Options parseOptions(int argc, char** argv); // prints help, version and mistakes itself

} // namespace shardscope::gui
