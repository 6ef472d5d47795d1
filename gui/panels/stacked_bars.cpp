// SPDX-License-Identifier: Apache-2.0
#include "gui/panels/stacked_bars.h"
#include "gui/style.h"
#include <QHelpEvent>
#include <QMouseEvent>
#include <QPainter>
#include <QPainterPath>
#include <QToolTip>
#include <algorithm>

namespace shardscope::gui {
namespace {

constexpr int places = 4; // the height is shared among so many rows, however few there are
constexpr int legend_line = 18, legend_gap = 14, swatch = 9;

double sumOf(const BarRow& row) {
    double sum = 0;
    for (const BarSegment& segment : row.segments) sum += segment.value;
    return sum;
}

} // namespace

StackedBars::StackedBars(QWidget* parent)
    : QWidget(parent)
    , m_theme(&darkTheme()) {
    setFont(uiFont(metrics::font_small));
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Expanding);
}

void StackedBars::setRows(std::vector<BarRow> rows, std::vector<LegendItem> legend) {
    m_rows = std::move(rows);
    m_legend = std::move(legend);
    const bool clickable = std::any_of(m_rows.begin(), m_rows.end(), [](const BarRow& row) { return row.id != 0; });
    setCursor(clickable ? Qt::PointingHandCursor : Qt::ArrowCursor);
    update();
}

void StackedBars::setScale(double maximum, bool track) {
    m_maximum = maximum;
    m_track = track;
    update();
}

void StackedBars::setLimit(double value, const QString& name) {
    m_limit = value;
    m_limit_name = name;
    update();
}

void StackedBars::setTheme(const Theme& theme) {
    m_theme = &theme;
    update();
}

void StackedBars::setFixedPitch(int pixels) {
    m_fixed_pitch = pixels;
    update();
}

int StackedBars::naturalPitch() const {
    const auto items = legendRects({});
    const int legend_height = items.empty() ? 0 : items.back().bottom() + 8;
    return std::clamp((height() - legend_height) / places, 16, 30);
}

QSize StackedBars::sizeHint() const { return {240, places * 30 + 2 * legend_line}; }

StackedBars::Geometry StackedBars::geometryNow() const {
    const QFontMetrics metric(font());
    Geometry g{};
    for (const BarRow& row : m_rows) {
        g.label_width = std::max(g.label_width, metric.horizontalAdvance(row.label) + 12);
        g.total_width = std::max(g.total_width, metric.horizontalAdvance(row.total) + 10);
    }
    double largest = m_maximum;
    if (largest <= 0)
        for (const BarRow& row : m_rows) largest = std::max(largest, sumOf(row));
    const double room = std::max(10, width() - g.label_width - g.total_width);
    g.pixels_per_unit = largest > 0 ? room / largest : 0;
    g.pitch = m_fixed_pitch > 0 ? m_fixed_pitch : naturalPitch();
    g.bar_height = m_track ? 8 : std::clamp(g.pitch * 6 / 10, 10, 17);
    g.legend_top = g.pitch * static_cast<int>(m_rows.size()) + 6;
    return g;
}

QRectF StackedBars::barRect(const Geometry& g, size_t row) const {
    const double top = static_cast<double>(row) * g.pitch + (g.pitch - g.bar_height) / 2.0;
    return {static_cast<double>(g.label_width), top, std::max(0.0, sumOf(m_rows[row]) * g.pixels_per_unit),
            static_cast<double>(g.bar_height)};
}

std::vector<QRect> StackedBars::legendRects(const Geometry& g) const {
    const QFontMetrics metric(font());
    std::vector<QRect> rects;
    int x = 0, y = g.legend_top;
    for (const LegendItem& item : m_legend) {
        const int wide = swatch + 6 + metric.horizontalAdvance(item.name);
        if (x > 0 && x + wide > width()) {
            x = 0;
            y += legend_line;
        }
        rects.emplace_back(x, y, wide, legend_line);
        x += wide + legend_gap;
    }
    return rects;
}

