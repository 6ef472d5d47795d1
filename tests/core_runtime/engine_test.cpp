// SPDX-License-Identifier: Apache-2.0
// Everything a configuration can switch on in the engine: results are the same bits where the definition says so, and
// planned memory is recorded memory on every tier.
#include "core_runtime/memory_plan.h"
#include "core_runtime/planner.h"
#include "core_runtime/training.h"
#include "small_runs.h"
#include "support/catch.h"
#include "support/sanitized.h"
#include "support/temporary_folder.h"
#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <set>
#include <tuple>

using namespace shardscope;

namespace {

using Change = std::function<void(Config&)>;

struct Ran {
    TrainingOutcome outcome;
    test::MemorySink sink;
};

void checkPlannedIsRecorded(test::MemorySink& sink) {
    using Key = std::tuple<int32_t, MemoryTier, size_t>; // rank, tier, category or total
    const size_t total = all_memory_categories.size();
    std::map<Key, int64_t> planned, now, peak;
    for (const PlannedPeakEvent& e : sink.all<PlannedPeakEvent>())
        planned[{e.rank, e.tier, e.category ? static_cast<size_t>(*e.category) : total}] = e.bytes;
    for (const MemoryEvent& e : sink.all<MemoryEvent>())
        for (const size_t c : {static_cast<size_t>(e.category), total}) {
            int64_t& value = now[{e.rank, e.tier, c}];
            value += e.delta_bytes;
            int64_t& highest = peak[{e.rank, e.tier, c}];
            highest = std::max(highest, value);
        }
    CHECK(planned == peak);
    // Every recorded change is the beginning or the end of a planned buffer of that name, at that position.
    std::set<std::tuple<NameId, int, int64_t>> promised;
    for (const RunInfoEvent& info : sink.all<RunInfoEvent>()) {
        if (info.key != "memory_plan") continue;
        for (const auto& buffer : nlohmann::json::parse(info.value)) {
            const NameId name = sink.intern(buffer["name"].get<std::string>());
            promised.insert({name, buffer.value("alloc_op", -1), buffer["bytes"].get<int64_t>()});
            promised.insert({name, buffer.value("free_op", -1), -buffer["bytes"].get<int64_t>()});
        }
    }
    CHECK(promised.size() > 10);
    const std::vector<MemoryEvent> changes = sink.all<MemoryEvent>();
    CHECK(std::all_of(changes.begin(), changes.end(), [&](const MemoryEvent& e) {
        return promised.contains({e.buffer, static_cast<int>(e.op), e.delta_bytes});
    }));
    CHECK(sink.all<WarningEvent>().empty());
}

Ran run(const test::Variant& variant, int64_t ranks, int64_t steps, const Change& change = {},
        const ModelSpec& model = test::smallModel()) {
    TrainingRequest request = test::requestOf(variant, ranks, steps, model);
    if (change) change(request.config);
    Ran result;
    Result<TrainingOutcome> outcome = train(request, &result.sink, [] {});
    if (!outcome) FAIL(outcome.error().message);
    result.outcome = std::move(outcome).value();
    checkPlannedIsRecorded(result.sink);
    return result;
}

bool sameBits(const TrainingOutcome& a, const TrainingOutcome& b) {
    if (a.losses != b.losses || a.weights.size() != b.weights.size()) return false;
    for (size_t p = 0; p < a.weights.size(); ++p)
        if (a.weights[p].size() != b.weights[p].size() ||
            std::memcmp(a.weights[p].data(), b.weights[p].data(), a.weights[p].size() * sizeof(float)) != 0)
            return false;
    return true;
}

double largestDifference(const TrainingOutcome& a, const TrainingOutcome& b) {
    double largest = 0;
    for (size_t p = 0; p < a.weights.size(); ++p)
        for (size_t i = 0; i < a.weights[p].size(); ++i)
            largest = std::max(largest,
                               std::abs(static_cast<double>(a.weights[p][i]) - static_cast<double>(b.weights[p][i])));
    return largest;
}

Change offloadOptimizer(OffloadDevice device, const std::string& path = {}, bool pipelined = false) {
    return [=](Config& c) {
        c.zero.offload_optimizer.device = device;
        c.zero.offload_optimizer.nvme_path = path;
        c.zero.offload_optimizer.pipeline_read = c.zero.offload_optimizer.pipeline_write = pipelined;
    };
}
Change offloadParam(OffloadDevice device, const std::string& path = {}) {
    return [=](Config& c) {
        c.zero.offload_param.device = device;
        c.zero.offload_param.nvme_path = path;
        c.zero.offload_param.max_in_cpu = 0;
    };
}
Change both(const Change& a, const Change& b) {
    return [=](Config& c) {
        a(c);
        b(c);
    };
}

} // namespace

