// SPDX-License-Identifier: Apache-2.0
#include "gui/buckets/mini_timeline.h"
#include "gui/canvas/format.h"
#include "gui/style.h"
#include <QHelpEvent>
#include <QMouseEvent>
#include <QPainter>
#include <QToolTip>
#include <algorithm>
#include <cmath>
#include <numeric>

namespace shardscope::gui {
namespace {

constexpr int row_gap = 3, step_gap = 14, top = 6, right = 16, underline = 2;
constexpr double least_label_px = 18, least_hatch_px = 3;

int labelWidth() { return static_cast<int>(std::lround(128 * uiScale())); }
int rowHeight() { return static_cast<int>(std::lround(metrics::lane_height * uiScale())); }

} // namespace

MiniTimeline::MiniTimeline(QWidget* parent)
    : QWidget(parent)
    , m_theme(&darkTheme()) {
    setAccessibleName("Step of rank 0: compute above, communication below");
}

int MiniTimeline::heightForSteps() const {
    const int steps = std::max<int>(1, static_cast<int>(m_steps.size()));
    return 2 * top + steps * (2 * rowHeight() + row_gap + underline) + (steps - 1) * step_gap;
}

void MiniTimeline::setSteps(std::vector<Step> steps) {
    m_steps = std::move(steps);
    updateGeometry();
    update();
}

void MiniTimeline::setSelected(LaneId lane, TimeRange time) {
    m_lane = lane;
    m_time = time;
    update();
}

void MiniTimeline::setTheme(const Theme& theme) {
    m_theme = &theme;
    updateGeometry(); // with the theme comes the size of type
    update();
}

double MiniTimeline::pixelsPerNs() const {
    int64_t longest = 1;
    for (const Step& step : m_steps) longest = std::max(longest, step.view.step_ns);
    return std::max(1.0, static_cast<double>(width() - labelWidth() - right)) / static_cast<double>(longest);
}

QRectF MiniTimeline::blockRect(size_t step, const StepBlock& block, bool comm) const {
    const double scale = pixelsPerNs();
    const int y = top + static_cast<int>(step) * (2 * rowHeight() + row_gap + underline + step_gap) +
                  (comm ? rowHeight() + row_gap : 0);
    const double x = labelWidth() + static_cast<double>(block.time.start_ns) * scale;
    return {x, static_cast<double>(y), std::max(1.0, static_cast<double>(block.time.duration()) * scale - 1.0),
            static_cast<double>(rowHeight())};
}

// The share of each pixel that was exposed is how strongly it is underlined: gaps of microseconds between operations
// leave a faint trace instead of a row of dots.
void MiniTimeline::paintExposed(QPainter& painter, const QRectF& box, const StepBlock& block, double scale) const {
    const int first = static_cast<int>(std::floor(box.left())), columns = static_cast<int>(std::ceil(box.width())) + 1;
    std::vector<double> share(static_cast<size_t>(columns), 0.0);
    for (const TimeRange& exposed : block.exposed) {
        const double from = labelWidth() + static_cast<double>(exposed.start_ns) * scale - first;
        const double to = from + static_cast<double>(exposed.duration()) * scale;
        for (int x = std::max(0, static_cast<int>(from)); x < std::min(columns, static_cast<int>(std::ceil(to))); ++x)
            share[static_cast<size_t>(x)] +=
                std::max(0.0, std::min(to, x + 1.0) - std::max(from, static_cast<double>(x)));
    }
    const double whole = std::accumulate(share.begin(), share.end(), 0.0);
    if (whole > 0 && whole < 1) // less than a pixel in all is still seen
        *std::max_element(share.begin(), share.end()) = 1;
    for (int x = 0; x < columns; ++x)
        if (const double part = std::min(1.0, share[static_cast<size_t>(x)]); part > 0.05)
            painter.fillRect(QRectF(first + x, std::round(box.bottom()) + 1, 1, underline),
                             toColour(m_theme->bad, part));
}

void MiniTimeline::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    paint(painter);
}

