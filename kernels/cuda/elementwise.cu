// SPDX-License-Identifier: Apache-2.0
// Activations, residuals, dropout and rotary positions. Tanh is taken from a logistic function, 0.5 (1 + tanh u) =
// 1 / (1 + e^-2u), because that costs one exponential and one division.
#include "kernels/cuda/elements.h"
#include "kernels/cuda/fast_math.h"
#include "kernels/ops.h"
#include "kernels/random.h"

namespace shardscope::kernels::cuda {
namespace {

constexpr float root_2_over_pi = 0.7978845608028654f;
constexpr float cubic = 0.044715f;

__device__ inline float tanhArgument(float v) { return root_2_over_pi * (v + cubic * v * v * v); }

template <class T> struct SwigluForward {
    static constexpr int resident = 5;
    T* out;
    const T* gate_up;
    int64_t ffn;
    template <int n> struct Loaded { Pack<T, n> gate, up; };
    template <int n> __device__ Loaded<n> load(int64_t i) const {
        const T* row = gate_up + i / ffn * 2 * ffn + i % ffn;
        return {loadPack<n>(row), loadPack<n>(row + ffn)};
    }
    template <int n> __device__ void finish(int64_t i, const Loaded<n>& loaded) const {
        float gate[n], up[n];
        widen(gate, loaded.gate);
        widen(up, loaded.up);
        SHARDSCOPE_UNROLL
        for (int k = 0; k < n; ++k) gate[k] = quotient<T>(gate[k], 1.0f + exponential<T>(-gate[k])) * up[k];
        storeRounded(out + i, gate);
    }
};

template <class T> struct SwigluBackward {
    static constexpr int resident = 4;
    T* dgate_up;
    const T *gate_up, *dout;
    int64_t ffn;
    template <int n> struct Loaded {
        Pack<T, n> gate, up, d;
        int64_t at;
    };
    template <int n> __device__ Loaded<n> load(int64_t i) const {
        const int64_t at = i / ffn * 2 * ffn + i % ffn;
        return {loadPack<n>(gate_up + at), loadPack<n>(gate_up + at + ffn), loadPack<n>(dout + i), at};
    }
    template <int n> __device__ void finish(int64_t, const Loaded<n>& loaded) const {
        float gate[n], up[n], d[n];
        widen(gate, loaded.gate);
        widen(up, loaded.up);
        widen(d, loaded.d);
        SHARDSCOPE_UNROLL
        for (int k = 0; k < n; ++k) {
            const float share = quotient<T>(1.0f, 1.0f + exponential<T>(-gate[k]));
            const float of_up = d[k] * gate[k] * share;
            gate[k] = d[k] * up[k] * share * (1.0f + gate[k] * (1.0f - share));
            up[k] = of_up;
        }
        storeRounded(dgate_up + loaded.at, gate);
        storeRounded(dgate_up + loaded.at + ffn, up);
    }
};

template <class T> struct Dropout {
    static constexpr int resident = 5;
    T* out;
    const T* x;
    uint64_t key;
    uint32_t threshold;
    float scale;
    template <int n> __device__ Pack<T, n> load(int64_t i) const { return loadPack<n>(x + i); }
    template <int n> __device__ void finish(int64_t i, const Pack<T, n>& loaded) const {
        float v[n];
        widen(v, loaded);
        bool keeps[n];
        if (n == 1 || i % 2 != 0) {
            SHARDSCOPE_UNROLL
            for (int k = 0; k < n; ++k) keeps[k] = dropoutKeeps(key, i + k, threshold);
        } else { // two elements share the bits of one number
            SHARDSCOPE_UNROLL
            for (int k = 0; k + 1 < n; k += 2) {
                const uint64_t pair = randomBits(key, static_cast<uint64_t>(i + k) / 2);
                keeps[k] = static_cast<uint32_t>(pair) >= threshold;
                keeps[k + 1] = static_cast<uint32_t>(pair >> 32) >= threshold;
            }
        }
        SHARDSCOPE_UNROLL
        for (int k = 0; k < n; ++k) v[k] = keeps[k] ? v[k] * scale : 0.0f;
        storeRounded(out + i, v);
    }
};

template <class T> struct Rope {
    T* qkv;
    int64_t batch, sequence, token_elements, turned_heads, head_dim;
    double theta;
    bool inverse;
};

// A block turns all heads of one position, in every sample or, with more blocks than positions, in a share of them:
// its angles, which take many instructions, are computed once.
template <class T, int n> __global__ void ropeKernel(Rope<T> r) {
    SHARDSCOPE_DYNAMIC_SHARED(float, turns); // [2][half]: cosines, sines
    const int half = static_cast<int>(r.head_dim / 2);
    const int64_t position = blockIdx.x % r.sequence;
    const int64_t first = blockIdx.x / r.sequence, step = gridDim.x / r.sequence;
    for (int pair = threadIdx.x; pair < half; pair += blockDim.x) {
        const double exponent = -static_cast<double>(pair) / static_cast<double>(half);
        const double angle = static_cast<double>(position) * pow(r.theta, exponent);
        turns[pair] = static_cast<float>(cos(angle));
        turns[half + pair] = static_cast<float>(r.inverse ? -sin(angle) : sin(angle));
    }
    __syncthreads();
    const int packs = half / n, of_token = static_cast<int>(r.turned_heads) * packs;
    const int items = static_cast<int>((r.batch - first + step - 1) / step) * of_token;
    for (int item = threadIdx.x; item < items; item += blockDim.x) {
        const int64_t sample = first + item / of_token * step;
        const int head = item % of_token / packs, pair = item % packs * n;
        T* x = r.qkv + (sample * r.sequence + position) * r.token_elements + head * r.head_dim + pair;
        float a[n], b[n];
        loadFloats(a, x);
        loadFloats(b, x + half);
        SHARDSCOPE_UNROLL
        for (int k = 0; k < n; ++k) {
            const float c = turns[pair + k], s = turns[half + pair + k], before = a[k];
            a[k] = before * c - b[k] * s;
            b[k] = b[k] * c + before * s;
        }
        storeRounded(x, a);
        storeRounded(x + half, b);
    }
}

} // namespace

template <class T> void geluForward(T* out, const T* x, int64_t elements) {
    mapElements("gelu_forward", elements, out, x,
                [] __device__(float v) { return quotient<T>(v, 1.0f + exponential<T>(-2.0f * tanhArgument(v))); });
}

template <class T> void geluBackward(T* dx, const T* x, const T* dout, int64_t elements) {
    mapElements("gelu_backward", elements, dx, x, dout, [] __device__(float v, float d) {
        const float u = tanhArgument(v), e = exponential<T>(-2.0f * fabsf(u));
        const float share = quotient<T>(1.0f, 1.0f + e), other = e * share; // 0.5 (1 + tanh |u|) and what is left of 1
        const float slope =
            (u < 0.0f ? other : share) + 2.0f * v * share * other * root_2_over_pi * (1.0f + 3.0f * cubic * v * v);
        return d * slope;
    });
}

template <class T> void residualForward(T* out, const T* a, const T* b, int64_t elements) {
    mapElements("residual_forward", elements, out, a, b, [] __device__(float x, float y) { return x + y; });
}

template <class T> void swigluForward(T* out, const T* gate_up, int64_t rows, int64_t ffn) {
    constexpr int n = pack_elements<T>;
    forPacks<n>("swiglu_forward", packingOfRows<n>(rows * ffn, ffn, out, gate_up), SwigluForward<T>{out, gate_up, ffn});
}

template <class T> void swigluBackward(T* dgate_up, const T* gate_up, const T* dout, int64_t rows, int64_t ffn) {
    constexpr int n = pack_elements<T>;
    forPacks<n>("swiglu_backward", packingOfRows<n>(rows * ffn, ffn, dgate_up, gate_up, dout),
                SwigluBackward<T>{dgate_up, gate_up, dout, ffn});
}

template <class T> void dropout(T* out, const T* x, int64_t elements, float p, uint64_t key) {
    constexpr int n = pack_elements<T>;
    forPacks<n>("dropout", packingOf<n>(elements, out, x),
                Dropout<T>{out, x, key, dropoutThreshold(p), 1.0f / (1.0f - p)});
}

template <class T>
void rope(T* qkv, int64_t batch, int64_t sequence, int64_t heads, int64_t kv_heads, int64_t head_dim, float theta,
          bool inverse) {
    constexpr int n = pack_elements<T>, threads = 256;
    const int64_t key_heads = kv_heads ? kv_heads : heads, half = head_dim / 2;
    const Rope<T> r{.qkv = qkv,
                    .batch = batch,
                    .sequence = sequence,
                    .token_elements = (heads + 2 * key_heads) * head_dim,
                    .turned_heads = heads + key_heads,
                    .head_dim = head_dim,
                    .theta = theta,
                    .inverse = inverse};
    const int64_t wished = (deviceLimits().multiprocessors * 8 + sequence - 1) / sequence; // shares of the samples
    const Grid grid{sequence * std::min(wished, batch), threads, head_dim * static_cast<int64_t>(sizeof(float))};
    if (half % n == 0 && startsPack<n>(qkv))
        launch("rope", grid, ropeKernel<T, n>, r);
    else
        launch("rope", grid, ropeKernel<T, 1>, r);
}

#define INSTANTIATE(T)                                                                                                 \
    template void geluForward(T*, const T*, int64_t);                                                                  \
    template void geluBackward(T*, const T*, const T*, int64_t);                                                       \
    template void residualForward(T*, const T*, const T*, int64_t);                                                    \
    template void swigluForward(T*, const T*, int64_t, int64_t);                                                       \
    template void swigluBackward(T*, const T*, const T*, int64_t, int64_t);                                            \
    template void dropout(T*, const T*, int64_t, float, uint64_t);                                                     \
    template void rope(T*, int64_t, int64_t, int64_t, int64_t, int64_t, float, bool);
INSTANTIATE(float)
INSTANTIATE(bfloat16)
INSTANTIATE(float16)

} // namespace shardscope::kernels::cuda
