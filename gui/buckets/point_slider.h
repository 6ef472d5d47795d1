// SPDX-License-Identifier: Apache-2.0
// A handle that moves over measured points only: it stands on the one nearest to the mouse and never between two.
#pragma once
#include "gui/canvas/theme.h"
#include <QWidget>
#include <vector>

namespace shardscope::gui {

class PointSlider : public QWidget {
    Q_OBJECT
public:
    struct Stop {
        double x = 0; // in this widget
        int32_t point = 0;
        QString label;
    };
    explicit PointSlider(QWidget* parent = nullptr);
    void setStops(std::vector<Stop>); // by rising x
    void setCurrent(int32_t point);
    int32_t current() const { return m_current; }
    const std::vector<Stop>& stops() const { return m_stops; }
    void setTheme(const Theme&);
    QSize sizeHint() const override { return {200, 26}; }

signals:
    void chosen(int32_t point);

protected:
    void paintEvent(QPaintEvent*) override;
    void mousePressEvent(QMouseEvent*) override;
    void mouseMoveEvent(QMouseEvent*) override;
    void keyPressEvent(QKeyEvent*) override;

private:
    void chooseNearest(double x);
    int indexOfCurrent() const;
    std::vector<Stop> m_stops;
    int32_t m_current = -1;
    const Theme* m_theme;
};

} // namespace shardscope::gui
