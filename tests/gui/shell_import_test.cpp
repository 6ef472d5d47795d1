// SPDX-License-Identifier: Apache-2.0
// Files of other profilers, opened in the window: imported by the real command line program.
#include "gui/canvas/format.h"
#include "gui/event_facts.h"
#include "gui/import_process.h"
#include "gui/panels/fact_list.h"
#include "gui/panels/inspector_panel.h"
#include "gui/timeline_tools.h"
#include "shell_fixture.h"
#include <fstream>

namespace shardscope::gui {
namespace {

struct ImportShell : Shell {
    ImportShell() {
        window.imports().setProgram(SHARDSCOPE_REAL_CLI);
        window.imports().setFolder(folder.filePath("imported"));
        window.show();
    }
    std::string write(const std::string& name, const std::string& content) {
        std::ofstream(path(name), std::ios::binary) << content;
        return path(name);
    }
    // Two kernels beside each other on two streams, the second one communication: 30 of its 50 us are exposed.
    std::string kineto(const std::string& name) {
        return write(name, R"({"schemaVersion": 1, "distributedInfo": {"backend": "nccl", "rank": 0, "world_size": 2},
"traceEvents": [
{"ph":"X","cat":"kernel","name":"gemm","pid":0,"tid":7,"ts":1000,"dur":40,"args":{"stream":7,"device":0}},
{"ph":"X","cat":"kernel","name":"ncclDevKernel_AllReduce_Sum_bf16_RING_LL","pid":0,"tid":20,"ts":1020,"dur":50,
 "args":{"stream":20,"device":0}},
{"ph":"X","cat":"kernel","name":"add","pid":0,"tid":9,"ts":1080,"dur":5,"args":{"stream":9,"device":0}}]})");
    }
};

} // namespace

TEST_CASE("a file of another profiler is imported and opened; the second time at once") {
    ImportShell shell;
    const std::string file = shell.kineto("rank0.json");
    CHECK(shell.window.openFiles({file}));
    waitFor([&] { return shell.session.traces().size() == 1; });
    waitFor([&] { return !shell.window.imports().active(); });
    shell.settle();
    const OpenTrace& open = shell.session.traces().front();
    CHECK(open.facts.title() == "rank0.json");
    CHECK(open.facts.subtitle().starts_with("PyTorch profiler"));
    CHECK(shell.window.notice().isEmpty());

    const EventId exposed = longestExposed(*open.reader, 0, open.reader->span());
    REQUIRE(exposed != EventId::none);
    const auto details = open.reader->details(exposed);
    REQUIRE(details);
    CHECK(details->name.starts_with("ncclDevKernel"));
    CHECK(exposedNs(*open.reader, details->event) == 30'000);

    shell.session.closeTrace(open.id);
    CHECK(shell.window.openFiles({file}));
    shell.settle();
    CHECK(shell.session.traces().size() == 1); // no child was needed
}

TEST_CASE("a profile of host threads alone is coloured by name and claims nothing about communication") {
    ImportShell shell;
    for (const std::string dur : {"50", "5000"}) {
        shell.window.openFiles({shell.write(dur + ".json", R"({"schemaVersion": 1, "traceEvents": [
{"ph":"X","cat":"cpu_op","name":"aten::linear","pid":1,"tid":1,"ts":1000,"dur":40},
{"ph":"X","cat":"cpu_op","name":"gloo:all_reduce","pid":1,"tid":2,"ts":1020,"dur":)" +
                                                               dur + "}]}")});
        waitFor([&] { return !shell.window.imports().active(); });
        shell.settle();
    }
    REQUIRE(shell.session.traces().size() == 2);
    CHECK(shell.session.timelineTools().colouring() == TimelineColouring::name);
    shell.session.selectLongestExposed();
    waitFor([&] { return !shell.window.notice().isEmpty(); });
    CHECK(shell.window.notice().startsWith("No communication of this rank was recorded"));
    shell.session.setPlace(Place::compare);
    CHECK(shell.session.model().timeline.traces[0].is_baseline);
    CHECK_FALSE(shell.session.model().timeline.traces[1].is_baseline); // although no step tells by how much it differs
    const FactList& differences = shell.window.inspector().differences();
    CHECK(differences.valueOf("recorded by").isEmpty()); // the same for both
    CHECK(differences.valueOf("configuration") == "not known");

    // Everything is what the place shows: both runs beside each other, or the one that is looked at.
    const int64_t both = shell.session.visible().duration();
    shell.session.setPlace(Place::timeline);
    shell.session.setActive(shell.session.traces().front().id);
    CHECK(shell.session.visible().duration() < both / 10);
    shell.session.setPlace(Place::compare);
    CHECK(shell.session.visible().duration() == both);
    shell.session.setPlace(Place::timeline);
    shell.session.setVisible({0, 20'000});
    shell.session.setActive(shell.session.traces().back().id);
    CHECK(shell.session.visible() == TimeRange{0, 20'000});

    shell.session.timelineTools().setColouring(TimelineColouring::operation);
    CHECK(shell.session.timelineTools().colouring() == TimelineColouring::operation);
}

TEST_CASE("a file that is no trace of any kind is said in a sentence") {
    ImportShell shell;
    shell.window.openFiles({shell.write("notes.txt", "not a trace of anything")});
    waitFor([&] { return !shell.window.notice().isEmpty(); });
    CHECK(shell.window.notice().contains("notes.txt"));
    CHECK(shell.session.traces().empty());
    waitFor([&] { return !shell.window.imports().active(); });
    shell.window.openFiles({shell.path("missing.json")});
    shell.settle();
    CHECK(shell.window.notice().contains("There is no file"));
}

TEST_CASE("lanes are named where their kind does not tell them apart") {
    const std::vector<LaneInfo> lanes = {{0, LaneKind::compute, "rank 0 GPU 0 stream 7"},
                                         {0, LaneKind::compute, "rank 0 GPU 0 stream 7, depth 1"},
                                         {0, LaneKind::comm, "rank 0 comm"},
                                         {0, LaneKind::host, "rank 0 thread 144 python3"},
                                         {0, LaneKind::host, "rank 0 thread -12"}};
    CHECK(laneLabel(lanes[0], lanes) == "stream 7");
    CHECK(laneLabel(lanes[1], lanes) == "depth 1");
    CHECK(laneLabel(lanes[2], lanes) == "comm");
    CHECK(laneLabel(lanes[3], lanes) == "python3");
    CHECK(laneLabel(lanes[4], lanes) == "thread -12");
}

} // namespace shardscope::gui
