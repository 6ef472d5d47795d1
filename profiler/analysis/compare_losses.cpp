// SPDX-License-Identifier: Apache-2.0
// Whether several runs have learned the same: their losses over the steps that all of them have.
#include "profiler/analysis/compare_changes.h"
#include <algorithm>
#include <bit>
#include <cmath>
#include <fmt/format.h>
#include <map>

namespace shardscope {

namespace {

// What sums of fp32 in another order may change in a loss over some dozens of steps, with room to spare; a bf16
// rounding of a weight changes more.
constexpr double rounding = 1e-5;

// Bits, so that not-a-number equals itself and zero does not equal minus zero.
bool same(double a, double b) { return std::bit_cast<uint64_t>(a) == std::bit_cast<uint64_t>(b) || (a != a && b != b); }

std::map<int32_t, double> lossesOf(const RunFigures& run) {
    std::map<int32_t, double> losses;
    // A loss may become no number, but a run without any number has recorded none.
    if (std::ranges::all_of(run.losses, [](double loss) { return std::isnan(loss); })) return losses;
    for (size_t i = 0; i < run.losses.size(); ++i) losses[run.loss_steps[i]] = run.losses[i];
    return losses;
}

} // namespace

void compareLosses(Comparison& c) {
    const size_t runs = c.runs.size();
    c.losses_equal = false;
    c.common_losses = 0;
    c.losses_part.assign(runs, -1);
    c.loss_relation = LossRelation::none;
    std::vector<std::map<int32_t, double>> losses;
    for (const RunFigures& run : c.runs) losses.push_back(lossesOf(run));
    std::vector<int32_t> common;
    if (!losses.empty()) {
        for (const auto& [step, loss] : losses[c.baseline])
            if (std::ranges::all_of(losses, [&, s = step](const auto& l) { return l.contains(s); }))
                common.push_back(step);
    }
    c.common_losses = static_cast<int64_t>(common.size());
    if (common.empty()) {
        c.loss_statement = "the runs have no step with a loss in common";
        return;
    }
    double largest = 0, largest_share = 0;
    int32_t first_apart = -1, largest_at = common[0];
    for (const int32_t step : common) {
        const double a = losses[c.baseline][step];
        for (size_t i = 0; i < runs; ++i) {
            const double b = losses[i][step];
            if (same(a, b)) continue;
            if (first_apart < 0) first_apart = step;
            if (c.losses_part[i] < 0) c.losses_part[i] = step;
            const double share = std::abs(a - b) / std::max(std::abs(a), std::abs(b));
            largest_share = std::max(largest_share, share == share ? share : HUGE_VAL);
            if (std::abs(a - b) > largest) {
                largest = std::abs(a - b);
                largest_at = step;
            }
        }
    }
    c.losses_equal = first_apart < 0;
    const std::string steps =
        common.size() == 1 ? "the loss of 1 step is" : fmt::format("losses of {} steps are", common.size());
    if (c.losses_equal) {
        c.loss_relation = LossRelation::bitwise;
        c.loss_statement = fmt::format("{} bitwise equal in {} run{}", steps, runs, runs == 1 ? "" : "s");
        return;
    }
    if (largest_share <= rounding) {
        c.loss_relation = LossRelation::rounding;
        c.loss_statement = fmt::format("{} equal to rounding in {} runs: they part at step {} and differ by at most "
                                       "{:.1e} of their value",
                                       steps, runs, first_apart, largest_share);
        return;
    }
    c.loss_relation = LossRelation::different;
    std::string values;
    for (size_t i = 0; i < runs; ++i)
        values += fmt::format("{}{} {}", i ? ", " : "", c.runs[i].label, losses[i][first_apart]);
    c.loss_statement = fmt::format("losses part at step {} ({}); the largest difference to {} is {:.3g}, at step {}",
                                   first_apart, values, c.runs[c.baseline].label, largest, largest_at);
}

} // namespace shardscope
