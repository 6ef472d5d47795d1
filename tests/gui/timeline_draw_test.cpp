// SPDX-License-Identifier: Apache-2.0
#include "timeline_fixture.h"
#include <QElapsedTimer>
#include <cstdio>

namespace shardscope::gui {
namespace {

// Pictures to look at: SHARDSCOPE_TEST_PICTURES names a folder.
void keepPicture(const QImage& picture, const char* name) {
    const QString folder = qEnvironmentVariable("SHARDSCOPE_TEST_PICTURES");
    if (!folder.isEmpty()) picture.save(folder + "/" + name + ".png");
}

} // namespace

TEST_CASE("four stages are drawn one below the other") {
    TimelineFixture fixture;
    TimelineModel model = fixture.fourStages();
    TimelineSelection selection{.visible = stepRange(model)};
    selection.cursor_ns = 4'000'000;
    const Drawn dark = drawOnce(model, selection);
    keepPicture(dark.picture, "stages_dark");
    keepPicture(drawOnce(model, selection, lightTheme()).picture, "stages_light");
    keepPicture(drawOnce(model, selection, darkTheme(), {1080, 700}, 2).picture, "stages_dark_2x");
    keepPicture(drawOnce(model, {}, darkTheme()).picture, "all_dark");
    model.only_rank = -1;
    keepPicture(drawOnce(model, selection, lightTheme(), {1080, 900}).picture, "ranks_light");
    CHECK(dark.state.drawn_rects > 100);
}

TEST_CASE("emulated") {
    TimelineFixture fixture;
    TimelineModel model = fixture.fourStages(true);
    TimelineSelection selection{.visible = {3'000'000, 7'000'000}};
    keepPicture(drawOnce(model, selection).picture, "emulated_dark");
    model.exposed_only = true;
    keepPicture(drawOnce(model, {.visible = stepRange(model)}, lightTheme()).picture, "exposed_light");
}

} // namespace shardscope::gui
