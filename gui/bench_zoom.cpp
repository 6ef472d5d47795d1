// SPDX-License-Identifier: Apache-2.0
#include "gui/bench_zoom.h"
#include "gui/canvas/imgui_host.h"
#include "gui/canvas/timeline.h"
#include "gui/canvas/timeline_cache.h"
#include "gui/canvas/timeline_layout.h"
#include "gui/trace_worker.h"
#include "traces/bench.h"
#include <QCoreApplication>
#include <QTemporaryDir>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <fmt/format.h>
#include <fstream>
#include <random>
#include <unistd.h>

namespace shardscope::gui {
namespace {

using Clock = std::chrono::steady_clock;

double millisecondsSince(Clock::time_point start) {
    return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

double residentMegabytes() {
    std::ifstream statm("/proc/self/statm");
    int64_t size = 0, resident = 0;
    statm >> size >> resident;
    return static_cast<double>(resident * ::sysconf(_SC_PAGESIZE)) * 1e-6;
}

// What a hand on the wheel and the mouse does, the same in every run: into a place by notches of the wheel, sideways by
// small steps, out again, then a jump to somewhere else.
class Tour {
public:
    explicit Tour(TimeRange full)
        : m_full(full)
        , m_view(full) {}

    TimeRange next() {
        if (m_left == 0) begin();
        --m_left;
        const double duration = static_cast<double>(m_view.duration());
        switch (m_leg) {
        case Leg::in:
            zoom(1 / 1.25);
            break;
        case Leg::out:
            zoom(1.25);
            break;
        case Leg::pan:
            shift(m_direction * 0.03 * duration);
            break;
        case Leg::jump: {
            const double width =
                static_cast<double>(m_full.duration()) * std::exp(std::log(1e-6) * m_uniform(m_random));
            const auto start =
                m_full.start_ns + static_cast<int64_t>(m_uniform(m_random) * static_cast<double>(m_full.duration()));
            m_view = {start, start + std::max<int64_t>(200, std::llround(width))};
            break;
        }
        }
        return m_view;
    }

    bool rests() const { return m_left == 0; } // the hand has come to the end of a movement

private:
    enum class Leg { in, pan, out, jump };

    void begin() {
        constexpr Leg legs[] = {Leg::in, Leg::pan, Leg::in, Leg::pan, Leg::out, Leg::pan, Leg::jump, Leg::out};
        constexpr int lengths[] = {25, 30, 25, 30, 30, 20, 3, 40};
        m_leg = legs[m_at % std::size(legs)];
        m_left = lengths[m_at % std::size(legs)];
        ++m_at;
        m_direction = m_uniform(m_random) < 0.5 ? -1 : 1;
        m_pivot = 0.1 + 0.8 * m_uniform(m_random);
    }
    void zoom(double factor) {
        const double width = std::clamp(static_cast<double>(m_view.duration()) * factor, 2e3,
                                        static_cast<double>(std::max<int64_t>(m_full.duration(), 2'000)));
        const double at = static_cast<double>(m_view.start_ns) + m_pivot * static_cast<double>(m_view.duration());
        const int64_t start = std::llround(at - m_pivot * width);
        m_view = {start, start + std::llround(width)};
        shift(0);
    }
    void shift(double by) {
        const int64_t width = m_view.duration();
        const int64_t latest = std::max(m_full.start_ns, m_full.end_ns - width);
        m_view.start_ns = std::clamp<int64_t>(m_view.start_ns + std::llround(by), m_full.start_ns, latest);
        m_view.end_ns = m_view.start_ns + width;
    }

    TimeRange m_full, m_view;
    Leg m_leg = Leg::in;
    int m_left = 0;
    size_t m_at = 0;
    double m_direction = 1, m_pivot = 0.5;
    std::mt19937_64 m_random{17};
    std::uniform_real_distribution<double> m_uniform{0, 1};
};

struct Times {
    std::vector<double> ms;
    std::string line(const char* name) {
        if (ms.empty()) return {};
        std::sort(ms.begin(), ms.end());
        const auto at = [&](double share) {
            return ms[static_cast<size_t>(share * static_cast<double>(ms.size() - 1))];
        };
        return fmt::format("{:<8} {:>9.2f} {:>9.2f} {:>9.2f} {:>9.2f}\n", name, at(0.5), at(0.95), at(0.99), at(1));
    }
};

void answerWishes(TraceWorker& worker, TimelineCache& cache) {
    if (worker.pending()) return;
    for (TraceWishes& wishes : cache.takeWishes()) // of one trace
        worker.ask({{wishes.path}},
                   [&cache, wishes](const TraceWorker::Readers& readers, const TraceWorker::Cancelled&) {
                       auto answers = std::make_shared<TraceAnswers>();
                       if (readers.front()) *answers = answer(*readers.front(), wishes);
                       return [&cache, answers] { cache.give(std::move(*answers)); };
                   });
}

} // namespace

Result<std::string> benchZoomFrames(const ZoomBenchRequest& request) {
    QTemporaryDir folder;
    std::string path = request.trace;
    if (request.events > 0) {
        path = folder.filePath("bench.shardscope").toStdString();
        if (const Result<void> written = writeBenchTrace(path, request.events); !written) return written.error();
    }
    const auto opened = TraceReader::open(path);
    if (!opened) return opened.error();
    const TraceReader& reader = **opened;
    TimelineModel model;
    model.traces.push_back({.reader = &reader, .label = "A", .title = "trace"});
    TimelineState state;
    state.defers = true; // as in the window: a worker reads, and a frame never waits for it
    TraceWorker worker;
    bool incomplete = false;
    TimelineSelection selection;
    ImGuiHost host;
    host.setDevicePixelRatio(1);
    host.setTheme(darkTheme());
    Tour tour(fullRange(model));
    const DrawFunction draw = [&](const CanvasFrame& frame) {
        incomplete = drawTimeline(model, selection, {}, *frame.theme, state).incomplete;
    };
    Times frames, drawing, rastering, waiting;
    int64_t rects = 0, labels = 0;
    const auto frame = [&] {
        const auto start = Clock::now();
        const ImDrawData& lists = host.frame(draw, {request.width, request.height}, 1.0 / 60, nullptr);
        const double drawn = millisecondsSince(start);
        (void)host.rasterised(lists);
        const double done = millisecondsSince(start);
        drawing.ms.push_back(drawn);
        rastering.ms.push_back(done - drawn);
        frames.ms.push_back(done);
        rects = std::max<int64_t>(rects, state.drawn_rects);
        labels = std::max<int64_t>(labels, state.drawn_labels);
    };
    // As in the window: what was read is drawn, until nothing is lacking.
    const auto complete = [&] {
        constexpr int most_frames = 50;
        for (int i = 0; incomplete && i < most_frames; ++i) {
            answerWishes(worker, *state.cache);
            while (worker.pending()) QCoreApplication::processEvents(QEventLoop::WaitForMoreEvents);
            frame();
        }
        return !incomplete;
    };
    int stale = 0, never = 0;
    const double before = residentMegabytes();
    double warmed = before;
    for (int i = 0; i < request.frames; ++i) {
        selection.visible = tour.next();
        selection.cursor_ns = selection.visible.start_ns + selection.visible.duration() / 3;
        frame();
        stale += incomplete;
        answerWishes(worker, *state.cache);
        QCoreApplication::processEvents();
        if (tour.rests()) {
            const auto rest = Clock::now();
            never += !complete();
            waiting.ms.push_back(millisecondsSince(rest));
        }
        if (i == request.frames / 5) warmed = residentMegabytes(); // caches are full by then, or never will be
    }
    const double after = residentMegabytes();
    const size_t more = frames.ms.size() - static_cast<size_t>(request.frames);
    return fmt::format("{} events on {} lanes, {} frames of {}x{} and {} at rest drawn by the processor, in ms:\n"
                       "               50 %      95 %      99 %   longest\n",
                       reader.eventCount(), reader.lanes().size(), request.frames, request.width, request.height,
                       more) +
           frames.line("frame") + drawing.line("draw") + rastering.line("raster") + waiting.line("complete") +
           fmt::format(
               "complete: from the last frame of each of the tour's {} movements until all it shows was read and "
               "drawn{}\n"
               "at most {} rectangles and {} labels in a frame; {} frames were drawn before all they show was read\n"
               "resident memory: {:.0f} MB before, {:.0f} MB after a fifth of the frames, {:.0f} MB at the end\n",
               waiting.ms.size(), never > 0 ? fmt::format("; {} never were", never) : "", rects, labels, stale, before,
               warmed, after);
}

} // namespace shardscope::gui
