// SPDX-License-Identifier: Apache-2.0
#include "gui/buckets/recommendation.h"
#include "gui/buckets/json_edit.h"
#include "gui/canvas/format.h"
#include "gui/units.h"
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

namespace shardscope::gui {
namespace {

using Json = nlohmann::ordered_json;

// The top-level sections that the keys are in: what was varied, what it works together with, and dots for the rest.
std::vector<SnippetLine> snippetOf(const std::string& config, const std::vector<std::string>& keys) {
    std::vector<SnippetLine> lines;
    const Json json = Json::parse(config, nullptr, false, true);
    std::vector<std::string> sections;
    for (const std::string& key : keys) {
        const std::string section = key.substr(0, key.find('.'));
        if (json.is_object() && json.contains(section) &&
            std::find(sections.begin(), sections.end(), section) == sections.end())
            sections.push_back(section);
    }
    for (const std::string& section : sections) {
        const std::string text = Json(section).dump() + ": " + json[section].dump(2);
        for (size_t start = 0; start < text.size();) {
            const size_t end = std::min(text.find('\n', start), text.size());
            SnippetLine line{text.substr(start, end - start)};
            line.changed = std::any_of(keys.begin(), keys.end(), [&](const std::string& key) {
                return line.text.find('"' + shortKey(key) + "\":") != std::string::npos;
            });
            start = end + 1;
            const bool member = line.text.starts_with("  ");
            const bool shown = !member || line.changed || line.text.find("\"stage\":") != std::string::npos ||
                               line.text.find("\"overlap_comm\":") != std::string::npos;
            if (shown)
                lines.push_back(std::move(line));
            else if (lines.back().text != "  …")
                lines.push_back({"  …"});
        }
    }
    return lines;
}

std::string estimateText(const Estimate& e) {
    std::string text = formatDuration(std::llround(e.value));
    if (e.has_interval) text += " ± " + formatDuration(std::llround(e.halfWidth()));
    return text;
}

} // namespace

Recommendation recommendationFor(const SweepModel& model, size_t point) {
    Recommendation r;
    const Sweep& sweep = model.sweep;
    r.title = pointLabel(sweep, point);
    r.recommended = static_cast<int32_t>(point) == model.verdict.recommended;
    if (r.recommended) {
        r.sentences = verdictSentences(sweep, model.figures, model.verdict);
    } else {
        const PointFigures& f = model.figures[point];
        r.sentences.push_back("Step " + estimateText(f.step_ns) + ", exposed communication " +
                              estimateText(f.exposed_comm_ns) + ", peak " + formatBytes(f.peak_bytes) + " per rank.");
        if (model.verdict.recommended >= 0) {
            const auto best = static_cast<size_t>(model.verdict.recommended);
            const double ratio = f.step_ns.value / std::max(1.0, model.figures[best].step_ns.value) - 1;
            const bool equal = std::find(model.verdict.equal.begin(), model.verdict.equal.end(),
                                         static_cast<int32_t>(point)) != model.verdict.equal.end();
            const int32_t twin = sweep.points[point].same_plan_as;
            if (twin == model.verdict.recommended)
                r.sentences.push_back("The same plan as the recommended " + pointLabel(sweep, best) + ".");
            else if (equal)
                r.sentences.push_back("Equal within noise to the recommended " + pointLabel(sweep, best) + ".");
            else
                r.sentences.push_back(significant(std::abs(100 * ratio), 2) + " % " +
                                      (ratio >= 0 ? "slower" : "faster") + " than the recommended " +
                                      pointLabel(sweep, best) + ".");
        }
    }
    const auto base = sweep.base.find("config");
    r.config = base == sweep.base.end() ? "{}" : base->second;
    for (size_t k = 0; k < sweep.keys.size(); ++k) {
        r.values.emplace_back(sweep.keys[k], sweep.points[point].values[k]);
        if (Result<std::string> changed = withJsonKey(r.config, sweep.keys[k], sweep.points[point].values[k]); changed)
            r.config = std::move(changed).value();
    }
    r.snippet = snippetOf(r.config, sweep.keys);
    return r;
}

std::vector<std::pair<std::string, std::string>> groundsOf(const SweepModel& model) {
    const Sweep& sweep = model.sweep;
    int64_t measured = 0, twins = 0;
    for (const SweepPoint& point : sweep.points) {
        twins += point.same_plan_as >= 0;
        measured += point.same_plan_as < 0 && !point.runs.empty();
    }
    std::vector<std::pair<std::string, std::string>> grounds = {
        {"measured points", std::to_string(measured)},
        {"runs", std::to_string(model.verdict.runs)},
        {"steps of a run", std::to_string(sweep.steps - sweep.warmup_steps) + " after " +
                               std::to_string(sweep.warmup_steps) + " of warm-up"}};
    if (twins > 0) grounds.emplace_back("same plan as another", std::to_string(twins));
    if (model.failed > 0) grounds.emplace_back("failed", std::to_string(model.failed));
    grounds.emplace_back("link", sweep.link_emulated ? "emulated" : "not emulated");
    grounds.emplace_back("loss", model.verdict.loss == LossAgreement::equal       ? "bitwise equal"
                                 : model.verdict.loss == LossAgreement::different ? "different"
                                                                                  : "one run only");
    return grounds;
}

} // namespace shardscope::gui
