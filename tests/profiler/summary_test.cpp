// SPDX-License-Identifier: Apache-2.0
// The numbers of a hand-made trace, worked out on paper, and the identities that must hold for every trace.
#include "profiler/analysis/summary.h"
#include "support/catch.h"
#include "support/contains.h"
#include "support/sample_trace.h"
#include "support/temporary_folder.h"
#include "traces/trace_writer.h"
#include <nlohmann/json.hpp>

using namespace shardscope;

namespace {

std::unique_ptr<TraceReader> openTrace(const std::string& path) {
    auto reader = TraceReader::open(path);
    if (!reader) FAIL(reader.error().message);
    return std::move(reader).value();
}

void checkIdentities(const RankBudget& b) {
    CHECK(b.compute_ns + b.exposed_comm_ns + b.exposed_copy_ns + b.idle_ns == b.span_ns);
    CHECK(b.overlap_ns + b.exposed_comm_ns == b.comm_ns);
    CHECK(b.busy_ns + b.idle_ns == b.span_ns);
    CHECK(b.emulated_ns <= b.comm_ns);
    CHECK(b.idle_ns >= 0);
}

//        0         10        20        30        40        50
// comp   |=========|         |=========|                          compute [0,10) [20,30)
// comm        |=========|         |=========|                     [5,15) [25,35), the last 4 ns of the second emulated
// copy                                  |---------|               [31,41)
// host                                                  |=====|   [47,53)
void writeHandMade(const std::string& path) {
    auto writer = std::move(TraceWriter::create(path)).value();
    const LaneId compute = writer->addLane({0, LaneKind::compute, "rank 0 compute"});
    const LaneId comm = writer->addLane({0, LaneKind::comm, "rank 0 comm"});
    const LaneId copy = writer->addLane({0, LaneKind::copy, "rank 0 copy"});
    const LaneId host = writer->addLane({0, LaneKind::host, "rank 0 host"});
    writer->addLane({1, LaneKind::compute, "rank 1 compute"}); // does nothing
    const std::vector<TraceEvent> events = {
        IntervalEvent{.lane = compute, .start_ns = 0, .end_ns = 10, .step = 0},
        IntervalEvent{.lane = compute, .start_ns = 20, .end_ns = 30, .step = 0},
        IntervalEvent{.lane = comm,
                      .start_ns = 5,
                      .end_ns = 15,
                      .step = 0,
                      .op_class = OpClass::reduce_scatter,
                      .bytes = 100,
                      .sent_bytes = 50,
                      .wait_ns = 2},
        IntervalEvent{.lane = comm,
                      .start_ns = 25,
                      .end_ns = 35,
                      .step = 0,
                      .op_class = OpClass::reduce_scatter,
                      .bytes = 60,
                      .sent_bytes = 30,
                      .emulated_ns = 4},
        IntervalEvent{.lane = copy, .start_ns = 31, .end_ns = 41, .step = 1, .op_class = OpClass::copy},
        IntervalEvent{.lane = host, .start_ns = 47, .end_ns = 53, .step = 1, .op_class = OpClass::host},
        StepEvent{.step = 0, .start_ns = 0, .end_ns = 30, .loss = 0.1, .tokens = 600},
        StepEvent{.step = 1,
                  .start_ns = 30,
                  .end_ns = 60,
                  .loss = 1.0 / 3.0,
                  .tokens = 600,
                  .gradient_norm = 0.5,
                  .loss_scale = 64,
                  .skipped = true},
        MemoryEvent{0, 0, MemoryTier::device, MemoryCategory::parameters, 1000, NameId::none, OpId::none, -1},
        MemoryEvent{8, 0, MemoryTier::device, MemoryCategory::activations, 500, NameId::none, OpId::none, 0},
        MemoryEvent{9, 0, MemoryTier::device, MemoryCategory::activations, -500, NameId::none, OpId::none, 0},
        MemoryEvent{12, 0, MemoryTier::device, MemoryCategory::gradients, 300, NameId::none, OpId::none, 0},
        PlannedPeakEvent{0, MemoryTier::device, std::nullopt, 1500},
        PlannedPeakEvent{0, MemoryTier::device, MemoryCategory::activations, 512},
        WarningEvent{"dropped_records", "Three records were dropped.", 3},
    };
    writer->append(events);
    REQUIRE(writer->finish("finished"));
}

} // namespace