TEST_CASE("offloading changes where states live and not one bit of the result") {
    const TemporaryFolder folder;
    const std::string path = folder.path().string();
    const test::Variant v{.reduce_bucket = 2000, .allgather_bucket = 3000, .overlap = true, .prefetch = 3000};
    for (const bool bf16 : {false, true}) {
        test::Variant plain = v;
        plain.bf16 = bf16;
        const TrainingOutcome reference = run(plain, 2, 6).outcome;
        auto same = [&](int stage, const Change& change) {
            test::Variant variant = plain;
            variant.stage = stage;
            return sameBits(reference, run(variant, 2, 6, change).outcome);
        };
        for (int stage = 1; stage <= 3; ++stage) {
            INFO("stage " << stage << (bf16 ? ", bf16" : ", fp32"));
            CHECK(same(stage, offloadOptimizer(OffloadDevice::cpu)));
        }
        const Change small_groups = [](Config& c) { c.zero.sub_group_size = 2000; };
        for (const bool pipelined : {false, true}) {
            const Change nvme = offloadOptimizer(OffloadDevice::nvme, path, pipelined);
            CHECK(same(3, nvme));
            CHECK(same(3, both(nvme, small_groups)));
            CHECK(same(3, both(both(nvme, small_groups), offloadParam(OffloadDevice::nvme, path))));
        }
        CHECK(same(3, offloadParam(OffloadDevice::cpu)));
        CHECK(same(3, offloadParam(OffloadDevice::nvme, path)));
        CHECK(same(3, both(offloadOptimizer(OffloadDevice::cpu), offloadParam(OffloadDevice::cpu))));
        CHECK(same(3, both(offloadOptimizer(OffloadDevice::cpu), offloadParam(OffloadDevice::nvme, path))));
        CHECK(same(3, both(offloadOptimizer(OffloadDevice::cpu), small_groups)));
    }
    CHECK(std::filesystem::is_empty(folder.path())); // swap files have no name
}

TEST_CASE("recomputation and the stage 3 limits change no bit") {
    for (const int stage : {0, 3}) {
        const test::Variant v{.stage = stage, .reduce_bucket = 2000, .overlap = true, .prefetch = 3000};
        const TrainingOutcome reference = run(v, 2, 4).outcome;
        for (const Recompute recompute : {Recompute::selective, Recompute::full})
            for (const bool on_host : {false, true})
                CHECK(sameBits(reference, run(v, 2, 4, [&](Config& c) {
                                              c.activations = {.recompute = recompute, .cpu_checkpointing = on_host};
                                          }).outcome));
        for (const int64_t reuse : {int64_t{1}, int64_t{8000}, int64_t{1} << 40})
            for (const int64_t live : {int64_t{0}, int64_t{20000}, int64_t{1} << 40})
                CHECK(sameBits(reference, run(v, 2, 4, [&](Config& c) {
                                              c.zero.stage3_max_reuse_distance = reuse;
                                              c.zero.stage3_max_live_parameters = live;
                                              c.zero.stage3_param_persistence_threshold = 100;
                                              c.zero.stage3_model_persistence_threshold = 200;
                                              c.zero.sub_group_size = 5000;
                                          }).outcome));
    }
}

