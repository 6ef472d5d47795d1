// SPDX-License-Identifier: Apache-2.0
#include "gui/compare/bar_chart.h"
#include "gui/style.h"
#include <QFontMetrics>
#include <QPainter>
#include <algorithm>

namespace shardscope::gui {
namespace {

constexpr int places = 4; // the height is shared among so many rows, however few there are
constexpr int legend_line = 16, legend_gap = 11, swatch = 9;

QFont legendFont(QFont font) {
    font.setPixelSize(static_cast<int>(metrics::font_axis));
    return font;
}

double sumOf(const BarRow& row) {
    double sum = 0;
    for (const BarSegment& segment : row.segments) sum += segment.value;
    return sum;
}

double reachOf(const BarRow& row) { return std::max(sumOf(row), row.interval ? row.interval->second : 0); }

void paintWhisker(QPainter& painter, const BarGeometry& g, const QRectF& bar, const BarRow& row, const Theme& theme) {
    if (!row.interval) return;
    const double low = bar.left() + row.interval->first * g.pixels_per_unit;
    const double high = bar.left() + row.interval->second * g.pixels_per_unit;
    const double middle = bar.center().y(), half = std::min(4.0, bar.height() / 2);
    // Twofold, so that it is seen on the bar and beside it.
    for (const auto& [colour, width] : {std::pair{theme.panel, 3.0}, {theme.text, 1.2}}) {
        painter.setPen(QPen(toColour(colour), width));
        painter.drawLine(QPointF(low, middle), QPointF(high, middle));
        painter.drawLine(QPointF(low, middle - half), QPointF(low, middle + half));
        painter.drawLine(QPointF(high, middle - half), QPointF(high, middle + half));
    }
    painter.setPen(Qt::NoPen);
}

} // namespace

int naturalPitch(const BarChart& chart, QSize size, const QFont& font) {
    const auto items = legendRects(chart, {}, size.width(), font);
    const int legend_height = items.empty() ? 0 : items.back().bottom() + 8;
    return std::clamp((size.height() - legend_height) / places, 16, 30);
}

BarGeometry barGeometry(const BarChart& chart, QSize size, const QFont& font) {
    const QFontMetrics metric(font);
    BarGeometry g;
    double largest = chart.maximum;
    for (const BarRow& row : chart.rows) {
        g.label_width = std::max(g.label_width, metric.horizontalAdvance(row.label) + 12);
        g.total_width = std::max(g.total_width, metric.horizontalAdvance(row.total) + 10);
        if (chart.maximum <= 0) largest = std::max(largest, reachOf(row));
    }
    const double room = std::max(10, size.width() - g.label_width - g.total_width);
    g.pixels_per_unit = largest > 0 ? room / largest : 0;
    g.pitch = chart.fixed_pitch > 0 ? chart.fixed_pitch : naturalPitch(chart, size, font);
    g.bar_height = chart.track ? 8 : std::clamp(g.pitch * 6 / 10, 9, 17);
    g.legend_top = g.pitch * static_cast<int>(chart.rows.size()) + 4;
    return g;
}

QRectF barRect(const BarChart& chart, const BarGeometry& g, size_t row) {
    const double top = static_cast<double>(row) * g.pitch + (g.pitch - g.bar_height) / 2.0;
    return {static_cast<double>(g.label_width), top, std::max(0.0, sumOf(chart.rows[row]) * g.pixels_per_unit),
            static_cast<double>(g.bar_height)};
}

std::vector<QRect> legendRects(const BarChart& chart, const BarGeometry& g, int width, const QFont& font) {
    const QFontMetrics metric(legendFont(font));
    std::vector<QRect> rects;
    int x = 0, y = g.legend_top;
    for (const LegendItem& item : chart.legend) {
        const int wide = swatch + 5 + metric.horizontalAdvance(item.name);
        if (x > 0 && x + wide > width) {
            x = 0;
            y += legend_line;
        }
        rects.emplace_back(x, y, wide, legend_line);
        x += wide + legend_gap;
    }
    return rects;
}

int rowAt(const BarChart& chart, const BarGeometry& g, QPoint at) {
    const int row = at.y() < 0 ? -1 : at.y() / std::max(1, g.pitch);
    return row >= 0 && row < static_cast<int>(chart.rows.size()) ? row : -1;
}

int segmentAt(const BarChart& chart, const BarGeometry& g, int row, QPoint at) {
    double x = g.label_width;
    const auto& segments = chart.rows[static_cast<size_t>(row)].segments;
    for (size_t i = 0; i < segments.size(); ++i) {
        const double wide = segments[i].value * g.pixels_per_unit;
        if (wide > 0 && at.x() >= x && at.x() < x + std::max(wide, 2.0)) return static_cast<int>(i);
        x += wide;
    }
    return -1;
}

void paintBarChart(QPainter& painter, const BarChart& chart, QSize size, const QFont& font, const Theme& theme) {
    painter.setRenderHint(QPainter::Antialiasing);
    const BarGeometry g = barGeometry(chart, size, font);
    for (size_t i = 0; i < chart.rows.size(); ++i) {
        const BarRow& row = chart.rows[i];
        const QRectF bar = barRect(chart, g, i);
        const int line_top = static_cast<int>(i) * g.pitch;
        QFont label_font = font;
        label_font.setWeight(row.active ? QFont::DemiBold : QFont::Normal);
        painter.setFont(label_font);
        painter.setPen(toColour(row.active ? theme.accent : theme.text));
        painter.drawText(QRect(0, line_top, g.label_width, g.pitch), Qt::AlignVCenter | Qt::AlignLeft, row.label);
        painter.setPen(Qt::NoPen);
        if (chart.track) {
            painter.setBrush(toColour(theme.grid));
            painter.drawRoundedRect(QRectF(bar.left(), bar.top(), chart.maximum * g.pixels_per_unit, bar.height()), 3,
                                    3);
        }
        double x = bar.left();
        for (const BarSegment& segment : row.segments) {
            const double wide = segment.value * g.pixels_per_unit;
            if (wide > 0.3) { // a hair of background between neighbours keeps them apart without lines
                painter.setBrush(toColour(segment.colour));
                const double gap = wide > 3 ? 1 : 0, radius = wide > 6 ? 2 : 0;
                painter.drawRoundedRect(QRectF(x, bar.top(), wide - gap, bar.height()), radius, radius);
            }
            x += wide;
        }
        paintWhisker(painter, g, bar, row, theme);
        painter.setFont(font);
        painter.setPen(toColour(theme.dim));
        const double end = chart.track ? g.label_width + chart.maximum * g.pixels_per_unit
                                       : bar.left() + reachOf(row) * g.pixels_per_unit;
        painter.drawText(QRect(static_cast<int>(end) + 7, line_top, g.total_width + 20, g.pitch),
                         Qt::AlignVCenter | Qt::AlignLeft, row.total);
    }
    const auto rects = legendRects(chart, g, size.width(), font);
    painter.setFont(legendFont(font));
    for (size_t i = 0; i < chart.legend.size(); ++i) {
        painter.setPen(Qt::NoPen);
        painter.setBrush(toColour(chart.legend[i].colour));
        painter.drawRoundedRect(QRectF(rects[i].left(), rects[i].top() + (legend_line - swatch) / 2.0, swatch, swatch),
                                2, 2);
        painter.setPen(toColour(theme.dim));
        painter.drawText(rects[i].adjusted(swatch + 5, 0, 4, 0), Qt::AlignVCenter | Qt::AlignLeft,
                         chart.legend[i].name);
    }
}

} // namespace shardscope::gui