TEST_CASE("a hand-made trace gives the numbers worked out on paper") {
    const TemporaryFolder folder;
    writeHandMade(folder / "run.shardscope");
    const auto reader = openTrace(folder / "run.shardscope");
    const Summary s = summarize(*reader);

    REQUIRE(s.ranks.size() == 2);
    const RankBudget& b = s.ranks[0];
    CHECK(b.span_ns == 53);
    CHECK(b.compute_ns == 26); // host computation is compute
    CHECK(b.comm_ns == 20);
    CHECK(b.overlap_ns == 10);
    CHECK(b.exposed_comm_ns == 10);
    CHECK(b.copy_ns == 10);
    CHECK(b.exposed_copy_ns == 6); // [35,41)
    CHECK(b.busy_ns == 42);
    CHECK(b.idle_ns == 11);
    CHECK(b.emulated_ns == 4);
    CHECK(b.overlap_percent == 50.0);
    CHECK(s.ranks[1].span_ns == 0);
    CHECK(s.ranks[1].overlap_percent == 0.0);

    REQUIRE(s.steps.size() == 2);
    const RankBudget& first = s.steps[0].budgets.at(0);
    CHECK(first.span_ns == 30);
    CHECK(first.compute_ns == 20);
    CHECK(first.comm_ns == 15); // the second collective is cut at the end of the step
    CHECK(first.overlap_ns == 10);
    CHECK(first.emulated_ns == 0);
    CHECK(first.idle_ns == 5);
    const RankBudget& second = s.steps[1].budgets.at(0);
    CHECK(second.span_ns == 30);
    CHECK(second.compute_ns == 6);
    CHECK(second.exposed_comm_ns == 5);
    CHECK(second.emulated_ns == 4);
    CHECK(s.steps[1].budgets.at(1).idle_ns == 30);
    CHECK(s.steps[0].tokens_per_s == Approx(600 / 30e-9));
    CHECK(s.median_step_ns == 30);

    REQUIRE(s.traffic.size() == 1);
    CHECK(s.traffic[0].count == 2);
    CHECK(s.traffic[0].bytes == 160);
    CHECK(s.traffic[0].sent_bytes == 80);

    const auto row = [&](const std::string& category) {
        for (const MemoryRow& m : s.memory)
            if (m.rank == 0 && m.category == category) return m;
        FAIL("no memory row " << category);
        return MemoryRow{};
    };
    CHECK(row("total").peak_bytes == 1500);
    CHECK(row("total").planned_peak_bytes == 1500);
    CHECK(row("activations").peak_bytes == 500);
    CHECK(row("activations").planned_peak_bytes == 512);
    CHECK(row("gradients").peak_bytes == 300);
    REQUIRE(s.warnings.size() == 1);

    const RankBudget selection = rankBudget(*reader, 0, {7, 28});
    CHECK(selection.span_ns == 21);
    CHECK(selection.compute_ns == 11); // [7,10) [20,28)
    CHECK(selection.comm_ns == 11);    // [7,15) [25,28)
    CHECK(selection.overlap_ns == 6);
    CHECK(selection.idle_ns == 5);
    CHECK(rankBudget(*reader, 9, {0, 50}).idle_ns == 50);
}

TEST_CASE("budgets add up in every range of a sample trace") {
    const int stage = GENERATE(0, 1, 2, 3);
    const TemporaryFolder folder;
    SampleTraceOptions options;
    options.stage = stage;
    options.emulated_link = stage % 2 == 1;
    writeSampleTrace(folder / "run.shardscope", options);
    const auto reader = openTrace(folder / "run.shardscope");
    const Summary s = summarize(*reader);
    REQUIRE(s.ranks.size() == 4);
    REQUIRE(s.steps.size() == 4);
    for (const RankBudget& b : s.ranks) checkIdentities(b);
    for (const StepSummary& step : s.steps) {
        REQUIRE(step.budgets.size() == 4);
        for (const RankBudget& b : step.budgets) {
            checkIdentities(b);
            CHECK(b.span_ns == step.step_ns);
        }
    }
    int64_t parts = 0;
    const TimeRange all = reader->span();
    for (int64_t start = all.start_ns; start < all.end_ns; start += 1'234'567) {
        const RankBudget b = rankBudget(*reader, 2, {start, std::min(start + 1'234'567, all.end_ns)});
        checkIdentities(b);
        parts += b.exposed_comm_ns;
    }
    CHECK(parts == rankBudget(*reader, 2, all).exposed_comm_ns); // cutting a range loses nothing
    for (const MemoryRow& m : s.memory) CHECK(m.peak_bytes == m.planned_peak_bytes);
}

