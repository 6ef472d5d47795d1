// SPDX-License-Identifier: Apache-2.0
// Names at the left, values at the right. Rows are reused, so that a list which changes under the mouse does not
// flicker.
#pragma once
#include "gui/event_facts.h"
#include <QWidget>

class QGridLayout;
class QLabel;

namespace shardscope::gui {

// Names of kernels are single words of hundreds of letters: a line of such a text may end behind their punctuation.
inline constexpr QChar line_break_here = QChar(0x200b);
QString breakable(QString);

class FactList : public QWidget {
    Q_OBJECT
public:
    explicit FactList(bool monospaced, QWidget* parent = nullptr);
    void setFacts(const std::vector<Fact>&);
    QString valueOf(const QString& name) const; // as shown; empty if there is no such row

private:
    struct Row {
        QLabel *name, *value;
    };
    bool m_monospaced;
    QGridLayout* m_grid;
    std::vector<Row> m_rows;
    size_t m_used = 0;
};

} // namespace shardscope::gui
