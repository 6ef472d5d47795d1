// SPDX-License-Identifier: Apache-2.0
// The comparison as an HTML document: complete, harmless whatever the traces say, and whole on disk or not there.
#include "profiler/report/comparison_html.h"
#include "profiler/report/html_text.h"
#include "support/catch.h"
#include "support/contains.h"
#include "support/sample_trace.h"
#include "support/temporary_folder.h"
#include "traces/trace_writer.h"
#include <filesystem>
#include <fstream>
#include <sstream>

using namespace shardscope;

namespace {

struct Stages {
    TemporaryFolder folder;
    std::vector<std::unique_ptr<TraceReader>> readers;
    std::vector<const TraceReader*> traces;
    void add(const SampleTraceOptions& options) {
        const std::string path = folder / ("t" + std::to_string(readers.size()) + ".shardscope");
        writeSampleTrace(path, options);
        open(path);
    }
    void open(const std::string& path) {
        auto reader = TraceReader::open(path);
        REQUIRE(reader);
        readers.push_back(std::move(*reader));
        traces.push_back(readers.back().get());
    }
};

std::string contentOf(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
}

size_t countOf(const std::string& text, const std::string& word) {
    size_t count = 0;
    for (size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) ++count;
    return count;
}

} // namespace

TEST_CASE("a report tells what differs first, then everything else") {
    Stages stages;
    for (const int stage : {0, 1, 3}) stages.add({.steps = 8, .stage = stage, .emulated_link = true});
    const std::string path = stages.folder / "report.html";
    REQUIRE(writeComparisonHtml(stages.traces, 1, path));
    const std::string html = contentOf(path);
    size_t before = 0;
    for (const char* section : {"<h1>ZeRO-0, ZeRO-1, ZeRO-3</h1>", "What differs", "zero_optimization.stage",
                                "Everything else is equal", "What came of it", "The median step of each run",
                                "Step budget", "Overlap", "Throughput", "Peak memory per rank", "equal, to the byte",
                                "bitwise equal in 3 runs", "Warnings", "How the numbers are defined"}) {
        INFO(section);
        const size_t at = html.find(section, before);
        REQUIRE(at != std::string::npos);
        before = at;
    }
    CHECK(html.find("B  ZeRO-1 (baseline)") != std::string::npos);
    CHECK(countOf(html, "<svg class=\"chart\"") == 6);
    for (const char* foreign : {"<script", "http://", "https://", "src=", "url(", "javascript:"}) {
        std::string own = html;
        for (const char* allowed : {"http://www.w3.org/1999/xhtml"})
            if (const size_t at = own.find(allowed); at != std::string::npos)
                own.erase(at, std::string(allowed).size());
        INFO(foreign);
        CHECK(own.find(foreign) == std::string::npos);
    }
}

TEST_CASE("names from hostile traces stay text") {
    CHECK(escapedHtml("<b> & \"q\" 'a'") == "&lt;b&gt; &amp; &quot;q&quot; &#39;a&#39;");
    CHECK(escapedHtml("\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80") == "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80");
    const std::string mark = "\xef\xbf\xbd";
    CHECK(escapedHtml(std::string("a\0b", 3)) == "a" + mark + "b");
    CHECK(escapedHtml("\xff"
                      "\xc3") == mark + mark);     // no UTF-8
    CHECK(escapedHtml("\xc0\xaf") == mark + mark); // an overlong slash
    CHECK(escapedHtml("\xed\xa0\x80") == mark);    // half of a pair
    CHECK(escapedHtml("a\xe2\x80\xae"
                      "b") == "a" + mark + "b"); // right-to-left override

    Stages stages;
    const std::string path = stages.folder / "evil.shardscope";
    auto writer = std::move(TraceWriter::create(path)).value();
    const std::string evil = "</title><script>alert(1)</script><img src=x onerror=alert(2)>\"'";
    std::vector<TraceEvent> events;
    for (const char* key : {"command", "software", "hardware", "model", "stage", "link", "precision"})
        events.push_back(RunInfoEvent{key, evil});
    events.push_back(RunInfoEvent{"config_resolved", "{\"<i>key</i>\": \"<u>value</u>\"}"});
    events.push_back(WarningEvent{.kind = evil, .text = evil});
    const LaneId lane = writer->addLane({.rank = 0, .kind = LaneKind::compute, .name = evil});
    events.push_back(IntervalEvent{.lane = lane, .name = writer->intern(evil), .start_ns = 0, .end_ns = 1000});
    writer->append(events);
    REQUIRE(writer->finish("finished"));
    stages.open(path);
    stages.add({});
    const Comparison comparison = compare(stages.traces);
    std::vector<StepPicture> pictures;
    for (size_t i = 0; i < 2; ++i) pictures.push_back(stepPicture(*stages.traces[i], comparison.runs[i]));
    const std::string html = comparisonHtml(comparison, pictures);
    for (const char* tag : {"<script", "<img", "<i>", "<u>", "onerror=alert(2)>\""}) {
        INFO(tag);
        CHECK(html.find(tag) == std::string::npos);
    }
    CHECK(html.find("&lt;script&gt;alert(1)") != std::string::npos);
}

TEST_CASE("a report is written whole or not at all") {
    Stages stages;
    stages.add({});
    stages.add({.stage = 0});
    const auto nowhere = writeComparisonHtml(stages.traces, 0, stages.folder / "missing/report.html");
    REQUIRE_FALSE(nowhere);
    CHECK(nowhere.error().message.find("does not exist") != std::string::npos);
    const std::string trace = stages.readers[0]->path();
    CHECK_FALSE(writeComparisonHtml(stages.traces, 0, trace)); // traces are never replaced
    CHECK(TraceReader::open(trace));
    CHECK_FALSE(comparisonHtml(compare({})).empty());
}

TEST_CASE("the picture of a step has its lanes and stays small") {
    Stages stages;
    stages.add({.steps = 5, .stage = 2});
    stages.add({.ranks = 2, .synthetic_events = 200'000});
    const Comparison c = compare(stages.traces);
    const StepPicture step = stepPicture(*stages.traces[0], c.runs[0]);
    CHECK(step.step == c.runs[0].shown_step);
    CHECK(step.duration_ns == c.runs[0].step_ns);
    REQUIRE(step.lanes.size() >= 2);
    CHECK(step.lanes[0].name == "compute");
    for (const PictureLane& lane : step.lanes)
        for (const PictureBlock& block : lane.blocks) {
            CHECK(block.start_ns >= 0);
            CHECK(block.end_ns <= step.duration_ns);
        }
    const StepPicture whole = stepPicture(*stages.traces[1], c.runs[1]);
    for (const PictureLane& lane : whole.lanes) CHECK(lane.blocks.size() < 3'000);
}
