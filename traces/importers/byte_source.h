// SPDX-License-Identifier: Apache-2.0
// The bytes of a file, decompressed on the way if it is gzip (several members count as one). Knows how far it is in the
// file as it lies on disk, and stops at content that grows beyond what traces do.
#pragma once
#include "traces/result.h"
#include <cstdint>
#include <span>
#include <string>

namespace shardscope::importers {

class ByteSource {
public:
    static constexpr int64_t most_expansion = 300; // gzip of real traces: 15 to 60

    ByteSource() = default;
    ~ByteSource();
    ByteSource(const ByteSource&) = delete;
    ByteSource& operator=(const ByteSource&) = delete;

    Result<void> open(const std::string& path);
    // Fills the buffer as far as it can; 0 at the end. Damaged or endless compression ends the file early: damage()
    // says why.
    size_t read(std::span<char>);
    int64_t position() const; // bytes of the file on disk that were taken
    const std::string& damage() const { return m_damage; }

private:
    std::string m_path, m_damage;
    int m_file = -1;
    void* m_gzip = nullptr; // gzFile; null for a plain file
    int64_t m_read = 0;
};

// The first bytes of a file, decompressed; empty if it cannot be read.
std::string headOf(const std::string& path, size_t bytes);

} // namespace shardscope::importers
