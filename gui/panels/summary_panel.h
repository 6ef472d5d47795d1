// SPDX-License-Identifier: Apache-2.0
// The figures of the compared runs: where the step's time went, what the peak memory was for, how much communication
// was hidden, and whether the losses agree. Numbers come from compare(); nothing is computed here.
#pragma once
#include "gui/session.h"
#include <QWidget>

class QLabel;

namespace shardscope::gui {

class LossChart;
class StackedBars;

class SummaryPanel : public QWidget {
    Q_OBJECT
public:
    explicit SummaryPanel(Session&, QWidget* parent = nullptr);
    const StackedBars& budget() const { return *m_budget; }
    const StackedBars& memory() const { return *m_memory; }
    const StackedBars& overlap() const { return *m_overlap; }
    QString lossStatement() const;

protected:
    void resizeEvent(QResizeEvent*) override;

private:
    void alignRows();
    void rebuild();
    void paintTheme();
    int traceOfRow(size_t row) const;
    Session& m_session;
    QLabel *m_budget_head, *m_memory_head, *m_loss_statement;
    StackedBars *m_budget, *m_memory, *m_overlap;
    LossChart* m_losses;
};

} // namespace shardscope::gui
