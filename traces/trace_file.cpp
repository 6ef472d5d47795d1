// SPDX-License-Identifier: Apache-2.0
#include "traces/trace_file.h"
#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstddef>
#include <sqlite3.h>
#include <string_view>
#include <sys/stat.h>
#include <vector>

namespace shardscope {

namespace {

constexpr std::string_view sqlite_magic{"SQLite format 3\0", 16};

// Through SQLite's own file layer: closing a descriptor of our own would drop the locks that another connection of this
// process holds on the same file.
std::string readHead(const std::string& path) {
    sqlite3_vfs* const vfs = sqlite3_vfs_find(nullptr);
    std::vector<std::max_align_t> memory(static_cast<size_t>(vfs->szOsFile) / sizeof(std::max_align_t) + 1);
    auto* const file = reinterpret_cast<sqlite3_file*>(memory.data());
    file->pMethods = nullptr;
    std::string full(static_cast<size_t>(vfs->mxPathname) + 1, '\0');
    std::string head(100, '\0');
    int flags = 0;
    sqlite3_int64 size = 0;
    const int opened = vfs->xFullPathname(vfs, path.c_str(), vfs->mxPathname, full.data()) == SQLITE_OK
                           ? vfs->xOpen(vfs, full.c_str(), file, SQLITE_OPEN_READONLY | SQLITE_OPEN_MAIN_DB, &flags)
                           : SQLITE_CANTOPEN;
    const bool ok = opened == SQLITE_OK && file->pMethods->xFileSize(file, &size) == SQLITE_OK;
    head.resize(static_cast<size_t>(std::clamp<sqlite3_int64>(size, 0, 100)));
    const bool read =
        ok && (head.empty() || file->pMethods->xRead(file, head.data(), static_cast<int>(head.size()), 0) == SQLITE_OK);
    if (file->pMethods) file->pMethods->xClose(file);
    if (!read) head.clear();
    return head;
}

std::string describe(std::string_view head) {
    if (head.starts_with("\x1f\x8b")) return "gzip data";
    if (head.starts_with("\x28\xb5\x2f\xfd")) return "zstd data";
    size_t first = 0;
    while (first < head.size() && std::isspace(static_cast<unsigned char>(head[first]))) ++first;
    if (first < head.size() && (head[first] == '{' || head[first] == '[')) return "JSON text";
    for (const char c : head)
        if (static_cast<unsigned char>(c) < 32 && !std::isspace(static_cast<unsigned char>(c))) return "binary data";
    return "text";
}

} // namespace

FileIdentity identify(const std::string& path) {
    FileIdentity id;
    struct stat status {};
    if (stat(path.c_str(), &status) != 0) {
        id.kind = errno == ENOENT || errno == ENOTDIR ? FileKind::missing : FileKind::unreadable;
        return id;
    }
    if (S_ISDIR(status.st_mode)) {
        id.kind = FileKind::directory;
        return id;
    }
    id.kind = FileKind::unreadable;
    if (!S_ISREG(status.st_mode)) return id; // a pipe would block, a device has no size
    if (status.st_size == 0) {
        id.kind = FileKind::empty;
        return id;
    }
    const std::string head = readHead(path);
    if (head.empty()) return id;
    const auto bigEndian = [&](size_t at, size_t bytes) {
        uint32_t value = 0;
        for (size_t i = 0; i < bytes; ++i) value = value << 8 | static_cast<unsigned char>(head[at + i]);
        return value;
    };
    if (!head.starts_with(sqlite_magic) || head.size() < 100) {
        id.kind = FileKind::other;
        id.looks_like = describe(head);
        return id;
    }
    id.kind = bigEndian(68, 4) == trace_application_id ? FileKind::trace : FileKind::other_sqlite;
    id.version = bigEndian(60, 4);
    id.wal_mode = head[18] == 2 || head[19] == 2;
    // A page size of 1 means 65536. The page count holds if it was written with the last change.
    const int64_t page_size = bigEndian(16, 2) == 1 ? 65536 : bigEndian(16, 2);
    const bool count_holds = bigEndian(24, 4) == bigEndian(92, 4);
    id.truncated = count_holds && fileSize(path + "-wal") == 0 && status.st_size < page_size * bigEndian(28, 4);
    return id;
}

int64_t fileSize(const std::string& path) {
    struct stat status {};
    return stat(path.c_str(), &status) == 0 ? status.st_size : 0;
}

} // namespace shardscope
