// SPDX-License-Identifier: Apache-2.0
// The budget of the chosen range: compute, exposed communication, exposed copies and idle time of each rank and of the
// mean rank.
#pragma once
#include <QFrame>

class QLabel;
class QTableWidget;

namespace shardscope::gui {

class Session;

class RangeCard : public QFrame {
    Q_OBJECT
public:
    explicit RangeCard(Session&, QWidget* parent = nullptr);
    QString headline() const;
    QTableWidget& table() { return *m_table; }

private:
    void showRange();
    Session& m_session;
    QLabel *m_title, *m_note;
    QTableWidget* m_table;
};

} // namespace shardscope::gui
