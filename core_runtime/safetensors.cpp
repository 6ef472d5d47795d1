// SPDX-License-Identifier: Apache-2.0
#include "core_runtime/safetensors.h"
#include "core_runtime/config_json.h"
#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <set>
#include <sys/stat.h>
#include <unistd.h>

namespace shardscope {

using nlohmann::json;

namespace {

static_assert(std::endian::native == std::endian::little, "safetensors data is little-endian");

constexpr int64_t max_header_bytes = 100'000'000; // as the format's own library
constexpr size_t piece_elements = 1 << 18;

int64_t elementBytes(std::string_view dtype) { // 0: unknown
    constexpr std::array<std::pair<std::string_view, int64_t>, 14> sizes{{{"BOOL", 1},
                                                                          {"U8", 1},
                                                                          {"I8", 1},
                                                                          {"F8_E4M3", 1},
                                                                          {"F8_E5M2", 1},
                                                                          {"I16", 2},
                                                                          {"U16", 2},
                                                                          {"F16", 2},
                                                                          {"BF16", 2},
                                                                          {"I32", 4},
                                                                          {"U32", 4},
                                                                          {"F32", 4},
                                                                          {"F64", 8},
                                                                          {"I64", 8}}};
    for (const auto& [name, bytes] : sizes)
        if (name == dtype) return bytes;
    return dtype == "U64" ? 8 : 0;
}

const char* dtypeText(DType dtype) {
    assert(dtype == DType::f32 || dtype == DType::bf16 || dtype == DType::f16);
    return dtype == DType::bf16 ? "BF16" : dtype == DType::f16 ? "F16" : "F32";
}

template <class T> void writeRounded(DurableFile& file, std::span<const float> values) {
    std::vector<T> rounded(std::min(values.size(), piece_elements));
    for (; !values.empty(); values = values.subspan(rounded.size())) {
        rounded.resize(std::min(values.size(), piece_elements));
        for (size_t i = 0; i < rounded.size(); ++i) rounded[i] = T(values[i]);
        file.write(std::as_bytes(std::span(rounded)));
    }
}

bool readAll(int file, void* to, size_t bytes, int64_t offset) { // false: errno, 0 at an early end
    auto* at = static_cast<std::byte*>(to);
    while (bytes > 0) {
        const ssize_t done = ::pread(file, at, bytes, offset);
        if (done < 0 && errno == EINTR) continue;
        if (done == 0) errno = 0;
        if (done <= 0) return false;
        at += done;
        offset += done;
        bytes -= static_cast<size_t>(done);
    }
    return true;
}

template <class T> bool readWidened(int file, int64_t offset, std::span<float> out) {
    std::vector<T> values;
    for (; !out.empty(); out = out.subspan(values.size())) {
        values.resize(std::min(out.size(), piece_elements));
        if (!readAll(file, values.data(), values.size() * sizeof(T), offset)) return false;
        std::transform(values.begin(), values.end(), out.begin(), [](T v) { return static_cast<float>(v); });
        offset += static_cast<int64_t>(values.size() * sizeof(T));
    }
    return true;
}

// Discarded when it is not JSON, names something twice or is nested deeper than tensors are.
json parseHeader(const std::string& text) {
    std::vector<std::set<std::string>> open_objects;
    bool good = true;
    json parsed = json::parse(
        text,
        [&](int depth, json::parse_event_t event, json& value) {
            good = good && depth <= 3;
            if (event == json::parse_event_t::object_start) open_objects.emplace_back();
            if (event == json::parse_event_t::object_end) open_objects.pop_back();
            if (event == json::parse_event_t::key)
                good = good && open_objects.back().insert(value.get_ref<const std::string&>()).second;
            return good;
        },
        false);
    return good ? parsed : json(json::value_t::discarded);
}

// One entry of the header, or what is wrong with it.
Result<TensorInfo> parseTensor(const std::string& name, const json& entry, int64_t data_bytes) {
    const Error wrong{"the entry of tensor " + shortText(name) +
                      " is not {dtype, shape, data_offsets} with a known type and a place inside the file"};
    if (!entry.is_object()) return wrong;
    const auto dtype = entry.find("dtype"), shape = entry.find("shape"), offsets = entry.find("data_offsets");
    const auto isCount = [](const json& v) { return v.is_number_unsigned() && v.get<uint64_t>() <= INT64_MAX; };
    if (dtype == entry.end() || shape == entry.end() || offsets == entry.end() || !dtype->is_string() ||
        !shape->is_array() || !offsets->is_array() || offsets->size() != 2 ||
        !std::all_of(offsets->begin(), offsets->end(), isCount) || !std::all_of(shape->begin(), shape->end(), isCount))
        return wrong;
    TensorInfo tensor{.name = name,
                      .dtype = dtype->get<std::string>(),
                      .shape = shape->get<std::vector<int64_t>>(),
                      .offset = (*offsets)[0].get<int64_t>(),
                      .elements = 1};
    const int64_t size = elementBytes(tensor.dtype), end = (*offsets)[1].get<int64_t>();
    if (size == 0 || tensor.offset > end || end > data_bytes) return wrong;
    for (const int64_t extent : tensor.shape)
        if (__builtin_mul_overflow(tensor.elements, extent, &tensor.elements)) return wrong;
    int64_t bytes = 0;
    if (__builtin_mul_overflow(tensor.elements, size, &bytes) || bytes != end - tensor.offset) return wrong;
    return tensor;
}

} // namespace

int64_t TensorInfo::bytes() const { return elements * elementBytes(dtype); }

Result<SafetensorsWriter> SafetensorsWriter::create(const std::string& path, const std::string& what) {
    Result<DurableFile> file = DurableFile::create(path, what);
    if (!file) return file.error();
    return SafetensorsWriter(*std::move(file));
}

void SafetensorsWriter::begin(const std::vector<Tensor>& tensors, DType dtype, const SafetensorsMetadata& metadata) {
    assert(m_file.bytes() == 0);
    m_dtype = dtype;
    json header = json::object();
    header["__metadata__"] = metadata;
    for (const Tensor& tensor : tensors) {
        int64_t elements = 1;
        for (const int64_t extent : tensor.shape) elements *= extent;
        const int64_t first = m_missing * bytesOf(dtype);
        m_missing += elements;
        assert(!header.contains(tensor.name));
        header[tensor.name] = {{"dtype", dtypeText(dtype)},
                               {"shape", tensor.shape},
                               {"data_offsets", {first, m_missing * bytesOf(dtype)}}};
    }
    std::string text = header.dump();
    text.resize((text.size() + 7) / 8 * 8, ' '); // the data starts aligned
    const uint64_t length = text.size();
    m_file.write(std::as_bytes(std::span(&length, 1)));
    m_file.write(text);
}

void SafetensorsWriter::write(std::span<const float> values) {
    m_missing -= static_cast<int64_t>(values.size());
    assert(m_missing >= 0);
    if (m_dtype == DType::bf16)
        writeRounded<bfloat16>(m_file, values);
    else if (m_dtype == DType::f16)
        writeRounded<float16>(m_file, values);
    else
        m_file.write(std::as_bytes(values));
}

Result<void> SafetensorsWriter::publish() {
    assert(m_missing == 0);
    return m_file.publish();
}

struct SafetensorsReader::File {
    std::string path;
    int file = -1;
    int64_t data_start = 0;
    std::vector<TensorInfo> tensors;
    std::map<std::string, size_t, std::less<>> by_name;
    SafetensorsMetadata metadata;
    ~File() {
        if (file >= 0) ::close(file);
    }
};

SafetensorsReader::SafetensorsReader(std::shared_ptr<const File> file)
    : m_file(std::move(file)) {}

Result<SafetensorsReader> SafetensorsReader::open(const std::string& path) {
    auto opened = std::make_shared<File>();
    opened->path = path;
    const auto wrong = [&](const std::string& what) {
        return Error{path + " is not a complete safetensors file: " + what};
    };
    struct stat status {};
    opened->file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK); // a pipe must not block us
    if (opened->file < 0 || fstat(opened->file, &status) != 0)
        return Error{"cannot read " + path + ": " + std::strerror(errno) + "; name a readable .safetensors file"};
    if (!S_ISREG(status.st_mode)) return Error{"cannot read " + path + ": it is not a file; name a .safetensors file"};

