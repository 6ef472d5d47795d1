// SPDX-License-Identifier: Apache-2.0
#include "gui/buckets/sweep_chart.h"
#include "gui/canvas/format.h"
#include "gui/style.h"
#include "gui/units.h"
#include <QHelpEvent>
#include <QMouseEvent>
#include <QToolTip>
#include <QVBoxLayout>
#include <algorithm>
#include <cmath>
#include <limits>
#include <qcustomplot.h>

namespace shardscope::gui {
namespace {

constexpr double reach_px = 14;  // of the mouse around a point
constexpr int marks_height = 56; // above the curves, for three rows of labels

class ShortNumbers : public QCPAxisTickerLog { // 1e5, 1e6 ...
protected:
    QString getTickLabel(double tick, const QLocale&, QChar, int) override {
        return text(valueLabel(std::to_string(static_cast<int64_t>(std::llround(tick)))));
    }
};

QString timeText(const Estimate& e) {
    QString shown = text(formatDuration(std::llround(e.value)));
    if (e.has_interval) shown += " ± " + text(formatDuration(std::llround(e.halfWidth())));
    return shown;
}

} // namespace

SweepChart::SweepChart(QWidget* parent)
    : QWidget(parent)
    , m_plot(new QCustomPlot)
    , m_theme(&darkTheme()) {
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(0, 0, 0, 0);
    column->addWidget(m_plot);
    m_plot->setLocale(QLocale(QLocale::English));
    m_plot->setMinimumSize(200, 120);
    m_plot->plotLayout()->clear();
    m_time = new QCPAxisRect(m_plot, true);
    m_exposed = new QCPAxisRect(m_plot, true);
    m_plot->plotLayout()->addElement(0, 0, m_time);
    m_plot->plotLayout()->addElement(1, 0, m_exposed);
    m_plot->plotLayout()->setRowStretchFactor(0, 2.2);
    m_plot->plotLayout()->setRowSpacing(4);
    auto* group = new QCPMarginGroup(m_plot);
    for (QCPAxisRect* rect : {m_time, m_exposed}) {
        rect->setMarginGroup(QCP::msLeft | QCP::msRight, group);
        rect->setMinimumMargins(QMargins(8, 4, 12, 4));
        rect->axis(QCPAxis::atRight)->setVisible(rect == m_time);
        for (QCPAxis* axis : rect->axes()) {
            axis->setLayer("axes");
            axis->grid()->setLayer("grid");
        }
    }
    m_x = m_time->axis(QCPAxis::atBottom);
    m_x_below = m_exposed->axis(QCPAxis::atBottom);
    m_x->setTickLabels(false);
    setFocusPolicy(Qt::NoFocus);
    m_plot->setObjectName("sweepPlot");
    m_plot->setAccessibleName("Step time and exposed communication against the key");
    m_plot->installEventFilter(this);
    connect(m_plot, &QCustomPlot::afterLayout, this, [this] {
        if (m_model && std::abs(m_time->height() - m_filled_height) > 2)
            QMetaObject::invokeMethod(this, &SweepChart::fill, Qt::QueuedConnection); // the labels need other room
        emit laidOut();
    });
    connect(m_plot, &QCustomPlot::mousePress, this, [this](QMouseEvent* event) {
        if (const int32_t point = pointAt(event->position()); point >= 0) emit pointChosen(point);
    });
    setTheme(*m_theme);
}

void SweepChart::setModel(const SweepModel* model) {
    m_model = model;
    fill();
}

void SweepChart::setSelected(int32_t point) {
    if (point == m_selected) return;
    m_selected = point;
    fill();
}

void SweepChart::setInUse(std::optional<double> x) {
    if (x == m_in_use) return;
    m_in_use = x;
    fill();
}

QPointF SweepChart::positionOf(size_t point) const {
    if (!m_model) return {};
    for (const ChartCurve& curve : m_model->curves)
        for (const ChartPoint& p : curve.points)
            if (p.point == point)
                return {m_x->coordToPixel(p.x),
                        m_time->axis(QCPAxis::atLeft)->coordToPixel(p.figures.step_ns.value / m_time_unit)};
    return {};
}

QPicture SweepChart::picture(QSize size) {
    m_plot->setViewport(QRect(QPoint(), size));
    m_plot->replot(); // lays the axes out
    fill();           // for the room that the labels have now
    QPicture picture;
    QCPPainter painter(&picture);
    painter.setMode(QCPPainter::pmVectorized);
    m_plot->toPainter(&painter, size.width(), size.height());
    painter.end();
    return picture;
}

int32_t SweepChart::pointAt(QPointF at) const {
    int32_t nearest = -1;
    double best = reach_px;
    if (!m_model) return nearest;
    for (const ChartCurve& curve : m_model->curves)
        for (const ChartPoint& p : curve.points) {
            const QPointF above = positionOf(p.point) - at;
            const QPointF below =
                QPointF(m_x_below->coordToPixel(p.x),
                        m_exposed->axis(QCPAxis::atLeft)->coordToPixel(p.figures.exposed_comm_ns.value / m_time_unit)) -
                at;
            const double distance = std::min(std::hypot(above.x(), above.y()), std::hypot(below.x(), below.y()));
            if (distance >= best) continue;
            best = distance;
            nearest = static_cast<int32_t>(p.point);
        }
    return nearest;
}

QString SweepChart::describe(size_t point) const {
    const PointFigures& f = m_model->figures[point];
    QString said = text(pointLabel(m_model->sweep, point)) + "\nstep " + timeText(f.step_ns) + ", exposed " +
                   timeText(f.exposed_comm_ns) + "\n" + text(formatPercent(f.overlap_percent)) + " hidden, " +
                   text(formatCount(std::llround(f.collectives))) + " collectives a step, peak " +
                   text(formatBytes(f.peak_bytes)) + QString(", %1 runs").arg(f.runs);
    if (const int32_t twin = m_model->sweep.points[point].same_plan_as; twin >= 0)
        said += "\nsame plan as " + text(pointLabel(m_model->sweep, static_cast<size_t>(twin)));
    return said;
}

bool SweepChart::eventFilter(QObject* watched, QEvent* event) {
    if (watched == m_plot && event->type() == QEvent::ToolTip) {
        const auto* help = static_cast<QHelpEvent*>(event);
        const int32_t point = pointAt(help->pos());
        if (point >= 0)
            QToolTip::showText(help->globalPos(), describe(static_cast<size_t>(point)), m_plot);
        else
            QToolTip::hideText();
        return true;
    }
    if (watched == m_plot && event->type() == QEvent::MouseMove)
        m_plot->setCursor(pointAt(static_cast<QMouseEvent*>(event)->position()) >= 0 ? Qt::PointingHandCursor
                                                                                     : Qt::ArrowCursor);
    return QWidget::eventFilter(watched, event);
}

void SweepChart::fill() {
    m_plot->clearPlottables();
    m_plot->clearItems();
    if (m_model && !m_model->curves.empty()) {
        double largest = 0;
        int64_t bytes = 0;
        for (const PointFigures& f : m_model->figures) {
            largest = std::max({largest, f.step_ns.value, f.exposed_comm_ns.value});
            bytes = std::max(bytes, f.peak_bytes);
        }
        const Unit time = timeUnit(static_cast<int64_t>(largest)), memory = byteUnit(bytes);
        m_time_unit = time.size;
        m_byte_unit = memory.size;
        m_time->axis(QCPAxis::atLeft)->setLabel(QString("step, %1").arg(time.name));
        m_exposed->axis(QCPAxis::atLeft)->setLabel(QString("exposed, %1").arg(time.name));
        m_time->axis(QCPAxis::atRight)->setLabel(QString("peak, %1").arg(memory.name));
        QSharedPointer<QCPAxisTicker> ticker;
        if (m_model->words) {
            auto words = QSharedPointer<QCPAxisTickerText>::create();
            for (size_t i = 0; i < m_model->categories.size(); ++i)
                words->addTick(static_cast<double>(i), text(m_model->categories[i]));
            ticker = words;
        } else if (m_model->logarithmic) {
            ticker = QSharedPointer<ShortNumbers>::create();
        } else {
            ticker = QSharedPointer<QCPAxisTicker>::create();
        }
        for (QCPAxis* axis : {m_x, m_x_below}) {
            axis->setScaleType(m_model->logarithmic ? QCPAxis::stLogarithmic : QCPAxis::stLinear);
            axis->setTicker(ticker);
            axis->setNumberFormat("g"); // 1e5, as it stands in the JSON
        }
        const std::string key = shortKey(m_model->sweep.keys[m_model->key]);
        m_x_below->setLabel(text(key) + (key.ends_with("_size") || key.ends_with("_threshold") ? ", elements" : ""));
        scaleAxes();
        for (size_t i = 0; i < m_model->curves.size(); ++i) addCurve(m_model->curves[i], i);
        addMarks();
    }
    m_plot->replot(QCustomPlot::rpQueuedReplot);
}

void SweepChart::scaleAxes() {
    double x0 = std::numeric_limits<double>::max(), x1 = 0, low = x0, high = 0, exposed = 0;
    int64_t bytes = 0;
    for (const ChartCurve& curve : m_model->curves)
        for (const ChartPoint& p : curve.points) {
            x0 = std::min(x0, p.x);
            x1 = std::max(x1, p.x);
            low = std::min(low, p.figures.step_ns.low);
            high = std::max(high, std::max(p.figures.step_ns.high, p.figures.step_ns.value));
            exposed = std::max(exposed, p.figures.exposed_comm_ns.high);
            bytes = std::max(bytes, p.figures.peak_bytes);
        }
    // An interval of two runs can be wider than everything else; it is cut at twice the largest value.
    double most = 0;
    for (const PointFigures& f : m_model->figures) most = std::max(most, f.step_ns.value);
    low = std::max(0.0, low);
    high = std::min(high, 2 * most);
    const double span = std::max(high - low, high * 0.02);
    m_filled_height = m_time->height();
    const double marks_share =
        m_filled_height > 0 ? std::clamp(marks_height / static_cast<double>(m_filled_height), 0.1, 0.6) : 0.24;
    if (m_model->logarithmic) {
        const double margin = x1 > x0 ? std::pow(x1 / x0, 0.035) : 3; // the first point of a sweep stands in the middle
        m_x->setRange(x0 / margin, x1 * margin);
    } else {
        const double margin = x1 > x0 ? (x1 - x0) * 0.06 : 0.5;
        m_x->setRange(x0 - margin, x1 + margin);
    }
    m_x_below->setRange(m_x->range());
    m_time->axis(QCPAxis::atLeft)
        ->setRange((low - 0.12 * span) / m_time_unit, (low + span / (1 - marks_share) + 0.04 * span) / m_time_unit);
    m_time->axis(QCPAxis::atRight)->setRange(0, 3.2 * static_cast<double>(std::max<int64_t>(bytes, 1)) / m_byte_unit);
    m_exposed->axis(QCPAxis::atLeft)->setRange(0, std::max(exposed, 1.0) * 1.12 / m_time_unit);
}

void SweepChart::addCurve(const ChartCurve& curve, size_t index) {
    const QColor colour =
        toColour(m_model->curves.size() == 1 ? m_theme->accent : traceColour(static_cast<int>(index)));
    const QColor memory = toColour(memoryColour(MemoryCategory::comm_buffers));
    const Qt::PenStyle style = index % 2 ? Qt::DashLine : Qt::SolidLine; // told apart without colour as well
    auto* area = new QCPGraph(m_x, m_time->axis(QCPAxis::atRight));
    area->setPen(Qt::NoPen);
    area->setBrush(QColor(memory.red(), memory.green(), memory.blue(), m_model->curves.size() == 1 ? 56 : 30));
    for (const ChartPoint& p : curve.points)
        area->addData(p.x, static_cast<double>(p.figures.peak_bytes) / m_byte_unit);
    const auto line = [&](QCPAxis* x, QCPAxisRect* rect, const Estimate PointFigures::*value, const QColor& tone) {
        QCPAxis* const y = rect->axis(QCPAxis::atLeft);
        auto* graph = new QCPGraph(x, y);
        graph->setPen(QPen(tone, 1.5, style));
        graph->setScatterStyle(
            QCPScatterStyle(QCPScatterStyle::ssCircle, QPen(tone, 1.5), QBrush(toColour(m_theme->background)), 7));
        auto* bars = new QCPErrorBars(x, y);
        bars->setDataPlottable(graph);
        bars->setPen(QPen(toColour(m_theme->text, 0.8), 1));
        bars->setWhiskerWidth(7);
        bars->setSymbolGap(4);
        for (const ChartPoint& p : curve.points) {
            const Estimate& e = p.figures.*value;
            graph->addData(p.x, e.value / m_time_unit);
            if (e.has_interval)
                bars->addData((e.value - e.low) / m_time_unit, (e.high - e.value) / m_time_unit);
            else
                bars->addData(std::nan(""), std::nan(""));
        }
    };
    line(m_x, m_time, &PointFigures::step_ns, colour);
    line(m_x_below, m_exposed, &PointFigures::exposed_comm_ns,
         m_model->curves.size() == 1 ? toColour(m_theme->bad) : colour);
}

void SweepChart::addMarks() {
    const SweepVerdict& verdict = m_model->verdict;
    const auto pointOf = [&](int32_t wanted) -> const ChartPoint* {
        for (const ChartCurve& curve : m_model->curves)
            for (const ChartPoint& p : curve.points)
                if (static_cast<int32_t>(p.point) == wanted) return &p;
        return nullptr;
    };
    const auto upright = [&](double x, const QColor& colour, Qt::PenStyle style) {
        QCPItemLine* first = nullptr;
        for (QCPAxisRect* rect : {m_time, m_exposed}) {
            auto* mark = new QCPItemLine(m_plot);
            mark->setClipAxisRect(rect);
            for (QCPItemPosition* end : {mark->start, mark->end}) {
                end->setAxes(rect->axis(QCPAxis::atBottom), rect->axis(QCPAxis::atLeft));
                end->setAxisRect(rect);
                end->setTypeX(QCPItemPosition::ptPlotCoords);
                end->setTypeY(QCPItemPosition::ptAxisRectRatio);
            }
            mark->start->setCoords(x, 0);
            mark->end->setCoords(x, 1);
            mark->setPen(QPen(colour, 1, style));
            if (!first) first = mark;
        }
        return first;
    };
    // Labels stand in rows above the curves, so that no two of them and no curve can meet.
    const auto label = [&](QCPItemLine* mark, double x, int row, const QString& said, const QColor& colour,
                           bool strong) {
        auto* item = new QCPItemText(m_plot);
        item->setClipToAxisRect(false);
        item->position->setAxes(m_x, m_time->axis(QCPAxis::atLeft));
        item->position->setAxisRect(m_time);
        item->position->setTypeX(QCPItemPosition::ptPlotCoords);
        item->position->setParentAnchorY(mark->start); // pixels from the top, however high the chart is
        item->position->setTypeY(QCPItemPosition::ptAbsolute);
        const QCPRange range = m_x->range();
        const double share = m_model->logarithmic ? std::log(x / range.lower) / std::log(range.upper / range.lower)
                                                  : (x - range.lower) / range.size();
        const Qt::Alignment side = share < 0.18 ? Qt::AlignLeft : share > 0.82 ? Qt::AlignRight : Qt::AlignHCenter;
        item->setPositionAlignment(side | Qt::AlignTop);
        item->position->setCoords(x, 2 + row * 17);
        item->setTextAlignment(Qt::AlignLeft);
        item->setFont(uiFont(metrics::font_axis, strong));
        item->setColor(colour);
        item->setPadding(QMargins(5, 1, 5, 1));
        item->setBrush(QBrush(toColour(m_theme->background, 0.85)));
        item->setText(said);
    };
    if (const ChartPoint* best = pointOf(verdict.recommended)) {
        label(upright(best->x, toColour(m_theme->good), Qt::DashLine), best->x, 0,
              text(valueLabel(m_model->sweep.points[best->point].values[m_model->key])) + ": " +
                  timeText(best->figures.step_ns) +
                  (verdict.recommended == verdict.fastest ? "  best" : "  as fast as the best, less memory"),
              toColour(m_theme->good), true);
    }
    if (const ChartPoint* reference = pointOf(verdict.reference)) {
        label(upright(reference->x, toColour(m_theme->dim), Qt::DotLine), reference->x, 1,
              "default " + text(valueLabel(m_model->sweep.points[reference->point].values[m_model->key])) + ": " +
                  timeText(reference->figures.step_ns),
              toColour(m_theme->dim), false);
    }
    if (m_in_use && m_x->range().contains(*m_in_use)) {
        label(upright(*m_in_use, toColour(m_theme->accent, 0.7), Qt::DashDotLine), *m_in_use, 2, "in the active trace",
              toColour(m_theme->accent), false);
    }
    const auto disc = [&](const ChartPoint& p, const QColor& colour) {
        auto* dot = new QCPGraph(m_x, m_time->axis(QCPAxis::atLeft));
        dot->setPen(Qt::NoPen);
        dot->setScatterStyle(QCPScatterStyle(QCPScatterStyle::ssCircle, QPen(colour, 2), QBrush(colour), 10));
        dot->addData(p.x, p.figures.step_ns.value / m_time_unit);
    };
    if (const ChartPoint* best = pointOf(verdict.recommended)) disc(*best, toColour(m_theme->good));
    if (const ChartPoint* chosen = pointOf(m_selected)) disc(*chosen, toColour(m_theme->accent));
}

void SweepChart::setTheme(const Theme& theme) {
    m_theme = &theme;
    m_plot->setBackground(QBrush(toColour(theme.background)));
    for (QCPAxisRect* rect : {m_time, m_exposed})
        for (QCPAxis* axis : rect->axes()) {
            axis->setTickLabelFont(uiFont(metrics::font_axis));
            axis->setLabelFont(uiFont(metrics::font_axis));
            axis->setTickLabelColor(toColour(theme.dim));
            axis->setLabelColor(toColour(theme.dim));
            const bool bottom = axis->axisType() == QCPAxis::atBottom;
            axis->setBasePen(bottom ? QPen(toColour(theme.line)) : QPen(Qt::NoPen));
            axis->setTickPen(Qt::NoPen);
            axis->setSubTickPen(Qt::NoPen);
            axis->setTickLabelPadding(4);
            axis->setLabelPadding(3);
            axis->grid()->setPen(QPen(toColour(theme.grid)));
            axis->grid()->setZeroLinePen(Qt::NoPen);
            axis->grid()->setVisible(axis->axisType() != QCPAxis::atRight);
            if (!bottom) axis->ticker()->setTickCount(rect == m_time ? 5 : 3);
        }
    fill();
}

} // namespace shardscope::gui
