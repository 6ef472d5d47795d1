// SPDX-License-Identifier: Apache-2.0
// A chart of the comparison with its head and, below it, what differs by more than noise.
#pragma once
#include "gui/compare/comparison_charts.h"
#include <QWidget>

class QLabel;

namespace shardscope::gui {

class ElidedLabel;
class StackedBars;

class ChartCardView : public QWidget {
    Q_OBJECT
public:
    explicit ChartCardView(QWidget* parent = nullptr);
    void setCard(const ChartCard&);
    StackedBars& bars() { return *m_bars; }
    QString verdict() const;

private:
    QLabel* m_head;
    ElidedLabel* m_verdict;
    StackedBars* m_bars;
};

} // namespace shardscope::gui
