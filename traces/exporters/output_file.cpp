// SPDX-License-Identifier: Apache-2.0
#include "traces/exporters/output_file.h"
#include "traces/trace_file.h"
#include <atomic>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <unistd.h>
#include <zlib.h>

namespace shardscope {

namespace fs = std::filesystem;

namespace {

constexpr size_t buffered_bytes = 1 << 20;

} // namespace

struct OutputFile::Impl {
    std::string path, temporary, buffer;
    gzFile file = nullptr;
    int error = 0; // the first failure

    void flush() {
        if (!buffer.empty() && error == 0 &&
            gzwrite(file, buffer.data(), static_cast<unsigned>(buffer.size())) != static_cast<int>(buffer.size()))
            error = errno ? errno : EIO;
        buffer.clear();
    }
};

OutputFile::OutputFile(std::unique_ptr<Impl> impl)
    : m_impl(std::move(impl)) {}

OutputFile::~OutputFile() {
    if (!m_impl->file) return;
    gzclose(m_impl->file);
    std::remove(m_impl->temporary.c_str());
}

Result<std::string> temporaryFor(const std::string& path) {
    const FileKind existing = identify(path).kind;
    if (existing == FileKind::directory) return Error{fmt::format("'{}' is a folder; name a file in it.", path)};
    if (existing == FileKind::trace)
        return Error{
            fmt::format("'{}' is a trace and will not be replaced; choose another name for the output.", path)};
    const fs::path target(path), folder = target.has_parent_path() ? target.parent_path() : fs::path(".");
    std::error_code ignored;
    if (!fs::is_directory(folder, ignored))
        return Error{fmt::format("The folder '{}' does not exist; create it or choose another path.", folder.string())};
    static std::atomic<int> serial = 0;
    const std::string name = fmt::format(".{}.part-{}-{}", target.filename().string(), getpid(), serial++);
    const std::string temporary = (folder / name).string();
    std::remove(temporary.c_str()); // left by a killed process that had the same number
    return temporary;
}

Result<std::unique_ptr<OutputFile>> OutputFile::create(const std::string& path) {
    const auto temporary = temporaryFor(path);
    if (!temporary) return temporary.error();
    auto impl = std::make_unique<Impl>();
    impl->path = path;
    impl->temporary = *temporary;
    const int descriptor = open(impl->temporary.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0666);
    if (descriptor < 0)
        return Error{fmt::format("Cannot write into the folder '{}' ({}); make it writable or choose another path.",
                                 fs::path(impl->temporary).parent_path().string(), std::strerror(errno))};
    impl->file = gzdopen(descriptor, path.ends_with(".gz") ? "wb6" : "wbT"); // T: as it is, without compression
    if (!impl->file) {
        close(descriptor);
        std::remove(impl->temporary.c_str());
        return Error{"There is not enough memory to write a file."};
    }
    impl->buffer.reserve(buffered_bytes);
    return std::unique_ptr<OutputFile>(new OutputFile(std::move(impl)));
}

void OutputFile::write(std::string_view text) {
    m_impl->buffer += text;
    if (m_impl->buffer.size() >= buffered_bytes) m_impl->flush();
}

bool OutputFile::failed() const { return m_impl->error != 0; }

Result<void> OutputFile::finish() {
    Impl& f = *m_impl;
    f.flush();
    const int closed = gzclose(f.file);
    f.file = nullptr;
    if (closed != Z_OK && f.error == 0) f.error = errno ? errno : EIO;
    if (f.error == 0 && std::rename(f.temporary.c_str(), f.path.c_str()) != 0) f.error = errno;
    if (f.error == 0) return {};
    std::remove(f.temporary.c_str());
    return Error{
        fmt::format("'{}' could not be written ({}); check the disk and try again.", f.path, std::strerror(f.error))};
}

} // namespace shardscope
