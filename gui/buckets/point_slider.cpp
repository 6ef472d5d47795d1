// SPDX-License-Identifier: Apache-2.0
#include "gui/buckets/point_slider.h"
#include "gui/style.h"
#include <QKeyEvent>
#include <QMouseEvent>
#include <QPainter>
#include <algorithm>
#include <cmath>

namespace shardscope::gui {

PointSlider::PointSlider(QWidget* parent)
    : QWidget(parent)
    , m_theme(&darkTheme()) {
    setFocusPolicy(Qt::StrongFocus);
    setFixedHeight(26);
    setAccessibleName("Measured points");
    setToolTip("Drag over the measured points, or use the arrow keys");
}

void PointSlider::setStops(std::vector<Stop> stops) {
    m_stops = std::move(stops);
    update();
}

void PointSlider::setCurrent(int32_t point) {
    m_current = point;
    if (const int at = indexOfCurrent(); at >= 0) setAccessibleDescription(m_stops[static_cast<size_t>(at)].label);
    update();
}

void PointSlider::setTheme(const Theme& theme) {
    m_theme = &theme;
    update();
}

int PointSlider::indexOfCurrent() const {
    for (size_t i = 0; i < m_stops.size(); ++i)
        if (m_stops[i].point == m_current) return static_cast<int>(i);
    return -1;
}

void PointSlider::chooseNearest(double x) {
    const auto nearest = std::min_element(m_stops.begin(), m_stops.end(), [x](const Stop& a, const Stop& b) {
        return std::abs(a.x - x) < std::abs(b.x - x);
    });
    if (nearest == m_stops.end() || nearest->point == m_current) return;
    setCurrent(nearest->point);
    emit chosen(m_current);
}

void PointSlider::mousePressEvent(QMouseEvent* event) {
    if (event->button() == Qt::LeftButton) chooseNearest(event->position().x());
}

void PointSlider::mouseMoveEvent(QMouseEvent* event) {
    if (event->buttons() & Qt::LeftButton) chooseNearest(event->position().x());
}

void PointSlider::keyPressEvent(QKeyEvent* event) {
    const int at = indexOfCurrent(), last = static_cast<int>(m_stops.size()) - 1;
    int wanted = at;
    switch (event->key()) {
    case Qt::Key_Left:
    case Qt::Key_Down:
        wanted = at - 1;
        break;
    case Qt::Key_Right:
    case Qt::Key_Up:
        wanted = at + 1;
        break;
    case Qt::Key_Home:
        wanted = 0;
        break;
    case Qt::Key_End:
        wanted = last;
        break;
    default:
        return QWidget::keyPressEvent(event);
    }
    wanted = std::clamp(wanted, 0, std::max(0, last));
    if (m_stops.empty() || wanted == at) return;
    setCurrent(m_stops[static_cast<size_t>(wanted)].point);
    emit chosen(m_current);
}

void PointSlider::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    if (m_stops.empty()) return;
    const double y = height() / 2.0, x0 = m_stops.front().x, x1 = m_stops.back().x;
    const int at = indexOfCurrent();
    painter.setPen(Qt::NoPen);
    painter.setBrush(toColour(m_theme->line));
    painter.drawRoundedRect(QRectF(x0, y - 2, x1 - x0, 4), 2, 2);
    if (at >= 0) {
        painter.setBrush(toColour(m_theme->accent));
        painter.drawRoundedRect(QRectF(x0, y - 2, m_stops[static_cast<size_t>(at)].x - x0, 4), 2, 2);
    }
    for (const Stop& stop : m_stops) {
        painter.setBrush(toColour(stop.point == m_current ? m_theme->accent : m_theme->dim));
        painter.drawEllipse(QPointF(stop.x, y), 3, 3);
    }
    if (at < 0) return;
    const QPointF knob(m_stops[static_cast<size_t>(at)].x, y);
    painter.setBrush(toColour(m_theme->accent));
    painter.setPen(QPen(Qt::white, 2));
    painter.drawEllipse(knob, 7, 7);
    painter.setBrush(Qt::NoBrush);
    painter.setPen(QPen(toColour(hasFocus() ? m_theme->text : m_theme->accent), hasFocus() ? 2 : 1));
    painter.drawEllipse(knob, 8.5, 8.5);
}

} // namespace shardscope::gui
