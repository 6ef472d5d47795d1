// SPDX-License-Identifier: Apache-2.0
// The truth tests of the runtime: equality across stages, planned against recorded, an independent check of the
// gradient.
#include "core_runtime/memory_plan.h"
#include "core_runtime/planner.h"
#include "core_runtime/training.h"
#include "small_runs.h"
#include "support/catch.h"
#include "support/sanitized.h"
#include "transformer_double.h"
#include <cstring>
#include <map>
#include <random>

using namespace shardscope;
using test::Variant;

namespace {

TrainingOutcome run(const TrainingRequest& request, TraceSink* sink = nullptr) {
    Result<TrainingOutcome> outcome = train(request, sink, [] {});
    if (!outcome) FAIL(outcome.error().message);
    return std::move(outcome).value();
}

bool sameBits(const TrainingOutcome& a, const TrainingOutcome& b) {
    if (a.losses.size() != b.losses.size() || a.weights.size() != b.weights.size()) return false;
    if (std::memcmp(a.losses.data(), b.losses.data(), a.losses.size() * sizeof(double)) != 0) return false;
    for (size_t p = 0; p < a.weights.size(); ++p)
        if (a.weights[p].size() != b.weights[p].size() ||
            std::memcmp(a.weights[p].data(), b.weights[p].data(), a.weights[p].size() * sizeof(float)) != 0)
            return false;
    return true;
}

// What the ledgers recorded, from the events alone: peak by (rank, category), category 8 = total.
std::map<std::pair<int32_t, size_t>, int64_t> recordedPeaks(const test::MemorySink& sink) {
    std::map<std::pair<int32_t, size_t>, int64_t> now, peak;
    for (const MemoryEvent& e : sink.all<MemoryEvent>())
        for (const size_t c : {static_cast<size_t>(e.category), all_memory_categories.size()}) {
            int64_t& value = now[{e.rank, c}];
            value += e.delta_bytes;
            int64_t& highest = peak[{e.rank, c}];
            highest = std::max(highest, value);
        }
    return peak;
}

void checkPlannedIsRecorded(const test::MemorySink& sink, int64_t ranks) {
    std::map<std::pair<int32_t, size_t>, int64_t> planned;
    for (const PlannedPeakEvent& e : sink.all<PlannedPeakEvent>())
        planned[{e.rank, e.category ? static_cast<size_t>(*e.category) : all_memory_categories.size()}] = e.bytes;
    CHECK(planned == recordedPeaks(sink));
    CHECK(static_cast<int64_t>(planned.size()) >= ranks * 5);
}

constexpr int64_t equality_steps = test::sanitized ? 2 : 20;
constexpr int64_t one_parameter = 24 * 24 * 4; // the largest matrix of the small model's blocks

} // namespace

TEST_CASE(
    "fp32: losses and weights are bitwise equal whatever the stage, bucket size and overlap; planned = recorded") {
    for (const int64_t ranks : {2, 3, 4}) {
        if (test::sanitized && ranks != 3) continue;
        const TrainingOutcome reference = run(test::requestOf({}, ranks, equality_steps));
        if (equality_steps >= 20) CHECK(reference.losses.back() < reference.losses.front());
        for (int stage = 0; stage < 4; ++stage)
            for (const int64_t bucket : {int64_t{1}, one_parameter, int64_t{1} << 40})
                for (const bool overlap : {false, true}) {
                    const Variant v{.stage = stage,
                                    .reduce_bucket = bucket,
                                    .allgather_bucket = std::max<int64_t>(bucket, 300), // one element: the next test
                                    .overlap = overlap};
                    INFO(test::nameOf(v, ranks));
                    test::MemorySink sink;
                    const TrainingOutcome outcome = run(test::requestOf(v, ranks, equality_steps), &sink);
                    CHECK(sameBits(reference, outcome));
                    checkPlannedIsRecorded(sink, ranks);
                    CHECK(sink.all<WarningEvent>().empty());
                }
    }
}

TEST_CASE("parameters gathered one element of each rank at a time") {
    const TrainingOutcome reference = run(test::requestOf({}, 2, 2));
    CHECK(sameBits(reference, run(test::requestOf({.stage = 2, .allgather_bucket = 1}, 2, 2))));
}

TEST_CASE("bf16: equal across stages as well") {
    const int64_t steps = test::sanitized ? 2 : 10;
    for (const int64_t ranks : {2, 3}) {
        const TrainingOutcome reference = run(test::requestOf({.bf16 = true}, ranks, steps));
        for (int stage = 0; stage < 4; ++stage)
            for (const int64_t bucket : {one_parameter, int64_t{1} << 40}) {
                const Variant v{.stage = stage,
                                .reduce_bucket = bucket,
                                .allgather_bucket = 999,
                                .overlap = true,
                                .bf16 = true,
                                .prefetch = 3000,
                                .persistence = 100};
                INFO(test::nameOf(v, ranks));
                test::MemorySink sink;
                CHECK(sameBits(reference, run(test::requestOf(v, ranks, steps), &sink)));
                checkPlannedIsRecorded(sink, ranks);
            }
    }
}

