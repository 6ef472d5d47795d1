// SPDX-License-Identifier: Apache-2.0
#include "traces/importers/byte_source.h"
#include "traces/trace_file.h"
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>
#include <zlib.h>

namespace shardscope::importers {

namespace {

constexpr unsigned gzip_buffer = 1 << 18;
constexpr int64_t always_allowed = 64 << 20; // bytes that even a tiny file may become

gzFile gzipOf(void* handle) { return static_cast<gzFile>(handle); }

} // namespace

ByteSource::~ByteSource() {
    if (m_gzip)
        gzclose(gzipOf(m_gzip)); // closes the descriptor too
    else if (m_file >= 0)
        ::close(m_file);
}

Result<void> ByteSource::open(const std::string& path) {
    m_path = path;
    m_file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (m_file < 0)
        return Error{
            fmt::format("'{}' cannot be read ({}); check the path and its permissions.", path, std::strerror(errno))};
    unsigned char magic[2] = {};
    if (::pread(m_file, magic, 2, 0) == 2 && magic[0] == 0x1f && magic[1] == 0x8b) {
        m_gzip = gzdopen(m_file, "rb");
        if (!m_gzip) return Error{fmt::format("'{}' cannot be decompressed: there is not enough memory.", path)};
        gzbuffer(gzipOf(m_gzip), gzip_buffer);
    }
    return {};
}

size_t ByteSource::read(std::span<char> buffer) {
    size_t filled = 0;
    while (filled < buffer.size() && m_damage.empty()) {
        const size_t wanted = std::min<size_t>(buffer.size() - filled, 1 << 30);
        const ssize_t got = m_gzip ? gzread(gzipOf(m_gzip), buffer.data() + filled, static_cast<unsigned>(wanted))
                                   : ::read(m_file, buffer.data() + filled, wanted);
        if (got < 0 && !m_gzip && errno == EINTR) continue;
        if (got > 0) filled += static_cast<size_t>(got);
        m_read += std::max<ssize_t>(got, 0);
        if (got < 0 || (m_gzip && static_cast<size_t>(got) < wanted)) {
            int code = Z_OK;
            std::string message = m_gzip ? gzerror(gzipOf(m_gzip), &code) : std::strerror(errno);
            if (message.starts_with("<fd:")) message.erase(0, message.find(' ') + 1); // zlib's name of the file
            if (got < 0 || code == Z_BUF_ERROR)
                m_damage = fmt::format(
                    "{} ({})", m_gzip ? "its compressed end is missing or damaged" : "it cannot be read further",
                    message);
        }
        if (got <= 0 || (m_gzip && static_cast<size_t>(got) < wanted)) break;
    }
    if (m_gzip && m_read > always_allowed && m_read / most_expansion > std::max<int64_t>(position(), 1))
        m_damage = fmt::format("it expands to more than {} times its size, which no trace does", most_expansion);
    return filled;
}

int64_t ByteSource::position() const {
    if (!m_gzip) return m_read;
    return static_cast<int64_t>(gzoffset(gzipOf(m_gzip)));
}

std::string headOf(const std::string& path, size_t bytes) {
    ByteSource source;
    std::string head(bytes, '\0');
    head.resize(source.open(path) ? source.read(head) : 0);
    return head;
}

} // namespace shardscope::importers
