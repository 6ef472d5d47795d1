// SPDX-License-Identifier: Apache-2.0
#include "traces/sqlite_db.h"
#include <cctype>
#include <fmt/format.h>

namespace shardscope {

std::string immutableUri(const std::string& path) {
    std::string uri = "file:";
    for (const char c : path) {
        const bool plain = std::isalnum(static_cast<unsigned char>(c)) || c == '/' || c == '.' || c == '_' || c == '-';
        uri += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
    return uri + "?immutable=1";
}

bool Database::open(const std::string& filename_or_uri, int flags) {
    close();
    const int code = sqlite3_open_v2(filename_or_uri.c_str(), &m_handle, flags | SQLITE_OPEN_NOMUTEX, nullptr);
    if (code == SQLITE_OK) return true;
    fail(code);
    close();
    return false;
}

void Database::close() {
    sqlite3_close(m_handle);
    m_handle = nullptr;
}

bool Database::exec(const char* sql) {
    const int code = sqlite3_exec(m_handle, sql, nullptr, nullptr, nullptr);
    return code == SQLITE_OK || fail(code);
}

bool Database::fail(int code) {
    m_code = code;
    m_message = m_handle ? sqlite3_errmsg(m_handle) : sqlite3_errstr(code);
    return false;
}

bool Statement::prepare(Database& database, const char* sql) {
    finalize();
    m_database = &database;
    const int code = sqlite3_prepare_v3(database.handle(), sql, -1, SQLITE_PREPARE_PERSISTENT, &m_handle, nullptr);
    return code == SQLITE_OK || database.fail(code);
}

void Statement::finalize() {
    sqlite3_finalize(m_handle);
    m_handle = nullptr;
    m_failed = false;
}

bool Statement::step() {
    const int code = m_handle ? sqlite3_step(m_handle) : SQLITE_MISUSE;
    if (code == SQLITE_ROW) return true;
    m_failed = code != SQLITE_DONE;
    if (m_failed) m_database->fail(code);
    return false;
}

bool Statement::run() {
    step();
    const bool ok = !m_failed;
    reset();
    return ok;
}

void Statement::reset() {
    sqlite3_reset(m_handle);
    m_failed = false;
}

bool Statement::isNumber(int i) const {
    const int type = sqlite3_column_type(m_handle, i);
    if (type != SQLITE_TEXT) return type == SQLITE_INTEGER || type == SQLITE_FLOAT;
    const std::string_view digits = text(i);
    return digits.substr(digits.starts_with('-')).find_first_of("0123456789") == 0;
}

std::string_view Statement::text(int i) const {
    const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(m_handle, i));
    return data ? std::string_view(data, static_cast<size_t>(sqlite3_column_bytes(m_handle, i))) : std::string_view();
}

std::span<const std::byte> Statement::blob(int i) const {
    const auto* data = static_cast<const std::byte*>(sqlite3_column_blob(m_handle, i));
    return {data, data ? static_cast<size_t>(sqlite3_column_bytes(m_handle, i)) : 0};
}

} // namespace shardscope