    uint64_t length = 0;
    if (status.st_size < 8 || !readAll(opened->file, &length, sizeof length, 0))
        return wrong("it is shorter than its first 8 bytes");
    if (length > static_cast<uint64_t>(std::min<int64_t>(status.st_size - 8, max_header_bytes)))
        return wrong("its header claims " + std::to_string(length) + " bytes");
    std::string text(length, '\0');
    if (!readAll(opened->file, text.data(), text.size(), 8)) return wrong("its header cannot be read");
    opened->data_start = 8 + static_cast<int64_t>(length);
    const int64_t data_bytes = status.st_size - opened->data_start;
    const json header = parseHeader(text);
    if (!header.is_object()) return wrong("its header is not a JSON object of tensors, each named once");
    for (const auto& [name, entry] : header.items()) {
        if (name == "__metadata__") {
            for (const auto& [key, value] : entry.items()) {
                if (!entry.is_object() || !value.is_string()) return wrong("its __metadata__ is not a map of texts");
                opened->metadata[key] = value.get<std::string>();
            }
            continue;
        }
        Result<TensorInfo> tensor = parseTensor(name, entry, data_bytes);
        if (!tensor) return wrong(tensor.error().message);
        opened->tensors.push_back(*std::move(tensor));
    }
    std::stable_sort(opened->tensors.begin(), opened->tensors.end(),
                     [](const TensorInfo& a, const TensorInfo& b) { return a.offset < b.offset; });
    int64_t end = 0;
    for (size_t i = 0; i < opened->tensors.size(); ++i) {
        const TensorInfo& tensor = opened->tensors[i];
        if (tensor.offset != end) return wrong("tensor " + shortText(tensor.name) + " does not follow the one before");
        end += tensor.bytes();
        opened->by_name.emplace(tensor.name, i);
    }
    if (end != data_bytes)
        return wrong("its tensors need " + std::to_string(end) + " bytes and " + std::to_string(data_bytes) +
                     " are there");
    return SafetensorsReader(std::move(opened));
}

