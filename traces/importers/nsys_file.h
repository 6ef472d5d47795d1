// SPDX-License-Identifier: Apache-2.0
// A SQLite export of Nsight Systems, opened without trusting it: read-only and immutable, plain tables only, and no
// more rows than the file has room for. Which tables and columns there are differs by version and export options, so
// each question names what it would like and gets NULL for what is missing. Formats: docs/import.md.
#pragma once
#include "traces/importers/importer.h"
#include "traces/sqlite_db.h"
#include <map>
#include <set>
#include <unordered_map>

namespace shardscope::importers {

class NsysFile {
public:
    explicit NsysFile(ImportJob& job)
        : m_job(job) {}
    Result<void> open();

    bool has(const std::string& table) const { return m_tables.contains(table); }
    bool has(const std::string& table, const std::string& column) const;
    int64_t rowsOf(const std::string& table); // the highest row number, nearly always the count
    std::vector<std::string> tables() const;

    // Calls `row` for every row of a table with the columns in this order, NULL where one does not exist. Nothing if
    // the table or one of the first `needed` columns is missing. Stops, with a warning, where the file is damaged.
    template <class Row>
    Result<void> read(const std::string& table, const std::vector<const char*>& columns, size_t needed, Row row) {
        Statement statement;
        if (!prepare(statement, table, columns, needed)) return {};
        while (step(statement, table)) row(static_cast<const Statement&>(statement));
        if (m_stopped) return stopped();
        return {};
    }

    // The name behind an id of StringIds; none if there is no such string. Only strings that are asked for are kept:
    // the table also holds contents of files and output of programs.
    NameId name(int64_t string_id);
    std::string string(int64_t string_id);

private:
    bool prepare(Statement&, const std::string& table, const std::vector<const char*>& columns, size_t needed);
    bool step(Statement&, const std::string& table);
    void openStrings();

    ImportJob& m_job;
    Database m_db;
    Statement m_string; // not prepared: the ids are no key, and all strings are in m_strings
    std::unordered_map<int64_t, std::string> m_strings;
    std::map<std::string, std::set<std::string>> m_tables; // columns
    std::unordered_map<int64_t, NameId> m_names;
    int64_t m_rows_left = 0, m_rows_read = 0, m_rows_total = 0, m_bytes = 0;
    bool m_stopped = false, m_strings_keyed = false;
};

} // namespace shardscope::importers
