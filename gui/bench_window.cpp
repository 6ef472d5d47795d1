// SPDX-License-Identifier: Apache-2.0
#include "gui/bench_window.h"
#include "gui/canvas/imgui_canvas.h"
#include "gui/main_window.h"
#include "gui/panels/timeline_panel.h"
#include "gui/timeline_tools.h"
#include <QApplication>
#include <QElapsedTimer>
#include <QPixmapCache>
#include <fmt/format.h>
#include <fstream>
#include <malloc.h>
#include <sstream>
#include <unistd.h>

namespace shardscope::gui {
namespace {

constexpr qint64 patience_ms = 120'000;

// The kernel knows when the process began, to a hundredth of a second; libraries are loaded before any code of ours
// runs.
double millisecondsOfProcess() {
    std::ifstream stat("/proc/self/stat"), uptime("/proc/uptime");
    std::string text;
    std::getline(stat, text);
    std::istringstream fields(text.substr(text.rfind(')') + 1));
    std::string skipped;
    for (int field = 3; field < 22; ++field) fields >> skipped;
    double ticks = 0, now_s = 0;
    fields >> ticks;
    uptime >> now_s;
    return (now_s - ticks / static_cast<double>(::sysconf(_SC_CLK_TCK))) * 1e3;
}

struct Resident {
    double all_mb = 0, heap_mb = 0; // of it in use by allocations
};

Resident resident() {
    QPixmapCache::clear(); // of icons and the like, up to ten megabytes that come and go
    ::malloc_trim(0);      // what was freed and not given back is no growth
    std::ifstream statm("/proc/self/statm");
    int64_t size = 0, pages = 0;
    statm >> size >> pages;
    const struct mallinfo2 heap = ::mallinfo2();
    return {static_cast<double>(pages * ::sysconf(_SC_PAGESIZE)) * 1e-6,
            static_cast<double>(heap.uordblks + heap.hblkhd) * 1e-6};
}

// What the event loop of the program does between two inputs. Without a loop nobody deletes what asked to be deleted
// later, and all cards and links that were ever replaced would stay.
void turn() {
    QApplication::processEvents(QEventLoop::AllEvents, 5);
    QApplication::sendPostedEvents(nullptr, QEvent::DeferredDelete);
}

template <class Condition> bool waitFor(Condition condition) {
    QElapsedTimer waited;
    waited.start();
    do turn();
    while (!condition() && waited.elapsed() < patience_ms);
    return condition();
}

void trigger(Session& session, ActionId id) { session.actions().get(id)->trigger(); }

// One of the things that people do; which ones follow each other depends on the round.
void use(Session& session, MainWindow& window, int round) {
    using enum ActionId;
    constexpr ActionId hands[] = {zoom_in,         zoom_in,          pan_right,      pan_right,   zoom_in,
                                  next_event,      next_event,       previous_event, zoom_out,    longest_exposed,
                                  ActionId::focus, next_step,        collapse_ranks, all_ranks,   next_rank,
                                  ActionId::fit,   colour_layer,     exposed_only,   differences, previous_step,
                                  flow_arrows,     colour_operation, memory_curves,  undo_view};
    constexpr Place places[] = {Place::timeline, Place::compare, Place::memory, Place::buckets, Place::run};
    session.setPlace(places[round % 5]);
    for (const ActionId key : hands) {
        if (session.actions().get(key)->isEnabled()) trigger(session, key);
        turn();
    }
    if (session.place() == Place::run || session.place() == Place::buckets) return;
    const TimeRange seen = session.visible();
    session.timelineTools().setRange(TimeRange{seen.start_ns, seen.start_ns + seen.duration() / 2}, true);
    session.timelineTools().search(round % 2 ? "class:all_gather" : "layer:1");
    waitFor([&] { return window.settled(); });
    trigger(session, next_event);
    trigger(session, clear_selection);
    trigger(session, clear_selection);
    session.setTheme(round % 2 ? lightTheme() : darkTheme());
    window.resize(round % 3 ? 1280 : 1600, 900);
}

} // namespace

Result<std::string> benchStart(const std::vector<std::string>& files) {
    Session session;
    MainWindow window(session, Memory::forgets);
    if (files.size() == 1) session.setPlace(Place::timeline);
    if (!window.openFiles(files)) return Error{window.notice().toStdString()};
    window.show();
    QApplication::processEvents();
    const double shown = millisecondsOfProcess();
    const auto drawn = [&] {
        return !session.traces().empty() && session.opening() == 0 && window.timeline().complete();
    };
    if (!waitFor([&] { return drawn() || !window.notice().isEmpty(); }) || !drawn())
        return Error{window.notice().isEmpty() ? "There was no picture within two minutes."
                                               : window.notice().toStdString()};
    const double picture = millisecondsOfProcess();
    if (!waitFor([&] { return window.settled(); })) return Error{"The window did not come to rest within two minutes."};
    int64_t events = 0;
    for (const OpenTrace& open : session.traces()) events += open.reader->eventCount();
    return fmt::format("{} traces, {} events; ms since the process began (to 10 ms):\n"
                       "window shown              {:>6.0f}\n"
                       "first complete picture    {:>6.0f}\n"
                       "all figures and tables    {:>6.0f}\n",
                       session.traces().size(), events, shown, picture, millisecondsOfProcess());
}

Result<std::string> benchUse(const std::vector<std::string>& files, int rounds, const ReportLine& report) {
    Session session;
    MainWindow window(session, Memory::forgets);
    window.show();
    report(fmt::format("{} traces, {} rounds of opening, using and closing; resident memory in MB:\n"
                       "round   seconds  resident  of it in allocations  objects of the window\n",
                       files.size(), rounds));
    QElapsedTimer clock;
    clock.start();
    for (int round = 0; round < rounds; ++round) {
        if (session.traces().empty() && !window.openFiles(files)) return Error{window.notice().toStdString()};
        if (!waitFor([&] { return window.settled(); }) || session.traces().empty())
            return Error{"The window did not come to rest: " + window.notice().toStdString()};
        use(session, window, round);
        if (round % 10 == 9) session.closeAll();
        if (!waitFor([&] { return window.settled(); })) return Error{"The window did not come to rest."};
        if ((round + 1) % std::max(1, rounds / 10) == 0) {
            const Resident now = resident();
            report(fmt::format("{:>5} {:>9.0f} {:>9.1f} {:>21.1f} {:>22}\n", round + 1,
                               static_cast<double>(clock.elapsed()) * 1e-3, now.all_mb, now.heap_mb,
                               window.findChildren<QObject*>().size()));
        }
    }
    return std::string();
}

} // namespace shardscope::gui
