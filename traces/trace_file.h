// SPDX-License-Identifier: Apache-2.0
// What makes a file a *.shardscope file, read from its first 100 bytes before SQLite looks at anything else.
#pragma once
#include <cstdint>
#include <string>

namespace shardscope {

inline constexpr uint32_t trace_application_id = 0x53485243; // "SHRC"
inline constexpr uint32_t trace_format_version = 3;          // user_version of the file

enum class FileKind { missing, directory, unreadable, empty, other, other_sqlite, trace };

struct FileIdentity {
    FileKind kind = FileKind::missing;
    uint32_t version = 0;   // of a trace
    bool wal_mode = false;  // of a trace: its journal is a write-ahead log
    bool truncated = false; // of a trace: shorter than its header says (without a log that could hold the rest)
    std::string looks_like; // of `other`: "JSON text", "text", "binary data", "gzip data" ...
};

FileIdentity identify(const std::string& path);
int64_t fileSize(const std::string& path); // 0 if there is none

} // namespace shardscope
