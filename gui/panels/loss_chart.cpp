// SPDX-License-Identifier: Apache-2.0
#include "gui/panels/loss_chart.h"
#include "gui/style.h"
#include <QHelpEvent>
#include <QMouseEvent>
#include <QToolTip>
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
    m_plot->installEventFilter(this);
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

void LossChart::setMark(std::optional<int32_t> step) {
    if (step == m_mark) return;
    m_mark = step;
    fill();
}

std::optional<int32_t> LossChart::stepAt(QPoint at) const {
    if (!m_plot->axisRect()->rect().adjusted(-4, -4, 4, 4).contains(at)) return std::nullopt;
    const double wanted = m_plot->xAxis->pixelToCoord(at.x());
    std::optional<int32_t> nearest;
    for (const Curve& curve : m_curves)
        for (size_t i = 0; i < curve.values.size(); ++i) {
            const auto step = static_cast<int32_t>(curve.stepAt(i));
            if (!nearest || std::abs(step - wanted) < std::abs(*nearest - wanted)) nearest = step;
        }
    return nearest;
}

QPoint LossChart::pointOf(size_t curve, size_t value) const {
    const QPointF at(m_plot->xAxis->coordToPixel(m_curves[curve].stepAt(value)),
                     m_plot->yAxis->coordToPixel(m_curves[curve].values[value]));
    return m_plot->mapTo(this, at.toPoint());
}

QString LossChart::valuesAt(int32_t step) const {
    QString values;
    for (const Curve& curve : m_curves)
        for (size_t i = 0; i < curve.values.size(); ++i)
            if (static_cast<int32_t>(curve.stepAt(i)) == step)
                values += QString("\n%1  %2").arg(curve.name).arg(curve.values[i], 0, 'g', 9);
    return values.isEmpty() ? values : QString("step %1").arg(step) + values;
}

QPicture LossChart::picture(QSize size) const {
    QPicture picture;
    QCPPainter painter(&picture);
    painter.setMode(QCPPainter::pmVectorized);
    m_plot->toPainter(&painter, size.width(), size.height());
    painter.end();
    return picture;
}

bool LossChart::eventFilter(QObject* watched, QEvent* event) {
    if (event->type() == QEvent::MouseButtonPress) {
        const auto* mouse = static_cast<QMouseEvent*>(event);
        if (const auto step = stepAt(mouse->pos()); step && mouse->button() == Qt::LeftButton) emit stepClicked(*step);
    } else if (event->type() == QEvent::ToolTip) {
        const auto* help = static_cast<QHelpEvent*>(event);
        const auto step = stepAt(help->pos());
        QToolTip::showText(help->globalPos(), step ? valuesAt(*step) : QString(), m_plot);
        return true;
    }
    return QWidget::eventFilter(watched, event);
}

void LossChart::fill() {
    m_plot->clearGraphs();
    m_plot->clearItems();
    m_plot->legend->setVisible(m_legend);
    double least = 0, most = 0, first = 0, steps = static_cast<double>(std::max<int64_t>(m_steps, 2) - 1);
    bool any = false;
    constexpr Qt::PenStyle patterns[] = {Qt::SolidLine, Qt::DashLine, Qt::DotLine, Qt::DashDotLine};
    int pattern = 0;
    for (const Curve& curve : m_curves) {
        QVector<double> x, y;
        for (size_t i = 0; i < curve.values.size(); ++i) {
            if (!std::isfinite(curve.values[i])) continue; // a loss may overflow; the curve then has a gap
            x << curve.stepAt(i);
            y << curve.values[i];
            first = any ? std::min(first, curve.stepAt(i)) : curve.stepAt(i);
            least = any ? std::min(least, curve.values[i]) : curve.values[i];
            most = any ? std::max(most, curve.values[i]) : curve.values[i];
            any = true;
        }
        if (!curve.values.empty()) steps = std::max(steps, curve.stepAt(curve.values.size() - 1));
        QCPGraph* graph = m_plot->addGraph();
        graph->setName(curve.name);
        QPen pen(toColour(curve.colour), 1.5); // told apart without colours, and where they lie on each other
        pen.setStyle(patterns[static_cast<size_t>(pattern++) % std::size(patterns)]);
        graph->setPen(pen);
        if (x.size() == 1) graph->setScatterStyle(QCPScatterStyle(QCPScatterStyle::ssDisc, 5));
        graph->setData(x, y, true);
    }
    const double margin = std::max((most - least) * 0.08, std::abs(most) * 1e-3 + 1e-9);
    m_plot->xAxis->setRange(m_steps > 0 ? 0 : first, std::max(steps, first + 1));
    if (m_mark && any) {
        auto* line = new QCPItemStraightLine(m_plot);
        line->point1->setCoords(*m_mark, 0);
        line->point2->setCoords(*m_mark, 1);
        line->setPen(QPen(toColour(m_theme->attention), 1, Qt::DashLine));
    }
    m_plot->yAxis->setRange(any ? least - margin : 0, any ? most + margin : 1);
    m_plot->yAxis->ticker()->setTickCount(m_plot->height() < 120 * uiScale() ? 2 : 4);
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
