// SPDX-License-Identifier: Apache-2.0
// One definition of every op: its tensors, how it is called and how exact it is. The comparison of the fast version
// with the reference, the gradient check and the benchmark all run from this table, so that none of them can forget an
// op.
#pragma once
#include "kernels/ops.h"
#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace shardscope::kernels {

enum class Implementation : uint8_t { reference, cpu, cuda }; // cuda: see cudaOps in op_cases.h
enum class Fill : uint8_t {
    bell,     // bell-shaped with mean 0 and deviation `spread`
    positive, // the magnitude of such a number
    indices   // 0 .. bound-1
};

struct OpTensor {
    std::string name;
    DType type; // bf16 here stands for the type the case runs in
    bool input, output;
    int64_t elements;
    Fill fill = Fill::bell;
    float spread = 1;
    int64_t bound = 1; // Fill::indices
};

// The tensors of one call, in the order of OpCase::tensors.
class OpData {
public:
    // `shift` bytes of misalignment are added to every tensor, rounded to its element size.
    OpData(const std::vector<OpTensor>&, DType, uint64_t seed, size_t shift = 0);
    DType type() const { return m_type; }
    template <class T> T* at(size_t tensor) {
        if (!m_placed.empty()) return reinterpret_cast<T*>(m_placed[tensor]);
        return reinterpret_cast<T*>(m_bytes[tensor].data() + m_offset[tensor]);
    }
    // at() points elsewhere from now on, to where `copy` has put the bytes of each tensor; the other functions keep
    // telling what was there before.
    void place(const std::function<std::byte*(std::span<const std::byte>)>& copy);
    float value(size_t tensor, int64_t element) const; // also of indices
    void setValue(size_t tensor, int64_t element, float value);
    std::vector<float> values(size_t tensor) const;

private:
    const std::vector<OpTensor>* m_tensors;
    DType m_type;
    std::vector<std::vector<std::byte>> m_bytes;
    std::vector<size_t> m_offset;
    std::vector<std::byte*> m_placed; // empty: in m_bytes
    DType typeOf(size_t tensor) const;
};

struct OpCase {
    std::string op;    // "matmul_forward"
    std::string shape; // "rows=33 n=48 k=64"
    std::vector<OpTensor> tensors;
    std::function<void(Implementation, OpData&)> run; // in the type of the data
    double flops = 0;                                 // of one call; 0: bounded by memory traffic alone
    // Bytes that one call must read and write, where that is not simply all of its inputs and outputs.
    std::function<int64_t(DType)> traffic = nullptr;
    // |fast version - reference| <= tolerance * (1 + |reference|); for bf16 and f16 one rounding step is added. 0:
    // bitwise.
    double tolerance = 0;
    // Backward ops: the op whose gradient this is, in the same shape. Tensors of the same name are shared; d<name> is
    // the gradient of <name>.
    std::string forward;
    float objective_scale = 1; // where the forward op has losses instead of an output
    // The op alone, as it is timed, where run() touches tensors itself beside it.
    std::function<void(Implementation, OpData&)> alone = nullptr;
    void runAlone(Implementation implementation, OpData& data) const { (alone ? alone : run)(implementation, data); }
    size_t tensor(std::string_view name) const; // its place; asserts that it exists
    int64_t bytes(DType) const;                 // that one call must read and write
};

enum class CaseSet : uint8_t {
    small,   // many shapes, odd ones among them; for comparisons and gradients
    divided, // just large enough that every op but the matrix products is divided among threads
    bench,   // the sizes of a training step
    device   // the same for a GPU: GPT-2 124M, 8 samples of 1024 tokens
};
std::vector<OpCase> opCases(CaseSet);

} // namespace shardscope::kernels
