// SPDX-License-Identifier: Apache-2.0
// Thin owners of an SQLite connection and a prepared statement; only traces/ includes this. Nothing throws: calls
// return false and the connection keeps the code and message of the failure.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <sqlite3.h>
#include <string>
#include <string_view>

namespace shardscope {

// A name for SQLITE_OPEN_URI that takes neither locks nor a journal; the file must not change meanwhile.
std::string immutableUri(const std::string& path);

class Database {
public:
    Database() = default;
    ~Database() { close(); }
    Database(const Database&) = delete;
    Database& operator=(const Database&) = delete;

    bool open(const std::string& filename_or_uri, int flags);
    void close();
    bool isOpen() const { return m_handle != nullptr; }
    bool exec(const char* sql);
    int code() const { return m_code & 0xff; } // primary result code of the last failure
    const std::string& message() const { return m_message; }
    sqlite3* handle() const { return m_handle; }
    bool fail(int code); // remembers the failure; always false

private:
    sqlite3* m_handle = nullptr;
    int m_code = SQLITE_OK;
    std::string m_message;
};

// Parameters and columns count from 0.
class Statement {
public:
    Statement() = default;
    ~Statement() { sqlite3_finalize(m_handle); }
    Statement(const Statement&) = delete;
    Statement& operator=(const Statement&) = delete;

    bool prepare(Database&, const char* sql);
    bool prepared() const { return m_handle != nullptr; }
    void finalize();

    void bind(int i, int64_t value) { sqlite3_bind_int64(m_handle, i + 1, value); }
    void bind(int i, double value) { sqlite3_bind_double(m_handle, i + 1, value); }
    // The text or blob must live until the statement has run.
    void bind(int i, std::string_view text) {
        sqlite3_bind_text64(m_handle, i + 1, text.data() ? text.data() : "", text.size(), SQLITE_STATIC, SQLITE_UTF8);
    }
    void bind(int i, std::span<const std::byte> blob) {
        sqlite3_bind_blob64(m_handle, i + 1, blob.data(), blob.size(), SQLITE_STATIC);
    }
    void bindNull(int i) { sqlite3_bind_null(m_handle, i + 1); }
    void bindUnless(int i, int64_t value, int64_t none) { value == none ? bindNull(i) : bind(i, value); }

    bool step(); // true: there is a row; false: done, or failed() says why not
    bool failed() const { return m_failed; }
    bool run(); // executes a statement without rows and makes it ready for the next; false on failure
    void reset();

    int64_t integer(int i) const { return sqlite3_column_int64(m_handle, i); }
    int64_t integerOr(int i, int64_t none) const { return isNull(i) ? none : integer(i); }
    double real(int i) const { return sqlite3_column_double(m_handle, i); }
    bool isNull(int i) const { return sqlite3_column_type(m_handle, i) == SQLITE_NULL; }
    bool isNumber(int i) const;                   // or a text that starts like one
    std::string_view text(int i) const;           // valid until the next step
    std::span<const std::byte> blob(int i) const; // likewise

private:
    Database* m_database = nullptr;
    sqlite3_stmt* m_handle = nullptr;
    bool m_failed = false;
};

} // namespace shardscope
