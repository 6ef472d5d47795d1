// SPDX-License-Identifier: Apache-2.0
// The comparison in figures, below the timelines: what was chosen differently, where the step's time went, what the
// peak memory was for, how much communication was hidden, whether the losses agree, and the ops one by one. Every cell
// leads to its place in the trace. Numbers come from compare(); nothing is computed here.
#pragma once
#include "gui/compare/comparison_charts.h"
#include "gui/session.h"
#include <QWidget>

class QHBoxLayout;
class QScrollArea;
class QStackedWidget;
class QToolButton;

namespace shardscope::gui {

class CardFlow;
class ChartCardView;
class ElidedLabel;
class LossChart;
class StackedBars;
class ViewTablePage;

class SummaryPanel : public QWidget {
    Q_OBJECT
public:
    enum class Page { configuration, charts, ops, numbers };
    explicit SummaryPanel(Session&, QWidget* parent = nullptr);
    void showPage(Page);
    Page page() const;
    StackedBars& budget() const;
    StackedBars& memory() const;
    StackedBars& overlap() const;
    StackedBars& throughput() const;
    LossChart& losses() const { return *m_losses; }
    ViewTablePage& configuration() const { return *m_configuration; }
    ViewTablePage& ops() const { return *m_ops; }
    ViewTablePage& numbers() const { return *m_numbers; }
    QToolButton* baselineButton(size_t run) const; // null if there is no such run
    QString lossStatement() const;
    QString differences() const;
    QSize minimumSizeHint() const override { return {200, 120}; }

protected:
    void resizeEvent(QResizeEvent*) override;

private:
    QWidget* makeBar();
    void fitBar();
    QWidget* makeCharts();
    void alignRows();
    void rebuild();
    void rebuildBaselines();
    void paintTheme();
    void goTo(ChartId, int trace_id, int segment);
    void goToOp(int row, int column);
    ComparedTraces comparedTraces() const;
    Session& m_session;
    QStackedWidget* m_pages;
    QList<QAction*> m_page_actions;
    ElidedLabel* m_differences;
    QWidget* m_baseline_box;
    QHBoxLayout* m_baselines;
    QLabel* m_against;
    QToolButton* m_mark;
    QList<QToolButton*> m_baseline_buttons;
    QScrollArea* m_scroll;
    CardFlow* m_flow;
    std::vector<ChartCardView*> m_cards; // by ChartId
    QWidget* m_loss_card;
    ElidedLabel* m_loss_statement;
    LossChart* m_losses;
    ViewTablePage *m_configuration, *m_ops, *m_numbers;
};

} // namespace shardscope::gui
