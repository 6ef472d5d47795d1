// SPDX-License-Identifier: Apache-2.0
// Curves over steps: losses of the compared runs, or one figure of a live run. QCustomPlot inside.
#pragma once
#include "gui/canvas/theme.h"
#include <QString>
#include <QWidget>
#include <vector>

class QCustomPlot;

namespace shardscope::gui {

struct Curve {
    QString name;
    Rgb colour = 0;
    std::vector<double> values; // by step, from 0
};

class LossChart : public QWidget {
    Q_OBJECT
public:
    explicit LossChart(const QString& y_axis, QWidget* parent = nullptr);
    void setCurves(const std::vector<Curve>&, bool legend);
    void setSteps(int64_t steps); // reserve the axis for a run of this length; 0: as many as there are
    void setTheme(const Theme&);
    const std::vector<Curve>& curves() const { return m_curves; }
    QSize minimumSizeHint() const override { return {120, 70}; }

private:
    void fill();
    QCustomPlot* m_plot;
    QString m_y_axis;
    std::vector<Curve> m_curves;
    int64_t m_steps = 0;
    bool m_legend = false;
    const Theme* m_theme;
};

} // namespace shardscope::gui
