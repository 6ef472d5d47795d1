// SPDX-License-Identifier: Apache-2.0
// What the window says of GPUs: states in which kernels are missing, virtual ranks, streams as lanes, memory outside
// the arenas, rates against the roofline, and the devices of the machine before a run.
#include "captured_run.h"
#include "gui/device_probe.h"
#include "gui/panels/fact_list.h"
#include "gui/panels/inspector_panel.h"
#include "gui/panels/library_panel.h"
#include "gui/panels/run_form.h"
#include "gui/panels/run_panel.h"
#include "gui/panels/trace_card.h"
#include "gui/recording_notice.h"
#include "gui/tables/details_tables.h"
#include "shell_fixture.h"
#include <QLabel>

namespace shardscope::gui {
namespace {

constexpr const char* two_gpus = R"({"machine": [{"fact": "NVIDIA driver", "value": "580.82.07"}],
    "gpus": [{"gpu": 0, "name": "NVIDIA H200", "memory_bytes": 150323855360, "free_bytes": 149000000000,
              "compute_capability": "9.0", "multiprocessors": 132},
             {"gpu": 1, "name": "NVIDIA H200", "memory_bytes": 150323855360, "free_bytes": null,
              "compute_capability": "9.0", "multiprocessors": 132}],
    "backend": [{"auto": "cuda", "reason": "a GPU can be used"}]})";

struct GpuShell : Shell {
    void openCaptured(const CapturedOptions& options = {}) {
        const std::string file = path("captured.shardscope");
        writeCapturedTrace(file, options);
        session.setPlace(Place::timeline);
        REQUIRE(window.openFiles({file}));
        window.show();
        settle();
    }
    QLabel* cardNotice() { return window.findChild<QLabel*>("recordingNotice"); }
};

} // namespace

TEST_CASE("a trace whose kernels are missing says so on its card, in the timeline's head and in the inspector") {
    struct State {
        CapturedOptions options;
        const char *words, *remedy;
    };
    const State states[] = {
        {{.subscribe = cupti::Status::another_subscriber}, "another profiler is attached", "Run without it"},
        {{.subscribe = cupti::Status::insufficient_privileges}, "no permission", "cap-add"},
        {{.library = false}, "CUPTI was not found", "SHARDSCOPE_CUPTI"},
        {{.dropped = 9}, "9 records of the GPU are missing", "Record fewer steps"},
        {{.without_time = true}, "1 records of the GPU are missing", "zero time stamps"},
    };
    for (const State& state : states) {
        INFO(state.words);
        GpuShell shell;
        shell.openCaptured(state.options);
        QLabel* notice = shell.cardNotice();
        REQUIRE(notice);
        CHECK(notice->isVisible());
        CHECK(notice->text().contains(state.words));
        CHECK(notice->text().contains("virtual ranks"));
        CHECK(notice->toolTip().contains(state.remedy));
        const PlaceModel place = shell.session.model();
        REQUIRE(place.timeline.traces.size() == 1);
        CHECK(place.timeline.traces[0].notice.find(state.words) != std::string::npos);
        CHECK(place.timeline.traces[0].notice.find("virtual ranks") != std::string::npos);
        CHECK(shell.window.inspector().facts().valueOf("GPU").contains(state.words));
        CHECK(shell.window.inspector().facts().valueOf("ranks") == "2 virtual");
        CHECK(shell.session.active()->reader->eventCount() > 0); // the run went on
        const auto warnings = detailsTable(*shell.session.active()->reader, DetailsKind::warnings);
        REQUIRE(warnings);
        bool told = false;
        for (const Row& row : warnings->rows)
            for (const Cell& cell : row)
                if (const auto* text = std::get_if<std::string>(&cell)) told |= text->find(state.remedy) != text->npos;
        CHECK(told);
    }
}

