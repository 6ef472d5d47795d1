// SPDX-License-Identifier: Apache-2.0
// Step time and exposed communication against the key of a sweep, with 95 % intervals, and peak memory as an area.
// QCustomPlot inside. Only measured points are drawn; lines between them join what belongs together.
#pragma once
#include "gui/buckets/sweep_model.h"
#include "gui/canvas/theme.h"
#include <QPicture>
#include <QWidget>

class QCPAxis;
class QCPAxisRect;
class QCustomPlot;

namespace shardscope::gui {

class SweepChart : public QWidget {
    Q_OBJECT
public:
    explicit SweepChart(QWidget* parent = nullptr);
    void setModel(const SweepModel*);       // not owned; null: nothing
    void setSelected(int32_t point);        // -1: none
    void setInUse(std::optional<double> x); // the value of the active trace
    std::optional<double> inUse() const { return m_in_use; }
    void setTheme(const Theme&);
    QPicture picture(QSize);                // the same chart at another size, for exports
    QPointF positionOf(size_t point) const; // of its step time, in this widget; for the slider and tests
    QCustomPlot& plot() { return *m_plot; }
    QSize minimumSizeHint() const override { return {320, 200}; }

signals:
    void pointChosen(int32_t point); // clicked
    void laidOut();                  // positions have changed

protected:
    bool eventFilter(QObject*, QEvent*) override;

private:
    void fill();
    void addCurve(const ChartCurve&, size_t index);
    void addMarks();
    void scaleAxes();
    int32_t pointAt(QPointF) const;
    QString describe(size_t point) const;

    QCustomPlot* m_plot;
    QCPAxisRect *m_time, *m_exposed;
    QCPAxis *m_x, *m_x_below;
    const SweepModel* m_model = nullptr;
    int32_t m_selected = -1;
    std::optional<double> m_in_use;
    const Theme* m_theme;
    double m_time_unit = 1e6, m_byte_unit = 1;
    int m_filled_height = 0; // of the upper chart when its scale was chosen
};

} // namespace shardscope::gui
