// SPDX-License-Identifier: Apache-2.0
#include "profiler/analysis/sweep.h"
#include "profiler/analysis/text_table.h"
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fmt/format.h>

namespace shardscope {
namespace {

Cell valueCell(const std::string& json) {
    char* end = nullptr;
    const double number = std::strtod(json.c_str(), &end);
    if (end == json.c_str() || *end != '\0') return valueLabel(json);
    if (number == std::floor(number) && std::abs(number) < 1e15) return static_cast<int64_t>(number);
    return number;
}

std::string remarkOf(const Sweep& sweep, const SweepVerdict& verdict, size_t point) {
    const auto p = static_cast<int32_t>(point);
    std::string remark;
    const auto add = [&](const std::string& text) { remark += (remark.empty() ? "" : ", ") + text; };
    if (p == verdict.recommended) add("recommended");
    if (p == verdict.fastest)
        add("fastest");
    else if (std::find(verdict.equal.begin(), verdict.equal.end(), p) != verdict.equal.end())
        add("equal within noise");
    if (sweep.points[point].is_default) add("default");
    if (const int32_t other = sweep.points[point].same_plan_as; other >= 0)
        add("same plan as " + pointLabel(sweep, static_cast<size_t>(other)));
    return remark;
}

Cell nanoseconds(double value, bool known) { return known ? Cell(static_cast<int64_t>(std::llround(value))) : Cell(); }

} // namespace

std::string shortKey(const std::string& dotted) { return dotted.substr(dotted.rfind('.') + 1); }

std::string valueLabel(const std::string& json) {
    if (json == "true") return "on";
    if (json == "false") return "off";
    if (json.size() >= 2 && json.front() == '"' && json.back() == '"') return json.substr(1, json.size() - 2);
    char* end = nullptr;
    const double number = std::strtod(json.c_str(), &end);
    if (end == json.c_str() || *end != '\0' || number != std::floor(number) || std::abs(number) < 10'000) return json;
    std::array<char, 32> text{};
    for (int digits = 0; digits <= 2; ++digits) {
        std::snprintf(text.data(), text.size(), "%.*e", digits, number);
        if (std::strtod(text.data(), nullptr) != number) continue;
        const std::string label = text.data();
        const size_t e = label.find('e');
        return label.substr(0, e) + "e" + std::to_string(std::atoi(label.c_str() + e + 1));
    }
    return json;
}

std::string pointLabel(const Sweep& sweep, size_t point) {
    std::string label;
    const SweepPoint& p = sweep.points[point];
    if (sweep.keys.size() == 1 && p.values.size() == 1) return shortKey(sweep.keys[0]) + " " + valueLabel(p.values[0]);
    for (size_t k = 0; k < sweep.keys.size() && k < p.values.size(); ++k)
        label += (label.empty() ? "" : ", ") + shortKey(sweep.keys[k]) + " " + valueLabel(p.values[k]);
    return label;
}

Report sweepReport(const Sweep& sweep) {
    const std::vector<PointFigures> figures = figuresOf(sweep);
    const SweepVerdict verdict = verdictOf(sweep, figures);
    Table points{.name = "points", .title = sweep.title};
    Table runs{.name = "runs", .title = "runs"};
    for (const std::string& key : sweep.keys) {
        points.columns.push_back(shortKey(key));
        runs.columns.push_back(shortKey(key));
    }
    for (const char* column : {"runs", "step_ns", "step_low_ns", "step_high_ns", "exposed_comm_ns",
                               "exposed_comm_low_ns", "exposed_comm_high_ns", "comm_ns", "overlap_percent",
                               "collectives", "peak_bytes", "loss_bits", "remark", "trace", "error"})
        points.columns.emplace_back(column);
    for (const char* column : {"round", "steps", "step_ns", "exposed_comm_ns", "comm_ns", "overlap_percent",
                               "collectives", "peak_bytes", "final_loss", "loss_bits", "trace", "error", "seconds"})
        runs.columns.emplace_back(column);
    for (size_t p = 0; p < sweep.points.size(); ++p) {
        const PointFigures& f = figures[p];
        Row values;
        for (const std::string& value : sweep.points[p].values) values.push_back(valueCell(value));
        const bool known = f.runs > 0;
        std::string bits;
        for (const SweepRun& run : sweep.measuredPoint(p).runs)
            if (run.measured() && bits != "different")
                bits = bits.empty() || bits == run.loss_bits ? run.loss_bits : "different";
        Row row = values;
        const std::string trace =
            f.trace.empty() || sweep.folder.empty() ? f.trace : f.trace.substr(sweep.folder.size() + 1);
        for (Cell cell :
             {Cell(f.runs), nanoseconds(f.step_ns.value, known), nanoseconds(f.step_ns.low, f.step_ns.has_interval),
              nanoseconds(f.step_ns.high, f.step_ns.has_interval), nanoseconds(f.exposed_comm_ns.value, known),
              nanoseconds(f.exposed_comm_ns.low, f.exposed_comm_ns.has_interval),
              nanoseconds(f.exposed_comm_ns.high, f.exposed_comm_ns.has_interval), nanoseconds(f.comm_ns.value, known),
              known ? Cell(f.overlap_percent) : Cell(), known ? Cell(f.collectives) : Cell(),
              known ? Cell(f.peak_bytes) : Cell(), Cell(bits), Cell(remarkOf(sweep, verdict, p)), Cell(trace),
              Cell(f.error)})
            row.push_back(std::move(cell));
        points.rows.push_back(std::move(row));
        for (const SweepRun& run : sweep.points[p].runs) {
            Row one = values;
            for (Cell cell :
                 {Cell(run.round), Cell(run.steps), Cell(run.step_ns), Cell(run.exposed_comm_ns), Cell(run.comm_ns),
                  Cell(run.overlap_percent), Cell(run.collectives), Cell(run.peak_bytes), Cell(run.final_loss),
                  Cell(run.loss_bits), Cell(run.trace), Cell(run.error), Cell(run.seconds)})
                one.push_back(std::move(cell));
            runs.rows.push_back(std::move(one));
        }
    }
    return {{points, runs}, verdictSentences(sweep, figures, verdict)};
}

std::string sweepText(const Sweep& sweep) {
    const std::vector<PointFigures> figures = figuresOf(sweep);
    const SweepVerdict verdict = verdictOf(sweep, figures);
    std::string text = printable(sweep.title) + "\n";
    TextTable table;
    std::vector<std::string> head;
    for (const std::string& key : sweep.keys) head.push_back(shortKey(key));
    double largest = 0;
    for (const PointFigures& f : figures) largest = std::max(largest, f.step_ns.value);
    const TimeUnit unit = TimeUnit::fitting(static_cast<int64_t>(std::min(largest, 9e18)));
    for (const std::string& column :
         {fmt::format("step, {}", unit.name), std::string("95 %"), fmt::format("exposed, {}", unit.name),
          std::string("overlap, %"), std::string("collectives"), std::string("peak, MiB"), std::string("runs")})
        head.push_back(column);
    head.emplace_back("");
    table.alignLeft(head.size() - 1);
    table.add(head);
    table.addRule();
    const auto time = [&](double ns) { return unit.text(static_cast<int64_t>(std::llround(ns))); };
    for (size_t p = 0; p < sweep.points.size(); ++p) {
        const PointFigures& f = figures[p];
        std::vector<std::string> row;
        for (const std::string& value : sweep.points[p].values) row.push_back(valueLabel(value));
        if (f.runs == 0) {
            row.insert(row.end(), {"-", "", "-", "-", "-", "-", "0", f.error.empty() ? "" : "failed"});
        } else {
            row.insert(row.end(),
                       {time(f.step_ns.value), f.step_ns.has_interval ? "± " + time(f.step_ns.halfWidth()) : "",
                        time(f.exposed_comm_ns.value), fmt::format("{:.1f}", f.overlap_percent),
                        fmt::format("{:.0f}", f.collectives), mebibytes(f.peak_bytes), std::to_string(f.runs),
                        remarkOf(sweep, verdict, p)});
        }
        table.add(std::move(row));
    }
    text += table.text("") + "\n";
    if (verdict.recommended >= 0) text += pointLabel(sweep, static_cast<size_t>(verdict.recommended)) + ":\n";
    for (const std::string& sentence : verdictSentences(sweep, figures, verdict)) text += "  " + sentence + "\n";
    for (size_t p = 0; p < sweep.points.size(); ++p)
        if (!figures[p].error.empty() && sweep.points[p].same_plan_as < 0)
            text += "failed: " + pointLabel(sweep, p) + ": " + printable(figures[p].error) + "\n";
    return text;
}

} // namespace shardscope