TEST_CASE("recomputation and a short reuse distance are paid for in memory and traffic as they say") {
    auto figures = [](const Change& change) {
        TrainingRequest request = test::requestOf({.stage = 3, .overlap = true, .prefetch = 0}, 2, 1);
        change(request.config);
        const Result<Plan> p = plan(request.config, request.model, 2, 0);
        REQUIRE(p);
        int64_t gathered = 0, recomputed = 0;
        for (const Op& op : p->program.ops) {
            if (op.op_class == OpClass::all_gather) gathered += op.elements;
            recomputed += op.phase == Phase::recompute;
        }
        const MemoryPlan memory = planMemory(p->program);
        return std::tuple(memory.device().category_peak[static_cast<size_t>(MemoryCategory::activations)], gathered,
                          recomputed, memory.device().category_peak[static_cast<size_t>(MemoryCategory::parameters)]);
    };
    const auto [activations, gathered, recomputed, parameters] = figures([](Config&) {});
    const auto full = figures([](Config& c) { c.activations.recompute = Recompute::full; });
    CHECK(std::get<0>(full) < activations);
    CHECK(std::get<1>(full) == gathered); // recomputation gathers nothing again
    CHECK(recomputed == 0);
    CHECK(std::get<2>(full) > 0);
    const auto kept = figures([](Config& c) { c.zero.stage3_max_reuse_distance = int64_t{1} << 40; });
    CHECK(std::get<1>(kept) < gathered * 2 / 3); // no second gather of any unit
    CHECK(std::get<3>(kept) > parameters);
}

TEST_CASE("accumulation: stages 0 and 1, and stages 2 and 3, agree to the bit; the pairs to rounding") {
    const auto accumulate = [](Config& c) { c.gradient_accumulation_steps = 3; };
    for (const bool bf16 : {false, true}) {
        std::vector<TrainingOutcome> outcomes;
        for (int stage = 0; stage < 4; ++stage)
            for (const int64_t bucket : {int64_t{2000}, int64_t{1} << 40})
                outcomes.push_back(
                    run({.stage = stage, .reduce_bucket = bucket, .overlap = bucket == 2000, .bf16 = bf16}, 2, 4,
                        accumulate)
                        .outcome);
        for (size_t i = 1; i < 4; ++i) CHECK(sameBits(outcomes[0], outcomes[i]));
        for (size_t i = 5; i < 8; ++i) CHECK(sameBits(outcomes[4], outcomes[i]));
        CHECK(largestDifference(outcomes[0], outcomes[4]) < (bf16 ? 5e-3 : 1e-4));
    }
    // Three micro-batches of two samples are one of six.
    const TrainingOutcome in_one = run({.stage = 2, .micro_batch = 6}, 2, 4).outcome;
    const TrainingOutcome in_three = run({.stage = 2, .micro_batch = 2}, 2, 4, accumulate).outcome;
    for (size_t s = 0; s < in_one.losses.size(); ++s)
        CHECK(in_three.losses[s] == Approx(in_one.losses[s]).epsilon(2e-5));
}

TEST_CASE("accumulation with offload and with other gradient types") {
    const auto accumulate = [](Config& c) { c.gradient_accumulation_steps = 3; };
    for (const int stage : {1, 2, 3}) {
        const test::Variant v{.stage = stage, .reduce_bucket = 2000, .overlap = true, .bf16 = true};
        const TrainingOutcome reference = run(v, 2, 4, accumulate).outcome;
        CHECK(sameBits(reference, run(v, 2, 4, both(accumulate, offloadOptimizer(OffloadDevice::cpu))).outcome));
        const Change fp32_sum = both(accumulate, [](Config& c) { c.grad_accum_dtype = Precision::fp32; });
        const TrainingOutcome summed = run(v, 2, 4, fp32_sum).outcome;
        CHECK_FALSE(sameBits(reference, summed));
        CHECK(largestDifference(reference, summed) < 5e-3);
        CHECK(sameBits(summed, run(v, 2, 4, both(fp32_sum, offloadOptimizer(OffloadDevice::cpu))).outcome));
        const Change fp32_sent = both(accumulate, [](Config& c) { c.communication_data_type = Precision::fp32; });
        const TrainingOutcome sent = run(v, 2, 4, fp32_sent).outcome;
        CHECK(largestDifference(reference, sent) < 5e-3);
        CHECK(sameBits(sent, run(v, 2, 4, both(fp32_sent, offloadOptimizer(OffloadDevice::cpu))).outcome));
    }
}