void StackedBars::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    const Geometry g = geometryNow();
    for (size_t i = 0; i < m_rows.size(); ++i) {
        const BarRow& row = m_rows[i];
        const QRectF bar = barRect(g, i);
        const int line_top = static_cast<int>(i) * g.pitch;
        QFont label_font = font();
        label_font.setWeight(row.active ? QFont::DemiBold : QFont::Normal);
        painter.setFont(label_font);
        painter.setPen(toColour(row.active ? m_theme->accent : m_theme->text));
        painter.drawText(QRect(0, line_top, g.label_width, g.pitch), Qt::AlignVCenter | Qt::AlignLeft, row.label);
        painter.setPen(Qt::NoPen);
        if (m_track) {
            painter.setBrush(toColour(m_theme->grid));
            painter.drawRoundedRect(QRectF(bar.left(), bar.top(), m_maximum * g.pixels_per_unit, bar.height()), 3, 3);
        }
        double x = bar.left();
        for (const BarSegment& segment : row.segments) {
            const double wide = segment.value * g.pixels_per_unit;
            if (wide > 0.3) { // a hair of background between neighbours keeps them apart without lines
                painter.setBrush(toColour(segment.colour));
                const double gap = wide > 3 ? 1 : 0;
                painter.drawRoundedRect(QRectF(x, bar.top(), wide - gap, bar.height()), wide > 6 ? 2 : 0,
                                        wide > 6 ? 2 : 0);
            }
            x += wide;
        }
        painter.setFont(font());
        const bool over = m_limit > 0 && sumOf(row) > m_limit;
        painter.setPen(toColour(over ? m_theme->bad : m_theme->dim));
        const int total_left =
            static_cast<int>((m_track ? g.label_width + m_maximum * g.pixels_per_unit : bar.right()) + 7);
        painter.drawText(QRect(total_left, line_top, g.total_width + 20, g.pitch), Qt::AlignVCenter | Qt::AlignLeft,
                         row.total);
    }
    const double limit_x = g.label_width + m_limit * g.pixels_per_unit;
    if (m_limit > 0 && !m_rows.empty() && limit_x < width() - 4) {
        painter.setPen(QPen(toColour(m_theme->text), 1, Qt::DashLine));
        painter.drawLine(QPointF(limit_x, 0), QPointF(limit_x, g.pitch * static_cast<double>(m_rows.size())));
    }
    const auto rects = legendRects(g);
    for (size_t i = 0; i < m_legend.size(); ++i) {
        painter.setPen(Qt::NoPen);
        painter.setBrush(toColour(m_legend[i].colour));
        painter.drawRoundedRect(QRectF(rects[i].left(), rects[i].top() + (legend_line - swatch) / 2.0, swatch, swatch),
                                2, 2);
        painter.setPen(toColour(m_theme->dim));
        painter.drawText(rects[i].adjusted(swatch + 6, 0, 4, 0), Qt::AlignVCenter | Qt::AlignLeft, m_legend[i].name);
    }
}

int StackedBars::rowAt(QPoint at) const {
    const int row = at.y() / std::max(1, geometryNow().pitch);
    return row >= 0 && row < static_cast<int>(m_rows.size()) ? row : -1;
}

int StackedBars::segmentAt(int row, QPoint at) const {
    const Geometry g = geometryNow();
    double x = g.label_width;
    const auto& segments = m_rows[static_cast<size_t>(row)].segments;
    for (size_t i = 0; i < segments.size(); ++i) {
        const double wide = segments[i].value * g.pixels_per_unit;
        if (wide > 0 && at.x() >= x && at.x() < x + std::max(wide, 2.0)) return static_cast<int>(i);
        x += wide;
    }
    return -1;
}

void StackedBars::mousePressEvent(QMouseEvent* event) {
    const auto legend = legendRects(geometryNow());
    for (size_t i = 0; i < legend.size(); ++i)
        if (legend[i].contains(event->pos())) return emit legendClicked(static_cast<int>(i));
    if (const int row = rowAt(event->pos()); row >= 0)
        emit rowClicked(m_rows[static_cast<size_t>(row)].id, segmentAt(row, event->pos()));
}

bool StackedBars::event(QEvent* event) {
    if (event->type() != QEvent::ToolTip) return QWidget::event(event);
    const auto* help = static_cast<QHelpEvent*>(event);
    QString tip;
    if (const int row = rowAt(help->pos()); row >= 0)
        if (const int segment = segmentAt(row, help->pos()); segment >= 0)
            tip = m_rows[static_cast<size_t>(row)].segments[static_cast<size_t>(segment)].tooltip;
    if (tip.isEmpty() && m_limit > 0 && !m_limit_name.isEmpty()) tip = m_limit_name;
    QToolTip::showText(help->globalPos(), tip, this);
    return true;
}

} // namespace shardscope::gui
