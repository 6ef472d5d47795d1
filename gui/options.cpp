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
    app.add_option("files", options.files, "One to four traces (*.shardscope), or a project (*.shardproj), to open")->expected(0, 4);
    app.add_option("--screenshot", options.screenshot_folder,
                   "Draw every view of the files as PNG into this folder, without a display, and exit")
        ->type_name("DIR");
    app.add_option("--theme", options.theme, "dark or light; screenshots are made in both if it is not given")
        ->check(CLI::IsMember({"dark", "light"}));
    app.add_option("--size", size, "Size of the window in logical pixels (1600x1000)")->type_name("WxH");
    app.add_option("--scale", options.scale, "Pixels per logical pixel in screenshots: 1 or 2")
        ->check(CLI::IsMember({1, 2}));
    try {
        app.parse(argc, argv);
        char rest = 0;
        if (!size.empty() &&
            (std::sscanf(size.c_str(), "%dx%d%c", &options.width, &options.height, &rest) != 2 || options.width < 800 ||
             options.height < 500 || options.width > 8192 || options.height > 8192))
            throw CLI::ValidationError("--size", "write WIDTHxHEIGHT from 800x500 to 8192x8192, such as 1280x720");
        if (options.files.size() > 4) throw CLI::ValidationError("files", "at most four traces can be opened at once");
        if (!options.screenshot_folder.empty() && options.files.empty())
            throw CLI::ValidationError("--screenshot", "name at least one trace to draw");
    } catch (const CLI::ParseError& error) {
        options.exit_code = app.exit(error);
        options.done = true;
    }
    return options;
}

} // namespace shardscope::gui