TEST_CASE("reduce_scatter off moves more and changes nothing") {
    for (const int stage : {1, 2, 3})
        for (const int64_t accumulation : {1, 2}) {
            const test::Variant v{.stage = stage, .reduce_bucket = 2000, .overlap = true};
            const Change on = [&](Config& c) { c.gradient_accumulation_steps = accumulation; };
            const Ran with = run(v, 3, 3, on);
            const Ran without = run(v, 3, 3, both(on, [](Config& c) { c.zero.reduce_scatter = false; }));
            CHECK(sameBits(with.outcome, without.outcome));
            auto sent = [](const Ran& ran) {
                int64_t bytes = 0;
                for (const IntervalEvent& e : ran.sink.all<IntervalEvent>()) bytes += e.sent_bytes;
                return bytes;
            };
            CHECK(sent(without) > sent(with));
        }
}

TEST_CASE("clipping: one norm over all shards") {
    const Change clip = [](Config& c) { c.gradient_clipping = 0.05; };
    const Change never = [](Config& c) { c.gradient_clipping = 1e9; };
    const test::Variant v{.stage = 0};
    const TrainingOutcome plain = run(v, 3, 5).outcome;
    const TrainingOutcome clipped = run(v, 3, 5, clip).outcome;
    CHECK(sameBits(plain, run(v, 3, 5, never).outcome)); // a factor of one is exact
    CHECK_FALSE(sameBits(plain, clipped));
    for (int stage = 1; stage < 4; ++stage)
        for (const bool offload : {false, true}) {
            const Change c = offload ? both(clip, offloadOptimizer(OffloadDevice::cpu)) : clip;
            const TrainingOutcome other =
                run({.stage = stage, .reduce_bucket = 2000, .overlap = true}, 3, 5, c).outcome;
            for (size_t s = 0; s < other.losses.size(); ++s)
                CHECK(other.losses[s] == Approx(clipped.losses[s]).epsilon(1e-6));
        }
}

TEST_CASE("clipping: the norm is that of the gradient, and the update is scaled by it") {
    // With both betas zero and a huge epsilon AdamW moves each weight by its gradient.
    TrainingRequest request = test::requestOf({.stage = 2, .reduce_bucket = 2000}, 2, 1);
    request.config.optimizer = {.learning_rate = 1e6, .beta1 = 0, .beta2 = 0, .epsilon = 1e6, .weight_decay = 0};
    auto gradientNorm = [&](double clipping, double* reported) {
        request.config.gradient_clipping = clipping;
        request.on_step = [&](const StepReport& r) { *reported = r.gradient_norm; };
        const Result<TrainingOutcome> outcome = train(request, nullptr, [] {});
        REQUIRE(outcome);
        double squares = 0;
        const auto parameters = parametersOf(request.model);
        for (size_t p = 0; p < parameters.size(); ++p) {
            std::vector<float> initial(static_cast<size_t>(parameters[p].elements));
            initialValues(parameters[p], static_cast<int64_t>(p), request.seed, 0, initial);
            for (size_t i = 0; i < initial.size(); ++i)
                squares += std::pow(static_cast<double>(initial[i]) - static_cast<double>(outcome->weights[p][i]), 2);
        }
        return std::sqrt(squares);
    };
    double reported = 0;
    const double norm = gradientNorm(1e9, &reported);
    CHECK(reported == Approx(norm).epsilon(1e-3));
    CHECK(gradientNorm(norm / 4, &reported) == Approx(norm / 4).epsilon(1e-3));
    CHECK(reported == Approx(norm).epsilon(1e-3)); // before clipping
}

