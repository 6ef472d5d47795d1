// SPDX-License-Identifier: Apache-2.0
// A line of text that ends in dots where it does not fit and tells the rest as a tooltip.
#pragma once
#include <QLabel>

namespace shardscope::gui {

class ElidedLabel : public QLabel {
    Q_OBJECT
public:
    explicit ElidedLabel(QWidget* parent = nullptr);
    QSize minimumSizeHint() const override { return {20, QLabel::minimumSizeHint().height()}; }
    QSize sizeHint() const override;

protected:
    void paintEvent(QPaintEvent*) override;
};

} // namespace shardscope::gui
