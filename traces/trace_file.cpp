// SPDX-License-Identifier: Apache-2.0
#include "traces/trace_file.h"
#include <array>
#include <cctype>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string_view>
#include <sys/stat.h>

namespace shardscope {

namespace {

constexpr std::string_view sqlite_magic{"SQLite format 3\0", 16};

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
    id.size = status.st_size;
    const std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen(path.c_str(), "rb"), &std::fclose);
    if (!file) return id;
    std::array<char, 100> head{};
    const size_t count = std::fread(head.data(), 1, head.size(), file.get());
    const std::string_view text(head.data(), count);
    const auto bigEndian = [&](size_t at) {
        uint32_t value = 0;
        for (size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<unsigned char>(head[at + i]);
        return value;
    };
    if (count == 0) {
        id.kind = FileKind::empty;
    } else if (!text.starts_with(sqlite_magic) || count < head.size()) {
        id.kind = FileKind::other;
        id.looks_like = describe(text);
    } else if (bigEndian(68) != trace_application_id) {
        id.kind = FileKind::other_sqlite;
    } else {
        id.kind = FileKind::trace;
        id.version = bigEndian(60);
        id.wal_mode = head[18] == 2 || head[19] == 2;
    }
    return id;
}

int64_t fileSize(const std::string& path) {
    struct stat status {};
    return stat(path.c_str(), &status) == 0 ? status.st_size : 0;
}

} // namespace shardscope