void MiniTimeline::paint(QPainter& painter) const {
    painter.setRenderHint(QPainter::Antialiasing);
    painter.fillRect(rect(), toColour(m_theme->panel));
    const QFont small = uiFont(metrics::font_axis), strong = uiFont(metrics::font_small, true);
    const double scale = pixelsPerNs();
    for (size_t s = 0; s < m_steps.size(); ++s) {
        const Step& step = m_steps[s];
        const double y = blockRect(s, {}, false).top();
        painter.setFont(strong);
        painter.setPen(toColour(m_theme->text));
        const auto label = [&](const QString& text, double at) {
            painter.drawText(QRectF(14, at, labelWidth() - 22, rowHeight()), Qt::AlignVCenter | Qt::AlignLeft,
                             painter.fontMetrics().elidedText(text, Qt::ElideRight, labelWidth() - 22));
        };
        label(step.title, y);
        painter.setFont(small);
        painter.setPen(toColour(m_theme->dim));
        label(step.subtitle, y + rowHeight() + row_gap);
        for (const bool comm : {false, true}) {
            double drawn_to = -1; // blocks that would fall on one pixel are drawn once
            for (const StepBlock& block : comm ? step.view.comm : step.view.compute) {
                const QRectF box = blockRect(s, block, comm);
                if (box.right() <= drawn_to + 0.5) continue;
                drawn_to = box.right();
                const Rgb fill = operationColour(block.op_class, block.phase);
                painter.setPen(Qt::NoPen);
                painter.setBrush(toColour(fill));
                const double radius = std::min<double>(metrics::block_radius, box.width() / 2);
                painter.drawRoundedRect(box, radius, radius);
                if (const Pattern pattern = operationPattern(block.op_class); pattern != Pattern::none)
                    painter.fillRect(box, patternBrush(pattern, fill));
                if (block.emulated_ns > 0 && box.width() > least_hatch_px) { // not measured: hatched
                    const double part = std::min(box.width(), static_cast<double>(block.emulated_ns) * scale);
                    painter.setBrush(QBrush(toColour(m_theme->background, 0.35), Qt::BDiagPattern));
                    painter.drawRect(QRectF(box.right() - part, box.top(), part, box.height()));
                }
                if (comm) paintExposed(painter, box, block, scale);
                if (s == 0 && block.lane == m_lane && block.start_ns == m_time.start_ns) {
                    painter.setBrush(Qt::NoBrush);
                    painter.setPen(QPen(toColour(m_theme->text), 2));
                    painter.drawRoundedRect(box.adjusted(1, 1, -1, -1), radius, radius);
                }
                if (box.width() < least_label_px || block.label.empty()) continue;
                painter.setPen(toColour(textOn(fill)));
                const QString text = QString::fromStdString(block.label);
                if (painter.fontMetrics().horizontalAdvance(text) + 6 <= box.width())
                    painter.drawText(box.adjusted(4, 0, -2, 0), Qt::AlignVCenter | Qt::AlignLeft, text);
            }
        }
    }
}

const StepBlock* MiniTimeline::blockAt(QPointF at, int& step, bool& comm) const {
    for (size_t s = 0; s < m_steps.size(); ++s)
        for (const bool below : {false, true})
            for (const StepBlock& block : below ? m_steps[s].view.comm : m_steps[s].view.compute)
                if (blockRect(s, block, below).adjusted(-1, 0, 1, underline).contains(at)) {
                    step = static_cast<int>(s);
                    comm = below;
                    return &block;
                }
    return nullptr;
}

void MiniTimeline::mousePressEvent(QMouseEvent* event) {
    int step = 0;
    bool comm = false;
    if (const StepBlock* block = blockAt(event->position(), step, comm))
        emit blockClicked(step, block->lane, {block->start_ns, block->end_ns});
}

bool MiniTimeline::event(QEvent* event) {
    if (event->type() != QEvent::ToolTip) return QWidget::event(event);
    const auto* help = static_cast<QHelpEvent*>(event);
    int step = 0;
    bool comm = false;
    const StepBlock* block = blockAt(help->pos(), step, comm);
    if (!block) {
        QToolTip::hideText();
        return true;
    }
    int64_t exposed = 0;
    for (const TimeRange& part : block->exposed) exposed += part.duration();
    QString text = gui::text(block->label) + ", " + gui::text(toText(block->phase)) + ": " +
                   gui::text(formatDuration(block->time.duration()));
    if (comm) text += ", exposed " + gui::text(formatDuration(exposed));
    if (block->emulated_ns > 0) text += ", of it emulated " + gui::text(formatDuration(block->emulated_ns));
    QToolTip::showText(help->globalPos(), text, this);
    return true;
}

} // namespace shardscope::gui
