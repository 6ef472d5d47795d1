// SPDX-License-Identifier: Apache-2.0
// Curves over steps: losses of the compared runs, or one figure of a live run. QCustomPlot inside.
#pragma once
#include "gui/canvas/theme.h"
#include <QPicture>
#include <QString>
#include <QWidget>
#include <optional>
#include <vector>

class QCustomPlot;

namespace shardscope::gui {

struct Curve {
    QString name;
    Rgb colour = 0;
    std::vector<double> values;
    std::vector<int32_t> steps = {}; // of the values; empty: from 0 on
    double stepAt(size_t i) const { return steps.empty() ? static_cast<double>(i) : steps[i]; }
};

class LossChart : public QWidget {
    Q_OBJECT
public:
    explicit LossChart(const QString& y_axis, QWidget* parent = nullptr);
    void setCurves(const std::vector<Curve>&, bool legend);
    void setSteps(int64_t steps);              // reserve the axis for a run of this length; 0: as many as there are
    void setMark(std::optional<int32_t> step); // a line where something happened
    void setTheme(const Theme&);
    const std::vector<Curve>& curves() const { return m_curves; }
    std::optional<int32_t> stepAt(QPoint) const;      // the step whose point is nearest; none outside the axes
    QPoint pointOf(size_t curve, size_t value) const; // where a click meets it
    QString valuesAt(int32_t step) const;             // of all curves
    QPicture picture(QSize) const;                    // as vectors, for exports
    QSize minimumSizeHint() const override { return {120, 70}; }

signals:
    void stepClicked(int32_t step);

protected:
    bool eventFilter(QObject*, QEvent*) override; // clicks and tooltips of the plot

private:
    void fill();
    QCustomPlot* m_plot;
    QString m_y_axis;
    std::vector<Curve> m_curves;
    int64_t m_steps = 0;
    bool m_legend = false;
    std::optional<int32_t> m_mark;
    const Theme* m_theme;
};

} // namespace shardscope::gui