const std::vector<TensorInfo>& SafetensorsReader::tensors() const { return m_file->tensors; }
const SafetensorsMetadata& SafetensorsReader::metadata() const { return m_file->metadata; }

const TensorInfo* SafetensorsReader::find(std::string_view name) const {
    const auto at = m_file->by_name.find(name);
    return at == m_file->by_name.end() ? nullptr : &m_file->tensors[at->second];
}

Result<void> SafetensorsReader::read(const TensorInfo& tensor, int64_t first, std::span<float> out) const {
    assert(first >= 0 && first + static_cast<int64_t>(out.size()) <= tensor.elements);
    const int64_t offset = m_file->data_start + tensor.offset + first * elementBytes(tensor.dtype);
    bool good = false;
    if (tensor.dtype == "F32")
        good = readAll(m_file->file, out.data(), out.size_bytes(), offset);
    else if (tensor.dtype == "BF16")
        good = readWidened<bfloat16>(m_file->file, offset, out);
    else if (tensor.dtype == "F16")
        good = readWidened<float16>(m_file->file, offset, out);
    else
        return Error{m_file->path + ": tensor " + shortText(tensor.name) + " is " + tensor.dtype +
                     "; only F32, F16 and BF16 can be read"};
    if (good) return {};
    return Error{"reading tensor " + shortText(tensor.name) + " of " + m_file->path +
                 " failed: " + (errno ? std::strerror(errno) : "the file has become shorter")};
}

} // namespace shardscope
