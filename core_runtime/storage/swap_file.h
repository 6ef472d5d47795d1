// SPDX-License-Identifier: Apache-2.0
// The NVMe tier of one rank: a file without a name, so that nothing is left behind however the run ends. Transfers are
// cut into blocks with several in flight (io_uring, or a few threads where the kernel refuses it) and bypass the page
// cache where the filesystem allows.
#pragma once
#include "traces/result.h"
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace shardscope {

struct SwapMethod {        // what this machine gave
    bool direct = false;   // O_DIRECT
    bool io_uring = false; // else threads
};

class SwapFile {
public:
    static constexpr int64_t page = 4096;               // offsets, addresses and lengths of direct transfers
    static constexpr int64_t block_bytes = 1024 * 1024; // per request, as DeepSpeed's aio.block_size
    static constexpr int queue_depth = 8;               // requests in flight, as DeepSpeed's aio.queue_depth

    // Reserves `bytes` in `directory`. Error: a sentence with the directory and the reason (missing, read-only, full).
    static Result<std::unique_ptr<SwapFile>> create(const std::string& directory, int64_t bytes, int64_t rank);
    ~SwapFile();
    // Whole ranges or an exception (std::runtime_error) with the directory, the offset and the system's reason.
    // `offset` and addresses are multiples of a page; memory behind the last byte up to a full page must be writable.
    void read(std::byte* to, int64_t offset, int64_t bytes);
    void write(const std::byte* from, int64_t offset, int64_t bytes);
    SwapMethod method() const;

private:
    struct Impl;
    explicit SwapFile(std::unique_ptr<Impl>);
    std::unique_ptr<Impl> m_impl;
};

} // namespace shardscope
