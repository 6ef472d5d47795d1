// SPDX-License-Identifier: Apache-2.0
// What the window says of GPUs: states in which kernels are missing, virtual ranks, streams as lanes, memory outside
// the arenas, rates against the roofline, and the devices of the machine before a run.
#include "captured_run.h"
#include "gui/canvas/format.h"
#include "gui/device_probe.h"
#include "gui/event_facts.h"
#include "gui/event_relations.h"
#include "gui/panels/fact_list.h"
#include "gui/panels/inspector_panel.h"
#include "gui/panels/library_panel.h"
#include "gui/panels/run_cards.h"
#include "gui/panels/run_form.h"
#include "gui/panels/run_panel.h"
#include "gui/panels/trace_card.h"
#include "gui/recording_notice.h"
#include "gui/tables/details_tables.h"
#include "gui/thumbnails.h"
#include "shell_fixture.h"
#include <QCheckBox>
#include <QComboBox>
#include <QLabel>
#include <QLineEdit>
#include <QToolButton>
#include <algorithm>

namespace shardscope::gui {
namespace {

constexpr const char* two_gpus = R"({"machine": [{"fact": "NVIDIA driver", "value": "580.82.07"}],
    "gpus": [{"gpu": 0, "name": "NVIDIA H200", "memory_bytes": 150323855360, "free_bytes": 149000000000,
              "compute_capability": "9.0", "multiprocessors": 132},
             {"gpu": 1, "name": "NVIDIA H200", "memory_bytes": 150323855360, "free_bytes": null,
              "compute_capability": "9.0", "multiprocessors": 132}],
    "backend": [{"auto": "cuda", "reason": "a GPU can be used"}]})";

constexpr const char* mixed_gpus = R"({"machine": [],
    "gpus": [{"gpu": 0, "name": "NVIDIA H200", "memory_bytes": 150323855360, "free_bytes": 149000000000},
             {"gpu": 1, "name": "NVIDIA L4", "memory_bytes": 24152899584, "free_bytes": null},
             {"gpu": 2, "name": "NVIDIA H200", "memory_bytes": 150323855360, "free_bytes": 21000000}],
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
                gpus ? two_gpus
                     : R"-({"backend": [{"auto": "cpu", "reason": "The NVIDIA driver was not found (no library)"}]})-");
        Shell shell;
        RunPanel& panel = shell.window.runPanel();
        shell.session.run().setProgram(SHARDSCOPE_FAKE_CLI);
        shell.session.setPlace(Place::run);
        shell.window.show();
        waitFor([&] { return panel.devices().devices().has_value(); });
        QLabel* check = panel.form().check("devices");
        REQUIRE(check);
        CHECK(panel.form().shows("devices"));
        CHECK(check->text() == (gpus ? "Link is emulated, and only CPU ranks do that; take none to use a GPU."
                                     : "The NVIDIA driver was not found."));
        const auto* box = panel.form().findChild<QCheckBox*>("device:1");
        CHECK((box != nullptr) == gpus);
        if (box) CHECK_FALSE(box->isEnabled());
        RunRequest large = panel.form().request();
        large.link = "none";
        large.model = "gpt2-124m";
        panel.form().setRequest(large);
        shell.settle();
        waitFor([&] { return panel.settled(); });
        if (box) CHECK(box->isEnabled());
        CHECK(check->text() == (gpus ? "" : "The NVIDIA driver was not found."));
    }
    qunsetenv("SHARDSCOPE_FAKE_DOCTOR");
}

TEST_CASE("GPUs are ticked in the order of the ranks, undone as other fields are, and reach the command line") {
    qputenv("SHARDSCOPE_FAKE_DOCTOR", mixed_gpus);
    Shell shell;
    RunPanel& panel = shell.window.runPanel();
    RunForm& form = panel.form();
    shell.session.run().setProgram(SHARDSCOPE_FAKE_CLI);
    shell.session.setPlace(Place::run);
    shell.window.show();
    waitFor([&] { return panel.devices().devices().has_value(); });
    qunsetenv("SHARDSCOPE_FAKE_DOCTOR");
    auto* link = form.findChild<QComboBox*>("field:link");
    REQUIRE(link);
    link->setCurrentText("none");
    const auto click = [&](int device) {
        auto* box = form.findChild<QCheckBox*>(QString("device:%1").arg(device));
        REQUIRE(box);
        QTest::mouseClick(box, Qt::LeftButton, {}, QPoint(8, box->height() / 2));
    };
    const auto label = [&](const char* of, int device) {
        return form.findChild<QLabel*>(QString("%1:%2").arg(of).arg(device))->text();
    };
    const auto arguments = [&] {
        std::string all;
        for (const std::string& argument : commandArguments(form.request(), "c", "t")) all += argument + " ";
        return all;
    };
    CHECK(form.request().devices.empty()); // all
    CHECK(label("deviceRank", 0) == "4 virtual ranks");
    CHECK(label("deviceRank", 2) == "not used");
    CHECK(label("deviceMemory", 0) == "138.8 GiB of 140.0 GiB free");
    CHECK(arguments().find("--devices") == std::string::npos);
    click(0);
    CHECK(form.request().devices == "1,2");
    CHECK(label("deviceRank", 1) == "4 virtual ranks");
    CHECK(label("deviceRank", 0) == "not used");
    click(0);
    CHECK(form.request().devices == "1,2,0");
    CHECK(arguments().find("--devices 1,2,0 ") != std::string::npos);
    auto* ranks = form.field("ranks");
    ranks->setFocus();
    ranks->selectAll();
    QTest::keyClicks(ranks, "2");
    CHECK(label("deviceRank", 1) == "rank 0");
    CHECK(label("deviceRank", 0) == "not used");
    for (int undone = 0; undone < 2; ++undone) QTest::keyClick(ranks, Qt::Key_Z, Qt::ControlModifier);
    CHECK(form.request().devices.empty()); // changes of one field in a row are one step
    CHECK(label("deviceRank", 0) == "4 virtual ranks");
    click(0);
    click(1);
    CHECK(form.request().devices == "2");
    click(2); // a run needs one
    CHECK(form.request().devices == "2");
    CHECK(form.findChild<QCheckBox*>("device:2")->isChecked());
    link->setCurrentText("pcie4");
    CHECK(form.check("devices")->text().contains("Link is emulated"));
    CHECK(form.request().devices == "2"); // for when the link is not emulated any more
    CHECK(arguments().find("--devices") == std::string::npos);
    link->setCurrentText("none");
    QTest::mouseClick(form.findChild<QToolButton*>("reset:devices"), Qt::LeftButton);
    CHECK(form.request().devices.empty());

    RunRequest request = form.request();
    request.devices = "2,7";
    request.measure_tax = "3";
    form.setRequest(request);
    CHECK(problems(request, panel.devices().devices()).at("devices") ==
          "--devices names GPU 7; this machine has 3, counted from 0.");
    CHECK(arguments().find("--measure-tax 3") != std::string::npos);
    request.measure_tax = "some";
    CHECK(problemsAtSight(request).contains("measure_tax"));
    CHECK(form.shows("measure_tax")); // given
}

