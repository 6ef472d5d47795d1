// SPDX-License-Identifier: Apache-2.0
// A table on the screen: heads that sort, a field that filters, what is left out as a sentence, copying as
// tab-separated text and saving as CSV. Says which row was chosen; whoever owns it decides where that leads.
#pragma once
#include "gui/export/exportable.h"
#include "gui/tables/table_model.h"
#include <QWidget>

class QLabel;
class QLineEdit;
class QTableView;

namespace shardscope::gui {

class TableView : public QWidget {
    Q_OBJECT
public:
    explicit TableView(const QString& accessible_name, QWidget* parent = nullptr);
    // Keeps the filter and, where the columns are the same, the order.
    void setTable(std::shared_ptr<const TableData>);
    void setSentence(const QString&); // instead of notes; while something is computed or went wrong
    void selectItem(int64_t item);    // the row whose link has this item; no signal
    const TableModel& model() const { return *m_model; }
    const TableOrder& order() const { return *m_order; }
    QTableView& view() { return *m_view; }
    QLineEdit& filter() { return *m_filter; }
    QString sentence() const;
    QString copied() const;            // what copying puts on the clipboard: the selected rows, or all that are shown
    CsvText csv() const;               // of the rows that are shown, with exact values
    void saveCsv(const QString& path); // by a worker; `noticed` says how it ended

signals:
    void clicked(const TableLink&);
    void activated(const TableLink&); // double click, or Return
    void noticed(const QString& sentence, bool is_error);

protected:
    bool eventFilter(QObject*, QEvent*) override;

private:
    void showNotes();
    void copy() const;
    void askWhereToSave();
    const TableLink* linkOf(const QModelIndex&) const;
    std::vector<size_t> selectedRows() const;
    TableModel* m_model;
    TableOrder* m_order;
    QTableView* m_view;
    QLineEdit* m_filter;
    QLabel* m_notes;
    QString m_sentence;
};

} // namespace shardscope::gui
