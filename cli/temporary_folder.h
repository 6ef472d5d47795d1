// SPDX-License-Identifier: Apache-2.0
// A folder only this user can enter, gone with its contents when the object ends.
#pragma once
#include "traces/result.h"
#include <string>

namespace shardscope::cli {

class TemporaryFolder {
public:
    static Result<TemporaryFolder> create();
    TemporaryFolder(TemporaryFolder&& other) noexcept
        : m_path(std::exchange(other.m_path, "")) {}
    TemporaryFolder& operator=(TemporaryFolder&&) = delete;
    ~TemporaryFolder();
    const std::string& path() const { return m_path; }

private:
    explicit TemporaryFolder(std::string path)
        : m_path(std::move(path)) {}
    std::string m_path;
};

} // namespace shardscope::cli
