// SPDX-License-Identifier: Apache-2.0
// The safetensors format: a JSON header that names tensors with type, shape and place, then their bytes without gaps.
// Files are read as hostile and written so that they appear under their names only when complete.
#pragma once
#include "core_runtime/storage/durable_file.h"
#include "kernels/dtype.h"
#include "traces/result.h"
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace shardscope {

struct TensorInfo {
    std::string name;
    std::string dtype; // as the format writes it: "F32", "BF16", "I64", ...
    std::vector<int64_t> shape;
    int64_t offset = 0; // bytes, in the data behind the header
    int64_t elements = 0;
    int64_t bytes() const;
};

using SafetensorsMetadata = std::map<std::string, std::string>;

class SafetensorsWriter {
public:
    // Opens a neighbour of `path`; `what` completes messages, see DurableFile.
    static Result<SafetensorsWriter> create(const std::string& path, const std::string& what);
    // Declares the tensors. Then come the values of each in this order, in pieces of any size, and publish().
    struct Tensor {
        std::string name;
        std::vector<int64_t> shape;
    };
    void begin(const std::vector<Tensor>&, DType, const SafetensorsMetadata&); // f32, bf16 or f16
    void write(std::span<const float>); // rounded to the type; a failure shows in publish()
    Result<void> publish();
    int64_t bytes() const { return m_file.bytes(); } // of the file so far
    uint32_t checksum() const { return m_file.checksum(); }

private:
    explicit SafetensorsWriter(DurableFile file)
        : m_file(std::move(file)) {}
    DurableFile m_file;
    DType m_dtype = DType::f32;
    int64_t m_missing = 0; // elements that are declared and not yet written
};

class SafetensorsReader {
public:
    // The error is a sentence that names the file and what is wrong with it.
    static Result<SafetensorsReader> open(const std::string& path);
    const std::vector<TensorInfo>& tensors() const; // in the order of their data
    const TensorInfo* find(std::string_view name) const;
    const SafetensorsMetadata& metadata() const;
    // Elements [first, first + out.size()) of an F32, F16 or BF16 tensor of this file. Safe to call from threads.
    Result<void> read(const TensorInfo&, int64_t first, std::span<float> out) const;

private:
    struct File;
    explicit SafetensorsReader(std::shared_ptr<const File>);
    std::shared_ptr<const File> m_file;
};

} // namespace shardscope
