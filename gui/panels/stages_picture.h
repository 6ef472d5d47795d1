// SPDX-License-Identifier: Apache-2.0
// A sketch of one training step at ZeRO stages 0 to 3: computation above, communication below. Not of a trace: it
// greets who has none open, in the colours that traces have.
#pragma once
#include "gui/canvas/theme.h"
#include <QWidget>

namespace shardscope::gui {

class StagesPicture : public QWidget {
    Q_OBJECT
public:
    explicit StagesPicture(QWidget* parent = nullptr);
    void setTheme(const Theme&);
    QSize sizeHint() const override;

protected:
    void paintEvent(QPaintEvent*) override;

private:
    const Theme* m_theme = &darkTheme();
};

} // namespace shardscope::gui
