// SPDX-License-Identifier: Apache-2.0
// Rows and cells as a sortable, filterable table with copy: what the cells say is decided by who fills it; this file
// knows how they are shown.
#pragma once
#include "gui/canvas/theme.h"
#include "gui/event_facts.h"
#include <QAbstractTableModel>
#include <QStringList>
#include <QWidget>
#include <vector>

class QLabel;
class QLineEdit;
class QSortFilterProxyModel;
class QTableView;

namespace shardscope::gui {

struct ViewCell {
    QString text, tooltip;
    double number = 0; // what it is sorted by, where `is_number`
    bool is_number = false;
    Tone tone = Tone::normal;
    bool faint = false, strong = false;
};

struct ViewTable {
    QStringList columns;
    std::vector<std::vector<ViewCell>> rows;
};

class ViewTableModel : public QAbstractTableModel {
    Q_OBJECT
public:
    static constexpr int SortRole = Qt::UserRole;
    using QAbstractTableModel::QAbstractTableModel;
    void setTable(ViewTable);
    void setTheme(const Theme&);
    const ViewTable& table() const { return m_table; }
    int rowCount(const QModelIndex& parent = {}) const override;
    int columnCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex&, int role) const override;
    QVariant headerData(int section, Qt::Orientation, int role) const override;

private:
    ViewTable m_table;
    const Theme* m_theme = &darkTheme();
};

class ViewTablePage : public QWidget {
    Q_OBJECT
public:
    explicit ViewTablePage(const QString& name, QWidget* parent = nullptr); // the accessible name, "ops"
    void setTable(ViewTable, const QString& note);
    void setTheme(const Theme&);
    ViewTableModel& model() { return *m_model; }
    QTableView& view() { return *m_view; }
    QLineEdit& filter() { return *m_filter; }
    QString selectedText() const; // lines of tab-separated cells; all shown rows without a selection

signals:
    void cellClicked(int row, int column); // row of the table, not of the sorted view

private:
    ViewTableModel* m_model;
    QSortFilterProxyModel* m_proxy;
    QTableView* m_view;
    QLineEdit* m_filter;
    QLabel* m_note;
};

} // namespace shardscope::gui
