// SPDX-License-Identifier: Apache-2.0
#include "core_runtime/lr_schedule.h"
#include <algorithm>
#include <cassert>
#include <cmath>
#include <numbers>

namespace shardscope {
namespace {

double warmup(const SchedulerConfig& scheduler, double time, double steps) {
    return scheduler.warmup_log ? std::log(time + 1) / std::log(steps) : time / steps;
}

double cosineRatio(const SchedulerConfig& scheduler, double time, double steps, double decay_steps) {
    if (time < 0) return 0;
    if (time < steps)
        return scheduler.warmup_min_ratio + (1 - scheduler.warmup_min_ratio) * warmup(scheduler, time, steps);
    const double progress = std::min(1.0, (time - steps + 1) / decay_steps);
    return scheduler.cos_min_ratio + (1 - scheduler.cos_min_ratio) * (1 + std::cos(std::numbers::pi * progress)) / 2;
}

} // namespace

double learningRate(const SchedulerConfig& scheduler, const OptimizerConfig& optimizer, int64_t updates_done) {
    assert(updates_done >= 0);
    if (scheduler.kind == SchedulerKind::none) return optimizer.learning_rate;
    const double time = static_cast<double>(updates_done - 1);
    const double steps =
        static_cast<double>(std::max<int64_t>(2, scheduler.warmup_num_steps)); // ln(1) would divide by 0
    const double total = static_cast<double>(scheduler.total_num_steps);
    const double decay_steps = std::max(1.0, total - steps);
    if (scheduler.kind == SchedulerKind::warmup_cosine)
        return optimizer.learning_rate * cosineRatio(scheduler, time, steps, decay_steps);
    double gamma = 0;
    if (time >= 0 && time < steps)
        gamma = warmup(scheduler, time, steps);
    else if (time >= 0)
        gamma = scheduler.kind == SchedulerKind::warmup ? 1 : std::max(0.0, (total - time) / decay_steps);
    return scheduler.warmup_min_lr + (scheduler.warmup_max_lr - scheduler.warmup_min_lr) * gamma;
}

} // namespace shardscope
