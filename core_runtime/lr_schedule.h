// SPDX-License-Identifier: Apache-2.0
// The learning rate of each update under DeepSpeed's WarmupLR, WarmupDecayLR and WarmupCosineLR schedules. A schedule
// advances once after every update that was not skipped; a step that overflowed does not advance it.
#pragma once
#include "core_runtime/config.h"

namespace shardscope {

// The learning rate of the next update after `updates_done` updates. The schedule's time is t = updates_done - 1: it
// first advances after the first update, to t = 0. With W = max(2, warmup_num_steps), T = total_num_steps and
//   warm-up  g(t) = ln(t + 1) / ln(W) (log) or t / W (linear)
// WarmupLR:       t < 0: min; t < W: min + (max - min) g(t); then max.
// WarmupDecayLR:  the same, and from W on min + (max - min) max(0, (T - t) / max(1, T - W)).
// WarmupCosineLR, in ratios of the optimizer's lr: t < 0: 0; t < W: wmin + (1 - wmin) g(t); then
//                 cmin + (1 - cmin) (1 + cos(pi p)) / 2 with p = min(1, (t - W + 1) / max(1, T - W)).
// So the first two updates use the smallest rate. Without a schedule it is the optimizer's lr.
double learningRate(const SchedulerConfig&, const OptimizerConfig&, int64_t updates_done);

} // namespace shardscope
