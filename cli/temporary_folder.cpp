// SPDX-License-Identifier: Apache-2.0
#include "cli/temporary_folder.h"
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <stdlib.h>

namespace shardscope::cli {

Result<TemporaryFolder> TemporaryFolder::create() {
    std::error_code problem;
    const auto parent = std::filesystem::temp_directory_path(problem);
    std::string path = (problem ? std::filesystem::path("/tmp") : parent) / "shardscope-XXXXXX";
    if (!mkdtemp(path.data())) // makes it with mode 0700
        return Error{"cannot make a temporary folder " + path + ": " + std::strerror(errno) +
                     "; set TMPDIR to a writable folder"};
    return TemporaryFolder(path);
}

TemporaryFolder::~TemporaryFolder() {
    std::error_code ignored;
    if (!m_path.empty()) std::filesystem::remove_all(m_path, ignored);
}

} // namespace shardscope::cli
