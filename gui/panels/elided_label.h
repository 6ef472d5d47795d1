// SPDX-License-Identifier: Apache-2.0
// A line of text that shows dots where it does not fit and then tells the whole as its tooltip, unless it has one.
#pragma once
#include <QLabel>

namespace shardscope::gui {

class ElidedLabel : public QLabel {
    Q_OBJECT
public:
    explicit ElidedLabel(const QString& text = {}, Qt::TextElideMode = Qt::ElideRight);
    QSize minimumSizeHint() const override { return {20, QLabel::minimumSizeHint().height()}; }
    QSize sizeHint() const override;

protected:
    void paintEvent(QPaintEvent*) override;

private:
    Qt::TextElideMode m_mode;
    bool m_tells_all = false; // the tooltip is ours
};

} // namespace shardscope::gui
