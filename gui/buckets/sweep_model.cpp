// SPDX-License-Identifier: Apache-2.0
#include "gui/buckets/sweep_model.h"
#include "gui/canvas/format.h"
#include "gui/units.h"
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>

namespace shardscope::gui {
namespace {

constexpr double notable = 0.1;         // of communication time, before it is named as a cause
constexpr double process_seconds = 0.4; // to start a run and measure its trace

bool numberOf(const std::string& json, double& value) {
    char* end = nullptr;
    value = std::strtod(json.c_str(), &end);
    return end != json.c_str() && *end == '\0' && std::isfinite(value);
}

bool slower(const PointFigures& a, const PointFigures& b) { // beyond doubt
    return a.step_ns.has_interval && b.step_ns.has_interval && a.step_ns.low > b.step_ns.high;
}

// What was measured at the two ends of a curve and explains why they are slower than the fastest point of it.
void addNotes(SweepModel& model, const ChartCurve& curve) {
    if (curve.points.size() < 3) return;
    const auto fastest = std::min_element(curve.points.begin(), curve.points.end(), [](const auto& a, const auto& b) {
        return a.figures.step_ns.value < b.figures.step_ns.value;
    });
    const PointFigures &best = fastest->figures, &first = curve.points.front().figures,
                       &last = curve.points.back().figures;
    const double more_comm = first.comm_ns.value - best.comm_ns.value;
    if (fastest != curve.points.begin() && slower(first, best) && first.collectives > 1.5 * best.collectives &&
        more_comm > notable * best.comm_ns.value)
        model.notes.push_back({curve.points.front().x,
                               "too small: " + formatCount(std::llround(first.collectives)) + " collectives a step, " +
                                   formatDuration(std::llround(more_comm)) + " more communication"});
    const double more_exposed = last.exposed_comm_ns.value - best.exposed_comm_ns.value;
    if (&*fastest != &curve.points.back() && slower(last, best) && last.collectives < best.collectives &&
        more_exposed > notable * std::max(1.0, best.exposed_comm_ns.value) &&
        last.overlap_percent < best.overlap_percent)
        model.notes.push_back(
            {curve.points.back().x, "too large: compute hides " + formatPercent(last.overlap_percent) +
                                        " of communication, at best " + formatPercent(best.overlap_percent)});
}

} // namespace

SweepModel sweepModel(Sweep given, size_t key) {
    SweepModel model;
    model.sweep = std::move(given);
    model.figures = figuresOf(model.sweep);
    model.verdict = verdictOf(model.sweep, model.figures);
    const Sweep& sweep = model.sweep;
    model.key = key < sweep.keys.size() ? key : 0;
    double least = 0, most = 0, value = 0;
    bool any = false;
    for (const SweepPoint& point : sweep.points) {
        const std::string& text = point.values[model.key];
        if (!numberOf(text, value)) {
            model.words = true;
            value = 0;
        }
        if (std::find(model.categories.begin(), model.categories.end(), valueLabel(text)) == model.categories.end())
            model.categories.push_back(valueLabel(text));
        least = any ? std::min(least, value) : value;
        most = any ? std::max(most, value) : value;
        any = true;
    }
    model.logarithmic = !model.words && least > 0 && most > 10 * least;
    std::map<std::string, size_t> curves;
    for (size_t p = 0; p < sweep.points.size(); ++p) {
        const PointFigures& f = model.figures[p];
        if (f.runs == 0) {
            model.failed += !f.error.empty();
            continue;
        }
        std::string label;
        for (size_t k = 0; k < sweep.keys.size(); ++k)
            if (k != model.key)
                label +=
                    (label.empty() ? "" : ", ") + shortKey(sweep.keys[k]) + " " + valueLabel(sweep.points[p].values[k]);
        const auto [at, fresh] = curves.try_emplace(label, model.curves.size());
        if (fresh) model.curves.push_back({label, {}});
        ChartPoint point{.point = p, .figures = f, .same_plan = sweep.points[p].same_plan_as >= 0};
        if (model.words)
            point.x = static_cast<double>(std::find(model.categories.begin(), model.categories.end(),
                                                    valueLabel(sweep.points[p].values[model.key])) -
                                          model.categories.begin());
        else
            numberOf(sweep.points[p].values[model.key], point.x);
        model.curves[at->second].points.push_back(std::move(point));
    }
    for (ChartCurve& curve : model.curves)
        std::sort(curve.points.begin(), curve.points.end(),
                  [](const ChartPoint& a, const ChartPoint& b) { return a.x < b.x; });
    if (model.curves.size() == 1) addNotes(model, model.curves.front());
    return model;
}

int32_t nearestPoint(const SweepModel& model, double x, int32_t keep_curve_of) {
    const auto place = [&](double at) { return model.logarithmic ? std::log10(std::max(at, 1e-12)) : at; };
    int32_t nearest = -1;
    double best = 0;
    for (const ChartCurve& curve : model.curves) {
        const bool own = std::any_of(curve.points.begin(), curve.points.end(), [&](const ChartPoint& p) {
            return static_cast<int32_t>(p.point) == keep_curve_of;
        });
        if (keep_curve_of >= 0 && !own) continue;
        for (const ChartPoint& point : curve.points)
            if (const double distance = std::abs(place(point.x) - place(x)); nearest < 0 || distance < best) {
                nearest = static_cast<int32_t>(point.point);
                best = distance;
            }
    }
    return nearest;
}

double sweepSeconds(int64_t runs, int64_t steps, double step_ns) {
    return static_cast<double>(runs) * (static_cast<double>(steps) * step_ns * 1e-9 + process_seconds);
}

} // namespace shardscope::gui
