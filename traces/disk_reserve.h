// SPDX-License-Identifier: Apache-2.0
// A little room on the disk, kept so that a full disk still leaves enough to write down that it was full. It is a file
// without a name, so nothing remains however the program ends.
#pragma once
#include <fcntl.h>
#include <string>
#include <unistd.h>

namespace shardscope {

class DiskReserve {
public:
    DiskReserve() = default;
    ~DiskReserve() { release(); }
    DiskReserve(const DiskReserve&) = delete;
    DiskReserve& operator=(const DiskReserve&) = delete;

    // Without room, or on a file system that knows no nameless files, there is no reserve.
    void take(const std::string& folder, off_t bytes) {
        m_file = ::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
        if (m_file >= 0 && posix_fallocate(m_file, 0, bytes) != 0) release();
    }
    void release() {
        if (m_file >= 0) ::close(m_file);
        m_file = -1;
    }

private:
    int m_file = -1;
};

} // namespace shardscope
