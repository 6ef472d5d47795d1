// SPDX-License-Identifier: Apache-2.0
// One stacked bar per row, all on one scale, with the total behind each and a legend below. Painted directly: a few
// dozen rectangles need no chart.
#pragma once
#include "gui/canvas/theme.h"
#include <QString>
#include <QWidget>
#include <vector>

namespace shardscope::gui {

struct BarSegment {
    double value = 0;
    Rgb colour = 0;
    QString tooltip; // "exposed communication: 4.1 ms"
};

struct BarRow {
    int id = 0;
    QString label;
    std::vector<BarSegment> segments;
    QString total;
    bool active = false;
};

struct LegendItem {
    QString name;
    Rgb colour = 0;
    bool operator==(const LegendItem&) const = default;
};

class StackedBars : public QWidget {
    Q_OBJECT
public:
    explicit StackedBars(QWidget* parent = nullptr);
    void setRows(std::vector<BarRow>, std::vector<LegendItem>);
    // The end of the scale; 0: the largest row. With a track, the unused part of the scale is drawn too.
    void setScale(double maximum, bool track = false);
    // A line across all rows: what a bar must not reach. Drawn where it is near enough to matter; 0: none.
    void setLimit(double value, const QString& name);
    void setTheme(const Theme&);
    void setFixedPitch(int pixels); // of the rows; 0: as many pixels as the height allows
    int naturalPitch() const;
    const std::vector<BarRow>& rows() const { return m_rows; }
    QSize sizeHint() const override;
    QSize minimumSizeHint() const override { return {120, 90}; }

signals:
    void rowClicked(int id, int segment); // segment -1: label, total or empty part
    void legendClicked(int item);

protected:
    void paintEvent(QPaintEvent*) override;
    void mousePressEvent(QMouseEvent*) override;
    bool event(QEvent*) override; // tooltips

private:
    struct Geometry {
        int label_width, total_width, pitch, bar_height, legend_top;
        double pixels_per_unit;
    };
    Geometry geometryNow() const;
    QRectF barRect(const Geometry&, size_t row) const;
    std::vector<QRect> legendRects(const Geometry&) const;
    int rowAt(QPoint) const;
    int segmentAt(int row, QPoint) const;

    std::vector<BarRow> m_rows;
    std::vector<LegendItem> m_legend;
    double m_maximum = 0;
    bool m_track = false;
    double m_limit = 0;
    QString m_limit_name;
    int m_fixed_pitch = 0;
    const Theme* m_theme;
};

} // namespace shardscope::gui
