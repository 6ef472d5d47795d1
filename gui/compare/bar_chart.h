// SPDX-License-Identifier: Apache-2.0
// One stacked bar per row, all on one scale, with the total behind each, a whisker where the true value may lie, and a
// legend below. Plain data and functions of a painter: the same chart is a widget, a picture and a page.
#pragma once
#include "gui/canvas/theme.h"
#include <QFont>
#include <QRectF>
#include <QString>
#include <optional>
#include <utility>
#include <vector>

class QPainter;

namespace shardscope::gui {

struct BarSegment {
    double value = 0;
    Rgb colour = 0;
    QString tooltip; // "exposed communication: 4.1 ms"
    Pattern pattern = Pattern::none;
};

struct BarRow {
    int id = 0;
    QString label;
    std::vector<BarSegment> segments;
    QString total;
    bool active = false;
    std::optional<std::pair<double, double>> interval = {}; // holds the true value; on the scale of the segments
    QString tooltip = {};                                   // of label and total
    QString note = {};                                      // a line below the bar
    bool note_warns = false;
};

struct LegendItem {
    QString name;
    Rgb colour = 0;
    Pattern pattern = Pattern::none;
    bool operator==(const LegendItem&) const = default;
};

struct BarChart {
    std::vector<BarRow> rows;
    std::vector<LegendItem> legend;
    double maximum = 0;  // the end of the scale; 0: the largest row
    bool track = false;  // the unused part of the scale is drawn too
    int fixed_pitch = 0; // of the rows; 0: as many pixels as the height allows
    double limit = 0;    // what there is, as a dashed line that rows should not pass; 0: none
    QString limit_name;  // "memory of this machine"
};

struct BarGeometry {
    int label_width = 0, total_width = 0, pitch = 0, note_height = 0, bar_height = 0, legend_top = 0;
    double pixels_per_unit = 0;
};
BarGeometry barGeometry(const BarChart&, QSize, const QFont&);
QRectF barRect(const BarChart&, const BarGeometry&, size_t row);
std::vector<QRect> legendRects(const BarChart&, const BarGeometry&, int width, const QFont&);
int naturalPitch(const BarChart&, QSize, const QFont&);
int rowAt(const BarChart&, const BarGeometry&, QPoint);              // -1: none
int segmentAt(const BarChart&, const BarGeometry&, int row, QPoint); // -1: none
void paintBarChart(QPainter&, const BarChart&, QSize, const QFont&, const Theme&);

} // namespace shardscope::gui