TEST_CASE("a captured trace has a lane per stream, the memory outside the arenas, and rates against the roofline") {
    GpuShell shell;
    shell.openCaptured();
    const TraceReader& reader = *shell.session.active()->reader;
    std::vector<std::string> names;
    for (const LaneInfo& lane : reader.lanes()) names.push_back(lane.name);
    for (const char* stream : {"GPU 0 stream 13", "GPU 0 stream 14", "GPU 0 stream 15", "GPU 0 stream 16"})
        CHECK(std::count(names.begin(), names.end(), stream) == 1);
    CHECK(std::count(names.begin(), names.end(), "rank 0 compute") == 0); // its work is on the stream
    CHECK(shell.window.inspector().facts().valueOf("GPU") == "kernels recorded");
    CHECK(shell.window.inspector().facts().valueOf("recording took") == "1.5 % of a step");

    shell.session.setPlace(Place::memory);
    shell.settle();
    waitFor([&] { return shell.session.model().timeline.traces.at(0).outside != nullptr; });
    const OutsideCurves& outside = *shell.session.model().timeline.traces.at(0).outside;
    REQUIRE(outside.contains(0));
    CHECK(outside.at(0).highest == int64_t{3} << 20);

    const auto ops = detailsTable(reader, DetailsKind::program);
    REQUIRE(ops);
    CHECK(ops->columns.back().name == "of roofline");
    REQUIRE(ops->rows.size() == 2);
    const auto* share = std::get_if<double>(&ops->rows[0].back());
    REQUIRE(share);
    CHECK(*share == Approx(25.3).margin(0.1)); // 1 GFLOP in 4 us, wherever the record of a kernel stands
    CHECK(std::holds_alternative<std::monostate>(ops->rows[1].back())); // a collective
}

TEST_CASE("the form says what auto takes: the GPUs with their memory, or why there is none") {
    const auto devices = parseDevices(two_gpus);
    REQUIRE(devices);
    CHECK(devices->words() == "2 × NVIDIA H200");
    CHECK(devices->details().find("driver 580.82.07") != std::string::npos);
    CHECK(devices->gpus[1].free_bytes == -1);
    RunRequest request;
    request.link = "none";
    request.ranks = "2";
    CHECK(usesGpu(request, devices));
    CHECK(deviceShare(request, devices)->bytes == 150323855360);
    request.ranks = "4";
    CHECK(deviceShare(request, devices)->bytes == 150323855360 / 4);
    CHECK(deviceShare(request, devices)->device == "NVIDIA H200, shared by 4 virtual ranks");
    request.link = "pcie4";
    CHECK_FALSE(usesGpu(request, devices)); // a link is emulated on CPU ranks only
    request.backend = "cpu";
    CHECK_FALSE(deviceShare(request, devices));
    for (const char* damaged : {"", "[]", R"({"backend": 3})", R"({"backend": [], "gpus": 7})"})
        CHECK_FALSE(parseDevices(damaged));
    CHECK(parseDevices(R"({"backend": [7], "gpus": [null, {"name": 4}], "machine": {}})"));

    for (const bool gpus : {true, false}) {
        qputenv("SHARDSCOPE_FAKE_DOCTOR",
                gpus ? two_gpus : R"({"backend": [{"auto": "cpu", "reason": "The NVIDIA driver was not found."}]})");
        Shell shell;
        RunPanel& panel = shell.window.runPanel();
        shell.session.run().setProgram(SHARDSCOPE_FAKE_CLI);
        shell.session.setPlace(Place::run);
        shell.window.show();
        waitFor([&] { return panel.devices().devices().has_value(); });
        QLabel* check = panel.form().check("backend");
        REQUIRE(check);
        CHECK(panel.form().shows("backend"));
        CHECK(check->text().contains(gpus ? "GPU 1  NVIDIA H200" : "The NVIDIA driver was not found."));
        RunRequest large = panel.form().request();
        large.link = "none";
        large.model = "gpt2-124m";
        panel.form().setRequest(large);
        shell.settle();
        waitFor([&] { return panel.settled(); });
    }
    qunsetenv("SHARDSCOPE_FAKE_DOCTOR");
}

} // namespace shardscope::gui
