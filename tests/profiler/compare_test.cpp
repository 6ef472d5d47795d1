// SPDX-License-Identifier: Apache-2.0
#include "profiler/analysis/compare.h"
#include "support/catch.h"
#include "support/sample_trace.h"
#include "support/temporary_folder.h"
#include "traces/trace_writer.h"
#include <algorithm>
#include <nlohmann/json.hpp>

using namespace shardscope;

namespace {

std::unique_ptr<TraceReader> sample(const TemporaryFolder& folder, const std::string& name,
                                    const SampleTraceOptions& options) {
    writeSampleTrace(folder / name, options);
    auto reader = TraceReader::open(folder / name);
    if (!reader) FAIL(reader.error().message);
    return std::move(reader).value();
}

std::unique_ptr<TraceReader> withLosses(const TemporaryFolder& folder, const std::string& name,
                                        const std::vector<double>& losses) {
    auto writer = std::move(TraceWriter::create(folder / name)).value();
    for (size_t i = 0; i < losses.size(); ++i) {
        const TraceEvent step = StepEvent{.step = static_cast<int32_t>(i),
                                          .start_ns = static_cast<int64_t>(100 * i),
                                          .end_ns = static_cast<int64_t>(100 * i + 100),
                                          .loss = losses[i]};
        writer->append({&step, 1});
    }
    REQUIRE(writer->finish("finished"));
    return std::move(TraceReader::open(folder / name)).value();
}

} // namespace

TEST_CASE("stages side by side") {
    const TemporaryFolder folder;
    SampleTraceOptions options;
    options.steps = 6;
    std::vector<std::unique_ptr<TraceReader>> readers;
    for (int stage = 0; stage < 4; ++stage) {
        options.stage = stage;
        readers.push_back(sample(folder, "zero" + std::to_string(stage) + ".shardscope", options));
    }
    const Comparison c = compare({readers[0].get(), readers[1].get(), readers[2].get(), readers[3].get()});
    REQUIRE(c.runs.size() == 4);
    CHECK(c.runs[1].label == "B");
    CHECK(c.runs[3].title == "ZeRO-3");
    for (const RunFigures& run : c.runs) {
        CHECK(run.compute_ns + run.exposed_comm_ns + run.exposed_copy_ns + run.idle_ns == run.step_ns);
        CHECK(run.comm_ns > 0);
        CHECK(run.overlap_percent > 0);
        CHECK(run.overlap_percent <= 100);
        CHECK(run.planned_total_bytes == run.peak_total_bytes);
        int64_t sum = 0;
        for (const int64_t bytes : run.peak_bytes) sum += bytes;
        CHECK(sum == run.peak_total_bytes); // categories are taken when the total peaks
        CHECK(run.losses.size() == 6);
    }
    CHECK(c.runs[2].peak_total_bytes < c.runs[0].peak_total_bytes);
    CHECK(c.losses_equal);
    CHECK(c.loss_statement == "losses of 6 steps are bitwise equal in 4 runs");
    REQUIRE(c.differences.size() == 1);
    CHECK(c.differences[0].key == "zero_optimization.stage");
    CHECK(c.differences[0].values == std::vector<std::string>{"0", "1", "2", "3"});

    const std::string text = comparisonText(c);
    INFO(text);
    for (const char* word : {"D  ZeRO-3", "zero_optimization.stage", "exposed communication", "peak device memory",
                             "yes", "bitwise equal", "against A"})
        CHECK(text.find(word) != std::string::npos);
    for (size_t from = 0, end = text.find('\n'); end != std::string::npos; from = end + 1, end = text.find('\n', from))
        CHECK(end - from <= 100);

    const auto json = nlohmann::json::parse(comparisonJson(c));
    CHECK(json["runs"].size() == 4);
    CHECK(json["runs"][2]["losses"][3].get<double>() == c.runs[2].losses[3]);
    CHECK(json["losses_equal"] == true);
}

TEST_CASE("the budget of a run is that of its median step") {
    const TemporaryFolder folder;
    SampleTraceOptions options;
    options.steps = 7;
    const auto reader = sample(folder, "run.shardscope", options);
    const Summary s = summarize(*reader);
    const Comparison c = compare({reader.get()});
    std::vector<int64_t> durations;
    for (size_t i = 1; i < s.steps.size(); ++i) durations.push_back(s.steps[i].step_ns);
    std::sort(durations.begin(), durations.end());
    CHECK(c.runs[0].step_ns == durations[2]); // six steps after the warm-up: the lower of the two in the middle
    CHECK(c.runs[0].step_ns == s.median_step_ns);
    CHECK(c.runs[0].step_spread_ns == (durations[4] - durations[1]) / 2);
}

TEST_CASE("differences cover model, ranks and link") {
    const TemporaryFolder folder;
    SampleTraceOptions a, b;
    b.ranks = 2;
    b.layers = 3;
    b.emulated_link = true;
    const auto reader_a = sample(folder, "a.shardscope", a), reader_b = sample(folder, "b.shardscope", b);
    const Comparison c = compare({reader_a.get(), reader_b.get()});
    std::map<std::string, std::vector<std::string>> found;
    for (const ConfigDifference& d : c.differences) found[d.key] = d.values;
    CHECK(found["ranks"] == std::vector<std::string>{"4", "2"});
    CHECK(found["model.layers"] == std::vector<std::string>{"6", "3"});
    CHECK(found["link.name"] == std::vector<std::string>{"none", "pcie4"});
    CHECK(found["link.alpha_us"] == std::vector<std::string>{"(not set)", "10"});
    CHECK(found["train_batch_size"] == std::vector<std::string>{"8", "4"});
    CHECK(found.count("zero_optimization.stage") == 0);
}

