// SPDX-License-Identifier: Apache-2.0
// Ops whose elements know nothing of each other: the result for an element is the same wherever it stands in a range.
#pragma once
#include "kernels/cpu/vector.h"
#include "kernels/cpu/vector_table.h"

namespace shardscope::kernels::cpu::SHARDSCOPE_ISA {

inline constexpr float root_2_over_pi = 0.7978845608028654f;
inline constexpr float cubic = 0.044715f;

// (1 + tanh u) / 2 = 1 / (1 + e^-2u) with u = sqrt(2/pi) (x + cubic x^3): one exponential, no cancellation for x < 0.
SHARDSCOPE_INLINE F16 geluGate(F16 x) {
    const F16 u = x * (cubic * (x * x) + 1.0f);
    return 1.0f / (exponential(u * (-2.0f * root_2_over_pi)) + 1.0f);
}

template <class T> void geluForward(T* out, const T* x, int64_t elements) {
    forEachVector(0, elements, [=](int64_t i, auto lanes) {
        const F16 v = load(x + i, lanes);
        store(out + i, v * geluGate(v), lanes);
    });
}

template <class T> void geluBackward(T* dx, const T* x, const T* dout, int64_t elements) {
    forEachVector(0, elements, [=](int64_t i, auto lanes) {
        const F16 v = load(x + i, lanes);
        const F16 gate = geluGate(v);
        const F16 du = 2.0f * root_2_over_pi * (3.0f * cubic * (v * v) + 1.0f);
        const F16 slope = gate + v * du * (gate * (1.0f - gate));
        store(dx + i, load(dout + i, lanes) * slope, lanes);
    });
}

template <class T> void residualForward(T* out, const T* a, const T* b, int64_t elements) {
    forEachVector(0, elements,
                  [=](int64_t i, auto lanes) { store(out + i, load(a + i, lanes) + load(b + i, lanes), lanes); });
}

// 1 / (1 + e^-x)
SHARDSCOPE_INLINE F16 sigmoid(F16 x) { return 1.0f / (exponential(-x) + 1.0f); }

template <class T> void swigluForward(T* out, const T* gate_up, int64_t rows, int64_t ffn) {
    for (int64_t r = 0; r < rows; ++r) {
        const T* row = gate_up + r * 2 * ffn;
        T* result = out + r * ffn;
        forEachVector(0, ffn, [=](int64_t i, auto lanes) {
            const F16 gate = load(row + i, lanes);
            store(result + i, gate * sigmoid(gate) * load(row + ffn + i, lanes), lanes);
        });
    }
}

template <class T> void swigluBackward(T* dgate_up, const T* gate_up, const T* dout, int64_t rows, int64_t ffn) {
    for (int64_t r = 0; r < rows; ++r) {
        const T* row = gate_up + r * 2 * ffn;
        const T* d_row = dout + r * ffn;
        T* result = dgate_up + r * 2 * ffn;
        forEachVector(0, ffn, [=](int64_t i, auto lanes) {
            const F16 gate = load(row + i, lanes), up = load(row + ffn + i, lanes), d = load(d_row + i, lanes);
            const F16 share = sigmoid(gate);
            store(result + i, d * up * (share * (gate * (1.0f - share) + 1.0f)), lanes);
            store(result + ffn + i, d * (gate * share), lanes);
        });
    }
}

template <class T>
void dropout(T* out, const T* x, int64_t first, int64_t last, uint32_t threshold, float scale, uint64_t key) {
    const L8 lanes_of_pairs = {0, 1, 2, 3, 4, 5, 6, 7};
    const L8 mixed_key = mixBitsOf(L8{} + key);
    forEachVector(first, last, [=](int64_t i, auto lanes) {
        const L8 pair = lanes_of_pairs + static_cast<uint64_t>(i / 2);
        const U16 bits = (U16)mixBitsOf(mixed_key ^ mixBitsOf(~pair)); // little endian: the lower half comes first
        store(out + i, bits >= threshold ? load(x + i, lanes) * scale : F16{}, lanes);
    });
}

template <class T>
void rope(T* heads_of_token, int64_t heads, int64_t half, const float* cosines, const float* sines, bool inverse) {
    const float direction = inverse ? -1.0f : 1.0f;
    for (int64_t h = 0; h < heads; ++h) {
        T* x = heads_of_token + h * 2 * half;
        forEachVector(0, half, [=](int64_t i, auto lanes) {
            const F16 a = load(x + i, lanes), b = load(x + half + i, lanes);
            const F16 c = load(cosines + i, lanes), s = load(sines + i, lanes) * direction;
            store(x + i, a * c - b * s, lanes);
            store(x + half + i, b * c + a * s, lanes);
        });
    }
}

// Sixteen running sums, then a tree over them.
template <class T> double squaredSum(const T* x, int64_t elements) {
    D8 low = {}, high = {};
    forEachVector(0, elements, [&](int64_t i, auto lanes) {
        const Squares s = squaresInDouble(load(x + i, lanes));
        low += s.low;
        high += s.high;
    });
    return sumLanes(low + high);
}

template <class T, class S> void accumulate(T* sum, const S* x, int64_t elements, bool first) {
    if (first)
        forEachVector(0, elements, [=](int64_t i, auto lanes) { store(sum + i, load(x + i, lanes), lanes); });
    else
        forEachVector(0, elements,
                      [=](int64_t i, auto lanes) { store(sum + i, load(sum + i, lanes) + load(x + i, lanes), lanes); });
}

template <class T, class G>
void adamw(T* param, float* master, const G* grad, float* exp_avg, float* exp_avg_sq, int64_t elements,
           const AdamWConstants& constants) {
    const AdamWConstants k = constants; // a copy: stores through float* cannot touch it
    auto update = [=](int64_t i, auto lanes, auto* weights) {
        const F16 g = load(grad + i, lanes) * k.gradient_scale;
        const F16 m = k.beta1 * load(exp_avg + i, lanes) + k.rest1 * g;
        const F16 v = k.beta2 * load(exp_avg_sq + i, lanes) + k.rest2 * g * g;
        const F16 denominator = squareRoot(v) * k.root_scale + k.epsilon;
        const F16 after = load(weights + i, lanes) * k.decay - k.step_size * (m / denominator);
        store(exp_avg + i, m, lanes);
        store(exp_avg_sq + i, v, lanes);
        return after;
    };
    constexpr int64_t beyond_caches = 1 << 20; // elements
    const bool past = sizeof(T) == 2 && elements >= beyond_caches && reinterpret_cast<uintptr_t>(param) % 32 == 0;
    if (master && past) {
        const int64_t whole = elements / width * width;
        for (int64_t i = 0; i < whole; i += width) {
            const F16 after = update(i, Whole{}, master);
            store(master + i, after);
            storePast(param + i, after);
        }
        pastCaches();
        forEachVector(whole, elements, [=](int64_t i, auto lanes) {
            const F16 after = update(i, lanes, master);
            store(master + i, after, lanes);
            store(param + i, after, lanes);
        });
    } else if (master)
        forEachVector(0, elements, [=](int64_t i, auto lanes) {
            const F16 after = update(i, lanes, master);
            store(master + i, after, lanes);
            store(param + i, after, lanes);
        });
    else
        forEachVector(0, elements, [=](int64_t i, auto lanes) { store(param + i, update(i, lanes, param), lanes); });
}

template <class T>
void sumRanks(T* const* outputs, int64_t output_count, const T* const* inputs, int64_t input_count, float scale,
              int64_t first, int64_t last) {
    forEachVector(first, last, [=](int64_t i, auto lanes) {
        F16 sum = load(inputs[0] + i, lanes);
        for (int64_t rank = 1; rank < input_count; ++rank) sum += load(inputs[rank] + i, lanes);
        sum *= scale;
        for (int64_t rank = 0; rank < output_count; ++rank) store(outputs[rank] + i, sum, lanes);
    });
}

template <class T> void addRow(float* sum, const T* row, int64_t elements) {
    forEachVector(0, elements,
                  [=](int64_t i, auto lanes) { store(sum + i, load(sum + i, lanes) + load(row + i, lanes), lanes); });
}

template <class T> void toFloat(float* out, const T* in, int64_t elements) {
    forEachVector(0, elements, [=](int64_t i, auto lanes) { store(out + i, load(in + i, lanes), lanes); });
}

template <class T> void fromFloat(T* out, const float* in, int64_t elements) {
    forEachVector(0, elements, [=](int64_t i, auto lanes) { store(out + i, load(in + i, lanes), lanes); });
}

SHARDSCOPE_INLINE void exponentialOf(float* out, const float* x, int64_t elements) {
    forEachVector(0, elements, [=](int64_t i, auto lanes) { store(out + i, exponential(load(x + i, lanes)), lanes); });
}

} // namespace shardscope::kernels::cpu::SHARDSCOPE_ISA
