// SPDX-License-Identifier: Apache-2.0
#include "core_runtime/lr_schedule.h"
#include "support/catch.h"
#include <vector>

using namespace shardscope;

namespace {

std::vector<double> rates(const SchedulerConfig& scheduler, std::vector<int64_t> updates_done, double lr = 0.1) {
    OptimizerConfig optimizer;
    optimizer.learning_rate = lr;
    std::vector<double> result;
    for (const int64_t updates : updates_done) result.push_back(learningRate(scheduler, optimizer, updates));
    return result;
}

void checkRates(const std::vector<double>& computed, const std::vector<double>& expected) {
    REQUIRE(computed.size() == expected.size());
    for (size_t i = 0; i < computed.size(); ++i) {
        INFO(i);
        CHECK(computed[i] == Approx(expected[i]).margin(1e-12));
    }
}

SchedulerConfig schedule(SchedulerKind kind, int64_t warmup, int64_t total, bool log) {
    SchedulerConfig result;
    result.kind = kind;
    result.warmup_min_lr = 0.2;
    result.warmup_max_lr = 1;
    result.warmup_num_steps = warmup;
    result.total_num_steps = total;
    result.warmup_log = log;
    return result;
}

} // namespace

TEST_CASE("without a schedule the learning rate is the optimizer's") {
    checkRates(rates({}, {0, 1, 1'000'000}, 3e-4), {3e-4, 3e-4, 3e-4});
}

TEST_CASE("WarmupLR rises from the smallest to the largest rate and stays") {
    // t = -1, 0, 1, 2, 3, 4, 5: linear with W = 4 gives 0, 0, 1/4, 2/4, 3/4, 1, 1 of the way from 0.2 to 1.
    checkRates(rates(schedule(SchedulerKind::warmup, 4, 0, false), {0, 1, 2, 3, 4, 5, 6}),
               {0.2, 0.2, 0.4, 0.6, 0.8, 1, 1});
    // log with W = 4: ln 1, ln 2, ln 3, ln 4 over ln 4 = 0, 1/2, 0.792481250360578, 1 at t = 0 to 3.
    checkRates(rates(schedule(SchedulerKind::warmup, 4, 0, true), {0, 1, 2, 3, 4, 5}),
               {0.2, 0.2, 0.6, 0.2 + 0.8 * 0.792481250360578, 1, 1});
}

TEST_CASE("a warm-up of one step counts as two") {
    checkRates(rates(schedule(SchedulerKind::warmup, 1, 0, false), {0, 1, 2, 3}), {0.2, 0.2, 0.6, 1});
    checkRates(rates(schedule(SchedulerKind::warmup, 1, 0, true), {0, 1, 2, 3}),
               {0.2, 0.2, 1, 1}); // ln 2 / ln 2 at t = 1
}

TEST_CASE("WarmupDecayLR falls to the smallest rate at the last step") {
    // W = 2, T = 6, so (6 - t) / 4 from t = 2 on: 1, 3/4, 2/4, 1/4, 0, and 0 beyond.
    checkRates(rates(schedule(SchedulerKind::warmup_decay, 2, 6, false), {0, 1, 2, 3, 4, 5, 6, 7, 8}),
               {0.2, 0.2, 0.6, 1, 0.8, 0.6, 0.4, 0.2, 0.2});
    checkRates(rates(schedule(SchedulerKind::warmup_decay, 2, 6, true), {1, 2, 3}), {0.2, 1, 1}); // ln 2 / ln 2 = 1
    // A schedule that ends within its warm-up: nothing is left to decay over.
    checkRates(rates(schedule(SchedulerKind::warmup_decay, 4, 3, false), {4, 5, 6}), {0.8, 0.2, 0.2});
}

TEST_CASE("WarmupCosineLR follows half a cosine of the optimizer's rate") {
    SchedulerConfig cosine = schedule(SchedulerKind::warmup_cosine, 2, 6, false);
    cosine.warmup_min_ratio = 0.5;
    cosine.cos_min_ratio = 0.1;
    // Of lr 0.1: 0 before the first advance; 0.5 + 0.5 t/2 for t = 0, 1; then 0.1 + 0.9 (1 + cos(pi p)) / 2 with
    // p = 1/4, 2/4, 3/4, 1 for t = 2 to 5, and p = 1 beyond. cos(pi / 4) = 0.707106781186548.
    checkRates(rates(cosine, {0, 1, 2, 3, 4, 5, 6, 7, 100}),
               {0, 0.05, 0.075, 0.1 * (0.1 + 0.45 * 1.707106781186548), 0.1 * 0.55,
                0.1 * (0.1 + 0.45 * 0.292893218813452), 0.01, 0.01, 0.01});
    cosine.warmup_log = true;
    cosine.warmup_num_steps = 4;
    checkRates(rates(cosine, {1, 2, 3}), {0.05, 0.1 * 0.75, 0.1 * (0.5 + 0.5 * 0.792481250360578)});
}
