// SPDX-License-Identifier: Apache-2.0
#include "core_runtime/storage/durable_file.h"
#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <unistd.h>
#include <utility>
#include <zlib.h>

namespace shardscope {
namespace {

constexpr size_t buffer_bytes = 1 << 20; // so that many small tensors are not many small writes

int writeAll(int file, std::span<const std::byte> data) { // 0 or errno
    while (!data.empty()) {
        const ssize_t done = ::write(file, data.data(), data.size());
        if (done < 0 && errno == EINTR) continue;
        if (done < 0) return errno;
        data = data.subspan(static_cast<size_t>(done));
    }
    return 0;
}

} // namespace

Result<DurableFile> DurableFile::create(std::string path, std::string what) {
    DurableFile made(std::move(path), std::move(what), -1);
    std::error_code ignored;
    if (std::filesystem::is_directory(made.m_path, ignored))
        return Error{"cannot write " + made.m_what + " to " + made.m_path + ": it is a directory; name a file"};
    made.m_file = ::open(made.partial().c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (made.m_file < 0)
        return Error{"cannot write " + made.m_what + " to " + made.m_path + ": " + std::strerror(errno) +
                     "; choose a writable folder"};
    return made;
}

DurableFile::DurableFile(std::string path, std::string what, int file)
    : m_path(std::move(path))
    , m_what(std::move(what))
    , m_file(file) {}

DurableFile::DurableFile(DurableFile&& other) noexcept
    : m_path(std::move(other.m_path))
    , m_what(std::move(other.m_what))
    , m_file(std::exchange(other.m_file, -1))
    , m_error(other.m_error)
    , m_bytes(other.m_bytes)
    , m_crc(other.m_crc)
    , m_buffer(std::move(other.m_buffer)) {}

DurableFile::~DurableFile() {
    if (m_file < 0) return;
    ::close(m_file);
    ::unlink(partial().c_str());
}

std::string DurableFile::partial() const { return m_path + ".partial-" + std::to_string(getpid()); }

void DurableFile::write(std::span<const std::byte> data) {
    assert(m_file >= 0);
    m_bytes += static_cast<int64_t>(data.size());
    m_crc = static_cast<uint32_t>(crc32_z(m_crc, reinterpret_cast<const Bytef*>(data.data()), data.size()));
    if (m_buffer.size() + data.size() > buffer_bytes) flush();
    if (data.size() < buffer_bytes)
        m_buffer.insert(m_buffer.end(), data.begin(), data.end());
    else if (m_error == 0)
        m_error = writeAll(m_file, data);
}

void DurableFile::flush() {
    if (m_error == 0) m_error = writeAll(m_file, m_buffer);
    m_buffer.clear();
}

Result<void> DurableFile::publish() {
    assert(m_file >= 0);
    flush();
    if (m_error == 0 && ::fsync(m_file) != 0) m_error = errno;
    if (::close(std::exchange(m_file, -1)) != 0 && m_error == 0) m_error = errno;
    if (m_error == 0 && std::rename(partial().c_str(), m_path.c_str()) != 0) m_error = errno;
    if (m_error != 0) {
        ::unlink(partial().c_str());
    } else {
        const std::string folder = std::filesystem::path(m_path).parent_path().string();
        if (!syncFolder(folder.empty() ? "." : folder)) m_error = errno;
    }
    if (m_error == 0) return {};
    return Error{m_what + " could not be written to " + m_path + ": " + std::strerror(m_error) +
                 "; free some space or choose another folder"};
}

Result<void> writeDurably(const std::string& path, const std::string& what, std::string_view content) {
    Result<DurableFile> file = DurableFile::create(path, what);
    if (!file) return file.error();
    file->write(content);
    return file->publish();
}

bool syncFolder(const std::string& path) {
    const int folder = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) return false;
    // Some network filesystems cannot sync a folder and say EINVAL; there the rename itself is all there is.
    const bool good = ::fsync(folder) == 0 || errno == EINVAL;
    const int reason = errno;
    ::close(folder);
    errno = reason;
    return good;
}

} // namespace shardscope
