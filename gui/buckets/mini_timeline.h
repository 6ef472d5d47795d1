// SPDX-License-Identifier: Apache-2.0
// One or two steps as small timelines on one scale: compute above, communication below, exposed parts underlined.
// Painted directly, because it is one picture of a few hundred blocks without zoom.
#pragma once
#include "gui/buckets/bucket_rows.h"
#include "gui/canvas/theme.h"
#include <QWidget>

namespace shardscope::gui {

class MiniTimeline : public QWidget {
    Q_OBJECT
public:
    struct Step {
        QString title, subtitle;
        BucketView view;
    };
    explicit MiniTimeline(QWidget* parent = nullptr);
    void setSteps(std::vector<Step>);
    void setSelected(LaneId, TimeRange); // of the first step; LaneId::none: nothing
    void setTheme(const Theme&);
    void paint(QPainter&) const; // as large as the widget is, which need not be shown
    const std::vector<Step>& steps() const { return m_steps; }
    QRectF blockRect(size_t step, const StepBlock&, bool comm) const;
    QSize sizeHint() const override { return {400, heightForSteps()}; }
    QSize minimumSizeHint() const override { return {260, heightForSteps()}; }

signals:
    void blockClicked(int step, LaneId lane, TimeRange time);

protected:
    void paintEvent(QPaintEvent*) override;
    void mousePressEvent(QMouseEvent*) override;
    bool event(QEvent*) override; // tooltips

private:
    int heightForSteps() const;
    const StepBlock* blockAt(QPointF, int& step, bool& comm) const;
    double pixelsPerNs() const;
    void paintExposed(QPainter&, const QRectF& box, const StepBlock&, double pixels_per_ns) const;
    std::vector<Step> m_steps;
    LaneId m_lane = LaneId::none;
    TimeRange m_time;
    const Theme* m_theme;
};

} // namespace shardscope::gui
