// SPDX-License-Identifier: Apache-2.0
#include "gui/panels/stages_picture.h"
#include "gui/style.h"
#include <QPainter>
#include <array>
#include <cmath>
#include <vector>

namespace shardscope::gui {
namespace {

constexpr int stages = 4, block_height = 10, between_lanes = 3, between_stages = 16, label_width = 64;
constexpr int designed_width = 612;

struct Block {
    double start, end; // of a step of stage 0, which ends at 1
    bool comm;
    OpClass op_class;
    Phase phase;
};

// Four layers: forward, backward, and what each stage sends meanwhile and afterwards.
std::vector<Block> stepOf(int stage) {
    std::vector<Block> blocks;
    constexpr int layers = 4;
    const double gather = stage == 3 ? 0.03 : 0; // parameters come before each layer
    double at = 0;
    for (const bool backward : {false, true})
        for (int layer = 0; layer < layers; ++layer) {
            const double length = backward ? 0.115 : 0.06;
            if (gather > 0) blocks.push_back({at, at + gather * 1.5, true, OpClass::all_gather, Phase::forward});
            at += gather;
            blocks.push_back({at, at + length, false, OpClass::compute, backward ? Phase::backward : Phase::forward});
            at += length;
            if (!backward) continue;
            const OpClass reduce = stage == 0 ? OpClass::all_reduce : OpClass::reduce_scatter;
            const double took = stage == 0 ? 0.1 : 0.055;
            const double from = stage == 3 ? 0.05 : 0.004; // behind the parameters of the next layer
            blocks.push_back({at + from, at + from + took - 0.004, true, reduce, Phase::backward});
        }
    at += stage == 0 ? 0.1 : 0.06;
    const double optimizer = stage == 0 ? 0.09 : 0.03;
    blocks.push_back({at, at + optimizer, false, OpClass::compute, Phase::optimizer});
    at += optimizer;
    if (stage == 1 || stage == 2)
        for (int piece = 0; piece < 2; ++piece)
            blocks.push_back(
                {at + 0.05 * piece, at + 0.05 * piece + 0.047, true, OpClass::all_gather, Phase::optimizer});
    return blocks;
}

} // namespace

StagesPicture::StagesPicture(QWidget* parent)
    : QWidget(parent) {
    setAccessibleName("A training step at ZeRO stages 0 to 3, as a sketch");
    setSizePolicy(QSizePolicy::Fixed, QSizePolicy::Fixed);
}

void StagesPicture::setTheme(const Theme& theme) {
    m_theme = &theme;
    update();
}

QSize StagesPicture::sizeHint() const {
    const int height = stages * (2 * block_height + between_lanes) + (stages - 1) * between_stages;
    return QSize(designed_width, height) * static_cast<double>(uiScale());
}

void StagesPicture::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    const auto scale = static_cast<double>(uiScale());
    painter.scale(scale, scale);
    const double room = width() / scale - label_width;
    double longest = 0;
    for (int stage = 0; stage < stages; ++stage)
        for (const Block& block : stepOf(stage)) longest = std::max(longest, block.end);
    QFont font = uiFont(metrics::font_axis);
    font.setPixelSize(static_cast<int>(metrics::font_axis)); // the painter is scaled already
    painter.setFont(font);
    for (int stage = 0; stage < stages; ++stage) {
        const double top = stage * (2 * block_height + between_lanes + between_stages);
        painter.setPen(toColour(m_theme->dim));
        painter.drawText(QRectF(0, top, label_width - 12, 2 * block_height + between_lanes),
                         Qt::AlignVCenter | Qt::AlignLeft, QString("ZeRO-%1").arg(stage));
        painter.setPen(Qt::NoPen);
        for (const Block& block : stepOf(stage)) {
            const double x0 = label_width + block.start / longest * room, x1 = label_width + block.end / longest * room;
            painter.setBrush(toColour(operationColour(block.op_class, block.phase)));
            painter.drawRoundedRect(
                QRectF(x0, top + (block.comm ? block_height + between_lanes : 0), x1 - x0 - 1.5, block_height), 2.5,
                2.5);
        }
    }
}

} // namespace shardscope::gui
