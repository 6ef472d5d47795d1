// SPDX-License-Identifier: Apache-2.0
// Files that appear under their names only when they are complete and on the disk: written beside the name, synced,
// renamed, and the folder synced. Whatever interrupts that leaves what stood under the name before.
#pragma once
#include "traces/result.h"
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace shardscope {

class DurableFile {
public:
    // Opens a neighbour of `path`, so that a path that cannot be written is known early. `what` completes messages:
    // "cannot write <what> to <path>: ...".
    static Result<DurableFile> create(std::string path, std::string what);
    DurableFile(DurableFile&&) noexcept;
    DurableFile& operator=(DurableFile&&) = delete;
    ~DurableFile();                         // without publish(): leaves nothing behind
    void write(std::span<const std::byte>); // a failure shows in publish()
    void write(std::string_view text) { write(std::as_bytes(std::span(text.data(), text.size()))); }
    int64_t bytes() const { return m_bytes; }   // written so far
    uint32_t checksum() const { return m_crc; } // of them, CRC-32 (zlib)
    Result<void> publish();

private:
    DurableFile(std::string path, std::string what, int file);
    void flush();
    std::string partial() const;
    std::string m_path, m_what;
    int m_file = -1;
    int m_error = 0; // errno of the first failure
    int64_t m_bytes = 0;
    uint32_t m_crc = 0;
    std::vector<std::byte> m_buffer;
};

Result<void> writeDurably(const std::string& path, const std::string& what, std::string_view content);
// Puts the names in a folder on the disk. False: errno says why.
bool syncFolder(const std::string& path);

} // namespace shardscope
