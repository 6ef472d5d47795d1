// SPDX-License-Identifier: Apache-2.0
// A text file that appears whole or not at all: written under a temporary name in the same folder, compressed with gzip
// when its name ends in .gz, and renamed at the end. Never replaces a trace.
#pragma once
#include "traces/result.h"
#include <memory>
#include <string>
#include <string_view>

namespace shardscope {

// A hidden name beside `path` for what is not finished yet; an error when `path` cannot be written or is a trace.
Result<std::string> temporaryFor(const std::string& path);

class OutputFile {
public:
    static Result<std::unique_ptr<OutputFile>> create(const std::string& path);
    ~OutputFile(); // without finish(): nothing is left behind
    OutputFile(const OutputFile&) = delete;
    OutputFile& operator=(const OutputFile&) = delete;

    void write(std::string_view);
    bool failed() const; // a full disk, for example; finish() says what happened
    Result<void> finish();

private:
    struct Impl;
    explicit OutputFile(std::unique_ptr<Impl>);
    std::unique_ptr<Impl> m_impl;
};

} // namespace shardscope
