// SPDX-License-Identifier: Apache-2.0
#include "core_runtime/safetensors.h"
#include <bit>
#include <cassert>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <unistd.h>

namespace shardscope {
namespace {

static_assert(std::endian::native == std::endian::little, "safetensors data is little-endian");

bool writeAll(int file, const void* data, size_t bytes) {
    const char* at = static_cast<const char*>(data);
    while (bytes > 0) {
        const ssize_t done = ::write(file, at, bytes);
        if (done < 0 && errno == EINTR) continue;
        if (done <= 0) return false;
        at += done;
        bytes -= static_cast<size_t>(done);
    }
    return true;
}

// Hugging Face's GPT-2 keeps its four linear layers as [in, out]; embeddings are [rows, channels] in both.
bool isTransposed(const ParameterInfo& parameter) {
    return parameter.shape.size() == 2 && parameter.role != ParameterRole::token_embedding &&
           parameter.role != ParameterRole::position_embedding;
}

std::vector<float> transposed(const std::vector<float>& values, size_t rows, size_t columns) {
    std::vector<float> result(values.size());
    for (size_t r = 0; r < rows; ++r)
        for (size_t c = 0; c < columns; ++c) result[c * rows + r] = values[r * columns + c];
    return result;
}

} // namespace

Result<SafetensorsFile> SafetensorsFile::create(const std::string& path) {
    std::error_code ignored;
    if (std::filesystem::is_directory(path, ignored))
        return Error{"cannot write the weights to " + path + ": it is a directory; name a file"};
    const std::string partial = path + ".partial-" + std::to_string(getpid());
    const int file = ::open(partial.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (file < 0)
        return Error{"cannot write the weights to " + path + ": " + std::strerror(errno) +
                     "; choose a writable folder"};
    return SafetensorsFile(path, partial, file);
}

SafetensorsFile::SafetensorsFile(std::string path, std::string partial, int file)
    : m_path(std::move(path))
    , m_partial(std::move(partial))
    , m_file(file) {}

SafetensorsFile::SafetensorsFile(SafetensorsFile&& other) noexcept
    : m_path(std::move(other.m_path))
    , m_partial(std::move(other.m_partial))
    , m_file(std::exchange(other.m_file, -1)) {}

SafetensorsFile::~SafetensorsFile() {
    if (m_file < 0) return;
    ::close(m_file);
    ::unlink(m_partial.c_str());
}

Result<void> SafetensorsFile::write(const std::vector<ParameterInfo>& parameters,
                                    const std::vector<std::vector<float>>& weights,
                                    const std::map<std::string, std::string>& metadata) {
    assert(m_file >= 0 && parameters.size() == weights.size());
    nlohmann::ordered_json header;
    header["__metadata__"] = metadata;
    int64_t offset = 0;
    for (size_t i = 0; i < parameters.size(); ++i) {
        const ParameterInfo& parameter = parameters[i];
        assert(static_cast<int64_t>(weights[i].size()) == parameter.elements);
        std::vector<int64_t> shape = parameter.shape;
        if (isTransposed(parameter)) std::swap(shape[0], shape[1]);
        const int64_t end = offset + parameter.elements * 4;
        header[parameter.name] = {{"dtype", "F32"}, {"shape", shape}, {"data_offsets", {offset, end}}};
        offset = end;
    }
    std::string text = header.dump();
    text.resize((text.size() + 7) / 8 * 8, ' '); // the data starts aligned
    const uint64_t length = text.size();

    bool good = writeAll(m_file, &length, sizeof length) && writeAll(m_file, text.data(), text.size());
    for (size_t i = 0; good && i < parameters.size(); ++i) {
        const auto& shape = parameters[i].shape;
        const bool turn = isTransposed(parameters[i]);
        const auto& values =
            turn ? transposed(weights[i], static_cast<size_t>(shape[0]), static_cast<size_t>(shape[1])) : weights[i];
        good = writeAll(m_file, values.data(), values.size() * sizeof(float));
    }
    good = good && ::fsync(m_file) == 0;
    const int problem = errno;
    good = ::close(std::exchange(m_file, -1)) == 0 && good;
    if (good && std::rename(m_partial.c_str(), m_path.c_str()) == 0) return {};
    const std::string reason = std::strerror(good ? errno : problem);
    ::unlink(m_partial.c_str());
    return Error{"the weights could not be written to " + m_path + ": " + reason +
                 "; free some space or choose another folder"};
}

} // namespace shardscope
