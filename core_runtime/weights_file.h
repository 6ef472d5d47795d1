// SPDX-License-Identifier: Apache-2.0
// Weights as a .safetensors file with the names and layouts of Hugging Face's GPT-2 and LLaMA. Those differ from ours
// in two ways: GPT-2 keeps its linear layers as [in, out], and LLaMA has q_proj, k_proj, v_proj, gate_proj and up_proj
// where the runtime has the stacks qkv_proj and gate_up_proj. Rotary positions turn the same pairs in both.
#pragma once
#include "core_runtime/model_spec.h"
#include "core_runtime/safetensors.h"
#include <functional>

namespace shardscope {

struct StoredTensor { // of the file
    std::string name;
    std::vector<int64_t> shape;
    int32_t parameter = 0;
    int64_t first_row = 0;   // of the parameter, whose following rows are this tensor's
    bool transposed = false; // [in, out]
    int64_t elements() const { return shape.size() == 2 ? shape[0] * shape[1] : shape[0]; }
};
std::vector<StoredTensor> storedTensors(const ModelSpec&); // those of a parameter in the order of its rows

// Fills a whole parameter, [out, in].
using WeightSource = std::function<Result<void>(int32_t parameter, std::span<float> out)>;

// Holds one parameter at a time. Publishes the file.
Result<void> writeWeights(SafetensorsWriter&, const ModelSpec&, DType, const SafetensorsMetadata&, const WeightSource&);

// The weights of a model from such a file, in F32, F16 or BF16. Holds one parameter at a time; for one thread.
class WeightsReader {
public:
    // Refuses a file with missing, misshaped or unknown tensors by their names. The prefix "transformer." or "model."
    // may be left out, and buffers that hold no weights (attention masks, rotary frequencies) may be there.
    static Result<WeightsReader> open(const std::string& path, const ModelSpec&);
    // Elements [first, first + out.size()) of a parameter.
    Result<void> read(int32_t parameter, int64_t first, std::span<float> out);

private:
    struct Piece {
        StoredTensor place;
        const TensorInfo* tensor; // of m_file
    };
    WeightsReader(SafetensorsReader file, std::vector<std::vector<Piece>> pieces)
        : m_file(std::move(file))
        , m_pieces(std::move(pieces)) {}

    SafetensorsReader m_file;
    std::vector<std::vector<Piece>> m_pieces; // by parameter
    int32_t m_held = -1;
    std::vector<float> m_values; // of parameter m_held
};

} // namespace shardscope
