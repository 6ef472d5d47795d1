// SPDX-License-Identifier: Apache-2.0
// The fast ops whose elements know nothing of each other, the optimizer's and the sums over whole tensors among them:
// picks the vector code for this processor and divides the work among threads.
#include "kernels/cpu/parallel.h"
#include "kernels/cpu/vector_table.h"
#include "kernels/ops.h"
#include "kernels/random.h"
#include <cassert>
#include <cmath>
#include <vector>

namespace shardscope::kernels::cpu {
namespace {

template <class T> const VectorKernels<T>& vectors() { return vectorTable().of<T>(); }

// Cosines and sines [sequence, half] of the rotary angles, kept by the calling thread for the next layer.
struct RotaryTable {
    int64_t sequence = 0, half = 0;
    float theta = 0;
    std::vector<float> cosines, sines;
};
const RotaryTable& rotaryTable(int64_t sequence, int64_t half, float theta) {
    thread_local RotaryTable table;
    if (table.sequence >= sequence && table.half == half && table.theta == theta) return table;
    const auto elements = static_cast<size_t>(sequence * half);
    table = {sequence, half, theta, std::vector<float>(elements), std::vector<float>(elements)};
    for (int64_t i = 0; i < half; ++i) {
        const double frequency =
            std::pow(static_cast<double>(theta), -static_cast<double>(i) / static_cast<double>(half));
        for (int64_t position = 0; position < sequence; ++position) {
            const double angle = static_cast<double>(position) * frequency;
            table.cosines[static_cast<size_t>(position * half + i)] = static_cast<float>(std::cos(angle));
            table.sines[static_cast<size_t>(position * half + i)] = static_cast<float>(std::sin(angle));
        }
    }
    return table;
}

} // namespace

template <class T> void geluForward(T* out, const T* x, int64_t elements) {
    parallelRanges(elements, element_grain, [=](int64_t first, int64_t last) {
        vectors<T>().geluForward(out + first, x + first, last - first);
    });
}

template <class T> void geluBackward(T* dx, const T* x, const T* dout, int64_t elements) {
    parallelRanges(elements, element_grain, [=](int64_t first, int64_t last) {
        vectors<T>().geluBackward(dx + first, x + first, dout + first, last - first);
    });
}

template <class T> void swigluForward(T* out, const T* gate_up, int64_t rows, int64_t ffn) {
    parallelRanges(rows, rowGrain(ffn), [=](int64_t first, int64_t last) {
        vectors<T>().swigluForward(out + first * ffn, gate_up + first * 2 * ffn, last - first, ffn);
    });
}

template <class T> void swigluBackward(T* dgate_up, const T* gate_up, const T* dout, int64_t rows, int64_t ffn) {
    parallelRanges(rows, rowGrain(ffn), [=](int64_t first, int64_t last) {
        const int64_t at = first * 2 * ffn;
        vectors<T>().swigluBackward(dgate_up + at, gate_up + at, dout + first * ffn, last - first, ffn);
    });
}

template <class T> void dropout(T* out, const T* x, int64_t elements, float p, uint64_t key) {
    assert(p >= 0 && p < 1);
    const float scale = 1.0f / (1.0f - p);
    parallelRanges((elements + 1) / 2, element_grain / 2, [=](int64_t first, int64_t last) {
        vectors<T>().dropout(out, x, 2 * first, std::min(2 * last, elements), dropoutThreshold(p), scale, key);
    });
}

template <class T>
void rope(T* qkv, int64_t batch, int64_t sequence, int64_t heads, int64_t kv_heads, int64_t head_dim, float theta,
          bool inverse) {
    assert(head_dim % 2 == 0);
    const int64_t key_heads = kv_heads ? kv_heads : heads, stride = (heads + 2 * key_heads) * head_dim;
    const RotaryTable& table = rotaryTable(sequence, head_dim / 2, theta);
    const float *cosines = table.cosines.data(), *sines = table.sines.data();
    parallelRanges(batch * sequence, rowGrain(stride), [=](int64_t first, int64_t last) {
        for (int64_t t = first; t < last; ++t) {
            const int64_t at = t % sequence * (head_dim / 2);
            vectors<T>().rope(qkv + t * stride, heads + key_heads, head_dim / 2, cosines + at, sines + at, inverse);
        }
    });
}

template <class T> void residualForward(T* out, const T* a, const T* b, int64_t elements) {
    parallelRanges(elements, element_grain, [=](int64_t first, int64_t last) {
        vectors<T>().residualForward(out + first, a + first, b + first, last - first);
    });
}

template <class T, class G>
void adamw(T* param, float* master, const G* grad, float* exp_avg, float* exp_avg_sq, int64_t elements,
           const AdamWStep& step) {
    const AdamWConstants constants = adamwConstants(step);
    parallelRanges(elements, element_grain, [=](int64_t first, int64_t last) {
        vectors<T>().template with<G>().adamw(param + first, master ? master + first : nullptr, grad + first,
                                              exp_avg + first, exp_avg_sq + first, last - first, constants);
    });
}

template <class D, class S> void accumulate(D* sum, const S* x, int64_t elements, bool first_addend) {
    parallelRanges(elements, element_grain, [=](int64_t first, int64_t last) {
        vectors<D>().template with<S>().accumulate(sum + first, x + first, last - first, first_addend);
    });
}

template <class T> double squaredSum(const T* x, int64_t elements) {
    constexpr int64_t block = 16384; // part of the definition: another size would round otherwise
    thread_local std::vector<double> sums;
    const int64_t blocks = (elements + block - 1) / block;
    sums.resize(static_cast<size_t>(blocks));
    double* const of_block = sums.data();
    parallelRanges(blocks, element_grain / block, [=](int64_t first, int64_t last) {
        for (; first < last; ++first)
            of_block[first] = vectors<T>().squaredSum(x + first * block, std::min(block, elements - first * block));
    });
    double sum = 0;
    for (int64_t b = 0; b < blocks; ++b) sum += of_block[b];
    return sum;
}

template <class T>
void sumRanks(std::span<T* const> outputs, std::span<const T* const> inputs, float scale, int64_t elements) {
    parallelRanges(elements, element_grain, [=](int64_t first, int64_t last) {
        vectors<T>().sumRanks(outputs.data(), std::ssize(outputs), inputs.data(), std::ssize(inputs), scale, first,
                              last);
    });
}

#define INSTANTIATE_PAIR(T, S)                                                                                         \
    template void adamw(T*, float*, const S*, float*, float*, int64_t, const AdamWStep&);                              \
    template void accumulate(T*, const S*, int64_t, bool);
#define INSTANTIATE(T)                                                                                                 \
    template void geluForward(T*, const T*, int64_t);                                                                  \
    template void geluBackward(T*, const T*, const T*, int64_t);                                                       \
    template void swigluForward(T*, const T*, int64_t, int64_t);                                                       \
    template void swigluBackward(T*, const T*, const T*, int64_t, int64_t);                                            \
    template void dropout(T*, const T*, int64_t, float, uint64_t);                                                     \
    template void rope(T*, int64_t, int64_t, int64_t, int64_t, int64_t, float, bool);                                  \
    template void residualForward(T*, const T*, const T*, int64_t);                                                    \
    template double squaredSum(const T*, int64_t);                                                                     \
    template void sumRanks(std::span<T* const>, std::span<const T* const>, float, int64_t);                            \
    INSTANTIATE_PAIR(T, float)                                                                                         \
    INSTANTIATE_PAIR(T, bfloat16)                                                                                      \
    INSTANTIATE_PAIR(T, float16)
INSTANTIATE(float)
INSTANTIATE(bfloat16)
INSTANTIATE(float16)

} // namespace shardscope::kernels::cpu
