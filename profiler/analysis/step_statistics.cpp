// SPDX-License-Identifier: Apache-2.0
#include "profiler/analysis/step_statistics.h"
#include <algorithm>
#include <cmath>
#include <functional>

namespace shardscope {

namespace {

constexpr double wanted_coverage = 0.95;

// How many values may be cut off at each end, and the probability that what is left holds the median: the greatest k
// with P(Binomial(n, 1/2) < k) <= 2.5 %. Zero without such a k.
struct Cut {
    size_t values = 0;
    double coverage = 0;
};

Cut cutOf(size_t n) {
    Cut cut;
    double below = 0; // P(B < k)
    for (size_t k = 1; k <= n / 2; ++k) {
        const double i = static_cast<double>(k - 1), count = static_cast<double>(n);
        below +=
            std::exp(std::lgamma(count + 1) - std::lgamma(i + 1) - std::lgamma(count - i + 1) - count * std::log(2.0));
        if (below > (1 - wanted_coverage) / 2) break;
        cut = {k, 1 - 2 * below};
    }
    return cut;
}

} // namespace

Statistics statisticsOf(const std::string& metric, std::vector<double> values) {
    Statistics s{.metric = metric, .count = static_cast<int64_t>(values.size())};
    if (values.empty()) return s;
    std::sort(values.begin(), values.end());
    const size_t last = values.size() - 1;
    s.median = values[last / 2]; // the lower one: always a value that occurred
    s.spread = (values[(3 * last + 2) / 4] - values[(last + 2) / 4]) / 2;
    s.minimum = values.front();
    s.maximum = values.back();
    if (const Cut cut = cutOf(values.size()); cut.values > 0) {
        s.low = values[cut.values - 1];
        s.high = values[values.size() - cut.values];
        s.coverage_percent = 100 * cut.coverage;
    }
    return s;
}

std::vector<Statistics> stepStatistics(const std::vector<StepSummary>& steps) {
    const size_t first = steps.size() > 2 ? 1 : 0;
    std::vector<Statistics> result;
    const auto add = [&](const std::string& metric, const std::function<double(const StepSummary&)>& value) {
        std::vector<double> values;
        for (size_t i = first; i < steps.size(); ++i) values.push_back(value(steps[i]));
        result.push_back(statisticsOf(metric, std::move(values)));
    };
    const auto mean = [&](const std::string& metric, int64_t RankBudget::*member) {
        add(metric, [member](const StepSummary& step) {
            double sum = 0;
            for (const RankBudget& b : step.budgets) sum += static_cast<double>(b.*member);
            return step.budgets.empty() ? 0 : sum / static_cast<double>(step.budgets.size());
        });
    };
    if (steps.empty()) return result;
    add("step_ns", [](const StepSummary& step) { return static_cast<double>(step.step_ns); });
    mean("compute_ns", &RankBudget::compute_ns);
    mean("comm_ns", &RankBudget::comm_ns);
    mean("overlap_ns", &RankBudget::overlap_ns);
    mean("exposed_comm_ns", &RankBudget::exposed_comm_ns);
    mean("exposed_copy_ns", &RankBudget::exposed_copy_ns);
    mean("idle_ns", &RankBudget::idle_ns);
    add("overlap_percent", [](const StepSummary& step) {
        double comm = 0, overlap = 0;
        for (const RankBudget& b : step.budgets) {
            comm += static_cast<double>(b.comm_ns);
            overlap += static_cast<double>(b.overlap_ns);
        }
        return comm > 0 ? 100 * overlap / comm : 0;
    });
    add("tokens_per_s", [](const StepSummary& step) { return step.tokens_per_s; });
    return result;
}

Difference differenceOf(const Statistics& a, const Statistics& b) {
    if (a.coverage_percent == 0 || b.coverage_percent == 0) return Difference::unknown;
    return a.low <= b.high && b.low <= a.high ? Difference::noise : Difference::real;
}

} // namespace shardscope
