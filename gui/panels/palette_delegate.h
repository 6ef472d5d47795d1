// SPDX-License-Identifier: Apache-2.0
// Draws an entry of the command palette: the title with the matched letters in the accent colour, what it is behind it,
// and its keys at the right.
#pragma once
#include "gui/canvas/theme.h"
#include <QStyledItemDelegate>

namespace shardscope::gui {

class PaletteDelegate : public QStyledItemDelegate {
    Q_OBJECT
public:
    PaletteDelegate(std::function<const Theme&()> theme, QObject* parent);
    void paint(QPainter*, const QStyleOptionViewItem&, const QModelIndex&) const override;
    QSize sizeHint(const QStyleOptionViewItem&, const QModelIndex&) const override;

private:
    std::function<const Theme&()> m_theme;
};

} // namespace shardscope::gui