TEST_CASE("random configurations: the program verifies, memory is as planned, results are equal") {
    std::mt19937 random(11);
    auto pick = [&](std::initializer_list<int64_t> values) { return *(values.begin() + random() % values.size()); };
    std::map<std::pair<int64_t, bool>, TrainingOutcome> references;
    for (int trial = 0; trial < 60 / test::thinning; ++trial) {
        const int64_t ranks = pick({1, 2, 3, 4, 5});
        const Variant v{.stage = static_cast<int>(random() % 4),
                        .reduce_bucket = pick({1, 100, 576, 2000, 7777, 1 << 20}),
                        .allgather_bucket = pick({2, 64, 1000, 5000, 1 << 20}),
                        .overlap = random() % 2 == 0,
                        .bf16 = random() % 2 == 0,
                        .prefetch = pick({0, 1, 3000, 20000, 1 << 20}),
                        .persistence = pick({0, 24, 100, 600, 1 << 20})};
        INFO(test::nameOf(v, ranks));
        const auto key = std::pair(ranks, v.bf16);
        if (!references.contains(key)) references.emplace(key, run(test::requestOf({.bf16 = v.bf16}, ranks, 2)));
        test::MemorySink sink;
        CHECK(sameBits(references.at(key), run(test::requestOf(v, ranks, 2), &sink)));
        checkPlannedIsRecorded(sink, ranks);
    }
}

TEST_CASE("N ranks with a micro-batch equal one rank with N times the batch, within rounding") {
    const TrainingOutcome one = run(test::requestOf({.micro_batch = 8}, 1, 5));
    const TrainingOutcome four = run(test::requestOf({.stage = 3, .overlap = true, .micro_batch = 2}, 4, 5));
    for (size_t s = 0; s < one.losses.size(); ++s) CHECK(four.losses[s] == Approx(one.losses[s]).epsilon(2e-5));
}

TEST_CASE("recorded traffic per step is what the formulas say") {
    for (int stage = 0; stage < 4; ++stage) {
        const int64_t ranks = 3, steps = 2;
        test::MemorySink sink;
        const TrainingRequest request = test::requestOf({.stage = stage, .reduce_bucket = 2000}, ranks, steps);
        run(request, &sink);
        const Result<Plan> p = plan(request.config, request.model, ranks, 0);
        REQUIRE(p);
        std::map<std::pair<LaneId, int32_t>, int64_t> sent;
        for (const IntervalEvent& e : sink.all<IntervalEvent>())
            if (e.sent_bytes > 0) sent[{e.lane, e.step}] += e.sent_bytes;
        CHECK(sent.size() == static_cast<size_t>(ranks * steps));
        const int64_t expected = (stage == 3 ? 3 : 2) * p->layout.padded_elements / ranks * (ranks - 1) * 4;
        for (const auto& [key, bytes] : sent) CHECK(bytes == expected);
    }
}

void checkGradient(const ModelSpec& model, const Variant& variant) {
    const auto parameters = parametersOf(model);
    const int64_t ranks = 2, sequence = model.context;
    // With both betas zero and a huge epsilon AdamW moves each weight by lr * g / (|g| + epsilon), that is by g.
    TrainingRequest request = test::requestOf(variant, ranks, 1, model);
    request.config.optimizer = {.learning_rate = 1e6, .beta1 = 0, .beta2 = 0, .epsilon = 1e6, .weight_decay = 0};
    // Weights of a size at which attention is far from uniform and every parameter matters.
    std::vector<test::Doubles> weights;
    std::vector<std::vector<float>> initial;
    for (size_t p = 0; p < parameters.size(); ++p) {
        std::vector<float> values(static_cast<size_t>(parameters[p].elements));
        initialValues(parameters[p], static_cast<int64_t>(p), request.seed, 0, values);
        for (size_t e = 0; e < values.size(); ++e)
            values[e] += parameters[p].init_std > 0 ? 9 * values[e] : 0.2f * static_cast<float>(std::sin(e + p));
        weights.emplace_back(values.begin(), values.end());
        initial.push_back(std::move(values));
    }
    request.initial_weights = [&](int32_t p, int64_t first, std::span<float> out) -> Result<void> {
        std::copy_n(initial[static_cast<size_t>(p)].begin() + first, out.size(), out.begin());
        return {};
    };
    const TrainingOutcome outcome = run(request);
    const int64_t samples = 2 * ranks;
    std::vector<int32_t> ids(static_cast<size_t>(samples * sequence)), targets(ids.size());
    request.data->batch(0, 0, samples, samples, sequence, request.seed, ids, targets);
    test::TransformerDouble check(model, parameters);
    check.seed = request.seed;
    CHECK(outcome.losses[0] == Approx(check.loss(weights, ids, targets, samples, sequence)).epsilon(1e-6));

    std::mt19937 random(5);
    for (size_t p = 0; p < parameters.size(); ++p) {
        double largest = 0, worst = 0;
        for (int trial = 0; trial < 6; ++trial) {
            const size_t e = random() % weights[p].size();
            const double kept = weights[p][e], h = 1e-4;
            weights[p][e] = kept + h;
            const double above = check.loss(weights, ids, targets, samples, sequence);
            weights[p][e] = kept - h;
            const double below = check.loss(weights, ids, targets, samples, sequence);
            weights[p][e] = kept;
            const double expected = (above - below) / (2 * h);
            const double got = static_cast<double>(initial[p][e]) - static_cast<double>(outcome.weights[p][e]);
            largest = std::max(largest, std::abs(expected));
            worst = std::max(worst, std::abs(expected - got) - 1e-3 * std::abs(expected));
        }
        INFO(parameters[p].name << ": largest gradient " << largest << ", worst difference " << worst);
        CHECK(worst <= 1e-4 * largest + 1e-6);
    }
}

