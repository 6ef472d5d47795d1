// SPDX-License-Identifier: Apache-2.0
#include "gui/panels/palette_delegate.h"
#include "gui/palette_model.h"
#include "gui/style.h"
#include <QPainter>

namespace shardscope::gui {
namespace {

constexpr int side = 12, gap = 12, row_padding = 12;

} // namespace

PaletteDelegate::PaletteDelegate(std::function<const Theme&()> theme, QObject* parent)
    : QStyledItemDelegate(parent)
    , m_theme(std::move(theme)) {}

QSize PaletteDelegate::sizeHint(const QStyleOptionViewItem& option, const QModelIndex&) const {
    return {100, option.fontMetrics.height() + row_padding};
}

void PaletteDelegate::paint(QPainter* painter, const QStyleOptionViewItem& option, const QModelIndex& index) const {
    const Theme& theme = m_theme();
    const bool chosen = option.state & QStyle::State_Selected, rests = !index.data(PaletteModel::enabled_role).toBool();
    painter->save();
    painter->setRenderHint(QPainter::Antialiasing);
    if (chosen) {
        painter->setPen(Qt::NoPen);
        painter->setBrush(toColour(mix(theme.panel, theme.accent, 0.22f)));
        painter->drawRoundedRect(option.rect.adjusted(4, 1, -4, -1), 5, 5);
    }
    const QColor plain = toColour(rests ? theme.faint : theme.text), dim = toColour(rests ? theme.faint : theme.dim);
    QRect room = option.rect.adjusted(side, 0, -side, 0);

    const QFont mono = monoFont();
    const QString keys = index.data(PaletteModel::keys_role).toString();
    painter->setFont(mono);
    painter->setPen(dim);
    painter->drawText(room, Qt::AlignRight | Qt::AlignVCenter, keys);
    if (!keys.isEmpty()) room.setRight(room.right() - QFontMetrics(mono).horizontalAdvance(keys) - gap);

    const QFont font = uiFont(), strong = uiFont(metrics::font, true);
    const QFontMetrics widths(font), strong_widths(strong);
    const QString title = widths.elidedText(index.data().toString(), Qt::ElideRight, room.width());
    const QVariantList positions = index.data(PaletteModel::positions_role).toList();
    int x = room.left();
    for (qsizetype at = 0; at < title.size();) { // runs of letters that look alike
        const bool hit = positions.contains(at);
        qsizetype end = at + 1;
        while (end < title.size() && positions.contains(end) == hit) ++end;
        const QString part = title.mid(at, end - at);
        painter->setFont(hit ? strong : font);
        painter->setPen(hit && !rests ? toColour(readableOn(theme.panel, theme.accent)) : plain);
        painter->drawText(QRect(x, room.top(), room.right() - x + 1, room.height()), Qt::AlignLeft | Qt::AlignVCenter,
                          part);
        x += (hit ? strong_widths : widths).horizontalAdvance(part);
        at = end;
    }
    const QFont small = uiFont(metrics::font_small);
    const int left = room.right() - x - gap;
    if (left > 40) {
        painter->setFont(small);
        painter->setPen(dim);
        painter->drawText(
            QRect(x + gap, room.top(), left, room.height()), Qt::AlignLeft | Qt::AlignVCenter,
            QFontMetrics(small).elidedText(index.data(PaletteModel::detail_role).toString(), Qt::ElideRight, left));
    }
    painter->restore();
}

} // namespace shardscope::gui
