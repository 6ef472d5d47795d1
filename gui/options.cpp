// SPDX-License-Identifier: Apache-2.0
#include "gui/options.h"
#include <CLI/CLI.hpp>
#include <cstdio>

namespace shardscope::gui {

Options parseOptions(int argc, char** argv) {
    Options options;
    std::string size;
    CLI::App app{"Shardscope shows what ZeRO does to a training step, and why.\n\n"
                 "Example: shardscope-gui zero0.shardscope zero2.shardscope",
                 "shardscope-gui"};
    app.set_version_flag("--version", std::string("shardscope-gui " SHARDSCOPE_VERSION), "Print the version");
    app.add_option(
           "files", options.files,
           "Traces (*.shardscope), files of other profilers, sweeps, or a project (*.shardproj), to open; up to "
           "four traces are compared")
        ->type_name("FILE")
        ->option_text("FILE ...");
    app.add_option("--screenshot", options.screenshot_folder,
                   "Draw every view of the files as PNG into this folder, without a display, and exit")
        ->type_name("DIR");
    app.add_flag(
        "--bench-zoom", options.bench_zoom,
        "Time a fixed sequence of zooming and panning over the file at 1920x1080, without a display, and exit");
    app.add_option("--events", options.bench_events,
                   "With --bench-zoom: write a trace of so many events to the temporary folder and draw that")
        ->check(CLI::Range(int64_t{1'000}, int64_t{100'000'000}));
    app.add_option("--frames", options.bench_frames, "With --bench-zoom: how many frames (2000)")
        ->check(CLI::Range(10, 10'000'000));
    app.add_flag("--bench-start", options.bench_start,
                 "Time the way from the start of the program to the first picture of the files, and exit");
    app.add_option("--bench-use", options.bench_use,
                   "Open, use and close the files in so many rounds, without a display, and print how memory grows")
        ->check(CLI::Range(1, 1'000'000))
        ->type_name("ROUNDS");
    app.add_option("--theme", options.theme, "dark or light; screenshots are made in both if it is not given")
        ->check(CLI::IsMember({"dark", "light"}));
    app.add_option("--size", size, "Size of the window in logical pixels (1600x1000)")->type_name("WxH");
    app.add_option("--scale", options.scale, "Pixels per logical pixel in screenshots: 1 or 2")
        ->check(CLI::IsMember({1, 2}));
    app.add_flag("--states", options.states,
                 "With --screenshot: also what passes, such as the palette, the tour, and runs that go on or fail; "
                 "starts short runs");
    app.add_option("--font", options.font_px, "With --screenshot: size of type in pixels, 11 to 17 (13)")
        ->check(CLI::Range(11, 17));
    app.add_flag("--distinct", options.distinct_colours,
                 "With --screenshot: colours that can be told apart without red and green");
    try {
        app.parse(argc, argv);
        char rest = 0;
        if (!size.empty() &&
            (std::sscanf(size.c_str(), "%dx%d%c", &options.width, &options.height, &rest) != 2 || options.width < 800 ||
             options.height < 500 || options.width > 8192 || options.height > 8192))
            throw CLI::ValidationError("--size", "write WIDTHxHEIGHT from 800x500 to 8192x8192, such as 1280x720");
        if (options.bench_zoom && (options.files.size() == 1) == (options.bench_events > 0))
            throw CLI::ValidationError("--bench-zoom", "name one trace to draw, or give --events");
        if ((options.bench_start || options.bench_use > 0) && options.files.empty())
            throw CLI::ValidationError(options.bench_start ? "--bench-start" : "--bench-use",
                                       "name at least one trace");
    } catch (const CLI::ParseError& error) {
        options.exit_code = app.exit(error);
        options.done = true;
    }
    return options;
}

} // namespace shardscope::gui
