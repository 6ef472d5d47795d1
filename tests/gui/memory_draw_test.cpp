// SPDX-License-Identifier: Apache-2.0
// Draw functions of the Memory place without a window: buffers on addresses and in rows, the heat map, and the plan
// over the curves.
#include "gui/canvas/buffer_view.h"
#include "gui/canvas/heat_map.h"
#include "gui/canvas/painter.h"
#include "timeline_fixture.h"
#include <algorithm>
#include <cstdio>
#include <ctime>

namespace shardscope::gui {
namespace {

struct BufferPage { // the buffers of rank 0 of a trace, drawn at a size
    BufferPicture picture;
    BufferViewModel model;
    BufferViewSelection selection;
    BufferViewState state;
    BufferViewIntents intents;

    explicit BufferPage(const TraceReader& reader) {
        auto lives = bufferLives(reader, 0, MemoryTier::device);
        REQUIRE(lives);
        picture.lives = std::move(*lives);
        picture.pyramid = BufferPyramid(picture.lives);
        picture.rows = rowsBySize(picture.lives);
        model.buffers = &picture;
        model.reader = &reader;
        model.full = reader.span();
        selection.visible = reader.span();
    }
    QImage draw(const Theme& theme = darkTheme(), QSize size = {900, 260}, double dpr = 1,
                std::optional<QPoint> mouse = {}, bool click = false) {
        return renderToImage(
            [&](const CanvasFrame&) {
                ImGuiIO& io = ImGui::GetIO();
                if (mouse) io.MousePos = {static_cast<float>(mouse->x()), static_cast<float>(mouse->y())};
                if (click) {
                    io.MouseReleased[0] = true;
                    io.MouseClickedPos[0] = io.MousePos;
                }
                intents = drawBuffers(model, selection, theme, state);
            },
            theme, size, dpr);
    }
};

int coloured(const QImage& picture, Rgb colour, QRect area) {
    int count = 0;
    for (int y = area.top(); y <= area.bottom(); ++y)
        for (int x = area.left(); x <= area.right(); ++x) count += (picture.pixel(x, y) & 0xffffff) == colour;
    return count;
}

Rgb fillOf(MemoryCategory category) { return mix(darkTheme().background, memoryColour(category), 0.92f); }

// Many short lives without names, as an imported trace has them: `count` of 10 ns each, 4 alive at a time.
const TraceReader& manyShort(TimelineFixture& fixture, int64_t count) {
    return fixture.add([&](TraceWriter& writer) {
        const LaneId lane = writer.addLane({0, LaneKind::compute, "rank 0 compute"});
        std::vector<TraceEvent> events{IntervalEvent{.lane = lane, .start_ns = 0, .end_ns = count * 10}};
        for (int64_t i = 0; i < count; ++i) {
            events.push_back(MemoryEvent{.time_ns = i * 10, .delta_bytes = 1000 + i % 4});
            if (i >= 4) events.push_back(MemoryEvent{.time_ns = i * 10 + 5, .delta_bytes = -1000 - i % 4});
        }
        writer.append(events);
    });
}

} // namespace

TEST_CASE("buffers lie on their addresses in the colour of their category") {
    TimelineFixture fixture;
    BufferPage page(fixture.add({.ranks = 1, .steps = 2}));
    const QImage picture = page.draw();
    keepPicture(picture, "buffers_address_dark");
    keepPicture(page.draw(lightTheme()), "buffers_address_light");
    keepPicture(page.draw(darkTheme(), {900, 260}, 2), "buffers_address_dark_2x");
    const QRect bars(128, 8, 750, 246);
    for (const MemoryCategory category : {MemoryCategory::optimizer, MemoryCategory::activations})
        CHECK(coloured(picture, fillOf(category), bars) > 300);
    CHECK(page.state.drawn_rects <= max_rects);
    CHECK(page.state.drawn_labels > 3);
}

TEST_CASE("buffers have a time axis above them, with the cursor on it") {
    TimelineFixture fixture;
    BufferPage page(fixture.add({.ranks = 1, .steps = 2}));
    const QRect axis(128, 0, 750, 23);
    for (const BufferOrder order : {BufferOrder::address, BufferOrder::size}) {
        page.model.order = order;
        page.selection.cursor_ns.reset();
        const QImage picture = page.draw();
        CHECK(coloured(picture, darkTheme().faint, axis) >= 3 * 5); // ticks
        CHECK(coloured(picture, darkTheme().text, axis) == 0);
        page.selection.cursor_ns = page.model.full.start_ns + page.model.full.duration() / 2;
        CHECK(coloured(page.draw(), darkTheme().text, axis) > 300); // the pill that tells the time
    }
}

TEST_CASE("the buffer under the mouse is hovered, and clicked") {
    TimelineFixture fixture;
    BufferPage page(fixture.add({.ranks = 1, .steps = 2}));
    for (const BufferOrder order : {BufferOrder::address, BufferOrder::size}) {
        page.model.order = order;
        page.draw(darkTheme(), {900, 260}, 1, order == BufferOrder::address ? QPoint(500, 250) : QPoint(500, 36), true);
        REQUIRE(page.intents.hovered);
        CHECK(page.intents.clicked == page.intents.hovered);
        CHECK(page.intents.cursor_ns);
        const BufferLife& life = page.picture.lives.all()[*page.intents.hovered];
        CHECK((order == BufferOrder::size ? life.bytes == page.picture.rows[0].bytes : life.address == 0));
    }
}

TEST_CASE("rows stand by size, the largest first") {
    TimelineFixture fixture;
    BufferPage page(fixture.add({.ranks = 1, .steps = 2}));
    page.model.order = BufferOrder::size;
    keepPicture(page.draw(), "buffers_size_dark");
    REQUIRE(page.picture.rows.size() > 5);
    for (size_t i = 1; i < page.picture.rows.size(); ++i)
        CHECK(page.picture.rows[i - 1].bytes >= page.picture.rows[i].bytes);
    size_t lives = 0;
    for (const BufferRow& row : page.picture.rows) lives += row.lives.size();
    CHECK(lives == page.picture.lives.all().size());
}

TEST_CASE("a click beside all buffers means a moment") {
    TimelineFixture fixture;
    const TraceReader& reader = fixture.add([](TraceWriter& writer) {
        const LaneId lane = writer.addLane({0, LaneKind::compute, "rank 0 compute"});
        const std::vector<TraceEvent> events = {IntervalEvent{.lane = lane, .start_ns = 0, .end_ns = 1000},
                                                MemoryEvent{.time_ns = 10, .delta_bytes = 100},
                                                MemoryEvent{.time_ns = 20, .delta_bytes = -100}};
        writer.append(events);
    });
    BufferPage page(reader);
    page.draw(darkTheme(), {900, 260}, 1, QPoint(600, 100), true);
    CHECK_FALSE(page.intents.hovered);
    REQUIRE(page.intents.clicked_time_ns);
    CHECK(*page.intents.clicked_time_ns == Approx(623).margin(3));
}

TEST_CASE("a hundred thousand short buffers are drawn within the budget and leave no busy place empty") {
    TimelineFixture fixture;
    BufferPage page(manyShort(fixture, 100'000));
    CHECK(page.picture.pyramid.levels().size() > 1);
    for (const int64_t zoom : {1, 7, 1'000, 50'000}) {
        page.selection.visible = {0, 1'000'000 / zoom};
        const QImage picture = page.draw();
        CHECK(page.state.drawn_rects <= max_rects);
        int empty = 0;
        for (int x = 130; x < 880; ++x) {
            bool busy = false;
            for (int y = 10; y < 250; ++y) {
                const QRgb pixel = picture.pixel(x, y);
                busy = busy || std::abs(qRed(pixel) - qBlue(pixel)) > 12;
            }
            empty += !busy;
        }
        CHECK(empty == 0);
    }
    page.model.order = BufferOrder::size;
    page.selection.visible = {0, 1'000'000};
    page.draw();
    CHECK(page.state.drawn_rects <= max_rects);
}

TEST_CASE("how long a frame of buffers takes, printed and not judged") {
    TimelineFixture fixture;
    BufferPage page(manyShort(fixture, 250'000)); // half a million changes
    for (const BufferOrder order : {BufferOrder::address, BufferOrder::size}) {
        page.model.order = order;
        ImGuiCanvas canvas(
            [&](const CanvasFrame&) { drawBuffers(page.model, page.selection, darkTheme(), page.state); });
        canvas.resize(1600, 500);
        std::vector<double> frame_ms;
        for (int i = 0; i < 40; ++i) { // from the whole trace into a fortieth of it
            page.selection.visible = {0, 2'500'000 * (41 - i) / 41};
            const std::clock_t begin = std::clock(); // processor time: other programs do not count
            canvas.grab();
            frame_ms.push_back(1e3 * static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC);
        }
        std::sort(frame_ms.begin(), frame_ms.end());
        std::printf("  %-44s median %.2f, worst %.2f ms of processor; %d rects\n",
                    order == BufferOrder::address ? "250,000 buffers by address, zooming" : "the same by size",
                    frame_ms[frame_ms.size() / 2], frame_ms.back(), page.state.drawn_rects);
        CHECK(frame_ms.size() == 40);
    }
}

TEST_CASE("what there is nothing to draw of says why") {
    BufferViewModel model;
    model.sentence = "Reading buffers…";
    BufferViewState state;
    const QImage picture = renderToImage([&](const CanvasFrame&) { drawBuffers(model, {}, darkTheme(), state); },
                                         darkTheme(), {400, 100}, 1);
    CHECK(picture.size() == QSize(400, 100));
}

TEST_CASE("the heat map shows the categories that occur, sums, and leads to a cell") {
    HeatMapModel model;
    for (int32_t rank = 0; rank < 40; ++rank) {
        HeatMapRow& row = model.rows.emplace_back();
        row.rank = rank;
        row.bytes[static_cast<size_t>(MemoryCategory::parameters)] = 3 << 20;
        row.bytes[static_cast<size_t>(MemoryCategory::activations)] = (rank + 1) << 18;
        row.total_bytes = (3 << 20) + ((rank + 1) << 18);
        row.planned_bytes = row.total_bytes;
    }
    model.focus_rank = 1;
    for (const QSize size : {QSize(320, 120), QSize(560, 240), QSize(1200, 500)}) {
        HeatMapState state;
        HeatMapIntents intents;
        const QImage picture = renderToImage(
            [&](const CanvasFrame&) {
                ImGuiIO& io = ImGui::GetIO();
                io.MousePos = {heat_metrics::label_width + 10, heat_metrics::head_height + 30};
                io.MouseReleased[0] = true;
                intents = drawHeatMap(model, darkTheme(), state);
            },
            darkTheme(), size, 1);
        keepPicture(picture, size.width() > 1000 ? "heat_large" : size.width() > 400 ? "heat_middle" : "heat_small");
        CHECK(state.columns == std::vector{MemoryCategory::parameters, MemoryCategory::activations});
        CHECK(state.drawn_labels <= max_labels);
        REQUIRE(intents.clicked);
        CHECK(*intents.clicked == HeatMapCell{1, MemoryCategory::parameters});
    }
}

TEST_CASE("a narrow heat map counts its smallest categories as other and keeps the total in sight") {
    HeatMapModel model;
    HeatMapRow& row = model.rows.emplace_back();
    int64_t bytes = int64_t{1} << 24;
    for (const MemoryCategory category : stacking_order) {
        row.bytes[static_cast<size_t>(category)] = bytes;
        row.total_bytes += bytes;
        bytes /= 2;
    }
    for (const int width : {260, 320, 380, 500}) {
        HeatMapState state;
        HeatMapIntents intents;
        renderToImage(
            [&](const CanvasFrame&) {
                ImGui::GetIO().MousePos = {static_cast<float>(width) - 30, heat_metrics::head_height + 10};
                intents = drawHeatMap(model, darkTheme(), state);
            },
            darkTheme(), {width, 120}, 1);
        INFO(width);
        const float right =
            heat_metrics::label_width + static_cast<float>(state.columns.size() + 1) * state.column_width;
        CHECK(right <= static_cast<float>(width));
        CHECK(state.columns.front() == MemoryCategory::parameters);
        CHECK(state.columns.back() == MemoryCategory::other);
        CHECK((state.columns.size() < stacking_order.size()) == (width < 400));
        if (intents.hovered) CHECK_FALSE(intents.hovered->category);
    }
}

TEST_CASE("a plan that was not kept is filled where it differs") {
    TimelineFixture fixture;
    const TraceReader& reader = fixture.add([](TraceWriter& writer) {
        const LaneId lane = writer.addLane({0, LaneKind::compute, "rank 0 compute"});
        const NameId name = writer.intern("a");
        const std::vector<TraceEvent> events = {
            RunInfoEvent{"memory_plan", R"([{"name":"a","tier":"device","category":"activations","bytes":1000,
                                            "address":0,"alloc_op":1,"free_op":3}])"},
            IntervalEvent{.lane = lane, .op = OpId{2}, .start_ns = 300, .end_ns = 1000},
            MemoryEvent{.time_ns = 300,
                        .category = MemoryCategory::activations,
                        .delta_bytes = 600,
                        .buffer = name,
                        .op = OpId{1}},
            MemoryEvent{.time_ns = 700,
                        .category = MemoryCategory::activations,
                        .delta_bytes = -600,
                        .buffer = name,
                        .op = OpId{3}}};
        writer.append(events);
    });
    const auto planned = plannedCurves(reader);
    REQUIRE(planned);
    TimelineModel model = fixture.one(reader);
    model.show_lanes = false;
    const auto fills = [&] {
        const QImage picture = drawOnce(model, {}, darkTheme(), {900, 240}).picture;
        int filled = 0;
        for (int y = 60; y < 230; ++y)
            for (int x = 130; x < 880; ++x)
                filled += qRed(picture.pixel(x, y)) > 120 && qBlue(picture.pixel(x, y)) < 80;
        keepPicture(picture, model.traces[0].planned ? "plan_differs" : "plan_unknown");
        return filled;
    };
    CHECK(fills() == 0);
    model.traces[0].planned = &*planned;
    CHECK(fills() > 2'000);
}

} // namespace shardscope::gui
