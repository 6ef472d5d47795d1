// SPDX-License-Identifier: Apache-2.0
// Paints the thumbnail of a trace: one step, a few pixels high.
#pragma once
#include "gui/canvas/theme.h"
#include "gui/thumbnails.h"
#include <QWidget>

namespace shardscope::gui {

class StepPicture : public QWidget {
    Q_OBJECT
public:
    explicit StepPicture(QWidget* parent = nullptr);
    void show(const Thumbnail*, const Theme&);
    QSize sizeHint() const override;

protected:
    void paintEvent(QPaintEvent*) override;

private:
    Thumbnail m_picture;
    const Theme* m_theme = &darkTheme();
};

} // namespace shardscope::gui
