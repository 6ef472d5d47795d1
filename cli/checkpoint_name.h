// SPDX-License-Identifier: Apache-2.0
// DIR[:TAG] on the command line. A folder whose own name has a colon is meant as it is.
#pragma once
#include <filesystem>
#include <string>
#include <system_error>

namespace shardscope::cli {

struct CheckpointName {
    std::string folder, tag; // tag empty: the latest
};

inline CheckpointName checkpointName(const std::string& text) {
    std::error_code ignored;
    const size_t colon = text.rfind(':');
    if (colon == std::string::npos || std::filesystem::is_directory(text, ignored)) return {text, ""};
    return {text.substr(0, colon), text.substr(colon + 1)};
}

} // namespace shardscope::cli
