// SPDX-License-Identifier: Apache-2.0
#include "gui/screenshots.h"
#include "gui/appearance.h"
#include "gui/main_window.h"
#include "gui/panels/run_panel.h"
#include "gui/screenshot_scenes.h"
#include "gui/style.h"
#include "gui/tables/details_panel.h"
#include "gui/tables/sql_console.h"
#include "gui/window_tools.h"
#include <QApplication>
#include <QDir>
#include <QElapsedTimer>
#include <cstdio>

namespace shardscope::gui {
namespace {

constexpr qint64 patience_ms = 60'000; // large traces take time to analyse

bool wait(MainWindow& window) {
    QElapsedTimer waited;
    waited.start();
    do {
        do QApplication::processEvents(QEventLoop::AllEvents, 20);
        while ((!window.settled() || window.runPanel().looksForDevices()) && waited.elapsed() < patience_ms);
        QApplication::sendPostedEvents(); // layouts and charts asked for by the last answer; they may ask for a frame
        QApplication::processEvents();
    } while (!window.settled() && waited.elapsed() < patience_ms);
    return window.settled();
}

int fail(const QString& sentence) {
    std::fprintf(stderr, "shardscope-gui: %s\n", qPrintable(sentence));
    return 1;
}

} // namespace

int takeScreenshots(const Options& options) {
    const QString folder = QDir(QString::fromStdString(options.screenshot_folder)).absolutePath();
    if (!QDir().mkpath(folder)) return fail(folder + " could not be created; choose a folder that can be written.");
    Session session;
    MainWindow window(session, Memory::forgets);
    window.resize(options.width, options.height);
    if (!window.openFiles(options.files)) return fail(window.notice());
    window.show();
    wait(window);
    if (session.traces().size() < options.files.size() && !window.notice().isEmpty()) return fail(window.notice());
    if (options.font_px > 0 || options.distinct_colours) {
        Look look = window.tools().appearance().look();
        if (options.font_px > 0) look.font_px = options.font_px;
        if (options.distinct_colours) look.colours = ColourSet::distinct;
        window.tools().appearance().set(look);
        window.resize(options.width, options.height);
    }
    const std::pair<Place, const char*> places[] = {{Place::compare, "compare"},
                                                    {Place::timeline, "timeline"},
                                                    {Place::buckets, "buckets"},
                                                    {Place::memory, "memory"},
                                                    {Place::run, "run"}};
    bool selected = false;
    const SavePicture saveOf = [&](QWidget& widget, const char* name) {
        const QString path = QString("%1/%2_%3.png").arg(folder, name, text(session.theme().name));
        if (!widget.grab().save(path)) return fail(path + " could not be written.") == 0;
        std::printf("%s\n", qPrintable(path));
        return true;
    };
    const auto save = [&](const char* name) { return saveOf(window, name); };
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
            if (!save(name)) return 1;
        }
        session.setPlace(Place::timeline); // with the tables below it
        for (const DetailsKind kind : {DetailsKind::collectives, DetailsKind::warnings}) {
            session.actions().get(ActionId::tables)->setChecked(false);
            session.actions().get(ActionId::tables)->trigger();
            window.details().showTable(kind);
            wait(window);
            if (!save(kind == DetailsKind::collectives ? "tables" : "warnings")) return 1;
        }
        window.details().showSql();
        window.details().sql().run();
        wait(window);
        if (!save("sql")) return 1;
        session.actions().get(ActionId::tables)->trigger();
        const SettleWindow settle = [&] { wait(window); };
        if (options.states && !(session.traces().empty() || drawOverlays(session, window, settle, saveOf))) return 1;
        if (options.states && !drawRunStates(session, window, settle, saveOf)) return 1;
    }
    return 0;
}

} // namespace shardscope::gui
