// SPDX-License-Identifier: Apache-2.0
#include "cli/training_curves.h"
#include <algorithm>
#include <cairo.h>
#include <cmath>
#include <fmt/core.h>
#include <functional>
#include <memory>

namespace shardscope::cli {
namespace {

constexpr double width = 1600, height = 1000;

struct Colour {
    double red, green, blue;
};
constexpr Colour hex(unsigned rgb) { return {(rgb >> 16) / 255.0, (rgb >> 8 & 255) / 255.0, (rgb & 255) / 255.0}; }
// The light theme. The two curves stand in panels of their own, so nothing is told by colour alone.
constexpr Colour background = hex(0xf3f4f7), panel = hex(0xffffff), line = hex(0xdcdfe5), grid = hex(0xeceef2),
                 text = hex(0x1d2430), dim = hex(0x5c6675), bad = hex(0xc93442), loss_colour = hex(0x1b66dd),
                 speed_colour = hex(0x98600a);

// Round values from at or below `low` to at or above `high`, about `count` of them.
std::vector<double> ticks(double low, double high, int count) {
    const double raw = std::max(high - low, std::abs(high) * 1e-3 + 1e-12) / count;
    const double power = std::pow(10, std::floor(std::log10(raw)));
    const double step = power * (raw / power <= 1 ? 1 : raw / power <= 2 ? 2 : raw / power <= 5 ? 5 : 10);
    std::vector<double> values;
    for (double first = std::floor(low / step), i = first; i * step < high + step && i < first + 100; ++i)
        values.push_back(i * step);
    return values;
}

std::string label(double value) {
    const double magnitude = std::abs(value);
    if (magnitude >= 1e6) return fmt::format("{:g} M", value / 1e6);
    if (magnitude >= 1e4) return fmt::format("{:g} k", value / 1e3);
    return fmt::format("{:.6g}", value);
}

class Chart {
public:
    explicit Chart(cairo_t* canvas)
        : m_canvas(canvas) {}

