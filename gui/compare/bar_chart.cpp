// SPDX-License-Identifier: Apache-2.0
#include "gui/compare/bar_chart.h"
#include "gui/style.h"
#include <QFontMetrics>
#include <QPainter>
#include <algorithm>
#include <cmath>

namespace shardscope::gui {
namespace {

constexpr int places = 4; // the height is shared among so many rows, however few there are
constexpr int legend_gap = 11, swatch = 9;

int scaled(int pixels) { return static_cast<int>(std::lround(static_cast<float>(pixels) * uiScale())); }
int legendLine() { return scaled(16); }

QFont legendFont(QFont font) {
    font.setPixelSize(static_cast<int>(std::lround(metrics::font_axis * uiScale())));
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
    return std::clamp((size.height() - legend_height) / places, scaled(16), scaled(30));
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
    if (std::any_of(chart.rows.begin(), chart.rows.end(), [](const BarRow& row) { return !row.note.isEmpty(); }))
        g.note_height = legendLine();
    g.bar_height = chart.track ? scaled(8) : std::clamp((g.pitch - g.note_height) * 6 / 10, scaled(9), scaled(17));
    g.legend_top = g.pitch * static_cast<int>(chart.rows.size()) + 4;
    return g;
}

QRectF barRect(const BarChart& chart, const BarGeometry& g, size_t row) {
    const double top = static_cast<double>(row) * g.pitch + (g.pitch - g.note_height - g.bar_height) / 2.0;
    return {static_cast<double>(g.label_width), top, std::max(0.0, sumOf(chart.rows[row]) * g.pixels_per_unit),
            static_cast<double>(g.bar_height)};
}

std::vector<QRect> legendRects(const BarChart& chart, const BarGeometry& g, int width, const QFont& font) {
    const QFontMetrics metric(legendFont(font));
    const int line = legendLine();
    std::vector<QRect> rects;
    int x = 0, y = g.legend_top;
    for (const LegendItem& item : chart.legend) {
        const int wide = swatch + 5 + metric.horizontalAdvance(item.name);
        if (x > 0 && x + wide > width) {
            x = 0;
            y += line;
        }
        rects.emplace_back(x, y, wide, line);
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
        painter.drawText(QRect(0, line_top, g.label_width, g.pitch - g.note_height), Qt::AlignVCenter | Qt::AlignLeft,
                         row.label);
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
                const QRectF box(x, bar.top(), wide - gap, bar.height());
                painter.drawRoundedRect(box, radius, radius);
                if (segment.pattern != Pattern::none)
                    painter.fillRect(box, patternBrush(segment.pattern, segment.colour));
            }
            x += wide;
        }
        paintWhisker(painter, g, bar, row, theme);
        painter.setFont(font);
        const bool over = chart.limit > 0 && sumOf(row) > chart.limit;
        painter.setPen(toColour(over ? theme.bad : theme.dim));
        const double end = chart.track ? g.label_width + chart.maximum * g.pixels_per_unit
                                       : bar.left() + reachOf(row) * g.pixels_per_unit;
        painter.drawText(QRect(static_cast<int>(end) + 7, line_top, g.total_width + 20, g.pitch - g.note_height),
                         Qt::AlignVCenter | Qt::AlignLeft, row.total);
        if (row.note.isEmpty()) continue;
        painter.setFont(legendFont(font));
        painter.setPen(toColour(row.note_warns ? theme.attention : theme.dim));
        const QRect below(g.label_width, line_top + g.pitch - g.note_height - 2, size.width() - g.label_width,
                          g.note_height);
        painter.drawText(below, Qt::AlignVCenter | Qt::AlignLeft,
                         painter.fontMetrics().elidedText(row.note, Qt::ElideRight, below.width()));
    }
    const double limit_x = g.label_width + chart.limit * g.pixels_per_unit;
    if (chart.limit > 0 && !chart.rows.empty() && limit_x < size.width() - 4) {
        painter.setPen(QPen(toColour(theme.text), 1, Qt::DashLine));
        painter.drawLine(QPointF(limit_x, 0), QPointF(limit_x, g.pitch * static_cast<double>(chart.rows.size())));
    }
    const auto rects = legendRects(chart, g, size.width(), font);
    painter.setFont(legendFont(font));
    for (size_t i = 0; i < chart.legend.size(); ++i) {
        painter.setPen(Qt::NoPen);
        painter.setBrush(toColour(chart.legend[i].colour));
        const QRectF box(rects[i].left(), rects[i].top() + (legendLine() - swatch) / 2.0, swatch, swatch);
        painter.drawRoundedRect(box, 2, 2);
        if (chart.legend[i].pattern != Pattern::none)
            painter.fillRect(box, patternBrush(chart.legend[i].pattern, chart.legend[i].colour));
        painter.setPen(toColour(theme.dim));
        painter.drawText(rects[i].adjusted(swatch + 5, 0, 4, 0), Qt::AlignVCenter | Qt::AlignLeft,
                         chart.legend[i].name);
    }
}

} // namespace shardscope::gui
