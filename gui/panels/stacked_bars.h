// SPDX-License-Identifier: Apache-2.0
// The widget of a bar chart: shows it in the window's theme and says which row, segment or legend item was clicked, or
// chosen with the arrow keys and Return.
#pragma once
#include "gui/compare/bar_chart.h"
#include <QWidget>

namespace shardscope::gui {

class StackedBars : public QWidget {
    Q_OBJECT
public:
    explicit StackedBars(QWidget* parent = nullptr);
    void setChart(BarChart);
    void setRows(std::vector<BarRow>, std::vector<LegendItem>);
    // The end of the scale; 0: the largest row. With a track, the unused part of the scale is drawn too.
    void setScale(double maximum, bool track = false);
    // A line across all rows: what a bar must not reach. Drawn where it is near enough to matter; 0: none.
    void setLimit(double value, const QString& name);
    void setTheme(const Theme&);
    void setFixedPitch(int pixels); // of the rows; 0: as many pixels as the height allows
    int naturalPitch() const;
    int heightFor(int width) const; // of rows at the fixed pitch and their legend
    const std::vector<BarRow>& rows() const { return m_chart.rows; }
    QPoint segmentCentre(size_t row, size_t segment) const; // where a click meets it
    QSize sizeHint() const override;
    QSize minimumSizeHint() const override { return {120, 90}; }

signals:
    void rowClicked(int id, int segment); // segment -1: label, total or empty part
    void legendClicked(int item);

protected:
    void paintEvent(QPaintEvent*) override;
    void mousePressEvent(QMouseEvent*) override;
    void keyPressEvent(QKeyEvent*) override;
    void focusInEvent(QFocusEvent*) override;
    void focusOutEvent(QFocusEvent*) override;
    bool event(QEvent*) override; // tooltips

private:
    void chartChanged();
    BarGeometry geometryNow() const;
    void moveTo(int row, int segment); // the cell that the keyboard is at
    BarChart m_chart;
    int m_row = 0, m_segment = 0;
    const Theme* m_theme;
};

} // namespace shardscope::gui
