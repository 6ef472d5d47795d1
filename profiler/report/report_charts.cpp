// SPDX-License-Identifier: Apache-2.0
#include "profiler/report/report_charts.h"
#include "profiler/analysis/text_table.h"
#include "profiler/report/html_text.h"
#include <algorithm>
#include <cmath>
#include <fmt/format.h>

namespace shardscope {

namespace {

constexpr double width = 1000, label_width = 40, total_width = 170;

std::string opening(double height, const std::string& description) {
    return fmt::format("<svg class=\"chart\" viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{}\">\n", width, height,
                       escapedHtml(description));
}

std::string rectangle(double x, double y, double wide, double high, const std::string& css_class,
                      const std::string& title, double radius = 2) {
    const std::string shape = fmt::format("<rect class=\"{}\" x=\"{:.2f}\" y=\"{:.2f}\" width=\"{:.2f}\" "
                                          "height=\"{:.2f}\" rx=\"{:.1f}\"",
                                          css_class, x, y, wide, high, wide < 3 * radius ? 0 : radius);
    return title.empty() ? shape + "/>\n" : shape + "><title>" + escapedHtml(title) + "</title></rect>\n";
}

std::string label(double x, double y, const std::string& css_class, const std::string& text) {
    return fmt::format("<text class=\"{}\" x=\"{:.2f}\" y=\"{:.2f}\">{}</text>\n", css_class, x, y, escapedHtml(text));
}

std::string line(double x0, double y0, double x1, double y1, const std::string& css_class) {
    return fmt::format("<line class=\"{}\" x1=\"{:.2f}\" y1=\"{:.2f}\" x2=\"{:.2f}\" y2=\"{:.2f}\"/>\n", css_class, x0,
                       y0, x1, y1);
}

double sumOf(const ChartBar& bar) {
    double sum = 0;
    for (const ChartPart& part : bar.parts) sum += part.value;
    return sum;
}

// A round number of steps between the lines of an axis, five of them at most.
double roundStep(double range) {
    const double decade = std::pow(10, std::floor(std::log10(std::max(range, 1e-12) / 5)));
    for (const double factor : {1.0, 2.0, 5.0})
        if (range / (decade * factor) <= 5) return decade * factor;
    return decade * 10;
}

} // namespace

std::string operationClass(OpClass op_class, Phase phase) {
    if (op_class == OpClass::all_gather || op_class == OpClass::broadcast) return "gather";
    if (op_class == OpClass::reduce_scatter || op_class == OpClass::all_to_all || op_class == OpClass::send_recv)
        return "scatter";
    if (isCollective(op_class)) return "reduce";
    if (op_class == OpClass::copy || op_class == OpClass::storage) return "copy";
    if (op_class != OpClass::compute || phase == Phase::initialize) return "host";
    return phase == Phase::backward    ? "backward"
           : phase == Phase::recompute ? "recompute"
           : phase == Phase::optimizer ? "optimizer-step"
                                       : "forward";
}

std::string barChart(const std::vector<ChartBar>& bars, double maximum, const std::string& description) {
    constexpr double pitch = 30, high = 17;
    double scale = maximum;
    for (const ChartBar& bar : bars) scale = std::max({scale, sumOf(bar), bar.interval ? bar.interval->second : 0});
    const double room = width - label_width - total_width;
    const auto px = [&](double value) { return scale > 0 ? value / scale * room : 0; };
    std::string out = opening(pitch * static_cast<double>(bars.size()) + 4, description);
    for (size_t i = 0; i < bars.size(); ++i) {
        const ChartBar& bar = bars[i];
        const double y = pitch * static_cast<double>(i) + (pitch - high) / 2, middle = y + high / 2;
        out += label(0, middle + 4.5, "name", bar.label);
        if (maximum > 0) out += rectangle(label_width, y + 5, room, high - 10, "track", {});
        double x = label_width;
        for (const ChartPart& part : bar.parts) {
            const double wide = px(part.value);
            if (wide > 0.2)
                out += rectangle(x, maximum > 0 ? y + 5 : y, wide - (wide > 3 ? 1 : 0), maximum > 0 ? high - 10 : high,
                                 part.css_class, part.title);
            x += wide;
        }
        if (bar.interval) {
            const double low = label_width + px(bar.interval->first), end = label_width + px(bar.interval->second);
            out += line(low, middle, end, middle, "whisker") + line(low, middle - 5, low, middle + 5, "whisker") +
                   line(end, middle - 5, end, middle + 5, "whisker");
            x = std::max(x, end);
        }
        out += label((maximum > 0 ? label_width + room : x) + 10, middle + 4.5, "dim", bar.total);
    }
    return out + "</svg>\n";
}

std::string chartLegend(const std::vector<ChartLegend>& items) {
    std::string out = "<p class=\"legend\">";
    for (const ChartLegend& item : items)
        out += fmt::format("<span><svg viewBox=\"0 0 10 10\" class=\"swatch\" aria-hidden=\"true\"><rect class=\"{}\" "
                           "width=\"10\" height=\"10\" rx=\"2\"/></svg> {}</span> ",
                           item.css_class, escapedHtml(item.name));
    return out + "</p>\n";
}

std::string runsOnCurve(const Comparison& c, size_t run) {
    const auto equal = [&](size_t i) { // to the baseline, and no longer than the curve that is drawn
        return c.common_losses > 0 && c.losses_part[i] < 0 && !c.runs[i].losses.empty();
    };
    size_t drawn = run; // of those that are equal the longest, which holds the others
    for (size_t i = 0; equal(run) && i < c.runs.size(); ++i)
        if (equal(i) && c.runs[i].losses.size() > c.runs[drawn].losses.size()) drawn = i;
    for (size_t i = 0; equal(run) && i < drawn; ++i)
        if (equal(i) && c.runs[i].losses.size() == c.runs[drawn].losses.size()) drawn = i;
    if (drawn != run) return {};
    std::string names = c.runs[run].label + "  " + c.runs[run].title;
    for (size_t i = 0; equal(run) && i < c.runs.size(); ++i)
        if (i != run && equal(i)) names += " = " + c.runs[i].label + "  " + c.runs[i].title;
    return names;
}

std::string lossChart(const Comparison& c) {
    constexpr double height = 240, left = 62, bottom = 30, top = 8, right = 12;
    double least = HUGE_VAL, most = -HUGE_VAL;
    int32_t first = 0, last = 0;
    bool any = false;
    for (const RunFigures& run : c.runs)
        for (size_t i = 0; i < run.losses.size(); ++i) {
            if (!std::isfinite(run.losses[i])) continue;
            least = std::min(least, run.losses[i]);
            most = std::max(most, run.losses[i]);
            first = any ? std::min(first, run.loss_steps[i]) : run.loss_steps[i];
            last = any ? std::max(last, run.loss_steps[i]) : run.loss_steps[i];
            any = true;
        }
    if (!any) return {};
    const double margin = std::max((most - least) * 0.05, std::abs(most) * 1e-3 + 1e-9);
    least -= margin;
    most += margin;
    const double steps = std::max(1, last - first);
    const auto x_of = [&](int32_t step) { return left + (step - first) / steps * (width - left - right); };
    const auto y_of = [&](double loss) { return top + (most - loss) / (most - least) * (height - top - bottom); };
    std::string out = opening(height, "loss over steps: " + c.loss_statement);
    const double tick = roundStep(most - least);
    for (double at = std::ceil(least / tick) * tick; at <= most; at += tick) {
        out += line(left, y_of(at), width - right, y_of(at), "grid");
        out += label(left - 8, y_of(at) + 4, "axis end", fmt::format("{:.6g}", std::abs(at) < tick / 1e6 ? 0 : at));
    }
    const auto step_tick = static_cast<int32_t>(std::max(1.0, roundStep(steps)));
    for (int32_t at = (first + step_tick - 1) / step_tick * step_tick; at <= last; at += step_tick)
        out += label(x_of(at), height - 10, "axis middle", fmt::format("step {}", at));
    for (size_t i = 0; i < c.runs.size(); ++i) {
        const RunFigures& run = c.runs[i];
        std::string points;
        bool pen_down = false;
        for (size_t s = 0; s < run.losses.size(); ++s) {
            if (!std::isfinite(run.losses[s])) { // a loss may overflow; the curve then has a gap
                pen_down = false;
                continue;
            }
            points +=
                fmt::format("{}{:.2f} {:.2f} ", pen_down ? "L" : "M", x_of(run.loss_steps[s]), y_of(run.losses[s]));
            pen_down = true;
        }
        const std::string sharing = runsOnCurve(c, i);
        if (!points.empty() && !sharing.empty())
            out += fmt::format("<path class=\"curve run{}\" d=\"{}\"><title>{}</title></path>\n", i, points,
                               escapedHtml(sharing));
    }
    return out + "</svg>\n";
}

std::string pictureChart(const std::vector<RunFigures>& runs, const std::vector<StepPicture>& pictures) {
    constexpr double lane_pitch = 20, lane_high = 16, head = 22, gap = 8, left = 70, right = 10, axis = 20;
    int64_t longest = 0;
    double height = axis;
    for (const StepPicture& picture : pictures) {
        longest = std::max(longest, picture.duration_ns);
        height += head + lane_pitch * static_cast<double>(picture.lanes.size()) + gap;
    }
    if (longest <= 0) return {};
    const auto x_of = [&](int64_t ns) {
        return left + static_cast<double>(ns) / static_cast<double>(longest) * (width - left - right);
    };
    const TimeUnit unit = TimeUnit::fitting(longest);
    const auto title = [&](const PictureBlock& b) {
        return b.name + (b.count > 1 ? fmt::format(" and {} more", b.count - 1) : "") + ", " +
               unit.text(b.end_ns - b.start_ns) + " " + unit.name;
    };
    std::string out = opening(height, "what the lanes of one rank did in the step of each run");
    const double step = roundStep(static_cast<double>(longest) / unit.ns) * unit.ns;
    for (double at = 0; at <= static_cast<double>(longest); at += step) {
        const double x = x_of(static_cast<int64_t>(at));
        out += line(x, axis - 4, x, height, "grid");
        out += label(x, 12, "axis middle", fmt::format("{:g} {}", at / unit.ns, unit.name));
    }
    double y = axis;
    for (size_t i = 0; i < pictures.size() && i < runs.size(); ++i) {
        const StepPicture& picture = pictures[i];
        out += label(0, y + 15, "name", runs[i].label + "  " + runs[i].title);
        out += label(width - right, y + 15, "axis end",
                     picture.step < 0 ? fmt::format("whole trace, rank {}", picture.rank)
                                      : fmt::format("step {}, rank {}", picture.step, picture.rank));
        y += head;
        for (const PictureLane& lane : picture.lanes) {
            out += label(12, y + 12, "dim", lane.name);
            for (const PictureBlock& block : lane.blocks) {
                const double x0 = x_of(block.start_ns), wide = std::max(x_of(block.end_ns) - x0, 0.6);
                const bool telling = wide > 2; // slivers carry no words of their own
                out += rectangle(x0, y, wide - (wide > 3 ? 0.7 : 0), lane_high,
                                 operationClass(block.op_class, block.phase), telling ? title(block) : std::string());
            }
            y += lane_pitch;
        }
        y += gap;
    }
    return out + "</svg>\n";
}

} // namespace shardscope