TEST_CASE("losses are compared bit by bit over the common steps") {
    const TemporaryFolder folder;
    const auto a = withLosses(folder, "a.shardscope", {3.0, 0.1 + 0.2, 1.0});
    const auto b = withLosses(folder, "b.shardscope", {3.0, 0.3, 1.5, 9.0});
    const auto longer = withLosses(folder, "c.shardscope", {3.0, 0.1 + 0.2, 1.0, 0.5});
    const auto none = withLosses(folder, "d.shardscope", {});
    const auto nan = withLosses(folder, "e.shardscope", {3.0, std::nan(""), 1.0});

    const Comparison apart = compare({a.get(), b.get()});
    CHECK_FALSE(apart.losses_equal);
    CHECK(apart.loss_statement == "losses part at step 1 (A 0.30000000000000004, B 0.3); the largest difference to A "
                                  "is 0.5, at step 2");
    CHECK(compare({a.get(), longer.get()}).losses_equal);
    CHECK_FALSE(compare({a.get(), none.get()}).losses_equal);
    CHECK(compare({nan.get(), nan.get()}).losses_equal);
    CHECK_FALSE(compare({a.get(), nan.get()}).losses_equal);
    CHECK(compare({}).runs.empty());
}

TEST_CASE("losses that only rounding tells apart are said to be so") {
    const TemporaryFolder folder;
    const auto a = withLosses(folder, "a.shardscope", {3.0, 2.0, 1.0});
    const auto b = withLosses(folder, "b.shardscope", {3.0, 2.0000002, 1.0});
    const auto far = withLosses(folder, "c.shardscope", {3.0, 2.0, 1.1});
    const Comparison close = compare({a.get(), b.get(), a.get()});
    CHECK_FALSE(close.losses_equal);
    CHECK(close.loss_relation == LossRelation::rounding);
    CHECK(close.losses_part == std::vector<int32_t>{-1, 1, -1});
    CHECK(close.loss_statement ==
          "losses of 3 steps are equal to rounding in 3 runs: they part at step 1 and differ by "
          "at most 1.0e-07 of their value");
    CHECK(compare({a.get(), far.get()}).loss_relation == LossRelation::different);
    CHECK(compare({a.get(), a.get()}).loss_relation == LossRelation::bitwise);
    CHECK(compare({a.get(), a.get()}).runs[1].common_steps_ns == 300);
}

TEST_CASE("any run can be the baseline, with the traces or without") {
    const TemporaryFolder folder;
    std::vector<std::unique_ptr<TraceReader>> readers;
    std::vector<const TraceReader*> traces;
    for (const int stage : {0, 2, 3}) {
        SampleTraceOptions options;
        options.steps = 9;
        options.stage = stage;
        readers.push_back(sample(folder, "zero" + std::to_string(stage) + ".shardscope", options));
        traces.push_back(readers.back().get());
    }
    Comparison c = compare(traces);
    const std::string against_a = comparisonJson(c);
    setBaseline(c, 2);
    CHECK(c.runs[c.baseline].label == "C");
    CHECK(comparisonJson(c) == comparisonJson(compare(traces, 2)));
    const ComparedMetric* step = metricOf(c, "step_ns");
    REQUIRE(step);
    CHECK(step->changes[2].verdict.empty());
    CHECK(step->changes[0].difference == step->values[0] - step->values[2]);
    CHECK(comparisonText(c).find("against C") != std::string::npos);
    const auto gates = checkGates(c, {*parseGate("step_ns<1000%")});
    REQUIRE(gates);
    REQUIRE(gates->size() == 2);
    CHECK((*gates)[1].run == "B");
    setBaseline(c, 0);
    CHECK(comparisonJson(c) == against_a);
    setBaseline(c, 99); // there is no such run
    CHECK(c.baseline == 0);
}

TEST_CASE("the configuration says what is equal, and who chose the rest") {
    const TemporaryFolder folder;
    SampleTraceOptions a, b;
    b.stage = 3;
    const auto reader_a = sample(folder, "a.shardscope", a), reader_b = sample(folder, "b.shardscope", b);
    const auto bare = withLosses(folder, "c.shardscope", {1.0});
    const Comparison c = compare({reader_a.get(), reader_b.get()});
    REQUIRE(c.differences.size() == 1);
    CHECK(c.differences[0].origins == std::vector<std::string>{"given", "given"});
    CHECK(c.equal_keys > 5);
    CHECK(c.known.empty());
    CHECK(c.runs[0].peak_rank >= 0);
    CHECK(c.runs[0].shown_step > 0);
    const Comparison foreign = compare({reader_a.get(), bare.get()});
    const auto world = std::ranges::find(foreign.known, std::string("steps"), &ConfigDifference::key);
    REQUIRE(world != foreign.known.end());
    CHECK(world->values == std::vector<std::string>{"4", "1"});
    CHECK(std::ranges::any_of(foreign.notes, [](const std::string& note) {
        return note.find("configuration of B is not known") != std::string::npos;
    }));
}
