// SPDX-License-Identifier: Apache-2.0
// Questions to a trace in SQL: read-only, on a worker, stopped by a button or after half a minute. Queries with names
// are kept between starts where the window remembers anything.
#pragma once
#include "gui/tables/query_job.h"
#include "gui/tables/saved_queries.h"
#include <QWidget>

class QComboBox;
class QLabel;
class QPlainTextEdit;
class QToolButton;

namespace shardscope::gui {

class TableView;

class SqlConsole : public QWidget {
    Q_OBJECT
public:
    explicit SqlConsole(QWidget* parent = nullptr);
    void setTrace(const std::string& path); // the one that is asked; empty: none
    void setRemembers(bool);                // reads the user's queries, and keeps them
    void run();
    void stop();
    bool running() const { return m_job.pending(); }
    QPlainTextEdit& editor() { return *m_editor; }
    QComboBox& queries() { return *m_queries; }
    TableView& results() { return *m_results; }
    QString failure() const;
    bool saveAs(const QString& name); // false: a built-in query has this name, or it is empty
    void remove(const QString& name);

signals:
    void activated(const TableLink&);
    void noticed(const QString& sentence, bool is_error);

protected:
    bool eventFilter(QObject*, QEvent*) override;

private:
    void take(const TableAnswer&);
    void showState();
    void fillQueries();
    void choose(int index);
    void store() const;
    std::string m_path, m_asked, m_asked_path, m_answered_path;
    std::vector<SavedQuery> m_own;
    bool m_remembers = false;
    TableJob m_job;
    QComboBox* m_queries;
    QPlainTextEdit* m_editor;
    QLabel* m_failure;
    QToolButton *m_run, *m_stop, *m_save, *m_delete;
    TableView* m_results;
};

} // namespace shardscope::gui
