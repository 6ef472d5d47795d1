// SPDX-License-Identifier: Apache-2.0
// Traces in a temporary folder, and models and pictures made of them, for the tests of the timeline.
#pragma once
#include "gui/canvas/imgui_canvas.h"
#include "gui/canvas/timeline.h"
#include "support/catch.h"
#include "support/sample_trace.h"
#include "traces/trace_writer.h"
#include <QTemporaryDir>
#include <array>
#include <functional>
#include <memory>

namespace shardscope::gui {

class TimelineFixture {
public:
    const TraceReader& add(const SampleTraceOptions& options) {
        const std::string path = nextPath();
        writeSampleTrace(path, options);
        return open(path);
    }
    // A trace written by hand.
    const TraceReader& add(const std::function<void(TraceWriter&)>& write) {
        const std::string path = nextPath();
        auto writer = TraceWriter::create(path);
        REQUIRE(writer);
        write(**writer);
        REQUIRE((*writer)->finish("finished"));
        return open(path);
    }

    // ZeRO 0 to 3 below each other, step 1 aligned.
    TimelineModel fourStages(bool emulated_link = false) {
        constexpr std::array titles = {
            "all-reduce in backward, everything replicated", "optimizer states sharded, all-gather after the step",
            "+ gradients sharded: reduce-scatter per bucket", "+ parameters sharded: gathered just in time"};
        TimelineModel model;
        for (int stage = 0; stage < 4; ++stage) {
            const TraceReader& reader = add({.stage = stage, .emulated_link = emulated_link});
            model.traces.push_back({.reader = &reader,
                                    .label = std::string(1, static_cast<char>('A' + stage)),
                                    .title = "ZeRO-" + std::to_string(stage),
                                    .subtitle = titles[static_cast<size_t>(stage)],
                                    .difference = stage == 0 ? "" : "+0.7 ms (7.0 %)",
                                    .difference_is_worse = stage != 2,
                                    .is_baseline = stage == 0,
                                    .origin_ns = reader.steps()[1].start_ns});
        }
        model.only_rank = 0;
        model.axis_caption = "step 1";
        return model;
    }
    TimelineModel one(const TraceReader& reader) {
        TimelineModel model;
        model.traces.push_back({.reader = &reader, .label = "A", .title = "trace"});
        return model;
    }

private:
    std::string nextPath() { return m_folder.filePath(QString("t%1.shardscope").arg(m_count++)).toStdString(); }
    const TraceReader& open(const std::string& path) {
        auto reader = TraceReader::open(path);
        REQUIRE(reader);
        m_readers.push_back(std::move(*reader));
        return *m_readers.back();
    }

    QTemporaryDir m_folder;
    int m_count = 0;
    std::vector<std::unique_ptr<TraceReader>> m_readers;
};

// The visible range in which a step of the sample fits.
inline TimeRange stepRange(const TimelineModel& model) {
    int64_t end = 1;
    for (const TraceView& view : model.traces)
        end = std::max(end, view.reader->steps()[1].end_ns - view.reader->steps()[1].start_ns);
    return {0, end + end / 50};
}

// Pictures to look at: SHARDSCOPE_TEST_PICTURES names a folder.
inline void keepPicture(const QImage& picture, const char* name) {
    const QString folder = qEnvironmentVariable("SHARDSCOPE_TEST_PICTURES");
    if (!folder.isEmpty()) picture.save(folder + "/" + name + ".png");
}

struct Drawn {
    QImage picture;
    TimelineIntents intents;
    TimelineState state;
};

inline Drawn drawOnce(const TimelineModel& model, const TimelineSelection& selection = {},
                      const Theme& theme = darkTheme(), QSize size = {1080, 700}, double dpr = 1,
                      const TimelineInput& input = {}) {
    Drawn drawn;
    drawn.picture = renderToImage(
        [&](const CanvasFrame&) { drawn.intents = drawTimeline(model, selection, input, theme, drawn.state); }, theme,
        size, dpr);
    return drawn;
}

} // namespace shardscope::gui