TEST_CASE("fp16: overflow skips the step and halves the scale; a scale that fits changes nothing but rounding") {
    const auto fp16 = [](double scale, int64_t power) {
        return [=](Config& c) {
            c.fp16.enabled = true;
            c.fp16.loss_scale = scale;
            c.fp16.initial_scale_power = power;
            c.fp16.hysteresis = 1;
        };
    };
    const TrainingOutcome reference = run({}, 2, 6).outcome;
    for (int stage = 0; stage < 4; ++stage)
        for (const bool offload : {false, true}) {
            if (offload && stage == 0) continue;
            const Change c =
                offload ? both(fp16(128, 16), offloadOptimizer(OffloadDevice::cpu)) : Change(fp16(128, 16));
            const TrainingOutcome half = run({.stage = stage, .reduce_bucket = 2000, .overlap = true}, 2, 6, c).outcome;
            for (size_t s = 0; s < half.losses.size(); ++s)
                CHECK(half.losses[s] == Approx(reference.losses[s]).epsilon(3e-3));
        }
    TrainingRequest request = test::requestOf({.stage = 2}, 2, 40);
    fp16(0, 24)(request.config);
    std::vector<StepReport> reports;
    request.on_step = [&](const StepReport& r) { reports.push_back(r); };
    const Result<TrainingOutcome> outcome = train(request, nullptr, [] {});
    REQUIRE(outcome);
    CHECK(reports.front().skipped);
    CHECK(reports.front().loss_scale == std::ldexp(1.0, 24));
    double scale = reports.front().loss_scale;
    for (const StepReport& r : reports) {
        CHECK(r.loss_scale == scale);
        if (r.skipped) scale /= 2;
    }
    CHECK_FALSE(reports.back().skipped);
    request.steps = 1; // skipped: every weight is as it was
    const Result<TrainingOutcome> skipped = train(request, nullptr, [] {});
    REQUIRE(skipped);
    CHECK(largestDifference(*skipped, run({}, 2, 1, [](Config& c) { c.optimizer.learning_rate = 0; }).outcome) == 0);
    CHECK(outcome->losses.back() < outcome->losses.front());
}

TEST_CASE("delayed update: the weights are those of a loop that applies gradients one step late") {
    const auto delayed = [](Config& c) {
        c.zero.offload_optimizer.device = OffloadDevice::cpu;
        c.delayed_update = true;
        // Then an update is minus the gradient, whatever came before.
        c.optimizer = {.learning_rate = 1e4, .beta1 = 0, .beta2 = 0, .epsilon = 1e6, .weight_decay = 0};
    };
    // Step k sees weights updated with the gradients of steps 0 .. k-2, so the first two see the initial ones.
    for (const int stage : {1, 2, 3}) {
        const test::Variant v{.stage = stage, .reduce_bucket = 2000, .overlap = true};
        const Ran late = run(v, 2, 4, delayed);
        const Ran still = run(v, 2, 4, [](Config& c) { c.optimizer.learning_rate = 0; });
        CHECK(late.outcome.losses[0] == still.outcome.losses[0]);
        CHECK(late.outcome.losses[1] == still.outcome.losses[1]);
        CHECK(late.outcome.losses[2] != still.outcome.losses[2]);
        // One step and the drain are one ordinary step.
        const Ran once = run(v, 2, 1, delayed);
        const Ran ordinary = run(v, 2, 1, [&](Config& c) {
            delayed(c);
            c.delayed_update = false;
        });
        CHECK(sameBits(once.outcome, ordinary.outcome));
    }
    const TrainingOutcome two = run({.stage = 2}, 2, 4, delayed).outcome;
    CHECK(sameBits(two, run({.stage = 1}, 2, 4, delayed).outcome));
    CHECK(sameBits(two, run({.stage = 3}, 2, 4, delayed).outcome));
}

TEST_CASE("a swap folder that cannot be used is said in a sentence") {
    TrainingRequest request = test::requestOf({.stage = 3}, 2, 1);
    offloadOptimizer(OffloadDevice::nvme, "/nonexistent/folder")(request.config);
    const Result<TrainingOutcome> outcome = train(request, nullptr, [] {});
    REQUIRE_FALSE(outcome);
    CHECK(outcome.error().message.find("nvme_path '/nonexistent/folder'") != std::string::npos);
    CHECK(outcome.error().message.find("rank 0") != std::string::npos);

    TrainingRequest small = test::requestOf({.stage = 3}, 2, 1);
    both(offloadParam(OffloadDevice::nvme, "/tmp"),
         [](Config& c) { c.zero.offload_param.buffer_size = 10; })(small.config);
    const Result<TrainingOutcome> refused = train(small, nullptr, [] {});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().message.find("buffer_size") != std::string::npos);
}

