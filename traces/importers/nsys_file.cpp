// SPDX-License-Identifier: Apache-2.0
#include "traces/importers/nsys_file.h"
#include "traces/trace_file.h"
#include <algorithm>
#include <fmt/format.h>

namespace shardscope::importers {

namespace {

constexpr int longest_value = 64 << 20;
constexpr int64_t fewest_bytes_per_row = 4;
constexpr int64_t rows_between_questions = 16384;

std::string quoted(const std::string& identifier) {
    std::string text = "\"";
    for (const char c : identifier) text += c == '"' ? std::string("\"\"") : std::string(1, c);
    return text + "\"";
}

} // namespace

Result<void> NsysFile::open() {
    m_bytes = fileSize(m_job.path);
    m_rows_left = m_bytes / fewest_bytes_per_row;
    const auto damaged = [&]() -> Error {
        return {fmt::format("'{}' cannot be read as a database ({}); export the report again with nsys export.",
                            m_job.path, m_db.message())};
    };
    // Immutable: neither locks nor a journal are made beside the user's file.
    if (!m_db.open(immutableUri(m_job.path), SQLITE_OPEN_READONLY | SQLITE_OPEN_URI)) return damaged();
    sqlite3* const db = m_db.handle();
    sqlite3_limit(db, SQLITE_LIMIT_LENGTH, longest_value);
    sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, nullptr);
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, nullptr);
    Statement list;
    if (!m_db.exec("PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON; PRAGMA query_only=ON; PRAGMA mmap_size=0") ||
        !list.prepare(m_db, "SELECT name, type, sql FROM sqlite_schema"))
        return damaged();
    std::vector<std::string> names;
    int64_t refused = 0;
    while (list.step() && names.size() < 4096) {
        const std::string_view type = list.text(1);
        const bool plain = type == "table" && !list.text(2).starts_with("CREATE VIRTUAL");
        if (plain) names.emplace_back(list.text(0));
        refused += !plain && type != "index"; // a view or a trigger could run anything
    }
    if (list.failed()) return damaged();
    m_job.table.warn("refused_views", "Views, triggers and virtual tables of the file were not touched.", refused);
    for (const std::string& name : names) {
        Statement columns;
        if (!columns.prepare(m_db, ("PRAGMA table_info(" + quoted(name) + ")").c_str())) continue;
        std::set<std::string>& found = m_tables[name];
        while (columns.step()) {
            found.emplace(columns.text(1));
            if (name == "StringIds" && columns.text(1) == "id") m_strings_keyed = columns.integer(5) == 1;
        }
    }
    openStrings();
    if (fileSize(m_job.path + "-wal") > 0)
        m_job.table.warn("journal_left", "A write-ahead log lies beside the file and was not read; the export may be "
                                         "incomplete.");
    for (const auto& [name, columns] : m_tables)
        if (name.starts_with("CUPTI_") || name == "NVTX_EVENTS") m_rows_total += rowsOf(name);
    return {};
}

bool NsysFile::has(const std::string& table, const std::string& column) const {
    const auto found = m_tables.find(table);
    return found != m_tables.end() && found->second.contains(column);
}

int64_t NsysFile::rowsOf(const std::string& table) {
    Statement s;
    const bool ok = s.prepare(m_db, ("SELECT max(rowid) FROM " + quoted(table)).c_str()) && s.step();
    return ok ? std::clamp<int64_t>(s.integer(0), 0, m_bytes) : 0;
}

std::vector<std::string> NsysFile::tables() const {
    std::vector<std::string> names;
    for (const auto& [name, columns] : m_tables) names.push_back(name);
    return names;
}

bool NsysFile::prepare(Statement& statement, const std::string& table, const std::vector<const char*>& columns,
                       size_t needed) {
    if (!has(table)) return false;
    std::string sql = "SELECT ";
    for (size_t i = 0; i < columns.size(); ++i) {
        const bool there = has(table, columns[i]);
        if (!there && i < needed) {
            m_job.table.warn("unknown_tables",
                             fmt::format("The table {} has no column {} and was left out.", table, columns[i]));
            return false;
        }
        sql += (i ? ", " : "") + (there ? quoted(columns[i]) : "NULL");
    }
    if (statement.prepare(m_db, (sql + " FROM " + quoted(table)).c_str())) return true;
    m_job.table.warn("damaged_tables", fmt::format("The table {} cannot be read.", table));
    return false;
}

bool NsysFile::step(Statement& statement, const std::string& table) {
    if (m_stopped) return false;
    if (++m_rows_read % rows_between_questions == 0 && m_rows_total > 0) {
        const double share = std::min(1.0, static_cast<double>(m_rows_read) / static_cast<double>(m_rows_total));
        m_stopped = !m_job.proceed(static_cast<int64_t>(static_cast<double>(m_bytes) * share));
        if (m_stopped) return false;
    }
    if (statement.step() && --m_rows_left >= 0) return true;
    if (statement.failed() || m_rows_left < 0)
        m_job.table.warn("damaged_tables",
                         fmt::format("The table {} is damaged; only its readable part is there.", table));
    return false;
}

// Tools that rewrite exports lose the key of StringIds; looking ids up would then read the table each time.
void NsysFile::openStrings() {
    if (!has("StringIds", "id") || !has("StringIds", "value")) return;
    if (m_strings_keyed) {
        m_strings_keyed = m_string.prepare(m_db, "SELECT value FROM StringIds WHERE id=?");
        return;
    }
    Statement all;
    if (!prepare(all, "StringIds", {"id", "value"}, 2)) return;
    while (step(all, "StringIds"))
        m_strings.try_emplace(all.integer(0), all.text(1).substr(0, NameTable::longest_name));
}

std::string NsysFile::string(int64_t id) {
    if (!m_strings_keyed) {
        const auto found = m_strings.find(id);
        return found == m_strings.end() ? std::string() : found->second;
    }
    m_string.bind(0, id);
    std::string text = m_string.step() ? std::string(m_string.text(0)) : std::string();
    m_string.reset();
    return text;
}

NameId NsysFile::name(int64_t id) {
    const auto [known, fresh] = m_names.try_emplace(id, NameId::none);
    if (fresh) {
        const std::string text = string(id);
        if (!text.empty()) known->second = m_job.table.names.intern(text);
    }
    return known->second;
}

} // namespace shardscope::importers