TEST_CASE("loss and gradient agree with double precision and finite differences") {
    ModelSpec untied = test::smallModel();
    untied.tied = false;
    untied.feed_forward = 40;
    ModelSpec many = test::smallLlama();
    many.kv_heads = 0;
    many.tied = true;
    many.norm_epsilon = 1e-2f; // large enough to be seen
    many.rope_theta = 50;
    ModelSpec dropping = untied;
    dropping.dropout = 0.3f;
    for (const int stage : {2, 3})
        for (const ModelSpec& model : {test::smallModel(), untied, dropping, test::smallLlama(), many}) {
            INFO(model.name << ", stage " << stage << (model.tied ? ", tied" : ", untied"));
            checkGradient(model, {.stage = stage, .reduce_bucket = 2000, .overlap = true});
        }
}

TEST_CASE("dropout is the same for any split of the global batch, and another one in every step") {
    ModelSpec model = test::smallModel();
    model.dropout = 0.2f;
    const auto losses = [&](int64_t ranks, int64_t micro_batch, int64_t accumulation, const ModelSpec& of) {
        TrainingRequest request =
            test::requestOf({.stage = 2, .reduce_bucket = 2000, .micro_batch = micro_batch}, ranks, 4, of);
        request.config.gradient_accumulation_steps = accumulation;
        return run(request).losses;
    };
    const std::vector<double> one = losses(1, 8, 1, model);
    for (const auto& other : {losses(4, 2, 1, model), losses(2, 2, 2, model), losses(1, 4, 2, model)})
        for (size_t s = 0; s < one.size(); ++s) CHECK(other[s] == Approx(one[s]).epsilon(2e-5));
    CHECK(one != losses(1, 8, 1, test::smallModel()));

    // One batch again and again, and no learning: only the masks change.
    EngineOptions options = test::requestOf({.stage = 1}, 2, 1, model);
    options.config.optimizer.learning_rate = 0;
    auto engine = Engine::initialize(options);
    REQUIRE(engine);
    const BatchSource same = [](int64_t, int64_t, int64_t rank, std::span<int32_t> ids, std::span<int32_t> targets) {
        test::smallData().batch(0, rank * 2, 2, 4, 8, 1, ids, targets);
    };
    const auto first = (*engine)->trainBatch(same), second = (*engine)->trainBatch(same);
    REQUIRE((first && second));
    CHECK(first->loss != second->loss);
}

TEST_CASE("a run can be stopped between steps") {
    std::atomic<bool> stop = false;
    TrainingRequest request = test::requestOf({.stage = 1}, 2, 50);
    request.stop = &stop;
    request.on_step = [&](const StepReport& r) { stop = r.step == 2; };
    const TrainingOutcome outcome = run(request);
    CHECK(outcome.stopped);
    CHECK(outcome.completed_steps == 3);
}

TEST_CASE("a link model holds the comm lane and says how much of it is not measured") {
    TrainingRequest request = test::requestOf({.stage = 1}, 2, 2);
    request.link = {.name = "test", .alpha_us = 20000, .bandwidth_gbps = 1};
    test::MemorySink sink;
    run(request, &sink);
    int collectives = 0;
    for (const IntervalEvent& e : sink.all<IntervalEvent>()) {
        if (!isCollective(e.op_class)) {
            CHECK(e.emulated_ns == 0);
            continue;
        }
        ++collectives;
        const int64_t modelled = collectiveTimeNs(request.link, e.op_class, e.bytes, 2);
        CHECK(e.end_ns - e.start_ns - e.wait_ns >= modelled);
        CHECK(e.emulated_ns <= modelled);
        CHECK(e.emulated_ns > 0);
    }
    CHECK(collectives == 2 * 2 * 2); // ranks x steps x (reduce-scatter, all-gather)
}

TEST_CASE("the same seed gives the same run, another one does not") {
    const TrainingOutcome a = run(test::requestOf({.stage = 3}, 2, 3));
    CHECK(sameBits(a, run(test::requestOf({.stage = 3}, 2, 3))));
    TrainingRequest other = test::requestOf({.stage = 3}, 2, 3);
    other.seed = 8;
    CHECK_FALSE(sameBits(a, run(other)));
}