TEST_CASE("random configurations of everything: planned is recorded, results are equal where they must be") {
    const TemporaryFolder folder;
    std::mt19937 random(23);
    auto pick = [&](std::initializer_list<int64_t> values) { return *(values.begin() + random() % values.size()); };
    auto maybe = [&] { return random() % 2 == 0; };
    // GPT-2 and LLaMA, each with a tied head and with one of its own.
    std::vector<ModelSpec> models = {test::smallModel(), test::smallModel(), test::smallLlama(), test::smallLlama()};
    models[1].tied = false;
    models[1].dropout = 0.1f;
    models[3].tied = true;
    models[3].dropout = 0.4f;
    models[1].tile_out = models[3].tile_in = 2;
    models[3].tile_out = 4;
    std::map<std::tuple<int64_t, int64_t, bool, int64_t, bool>, TrainingOutcome> references;
    for (int trial = 0; trial < 200 / test::thinning; ++trial) {
        const int64_t ranks = pick({1, 2, 3, 4}), which = pick({0, 1, 2, 3});
        const ModelSpec& model = models[static_cast<size_t>(which)];
        const test::Variant v{.stage = static_cast<int>(random() % 4),
                              .reduce_bucket = pick({1, 100, 576, 2000, 7777, 1 << 20}),
                              .allgather_bucket = pick({2, 64, 1000, 5000, 1 << 20}),
                              .overlap = maybe(),
                              .bf16 = maybe(),
                              .prefetch = pick({0, 1, 3000, 20000, 1 << 20}),
                              .persistence = pick({0, 24, 100, 600, 1 << 20}),
                              .micro_batch = 1};
        const int64_t accumulation = pick({1, 1, 2, 3});
        Config drawn;
        drawn.gradient_accumulation_steps = accumulation;
        drawn.activations.recompute = static_cast<Recompute>(random() % 3);
        drawn.activations.cpu_checkpointing = maybe();
        drawn.zero.reduce_scatter = v.stage == 0 || random() % 4 != 0;
        if (maybe()) drawn.gradient_clipping = 1e9; // the norm is computed and never reached
        if (v.stage >= 1 && maybe()) drawn.zero.offload_optimizer.device = OffloadDevice::cpu;
        if (v.stage == 3) {
            if (random() % 4 == 0) drawn.zero.offload_optimizer.device = OffloadDevice::nvme;
            drawn.zero.offload_param.device = static_cast<OffloadDevice>(random() % 3);
            drawn.zero.offload_param.max_in_cpu = pick({0, 5000, 1 << 20});
            drawn.zero.offload_param.buffer_count = pick({1, 2, 5});
            drawn.zero.sub_group_size = pick({1, 1000, 1 << 20});
            drawn.zero.stage3_max_reuse_distance = pick({0, 5000, 1 << 20});
            drawn.zero.stage3_max_live_parameters = pick({0, 10000, 1 << 20});
        }
        drawn.zero.offload_optimizer.pipeline_read = maybe();
        drawn.zero.offload_optimizer.buffer_count = pick({4, 8, 20});
        drawn.zero.offload_optimizer.pipeline_write = maybe();
        drawn.zero.offload_optimizer.nvme_path = drawn.zero.offload_param.nvme_path = folder.path().string();
        const Change change = [&](Config& c) {
            c.gradient_accumulation_steps = drawn.gradient_accumulation_steps;
            c.gradient_clipping = drawn.gradient_clipping;
            c.activations = drawn.activations;
            const ZeroConfig kept = c.zero;
            c.zero = drawn.zero;
            c.zero.stage = kept.stage;
            c.zero.reduce_bucket_size = kept.reduce_bucket_size;
            c.zero.allgather_bucket_size = kept.allgather_bucket_size;
            c.zero.overlap_comm = kept.overlap_comm;
            c.zero.stage3_prefetch_bucket_size = kept.stage3_prefetch_bucket_size;
            c.zero.stage3_param_persistence_threshold = kept.stage3_param_persistence_threshold;
        };
        INFO("trial " << trial << ": " << model.name << (model.tied ? ", tied, " : ", untied, ") << model.tile_out
                      << "x" << model.tile_in << " tiles, " << test::nameOf(v, ranks) << ", accumulation "
                      << accumulation << ", recompute " << static_cast<int>(drawn.activations.recompute)
                      << ", optimizer on " << static_cast<int>(drawn.zero.offload_optimizer.device)
                      << ", parameters on " << static_cast<int>(drawn.zero.offload_param.device) << ", sub-groups "
                      << drawn.zero.sub_group_size << ", reuse " << drawn.zero.stage3_max_reuse_distance);
        const bool reduces_each = accumulation > 1 && v.stage >= 2;
        const auto key = std::tuple(which, ranks, v.bf16, accumulation, reduces_each);
        if (!references.contains(key))
            references.emplace(key, run(
                                        {.stage = reduces_each ? 2 : 0, .bf16 = v.bf16, .micro_batch = 1}, ranks, 2,
                                        [&](Config& c) { c.gradient_accumulation_steps = accumulation; }, model)
                                        .outcome);
        CHECK(sameBits(references.at(key), run(v, ranks, 2, change, model).outcome));
    }
}