    void fill(Colour c, double x, double y, double w, double h) {
        colour(c);
        cairo_rectangle(m_canvas, x, y, w, h);
        cairo_fill(m_canvas);
    }
    void write(const std::string& words, double x, double y, double size, Colour c, double align = 0,
               bool strong = false) { // align: 0 from x on, 1 up to x
        colour(c);
        cairo_select_font_face(m_canvas, "Inter", CAIRO_FONT_SLANT_NORMAL,
                               strong ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
        cairo_set_font_size(m_canvas, size);
        cairo_text_extents_t extents;
        cairo_text_extents(m_canvas, words.c_str(), &extents);
        cairo_move_to(m_canvas, x - align * extents.x_advance, y);
        cairo_show_text(m_canvas, words.c_str());
    }
    void stroke(Colour c, double thickness, double x0, double y0, double x1, double y1) {
        colour(c);
        cairo_set_line_width(m_canvas, thickness);
        cairo_move_to(m_canvas, x0, y0);
        cairo_line_to(m_canvas, x1, y1);
        cairo_stroke(m_canvas);
    }

    using Value = std::function<double(const StepMetrics&)>;
    // One panel with its axes. Values that are not numbers leave a gap; skipped steps are crossed below the curve.
    void curve(const std::string& name, const std::vector<StepMetrics>& steps, const Value& value, double top,
               double panel_height, Colour c, bool from_zero, bool with_skipped) {
        const double left = 130, right = width - 50, upper = top + 56, lower = top + panel_height - 46;
        fill(panel, 24, top, width - 48, panel_height);
        write(name, 48, top + 36, 22, text, 0, true);
        double low = from_zero ? 0 : INFINITY, high = from_zero ? 0 : -INFINITY;
        for (const StepMetrics& m : steps)
            if (const double v = value(m); std::isfinite(v)) low = std::min(low, v), high = std::max(high, v);
        if (low > high) low = 0, high = 1;
        const std::vector<double> rows = ticks(low, high, 5);
        low = rows.front(), high = rows.back();
        const auto first = static_cast<double>(steps.front().step), last = static_cast<double>(steps.back().step);
        const auto x = [&](double step) {
            return last > first ? left + (step - first) / (last - first) * (right - left) : (left + right) / 2;
        };
        const auto y = [&](double v) { return lower - (v - low) / (high - low) * (lower - upper); };
        for (const double row : rows) {
            stroke(grid, 1, left, y(row), right, y(row));
            write(label(row), left - 12, y(row) + 6, 17, dim, 1);
        }
        for (const double column : ticks(first, last, 8)) {
            if (column < first || column > last || column != std::floor(column)) continue;
            stroke(line, 1, x(column), lower, x(column), lower + 6);
            write(label(column), x(column), lower + 26, 17, dim, 0.5);
        }
        stroke(line, 1, left, lower, right, lower);
        write("step", right, lower + 26, 17, dim, 1);

        colour(c);
        cairo_set_line_width(m_canvas, 2.5);
        cairo_set_line_join(m_canvas, CAIRO_LINE_JOIN_ROUND);
        bool drawing = false;
        for (const StepMetrics& m : steps) {
            const double v = value(m), at = x(static_cast<double>(m.step));
            if (!std::isfinite(v))
                drawing = false;
            else if (std::exchange(drawing, true))
                cairo_line_to(m_canvas, at, y(v));
            else
                cairo_move_to(m_canvas, at, y(v));
        }
        cairo_stroke(m_canvas);
        if (steps.size() <= 60) // single steps can be told apart
            for (const StepMetrics& m : steps)
                if (const double v = value(m); std::isfinite(v)) {
                    cairo_arc(m_canvas, x(static_cast<double>(m.step)), y(v), 4.5, 0, 2 * std::acos(-1.0));
                    cairo_fill(m_canvas);
                }
        if (!with_skipped) return;
        int64_t skipped = 0;
        for (const StepMetrics& m : steps) {
            if (!m.skipped) continue;
            ++skipped;
            const double at = x(static_cast<double>(m.step));
            stroke(bad, 2, at - 5, lower - 13, at + 5, lower - 3);
            stroke(bad, 2, at - 5, lower - 3, at + 5, lower - 13);
        }
        if (skipped > 0)
            write(fmt::format("x  skipped, a gradient overflowed fp16 ({})", skipped), right, top + 36, 17, bad, 1);
    }

private:
    void colour(Colour c) { cairo_set_source_rgb(m_canvas, c.red, c.green, c.blue); }
    cairo_t* m_canvas;
};

cairo_status_t append(void* to, const unsigned char* data, unsigned bytes) {
    static_cast<std::string*>(to)->append(reinterpret_cast<const char*>(data), bytes);
    return CAIRO_STATUS_SUCCESS;
}

} // namespace

Result<std::string> trainingCurvesPng(const std::string& title, const std::vector<StepMetrics>& steps) {
    const std::unique_ptr<cairo_surface_t, decltype(&cairo_surface_destroy)> surface(
        cairo_image_surface_create(CAIRO_FORMAT_RGB24, static_cast<int>(width), static_cast<int>(height)),
        cairo_surface_destroy);
    const std::unique_ptr<cairo_t, decltype(&cairo_destroy)> canvas(cairo_create(surface.get()), cairo_destroy);
    Chart chart(canvas.get());
    chart.fill(background, 0, 0, width, height);
    chart.write(title, 24, 44, 24, text, 0, true);
    if (steps.empty()) {
        chart.write("no step was completed", 24, 90, 20, dim);
    } else {
        chart.curve(
            "loss", steps, [](const StepMetrics& m) { return m.loss; }, 70, 510, loss_colour, false, true);
        chart.curve(
            "tokens per second", steps, [](const StepMetrics& m) { return m.tokens_per_s; }, 600, 376, speed_colour,
            true, false);
    }
    std::string png;
    const cairo_status_t status = cairo_surface_write_to_png_stream(surface.get(), append, &png);
    if (status != CAIRO_STATUS_SUCCESS)
        return Error{std::string("training_curves.png cannot be drawn: ") + cairo_status_to_string(status)};
    return png;
}

} // namespace shardscope::cli
