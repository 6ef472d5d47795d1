// SPDX-License-Identifier: Apache-2.0
#include "gui/panels/loss_chart.h"
#include "gui/style.h"
#include <QVBoxLayout>
#include <algorithm>
#include <cmath>
#include <qcustomplot.h>

namespace shardscope::gui {
namespace {

class StepTicker : public QCPAxisTicker { // there is no step 2.5
protected:
    double getTickStep(const QCPRange& range) override {
        return std::max(1.0, std::round(QCPAxisTicker::getTickStep(range)));
    }
};

} // namespace

LossChart::LossChart(const QString& y_axis, QWidget* parent)
    : QWidget(parent)
    , m_plot(new QCustomPlot)
    , m_y_axis(y_axis)
    , m_theme(&darkTheme()) {
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(0, 0, 0, 0);
    column->addWidget(m_plot);
    m_plot->setLocale(QLocale(QLocale::English)); // thousands separated, as everywhere
    m_plot->setMinimumSize(100, 60);
    m_plot->axisRect()->setAutoMargins(QCP::msLeft | QCP::msBottom);
    m_plot->axisRect()->setMargins(QMargins(0, 6, 8, 0));
    m_plot->xAxis->setTicker(QSharedPointer<StepTicker>::create());
    m_plot->xAxis->setLabel("step");
    m_plot->yAxis->setLabel(m_y_axis);
    setTheme(*m_theme);
}

void LossChart::setCurves(const std::vector<Curve>& curves, bool legend) {
    m_curves = curves;
    m_legend = legend;
    fill();
}

void LossChart::setSteps(int64_t steps) {
    m_steps = steps;
    fill();
}

void LossChart::fill() {
    m_plot->clearGraphs();
    m_plot->legend->setVisible(m_legend);
    double least = 0, most = 0, steps = static_cast<double>(std::max<int64_t>(m_steps, 2) - 1);
    bool any = false;
    for (const Curve& curve : m_curves) {
        QVector<double> x, y;
        for (size_t i = 0; i < curve.values.size(); ++i) {
            if (!std::isfinite(curve.values[i])) continue; // a loss may overflow; the curve then has a gap
            x << static_cast<double>(i);
            y << curve.values[i];
            least = any ? std::min(least, curve.values[i]) : curve.values[i];
            most = any ? std::max(most, curve.values[i]) : curve.values[i];
            any = true;
        }
        steps = std::max(steps, static_cast<double>(curve.values.size()) - 1);
        QCPGraph* graph = m_plot->addGraph();
        graph->setName(curve.name);
        graph->setPen(QPen(toColour(curve.colour), 1.5));
        if (x.size() == 1) graph->setScatterStyle(QCPScatterStyle(QCPScatterStyle::ssDisc, 5));
        graph->setData(x, y, true);
    }
    const double margin = std::max((most - least) * 0.08, std::abs(most) * 1e-3 + 1e-9);
    m_plot->xAxis->setRange(0, steps);
    m_plot->yAxis->setRange(any ? least - margin : 0, any ? most + margin : 1);
    m_plot->yAxis->setTickLabels(any);
    m_plot->xAxis->setTickLabels(any);
    m_plot->replot(QCustomPlot::rpQueuedReplot);
}

void LossChart::setTheme(const Theme& theme) {
    m_theme = &theme;
    m_plot->setBackground(QBrush(toColour(theme.panel)));
    for (QCPAxis* axis : {m_plot->xAxis, m_plot->yAxis}) {
        axis->setTickLabelFont(uiFont(metrics::font_axis));
        axis->setLabelFont(uiFont(metrics::font_axis));
        axis->setTickLabelColor(toColour(theme.dim));
        axis->setLabelColor(toColour(theme.dim));
        axis->setBasePen(axis == m_plot->xAxis ? QPen(toColour(theme.line)) : QPen(Qt::NoPen));
        axis->setTickPen(Qt::NoPen);
        axis->setSubTickPen(Qt::NoPen);
        axis->setTickLabelPadding(4);
        axis->setLabelPadding(2);
        axis->grid()->setPen(QPen(toColour(theme.grid)));
        axis->grid()->setZeroLinePen(Qt::NoPen);
        axis->ticker()->setTickCount(4);
    }
    m_plot->xAxis->grid()->setVisible(false);
    m_plot->legend->setBrush(QBrush(toColour(theme.panel, 0.85)));
    m_plot->legend->setBorderPen(Qt::NoPen);
    m_plot->legend->setTextColor(toColour(theme.dim));
    m_plot->legend->setFont(uiFont(metrics::font_axis));
    m_plot->legend->setIconSize(14, 8);
    fill();
}

} // namespace shardscope::gui
