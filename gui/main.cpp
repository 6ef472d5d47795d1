// SPDX-License-Identifier: Apache-2.0
#include "gui/bench_window.h"
#include "gui/bench_zoom.h"
#include "gui/main_window.h"
#include "gui/options.h"
#include "gui/screenshots.h"
#include "gui/style.h"
#include <QApplication>
#include <cstdio>

using namespace shardscope::gui;

// Qt's offscreen platform has no window manager to pass size hints to and says so at each layout.
static void dropOffscreenNoise(QtMsgType, const QMessageLogContext&, const QString& message) {
    if (!message.contains("propagateSizeHints") && !message.contains("XDG_RUNTIME_DIR"))
        std::fprintf(stderr, "%s\n", qPrintable(message));
}

static void print(const std::string& text) {
    std::fputs(text.c_str(), stdout);
    std::fflush(stdout);
}

static int measure(const Options& options) {
    const auto report = options.bench_start ? benchStart(options.files)
                        : options.bench_use > 0
                            ? benchUse(options.files, options.bench_use, print)
                            : benchZoomFrames({.trace = options.files.empty() ? std::string() : options.files.front(),
                                               .events = options.bench_events,
                                               .frames = options.bench_frames});
    if (report)
        print(*report);
    else
        std::fprintf(stderr, "shardscope-gui: %s\n", report.error().message.c_str());
    return report ? 0 : 1;
}

int main(int argc, char** argv) {
    const Options options = parseOptions(argc, argv);
    if (options.done) return options.exit_code;
    const bool pictures = !options.screenshot_folder.empty();
    if (pictures || options.measures()) {
        if (!options.bench_start || qEnvironmentVariableIsEmpty("DISPLAY")) qputenv("QT_QPA_PLATFORM", "offscreen");
        qputenv("QT_SCALE_FACTOR", QByteArray::number(options.scale));
        qInstallMessageHandler(dropOffscreenNoise);
    } else if (qEnvironmentVariableIsEmpty("QT_QPA_PLATFORM") && qEnvironmentVariableIsEmpty("DISPLAY") &&
               qEnvironmentVariableIsEmpty("WAYLAND_DISPLAY")) {
        std::fprintf(stderr, "shardscope-gui: there is no display to open a window on; set DISPLAY, or draw pictures "
                             "with --screenshot DIR.\n");
        return 1;
    }
    QApplication::setAttribute(Qt::AA_ShareOpenGLContexts); // a canvas keeps its context when its dock floats
    QApplication application(argc, argv);
    QApplication::setApplicationName("shardscope-gui");
    QApplication::setOrganizationName("shardscope");
    QApplication::setApplicationVersion(SHARDSCOPE_VERSION);
    if (options.measures()) return measure(options);
    if (pictures) return takeScreenshots(options);

    Session session;
    MainWindow window(session, Memory::remembers);
    if (!options.theme.empty()) session.setTheme(options.theme == "light" ? lightTheme() : darkTheme());
    if (options.files.size() == 1) session.setPlace(Place::timeline);
    window.openFiles(options.files);
    window.show();
    return QApplication::exec();
}