TEST_CASE("the JSON document has the documented names and exact losses") {
    const TemporaryFolder folder;
    writeHandMade(folder / "run.shardscope");
    const auto reader = openTrace(folder / "run.shardscope");
    const Summary s = summarize(*reader);
    const auto json = nlohmann::json::parse(summaryJson(s));
    for (const char* key : {"rank", "span_ns", "busy_ns", "compute_ns", "comm_ns", "copy_ns", "overlap_ns",
                            "exposed_comm_ns", "exposed_copy_ns", "idle_ns", "emulated_ns", "overlap_percent"})
        CHECK(json["ranks"][0].contains(key));
    CHECK(json["ranks"][0]["exposed_comm_ns"] == 10);
    CHECK(json["steps"][1]["loss"].get<double>() == 1.0 / 3.0);
    CHECK(json["steps"][0]["gradient_norm"].is_null());
    CHECK(json["steps"][1]["gradient_norm"] == 0.5);
    CHECK(json["steps"][0]["skipped"] == 0);
    CHECK(json["steps"][1]["skipped"] == 1);
    CHECK_THAT(summaryText(s), Contains("1 skipped, because a gradient overflowed fp16") && Contains("64 skipped"));
    for (const char* key : {"step", "loss", "tokens_per_s", "step_ns"}) CHECK(json["steps"][0].contains(key));
    for (const char* key : {"rank", "tier", "category", "planned_peak_bytes", "peak_bytes"})
        CHECK(json["memory"][0].contains(key));
    for (const char* key : {"rank", "step", "collective", "sent_bytes", "bytes", "count"})
        CHECK(json["traffic"][0].contains(key));
    CHECK(json["traffic"][0]["collective"] == "reduce_scatter");
    CHECK(json["warnings"][0]["count"] == 3);
    CHECK(json["run"]["status"] == "finished");
    CHECK(json["path"] == s.path);
}

TEST_CASE("the text of a summary names what it shows and fits a terminal") {
    const TemporaryFolder folder;
    SampleTraceOptions options;
    options.steps = 40;
    options.stage = 3;
    options.emulated_link = true;
    writeSampleTrace(folder / "run.shardscope", options);
    const auto reader = openTrace(folder / "run.shardscope");
    const std::string text = summaryText(summarize(*reader));
    INFO(text);
    for (const char* word : {"ZeRO-3", "4 ranks", "gpt2-sample", "pcie4", "exposed comm", "emulated", "tokens/s",
                             "activations", "all_gather", "reduce_scatter", "equal", "..."})
        CHECK(text.find(word) != std::string::npos);
    size_t longest = 0, from = text.find('\n') + 1; // the first line holds the path
    for (size_t end = text.find('\n', from); end != std::string::npos; end = text.find('\n', from)) {
        longest = std::max(longest, end - from);
        from = end + 1;
    }
    CHECK(longest <= 110);
}

TEST_CASE("an empty trace has an empty summary") {
    const TemporaryFolder folder;
    auto writer = std::move(TraceWriter::create(folder / "run.shardscope")).value();
    REQUIRE(writer->finish("failed"));
    const auto reader = openTrace(folder / "run.shardscope");
    const Summary s = summarize(*reader);
    CHECK(s.ranks.empty());
    CHECK(s.median_step_ns == 0);
    CHECK(summaryText(s).find("Nothing was recorded") != std::string::npos);
    CHECK(nlohmann::json::parse(summaryJson(s))["ranks"].empty());
}
