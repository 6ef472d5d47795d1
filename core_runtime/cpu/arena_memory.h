// SPDX-License-Identifier: Apache-2.0
// The memory of one rank and tier: anonymous zeroed pages, huge where the system allows, because first touches of 4 KiB
// pages cost more than a small step. Freed ranges are poisoned under the address sanitizer.
#pragma once
#include <cstddef>
#include <cstdint>
#include <sys/mman.h>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#endif

namespace shardscope {

class ArenaMemory {
public:
    explicit ArenaMemory(int64_t bytes)
        : m_bytes(static_cast<size_t>(bytes)) {
        if (m_bytes == 0) return;
        void* address = mmap(nullptr, m_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (address == MAP_FAILED) return;
        m_start = static_cast<std::byte*>(address);
        madvise(address, m_bytes, MADV_HUGEPAGE);
    }
    ~ArenaMemory() {
        if (!m_start) return;
        ASAN_UNPOISON_MEMORY_REGION(m_start, m_bytes);
        munmap(m_start, m_bytes);
    }
    ArenaMemory(const ArenaMemory&) = delete;
    ArenaMemory& operator=(const ArenaMemory&) = delete;
    bool good() const { return m_start || m_bytes == 0; } // false: the system gave no memory
    std::byte* start() const { return m_start; }

private:
    std::byte* m_start = nullptr;
    size_t m_bytes;
};

} // namespace shardscope
