// SPDX-License-Identifier: Apache-2.0
#include "gui/panels/stacked_bars.h"
#include "gui/style.h"
#include <QHelpEvent>
#include <QKeyEvent>
#include <QMouseEvent>
#include <QPainter>
#include <QToolTip>
#include <algorithm>

namespace shardscope::gui {

StackedBars::StackedBars(QWidget* parent)
    : QWidget(parent)
    , m_theme(&darkTheme()) {
    setFont(uiFont(metrics::font_small));
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Expanding);
}

void StackedBars::chartChanged() {
    const bool clickable =
        std::any_of(m_chart.rows.begin(), m_chart.rows.end(), [](const BarRow& row) { return row.id != 0; });
    setCursor(clickable ? Qt::PointingHandCursor : Qt::ArrowCursor);
    setFocusPolicy(clickable ? Qt::TabFocus : Qt::NoFocus);
    QString spoken;
    for (const BarRow& row : m_chart.rows) spoken += row.label + ": " + row.total + "; ";
    setAccessibleDescription(spoken);
    update();
}

void StackedBars::setChart(BarChart chart) {
    const int pitch = m_chart.fixed_pitch;
    m_chart = std::move(chart);
    if (m_chart.fixed_pitch == 0) m_chart.fixed_pitch = pitch;
    chartChanged();
}

void StackedBars::setRows(std::vector<BarRow> rows, std::vector<LegendItem> legend) {
    m_chart.rows = std::move(rows);
    m_chart.legend = std::move(legend);
    chartChanged();
}

void StackedBars::setScale(double maximum, bool track) {
    m_chart.maximum = maximum;
    m_chart.track = track;
    update();
}

void StackedBars::setLimit(double value, const QString& name) {
    m_chart.limit = value;
    m_chart.limit_name = name;
    update();
}

void StackedBars::setTheme(const Theme& theme) {
    m_theme = &theme;
    update();
}

void StackedBars::setFixedPitch(int pixels) {
    m_chart.fixed_pitch = pixels;
    update();
}

int StackedBars::naturalPitch() const { return gui::naturalPitch(m_chart, size(), font()); }

int StackedBars::heightFor(int width) const {
    const BarGeometry g = barGeometry(m_chart, {width, height()}, font());
    const auto legend = legendRects(m_chart, g, width, font());
    return (legend.empty() ? g.legend_top : legend.back().bottom()) + 6;
}

QSize StackedBars::sizeHint() const { return {240, 4 * 30 + 36}; }

BarGeometry StackedBars::geometryNow() const { return barGeometry(m_chart, size(), font()); }

QPoint StackedBars::segmentCentre(size_t row, size_t segment) const {
    const BarGeometry g = geometryNow();
    const QRectF bar = barRect(m_chart, g, row);
    double x = bar.left();
    for (size_t i = 0; i < segment; ++i) x += m_chart.rows[row].segments[i].value * g.pixels_per_unit;
    x += m_chart.rows[row].segments[segment].value * g.pixels_per_unit / 2;
    return {static_cast<int>(x), static_cast<int>(bar.center().y())};
}

void StackedBars::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    paintBarChart(painter, m_chart, size(), font(), *m_theme);
    if (!hasFocus() || m_row >= static_cast<int>(m_chart.rows.size())) return;
    const BarGeometry g = geometryNow();
    const QRectF bar = barRect(m_chart, g, static_cast<size_t>(m_row));
    double x = bar.left(), wide = 0;
    const auto& segments = m_chart.rows[static_cast<size_t>(m_row)].segments;
    for (int i = 0; i <= m_segment && i < static_cast<int>(segments.size()); ++i) {
        x += wide;
        wide = segments[static_cast<size_t>(i)].value * g.pixels_per_unit;
    }
    painter.setPen(QPen(toColour(m_theme->text), 1.5));
    painter.setBrush(Qt::NoBrush);
    painter.drawRoundedRect(QRectF(x - 1.5, bar.top() - 2.5, std::max(wide, 2.0) + 2, bar.height() + 5), 3, 3);
}

void StackedBars::moveTo(int row, int segment) {
    m_row = std::clamp(row, 0, std::max(0, static_cast<int>(m_chart.rows.size()) - 1));
    const int last =
        m_chart.rows.empty() ? 0 : static_cast<int>(m_chart.rows[static_cast<size_t>(m_row)].segments.size()) - 1;
    m_segment = std::clamp(segment, 0, std::max(0, last));
    update();
}

void StackedBars::keyPressEvent(QKeyEvent* event) {
    switch (event->key()) {
    case Qt::Key_Up:
        return moveTo(m_row - 1, m_segment);
    case Qt::Key_Down:
        return moveTo(m_row + 1, m_segment);
    case Qt::Key_Left:
        return moveTo(m_row, m_segment - 1);
    case Qt::Key_Right:
        return moveTo(m_row, m_segment + 1);
    case Qt::Key_Return:
    case Qt::Key_Enter:
    case Qt::Key_Space:
        if (m_row < static_cast<int>(m_chart.rows.size()))
            emit rowClicked(m_chart.rows[static_cast<size_t>(m_row)].id, m_segment);
        return;
    default:
        QWidget::keyPressEvent(event);
    }
}

void StackedBars::focusInEvent(QFocusEvent* event) {
    QWidget::focusInEvent(event);
    update();
}

void StackedBars::focusOutEvent(QFocusEvent* event) {
    QWidget::focusOutEvent(event);
    update();
}

void StackedBars::mousePressEvent(QMouseEvent* event) {
    const BarGeometry g = geometryNow();
    const auto legend = legendRects(m_chart, g, width(), font());
    for (size_t i = 0; i < legend.size(); ++i)
        if (legend[i].contains(event->pos())) return emit legendClicked(static_cast<int>(i));
    if (const int row = rowAt(m_chart, g, event->pos()); row >= 0)
        emit rowClicked(m_chart.rows[static_cast<size_t>(row)].id, segmentAt(m_chart, g, row, event->pos()));
}

bool StackedBars::event(QEvent* event) {
    if (event->type() != QEvent::ToolTip) return QWidget::event(event);
    const auto* help = static_cast<QHelpEvent*>(event);
    const BarGeometry g = geometryNow();
    QString tip;
    if (const int row = rowAt(m_chart, g, help->pos()); row >= 0) {
        const BarRow& shown = m_chart.rows[static_cast<size_t>(row)];
        const int segment = segmentAt(m_chart, g, row, help->pos());
        tip = segment >= 0 ? shown.segments[static_cast<size_t>(segment)].tooltip : shown.tooltip;
    }
    if (tip.isEmpty() && m_chart.limit > 0) tip = m_chart.limit_name;
    QToolTip::showText(help->globalPos(), tip, this);
    return true;
}

} // namespace shardscope::gui
