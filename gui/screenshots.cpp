// SPDX-License-Identifier: Apache-2.0
#include "gui/screenshots.h"
#include "gui/main_window.h"
#include "gui/style.h"
#include <QApplication>
#include <QDir>
#include <QElapsedTimer>
#include <cstdio>

namespace shardscope::gui {
namespace {

constexpr qint64 patience_ms = 60'000; // large traces take time to analyse

bool wait(const MainWindow& window) {
    QElapsedTimer waited;
    waited.start();
    do QApplication::processEvents(QEventLoop::AllEvents, 20);
    while (!window.settled() && waited.elapsed() < patience_ms);
    QApplication::sendPostedEvents(); // layouts and charts asked for by the last answer
    QApplication::processEvents();
    return window.settled();
}

int fail(const QString& sentence) {
    std::fprintf(stderr, "shardscope-gui: %s\n", qPrintable(sentence));
    return 1;
}

} // namespace

int takeScreenshots(const Options& options) {
    const QString folder = QString::fromStdString(options.screenshot_folder);
    if (!QDir().mkpath(folder)) return fail(folder + " could not be created; choose a folder that can be written.");
    Session session;
    MainWindow window(session, Memory::forgets);
    window.resize(options.width, options.height);
    if (!window.openFiles(options.files)) return fail(window.notice());
    window.show();
    const std::pair<Place, const char*> places[] = {
        {Place::compare, "compare"}, {Place::timeline, "timeline"}, {Place::memory, "memory"}, {Place::run, "run"}};
    bool selected = false;
    for (const Theme* theme : {&darkTheme(), &lightTheme()}) {
        if (!options.theme.empty() && theme->name != options.theme) continue;
        session.setTheme(*theme);
        for (const auto& [place, name] : places) {
            session.setPlace(place);
            if (!wait(window)) return fail("The window did not come to rest within a minute.");
            if (!selected) { // so that the inspector has something to say
                session.selectLongestExposed();
                selected = true;
                wait(window);
            }
            const QString path = QString("%1/%2_%3.png").arg(folder, name, text(theme->name));
            if (!window.grab().save(path)) return fail(path + " could not be written.");
            std::printf("%s\n", qPrintable(path));
        }
    }
    return 0;
}

} // namespace shardscope::gui
