// SPDX-License-Identifier: Apache-2.0
#include "gui/panels/step_picture.h"
#include "gui/style.h"
#include <QPainter>

namespace shardscope::gui {
namespace {

constexpr int lane_px = 6, lane_gap = 2;

} // namespace

StepPicture::StepPicture(QWidget* parent)
    : QWidget(parent) {
    setAttribute(Qt::WA_TransparentForMouseEvents);
    setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Fixed);
}

void StepPicture::show(const Thumbnail* picture, const Theme& theme) {
    m_theme = &theme;
    const int lanes = m_picture.lanes;
    if (picture) m_picture = *picture; // until a new one is there, the old one stays
    if (m_picture.lanes != lanes) updateGeometry();
    setVisible(m_picture.lanes > 0);
    update();
}

QSize StepPicture::sizeHint() const { return {100, m_picture.lanes * (lane_px + lane_gap)}; }

void StepPicture::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    for (int lane = 0; lane < m_picture.lanes; ++lane)
        painter.fillRect(QRect(0, lane * (lane_px + lane_gap), width(), lane_px), toColour(m_theme->background));
    for (const Thumbnail::Bar& bar : m_picture.bars) {
        const double from = static_cast<double>(bar.from) * width(), to = static_cast<double>(bar.to) * width();
        painter.fillRect(QRectF(from, bar.lane * (lane_px + lane_gap), std::max(1.0, to - from), lane_px),
                         toColour(operationColour(bar.op_class, bar.phase)));
    }
}

} // namespace shardscope::gui
