// SPDX-License-Identifier: Apache-2.0
// A TableData as Qt's views want it, and the sorted and filtered order of its rows. Filled by one setTable(); rows are
// never changed one by one.
#pragma once
#include "gui/tables/table_data.h"
#include <QAbstractTableModel>
#include <QSortFilterProxyModel>
#include <memory>

namespace shardscope::gui {

class TableModel : public QAbstractTableModel {
    Q_OBJECT
public:
    explicit TableModel(QObject* parent = nullptr);
    void setTable(std::shared_ptr<const TableData>);
    const TableData& table() const { return *m_table; }
    const std::shared_ptr<const TableData>& shared() const { return m_table; } // for work that outlives what is shown

    int rowCount(const QModelIndex& parent = {}) const override;
    int columnCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex&, int role) const override;
    QVariant headerData(int section, Qt::Orientation, int role) const override;

private:
    std::shared_ptr<const TableData> m_table;
    std::unique_ptr<TableText> m_text;
};

class TableOrder : public QSortFilterProxyModel {
    Q_OBJECT
public:
    explicit TableOrder(TableModel&, QObject* parent = nullptr);
    void setNeedle(const QString&);        // rows in which no cell contains it are hidden
    std::vector<size_t> shownRows() const; // of the table, in the order on the screen

protected:
    bool lessThan(const QModelIndex&, const QModelIndex&) const override;
    bool filterAcceptsRow(int row, const QModelIndex& parent) const override;

private:
    TableModel& m_model;
    std::string m_needle;
};

} // namespace shardscope::gui
