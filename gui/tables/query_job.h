// SPDX-License-Identifier: Apache-2.0
// Answers SQL and makes tables of a trace on a worker, with connections of its own. A new question withdraws the one
// before; only the answer to the latest arrives.
#pragma once
#include "gui/tables/details_tables.h"
#include <QObject>
#include <QThreadPool>
#include <functional>
#include <memory>

namespace shardscope::gui {

struct TableAnswer {
    std::shared_ptr<const TableData> table; // null: there was an error
    std::string failure;
    int64_t fault_at = -1; // byte of the statement
};

class TableJob : public QObject {
    Q_OBJECT
public:
    explicit TableJob(QObject* parent = nullptr);
    ~TableJob() override; // withdraws and waits
    void ask(std::function<TableAnswer(const std::atomic<bool>& stop)>);
    void withdraw();
    bool pending() const { return m_stop != nullptr; }

signals:
    void ready(const TableAnswer&);

private:
    std::shared_ptr<std::atomic<bool>> m_stop; // of the latest question while it is open
    QThreadPool m_pool;
};

struct QueryQuestion {
    std::string path, sql;
    int64_t rows = 100'000, milliseconds = 30'000;
};
TableAnswer answerQuery(const QueryQuestion&, const std::atomic<bool>& stop);
TableAnswer answerDetails(const std::string& path, DetailsKind, const std::atomic<bool>& stop);

} // namespace shardscope::gui
