// SPDX-License-Identifier: Apache-2.0
// What must hold for the graph of every step; worked examples are in tests/cases/critical_path.case.
#include "profiler/analysis/critical_path.h"
#include "support/catch.h"
#include "support/sample_trace.h"
#include "support/temporary_folder.h"
#include "traces/trace_writer.h"
#include <algorithm>

using namespace shardscope;

namespace {

int64_t lastEnd(const StepGraph& graph) {
    int64_t end = graph.range.start_ns;
    for (const StepNode& node : graph.nodes) end = std::max(end, node.event.end_ns);
    return end;
}

void checkGraph(const StepGraph& graph) {
    CHECK(replayedEnd(graph, {}) == lastEnd(graph)); // unchanged, the replay is the recording
    const std::vector<PathSegment> path = criticalPath(graph);
    REQUIRE_FALSE(path.empty());
    int64_t time = graph.range.start_ns;
    for (const PathSegment& s : path) {
        CHECK(s.start_ns == time);
        CHECK(s.end_ns > s.start_ns);
        time = s.end_ns;
    }
    CHECK(time == graph.range.end_ns);

    // Work that is not on the path can be made free without any gain; all work together cannot gain more than there is.
    Factors elsewhere{std::vector<bool>(graph.nodes.size(), true), false};
    for (const PathSegment& s : path)
        if (s.node >= 0) elsewhere.free[static_cast<size_t>(s.node)] = false;
    for (size_t i = 0; i < graph.nodes.size(); ++i) // a free collective would also end earlier for those on the path
        if (graph.nodes[i].meeting >= 0) elsewhere.free[i] = false;
    CHECK(replayedEnd(graph, elsewhere) == lastEnd(graph));
    const Factors everything{std::vector<bool>(graph.nodes.size(), true), true};
    CHECK(replayedEnd(graph, everything) == graph.range.start_ns);
}

} // namespace

TEST_CASE("the path covers its step without gaps, and the graph replays to the recorded times") {
    const TemporaryFolder folder;
    for (int stage = 0; stage < 4; ++stage) {
        INFO(stage);
        SampleTraceOptions options;
        options.stage = stage;
        options.comm_slowness = stage % 2 ? 4 : 1;
        writeSampleTrace(folder / "run.shardscope", options);
        const auto trace = TraceReader::open(folder / "run.shardscope");
        REQUIRE(trace);
        for (int32_t step = -1; step < options.steps; ++step) {
            const auto graph = stepGraph(**trace, step);
            REQUIRE(graph);
            CHECK(graph->recorded);
            CHECK(graph->range.duration() > 0);
            checkGraph(*graph);
        }
    }
}

TEST_CASE("a trace without steps or program has a path through everything") {
    const TemporaryFolder folder;
    SampleTraceOptions options;
    options.ranks = 2;
    options.synthetic_events = 2000;
    writeSampleTrace(folder / "run.shardscope", options);
    const auto trace = TraceReader::open(folder / "run.shardscope");
    REQUIRE(trace);
    const auto graph = stepGraph(**trace);
    REQUIRE(graph);
    CHECK_FALSE(graph->recorded);
    CHECK(graph->nodes.size() == 2000);
    checkGraph(*graph);
    const auto report = criticalPathReport(**trace);
    REQUIRE(report);
    CHECK(std::any_of(report->notes.begin(), report->notes.end(),
                      [](const std::string& note) { return note.find("no dependencies") != std::string::npos; }));
}

TEST_CASE("a step that is not there, and a trace with nothing in it, are refused with a sentence") {
    const TemporaryFolder folder;
    SampleTraceOptions options;
    writeSampleTrace(folder / "run.shardscope", options);
    const auto trace = TraceReader::open(folder / "run.shardscope");
    REQUIRE(trace);
    const auto missing = stepGraph(**trace, 77);
    REQUIRE_FALSE(missing);
    CHECK(missing.error().message.find("no step 77") != std::string::npos);

    auto writer = std::move(TraceWriter::create(folder / "empty.shardscope")).value();
    REQUIRE(writer->finish("finished"));
    const auto empty = TraceReader::open(folder / "empty.shardscope");
    REQUIRE(empty);
    CHECK_FALSE(criticalPathReport(**empty));
}
