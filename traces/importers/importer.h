// SPDX-License-Identifier: Apache-2.0
// What an importer is: a row {name, sniff, import} of the table in import.cpp. Internal to traces/importers.
#pragma once
#include "traces/importers/import.h"
#include "traces/importers/import_table.h"

namespace shardscope::importers {

// What an importer works with; one per source file.
struct ImportJob {
    std::string path;
    ImportTable& table;
    const ImportOptions& options;
    std::function<bool(int64_t bytes_done)> proceed; // false: end with stopped()
    std::optional<int32_t> rank_in_name;             // "rank3", "worker0" in the file's name
    bool only_source = true;                         // false: other files are other ranks
};

struct Importer {
    const char* name;
    // `head`: the first bytes, decompressed if the file is gzip.
    bool (*sniff)(const std::string& path, std::string_view head);
    Result<void> (*import)(ImportJob&);
};

inline Error stopped() { return {"The import was stopped; nothing was written."}; }

bool looksLikeNsys(const std::string& path, std::string_view head);
Result<void> importNsys(ImportJob&);
bool looksLikeKineto(const std::string& path, std::string_view head);
bool looksLikeChrome(const std::string& path, std::string_view head);
Result<void> importChrome(ImportJob&);

} // namespace shardscope::importers
