// SPDX-License-Identifier: Apache-2.0
// What a sweep says about one of its points: the sentences, the lines of the JSON it stands for, and what that rests
// on. While the sweep goes on it says so, because every further run can change the choice.
#pragma once
#include "gui/buckets/sweep_model.h"
#include "gui/canvas/theme.h"
#include <QWidget>

class QLabel;
class QPushButton;

namespace shardscope::gui {

class FactList;
class SectionHead;

class AdvicePanel : public QWidget {
    Q_OBJECT
public:
    explicit AdvicePanel(QWidget* parent = nullptr);
    void showPoint(const SweepModel*, int32_t point, bool goes_on, const Theme&); // -1: nothing is measured yet
    QPushButton* writeButton() const { return m_write; }

signals:
    void writeWanted(); // the point's values into a DeepSpeed JSON

private:
    SectionHead* m_head;
    QLabel *m_title, *m_sentences, *m_snippet;
    QPushButton* m_write;
    FactList* m_grounds;
};

} // namespace shardscope::gui
