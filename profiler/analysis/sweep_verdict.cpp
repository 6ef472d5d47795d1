// SPDX-License-Identifier: Apache-2.0
#include "profiler/analysis/step_statistics.h"
#include "profiler/analysis/sweep.h"
#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>
#include <set>

namespace shardscope {
namespace {

constexpr double wide_interval = 0.05;        // of the step time
constexpr double most_time_for_memory = 0.03; // what may be lost, in the medians, to need less memory

// Two-sided 95 % of Student's t by degrees of freedom; beyond the table the next smaller one, which is the wider one.
double studentT(size_t freedom) {
    static constexpr std::array first = {12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
                                         2.201,  2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086};
    if (freedom <= first.size()) return first[freedom - 1];
    return freedom < 30 ? 2.086 : freedom < 60 ? 2.042 : freedom < 120 ? 2.000 : 1.980;
}

std::string percentText(double fraction) {
    const double percent = std::abs(100 * fraction);
    return fmt::format("{:.{}f} %", percent, percent < 10 ? 1 : 0);
}

std::string bytesText(double bytes) {
    constexpr std::array units = {"B", "KiB", "MiB", "GiB", "TiB"};
    size_t unit = 0;
    while (bytes >= 1024 && unit + 1 < units.size()) {
        bytes /= 1024;
        ++unit;
    }
    return fmt::format("{:.{}f} {}", bytes, unit == 0 || bytes >= 100 ? 0 : bytes >= 10 ? 1 : 2, units[unit]);
}

// Whether two points differ by more than noise. Runs of one round were made one after another, so that their
// differences are free of what drifts from round to round.
bool tellsApart(const Sweep& sweep, const std::vector<PointFigures>& figures, int32_t p, int32_t q) {
    const Estimate &a = figures[static_cast<size_t>(p)].step_ns, &b = figures[static_cast<size_t>(q)].step_ns;
    if (!a.has_interval || !b.has_interval) return false;
    if (a.low > b.high || b.low > a.high) return true;
    std::vector<double> differences;
    for (const SweepRun& mine : sweep.measuredPoint(static_cast<size_t>(p)).runs)
        for (const SweepRun& other : sweep.measuredPoint(static_cast<size_t>(q)).runs)
            if (mine.measured() && other.measured() && mine.round == other.round)
                differences.push_back(static_cast<double>(mine.step_ns) - static_cast<double>(other.step_ns));
    const Estimate difference = estimateOf(differences);
    return difference.has_interval && (difference.low > 0 || difference.high < 0);
}

} // namespace

Estimate estimateOf(std::vector<double> values) {
    Estimate estimate;
    if (values.empty()) return estimate;
    std::sort(values.begin(), values.end());
    const size_t n = values.size();
    estimate.value = n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
    estimate.low = estimate.high = estimate.value;
    if (n < 2) return estimate;
    double mean = 0, squares = 0;
    for (const double value : values) mean += value / static_cast<double>(n);
    for (const double value : values) squares += (value - mean) * (value - mean);
    const double half = studentT(n - 1) * std::sqrt(squares / static_cast<double>(n - 1) / static_cast<double>(n));
    // The median is what is shown; with few and skewed runs it can lie beside the interval of the mean.
    estimate.low = std::min(estimate.value, mean - half);
    estimate.high = std::max(estimate.value, mean + half);
    estimate.has_interval = true;
    return estimate;
}

std::vector<PointFigures> figuresOf(const Sweep& sweep) {
    std::vector<PointFigures> figures(sweep.points.size());
    for (size_t p = 0; p < sweep.points.size(); ++p) {
        std::vector<double> step, exposed, comm, overlap, collectives;
        PointFigures& f = figures[p];
        for (const SweepRun& run : sweep.measuredPoint(p).runs) {
            if (!run.measured()) {
                f.error = run.error;
                continue;
            }
            ++f.runs;
            step.push_back(static_cast<double>(run.step_ns));
            exposed.push_back(static_cast<double>(run.exposed_comm_ns));
            comm.push_back(static_cast<double>(run.comm_ns));
            overlap.push_back(run.overlap_percent);
            collectives.push_back(run.collectives);
            f.peak_bytes = std::max(f.peak_bytes, run.peak_bytes);
        }
        f.step_ns = estimateOf(step);
        f.exposed_comm_ns = estimateOf(exposed);
        f.comm_ns = estimateOf(comm);
        f.overlap_percent = estimateOf(overlap).value;
        f.collectives = estimateOf(collectives).value;
        double nearest = -1;
        for (const SweepRun& run : sweep.measuredPoint(p).runs) {
            const double distance = std::abs(static_cast<double>(run.step_ns) - f.step_ns.value);
            if (run.measured() && !run.trace.empty() && (nearest < 0 || distance < nearest)) {
                nearest = distance;
                f.trace = (sweep.folder.empty() ? "" : sweep.folder + "/") + run.trace;
            }
        }
    }
    return figures;
}

SweepVerdict verdictOf(const Sweep& sweep, const std::vector<PointFigures>& figures) {
    SweepVerdict verdict;
    std::set<std::string> losses;
    for (const SweepPoint& point : sweep.points)
        for (const SweepRun& run : point.runs)
            if (run.measured()) {
                losses.insert(run.loss_bits);
                ++verdict.runs;
            }
    if (verdict.runs > 1) verdict.loss = losses.size() == 1 ? LossAgreement::equal : LossAgreement::different;
    const auto stands = [&](size_t p) { return figures[p].runs > 0; };
    for (size_t p = 0; p < figures.size(); ++p) {
        if (!stands(p)) continue;
        if (sweep.points[p].is_default) verdict.reference = static_cast<int32_t>(p);
        if (sweep.points[p].same_plan_as >= 0) continue; // its twin stands for it
        if (verdict.fastest < 0 ||
            figures[p].step_ns.value < figures[static_cast<size_t>(verdict.fastest)].step_ns.value)
            verdict.fastest = static_cast<int32_t>(p);
    }
    if (verdict.fastest < 0) return verdict;
    const PointFigures& fastest = figures[static_cast<size_t>(verdict.fastest)];
    verdict.has_intervals = fastest.step_ns.has_interval;
    verdict.recommended = verdict.fastest;
    for (size_t p = 0; p < figures.size(); ++p) {
        if (!stands(p) || sweep.points[p].same_plan_as >= 0) continue;
        const bool itself = static_cast<int32_t>(p) == verdict.fastest;
        // Without intervals nothing can be called equal, so the fastest stands alone.
        if (!itself && (!verdict.has_intervals || !figures[p].step_ns.has_interval ||
                        tellsApart(sweep, figures, static_cast<int32_t>(p), verdict.fastest)))
            continue;
        verdict.equal.push_back(static_cast<int32_t>(p));
        if (figures[p].step_ns.value > (1 + most_time_for_memory) * fastest.step_ns.value) continue;
        const PointFigures& chosen = figures[static_cast<size_t>(verdict.recommended)];
        if (figures[p].peak_bytes < chosen.peak_bytes ||
            (figures[p].peak_bytes == chosen.peak_bytes && figures[p].step_ns.value < chosen.step_ns.value))
            verdict.recommended = static_cast<int32_t>(p);
    }
    return verdict;
}

std::vector<std::string> verdictSentences(const Sweep& sweep, const std::vector<PointFigures>& figures,
                                          const SweepVerdict& verdict) {
    std::vector<std::string> sentences;
    if (verdict.recommended < 0) return {"No run of this sweep has succeeded."};
    const auto at = [&](int32_t p) -> const PointFigures& { return figures[static_cast<size_t>(p)]; };
    const PointFigures& best = at(verdict.recommended);
    const int32_t same = verdict.reference < 0 ? -1 : sweep.points[static_cast<size_t>(verdict.reference)].same_plan_as;
    if (verdict.reference >= 0) {
        const PointFigures& reference = at(verdict.reference);
        std::string name = "the default";
        if (sweep.keys.size() == 1)
            name += " " + valueLabel(sweep.points[static_cast<size_t>(verdict.reference)].values.front());
        const double saved = reference.step_ns.value > 0 ? 1 - best.step_ns.value / reference.step_ns.value : 0;
        const bool itself = verdict.reference == verdict.recommended || same == verdict.recommended;
        if (itself) {
            sentences.push_back("This is " + name + (same >= 0 ? ", or a plan equal to it." : "."));
        } else {
            std::string sentence;
            if (verdict.has_intervals && !tellsApart(sweep, figures, verdict.recommended, verdict.reference))
                sentence = "As fast as " + name + " within noise";
            else
                sentence = percentText(saved) + (saved >= 0 ? " faster than " : " slower than ") + name;
            const double bytes = static_cast<double>(reference.peak_bytes - best.peak_bytes);
            if (bytes != 0)
                sentence += fmt::format(" and {} {} per rank", bytesText(std::abs(bytes)), bytes > 0 ? "less" : "more");
            sentences.push_back(sentence + ".");
        }
    } else {
        sentences.push_back("The default was not measured, so there is nothing to compare it with.");
    }
    if (!verdict.has_intervals) {
        sentences.push_back("One run per point: differences may be noise; --repeat 3 or more gives intervals.");
    } else if (verdict.equal.size() > 1) {
        std::string others;
        for (const int32_t p : verdict.equal)
            if (p != verdict.recommended)
                others += (others.empty() ? "" : ", ") + pointLabel(sweep, static_cast<size_t>(p));
        if (verdict.equal.size() > 4) others = std::to_string(verdict.equal.size() - 1) + " other points";
        const bool least = std::any_of(verdict.equal.begin(), verdict.equal.end(),
                                       [&](int32_t p) { return at(p).peak_bytes != best.peak_bytes; });
        sentences.push_back(fmt::format("Equal within noise: {}{}.", others,
                                        least ? "; of those within 3 % of the fastest it needs the least memory" : ""));
    }
    if (const double share = best.step_ns.halfWidth() / std::max(1.0, best.step_ns.value);
        verdict.has_intervals && share > wide_interval)
        sentences.push_back(
            fmt::format("The interval is ± {:.0f} %: more runs would tell closer values apart.", 100 * share));
    if (verdict.loss == LossAgreement::equal)
        sentences.push_back(fmt::format("The loss did not change (bitwise, {} runs).", verdict.runs));
    if (verdict.loss == LossAgreement::different)
        sentences.push_back("The loss is not the same in all runs: what was varied changes the result, so compare the "
                            "losses before the times.");
    return sentences;
}

} // namespace shardscope
