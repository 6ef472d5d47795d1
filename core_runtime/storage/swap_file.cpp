// SPDX-License-Identifier: Apache-2.0
#include "core_runtime/storage/swap_file.h"
#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <fcntl.h>
#include <liburing.h>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <unistd.h>
#include <vector>

namespace shardscope {
namespace {

constexpr int fallback_threads = 4;

int64_t roundUpToPage(int64_t bytes) { return (bytes + SwapFile::page - 1) / SwapFile::page * SwapFile::page; }

struct Block {
    std::byte* memory;
    int64_t offset;
    int64_t bytes;
};

std::vector<Block> blocksOf(std::byte* memory, int64_t offset, int64_t bytes) {
    std::vector<Block> blocks;
    for (int64_t at = 0; at < bytes; at += SwapFile::block_bytes)
        blocks.push_back({memory + at, offset + at, std::min(SwapFile::block_bytes, bytes - at)});
    return blocks;
}

// O_TMPFILE where the filesystem has it, else a name that is gone before anybody can use it.
int openNameless(const std::string& directory, int flags) {
    const int fd = open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC | flags, 0600);
    if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR)) return fd;
    std::string name = directory + "/shardscope-swap-XXXXXX";
    const int named = mkostemp(name.data(), O_CLOEXEC | flags);
    if (named >= 0) unlink(name.c_str());
    return named;
}

} // namespace

struct SwapFile::Impl {
    std::string directory;
    int64_t rank = 0;
    int fd = -1;
    SwapMethod method;
    io_uring ring{};

    ~Impl() {
        if (method.io_uring) io_uring_queue_exit(&ring);
        if (fd >= 0) close(fd);
    }

    [[noreturn]] void fail(bool writing, const Block& block, const std::string& why) const {
        throw std::runtime_error((writing ? "writing " : "reading ") + std::to_string(block.bytes) +
                                 " bytes at offset " + std::to_string(block.offset) + " of the swap file of rank " +
                                 std::to_string(rank) + " in '" + directory + "': " + why);
    }

    void transferOne(Block block, bool writing) const {
        while (block.bytes > 0) {
            const auto bytes = static_cast<size_t>(block.bytes);
            const ssize_t done =
                writing ? pwrite(fd, block.memory, bytes, block.offset) : pread(fd, block.memory, bytes, block.offset);
            if (done < 0 && errno == EINTR) continue;
            if (done < 0) fail(writing, block, std::strerror(errno));
            if (done == 0) fail(writing, block, "the file is shorter than it was made");
            block = {block.memory + done, block.offset + done, block.bytes - done};
        }
    }

    void transferByThreads(const std::vector<Block>& blocks, bool writing) const {
        std::atomic<size_t> next = 0;
        std::mutex mutex;
        std::exception_ptr failure;
        auto work = [&] {
            try {
                for (size_t i; (i = next++) < blocks.size();) transferOne(blocks[i], writing);
            } catch (...) {
                std::lock_guard lock(mutex);
                failure = std::current_exception();
            }
        };
        std::vector<std::thread> helpers;
        for (size_t t = 1; t < std::min<size_t>(fallback_threads, blocks.size()); ++t) helpers.emplace_back(work);
        work();
        for (std::thread& t : helpers) t.join();
        if (failure) std::rethrow_exception(failure);
    }

    void transferByRing(const std::vector<Block>& blocks, bool writing) {
        size_t submitted = 0, completed = 0;
        std::vector<Block> left; // what a short transfer left over
        std::string failed;
        const Block* failed_block = nullptr;
        while (completed < blocks.size()) {
            while (submitted < blocks.size() && submitted - completed < static_cast<size_t>(queue_depth)) {
                io_uring_sqe* request = io_uring_get_sqe(&ring);
                if (!request) break;
                const Block& b = blocks[submitted];
                const auto bytes = static_cast<unsigned>(b.bytes);
                const auto offset = static_cast<uint64_t>(b.offset);
                if (writing)
                    io_uring_prep_write(request, fd, b.memory, bytes, offset);
                else
                    io_uring_prep_read(request, fd, b.memory, bytes, offset);
                io_uring_sqe_set_data64(request, submitted++);
            }
            const int ready = io_uring_submit_and_wait(&ring, 1);
            if (ready < 0 && ready != -EINTR) fail(writing, blocks[completed], std::strerror(-ready));
            io_uring_cqe* result = nullptr;
            while (io_uring_peek_cqe(&ring, &result) == 0) {
                const Block& b = blocks[io_uring_cqe_get_data64(result)];
                const int done = result->res;
                io_uring_cqe_seen(&ring, result);
                ++completed;
                if (done < 0 && done != -EINTR && done != -EAGAIN) {
                    failed = std::strerror(-done);
                    failed_block = &b;
                } else if (const int64_t moved = std::max(done, 0); moved < b.bytes) {
                    left.push_back({b.memory + moved, b.offset + moved, b.bytes - moved});
                }
            }
        }
        if (failed_block) fail(writing, *failed_block, failed);
        for (const Block& b : left) transferOne(b, writing);
    }

    void transfer(std::byte* memory, int64_t offset, int64_t bytes, bool writing) {
        const std::vector<Block> blocks = blocksOf(memory, offset, method.direct ? roundUpToPage(bytes) : bytes);
        if (method.io_uring)
            transferByRing(blocks, writing);
        else
            transferByThreads(blocks, writing);
    }
};

Result<std::unique_ptr<SwapFile>> SwapFile::create(const std::string& directory, int64_t bytes, int64_t rank) {
    auto impl = std::make_unique<Impl>();
    impl->directory = directory;
    impl->rank = rank;
    auto failed = [&](const std::string& what) {
        return Error{"nvme_path '" + directory + "' " + what + " (rank " + std::to_string(rank) +
                     "): " + std::strerror(errno) + "; name a folder that exists, can be written and has " +
                     std::to_string((bytes >> 20) + 1) + " MiB free for each rank"};
    };
    impl->fd = openNameless(directory, O_DIRECT);
    impl->method.direct = impl->fd >= 0;
    if (impl->fd < 0) impl->fd = openNameless(directory, 0);
    if (impl->fd < 0) return failed("cannot hold a swap file");
    if (fallocate(impl->fd, 0, 0, roundUpToPage(bytes)) != 0) {
        if (errno != EOPNOTSUPP && errno != ENOSYS) return failed("has no room for the swap file");
        if (ftruncate(impl->fd, roundUpToPage(bytes)) != 0) return failed("has no room for the swap file");
    }
    impl->method.io_uring = !std::getenv("SHARDSCOPE_NO_IO_URING") &&
                            io_uring_queue_init(static_cast<unsigned>(queue_depth), &impl->ring, 0) == 0;
    return std::unique_ptr<SwapFile>(new SwapFile(std::move(impl)));
}

SwapFile::SwapFile(std::unique_ptr<Impl> impl)
    : m_impl(std::move(impl)) {}
SwapFile::~SwapFile() = default;

void SwapFile::read(std::byte* to, int64_t offset, int64_t bytes) { m_impl->transfer(to, offset, bytes, false); }
void SwapFile::write(const std::byte* from, int64_t offset, int64_t bytes) {
    m_impl->transfer(const_cast<std::byte*>(from), offset, bytes, true); // only read
}
SwapMethod SwapFile::method() const { return m_impl->method; }

} // namespace shardscope
