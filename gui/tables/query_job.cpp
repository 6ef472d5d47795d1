// SPDX-License-Identifier: Apache-2.0
#include "gui/tables/query_job.h"
#include "gui/canvas/format.h"
#include "gui/tables/query_result.h"
#include "gui/tables/saved_queries.h"
#include "traces/query.h"

namespace shardscope::gui {

TableJob::TableJob(QObject* parent)
    : QObject(parent) {
    m_pool.setMaxThreadCount(1);
}

TableJob::~TableJob() {
    withdraw();
    m_pool.waitForDone();
}

void TableJob::withdraw() {
    if (m_stop) *m_stop = true;
    m_stop.reset();
}

void TableJob::ask(std::function<TableAnswer(const std::atomic<bool>& stop)> question) {
    withdraw();
    m_stop = std::make_shared<std::atomic<bool>>(false);
    m_pool.start([this, stop = m_stop, question = std::move(question)] {
        const TableAnswer answer = *stop ? TableAnswer() : question(*stop);
        QMetaObject::invokeMethod(
            this,
            [this, stop, answer] {
                if (stop != m_stop) return; // nobody waits for this one any more
                m_stop.reset();
                emit ready(answer);
            },
            Qt::QueuedConnection);
    });
}

TableAnswer answerQuery(const QueryQuestion& question, const std::atomic<bool>& stop) {
    std::vector<std::string> columns;
    std::vector<Row> rows;
    QueryFault fault;
    const auto end = queryTrace(
        question.path, question.sql, {.rows = question.rows, .milliseconds = question.milliseconds, .stop = &stop},
        [&](const std::vector<std::string>& names) { columns = names; },
        [&](const Row& row) {
            rows.push_back(row);
            return !stop.load(std::memory_order_relaxed);
        },
        &fault);
    TableAnswer answer;
    if (!end) {
        answer.failure = end.error().message;
        answer.fault_at = fault.at;
        if (fault.at < 0) return answer;
        const TextPlace place = placeOf(question.sql, fault.at);
        answer.failure =
            "Line " + std::to_string(place.line) + ", column " + std::to_string(place.column) + ": " + answer.failure;
        return answer;
    }
    TableData table = queryResult(columns, std::move(rows));
    if (end->more) table.notes.push_back("only the first " + formatCount(question.rows) + " rows are shown");
    answer.table = std::make_shared<const TableData>(std::move(table));
    return answer;
}

TableAnswer answerDetails(const std::string& path, DetailsKind kind, const std::atomic<bool>& stop) {
    TableAnswer answer;
    const auto trace = TraceReader::open(path);
    auto table = trace ? detailsTable(**trace, kind, {.stop = &stop}) : Result<TableData>(trace.error());
    if (table)
        answer.table = std::make_shared<const TableData>(std::move(table).value());
    else
        answer.failure = table.error().message;
    return answer;
}

} // namespace shardscope::gui