TEST_CASE("tiles: the same at every stage, rounding away from the whole, and less memory gathered at once") {
    const TemporaryFolder folder;
    for (ModelSpec model : {test::smallModel(), test::smallLlama()}) {
        INFO(model.name);
        const TrainingOutcome whole = run({.stage = 3}, 2, 3, {}, model).outcome;
        model.tile_out = 2;
        model.tile_in = 4;
        const TrainingOutcome tiled = run({.stage = 0}, 2, 3, {}, model).outcome;
        CHECK(tiled.losses[0] == Approx(whole.losses[0]).epsilon(1e-6));
        CHECK(largestDifference(tiled, whole) < 2e-4);
        CHECK_FALSE(sameBits(tiled, whole)); // the test would be blind if nothing were tiled
        for (const int stage : {1, 2, 3})
            for (const int64_t bucket : {100, 3000, 1 << 20})
                CHECK(sameBits(
                    tiled,
                    run({.stage = stage, .reduce_bucket = bucket, .overlap = stage > 1}, 2, 3, {}, model).outcome));
        CHECK(sameBits(tiled, run(
                                  {.stage = 3, .persistence = 200}, 2, 3,
                                  [](Config& c) { c.activations.recompute = Recompute::full; }, model)
                                  .outcome));
        CHECK(sameBits(tiled, run({.stage = 3}, 2, 3,
                                  both(offloadOptimizer(OffloadDevice::nvme, folder.path()),
                                       offloadParam(OffloadDevice::nvme, folder.path())),
                                  model)
                                  .outcome));
    }
}

TEST_CASE("tiles: what is gathered at once falls by their number") {
    auto gathered = [](int64_t tiles) {
        ModelSpec model = test::smallModel();
        model.tile_out = tiles;
        Config config = test::configOf({.stage = 3, .prefetch = 0}, 2);
        const auto planned = plan(config, model, 2, 0);
        REQUIRE(planned);
        int64_t largest = 0;
        for (const BufferInfo& buffer : planned->program.buffers)
            if (buffer.name.find("gathered") != std::string::npos && buffer.name.starts_with("block"))
                largest = std::max(largest, buffer.bytes());
        return largest;
    };
    CHECK(gathered(1) == 4 * (12 * 24 * 24 + 13 * 24)); // a block
    CHECK(gathered(2) == 4 * (4 * 24 * 24 / 2));        // half of the largest linear layer
    CHECK(gathered(4) == 4 * (4 * 24 * 24 / 4));
}