TEST_CASE("planned memory is held against the memory of each rank's own GPU, and of all virtual ranks together") {
    const auto devices = parseDevices(mixed_gpus);
    RunRequest request;
    request.link = "none";
    request.ranks = "2";
    RunCheck check;
    check.request = request;
    check.stages = {{.stage = stageOf(request), .bytes = {}, .total = int64_t{10} << 30}};
    const auto advice = [&] { return adviceFor(check, {}, devices).front(); };
    CHECK(advice().sentence == "Each rank takes 10.00 GiB of its GPU's memory.");
    CHECK(deviceShare(request, devices)->device == "NVIDIA L4 of rank 1, the smallest");
    check.stages[0].total = int64_t{30} << 30;
    CHECK(
        advice().sentence.contains("Rank 1 takes 30.00 GiB of the 22.49 GiB of GPU 1 (NVIDIA L4): that does not fit."));
    CHECK(advice().tone == Tone::attention);
    CHECK(advice().field == "ranks");
    check.request.devices = "2,0";
    check.request.ranks = "2";
    check.stages[0].total = int64_t{100} << 30;
    CHECK(advice().sentence.contains("Rank 0 takes 100.0 GiB of the 140.0 GiB of GPU 2 (NVIDIA H200), of which only"));
    CHECK(advice().field == "devices");
    check.request.devices = "0,2";
    check.request.ranks = "4"; // all on the first
    check.stages[0].total = int64_t{40} << 30;
    CHECK(advice().sentence.contains(
        "4 virtual ranks take 4 × 40.00 GiB = 160.0 GiB of the 140.0 GiB of GPU 0 (NVIDIA H200): that does not fit."));
    check.stages[0].total = int64_t{30} << 30;
    CHECK(advice().tone == Tone::normal);
    CHECK(advice().sentence ==
          "4 virtual ranks take 4 × 30.00 GiB = 120.0 GiB of the 140.0 GiB of GPU 0 (NVIDIA H200).");
}

TEST_CASE("relations of an op on a GPU lead to work, not to the calls and kernels that bear its number") {
    GpuShell shell;
    shell.openCaptured();
    const TraceReader& reader = *shell.session.active()->reader;
    const RunRequest request = requestOf(reader);
    CHECK(request.devices == "2,0");
    CHECK(request.measure_tax == "7");
    const auto lanes = reader.lanes();
    std::vector<std::string> labels;
    for (const LaneInfo& lane : lanes)
        if (lane.rank == 0) labels.push_back(laneLabel(lane, lanes));
    std::sort(labels.begin(), labels.end());
    CHECK(labels == std::vector<std::string>{"api", "api comm", "comm", "compute", "kernels"});
    for (const auto& bar : thumbnailOf(reader).bars) CHECK(isWork(bar.op_class));
    CHECK(thumbnailOf(reader).lanes == 2);
    const std::atomic<bool> cancelled = false;
    bool told = false;
    for (size_t l = 0; l < lanes.size(); ++l)
        if (lanes[l].kind == LaneKind::compute)
            for (const LaneRect& rect : reader.rects(static_cast<LaneId>(l), reader.span(), 1)) {
                const auto facts = eventFacts(reader, rect.event);
                REQUIRE(facts);
                for (const Fact& fact : facts->facts)
                    told |= fact.name == "launched for" && fact.value == "forward product";
            }
    CHECK(told);
    for (size_t l = 0; l < lanes.size(); ++l) {
        if (lanes[l].kind != LaneKind::comm || lanes[l].rank != 0) continue;
        for (const LaneRect& rect : reader.rects(static_cast<LaneId>(l), reader.span(), 1)) {
            const EventRelations found = relationsOf(reader, rect.event, cancelled);
            CHECK(found.ranks.size() == 2);
            for (const RelatedEvent& twin : found.ranks) {
                const auto details = reader.details(twin.event);
                REQUIRE(details);
                CHECK(isWork(details->event.op_class) == isWork(rect.op_class));
            }
        }
    }
}

} // namespace shardscope::gui
