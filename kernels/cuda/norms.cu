// SPDX-License-Identifier: Apache-2.0
// Layer norm and RMS norm. Up to 8192 channels a row is held in the registers of a warp or, where it is longer than
// 1024 channels, of a block, and memory is read once; backward, the same pass adds up the weights' gradients, in a
// number of parts that depends on the shape alone. Longer rows are read twice.
#include "kernels/cuda/columns.h"
#include "kernels/ops.h"

namespace shardscope::kernels::cuda {
namespace {

constexpr int threads = 256, warps = threads / warp_size;

// Layer norm, or RMS norm where `mean` is null: it has no mean to take away, no bias and no gradient through either.
template <class T> struct Forward {
    T* out;
    float *mean, *rstd;
    const T *x, *weight, *bias;
    int64_t rows, channels;
    float epsilon;
};
template <class T> struct Backward {
    T* dx;
    float* parts_of;                        // [2][parts][channels]: of the weight, of the bias
    const T *dout, *dresidual, *x, *weight; // dresidual may be null, and dx
    const float *mean, *rstd;
    int64_t rows, channels, parts;
};

// How a row is held: by a warp, of which a block has several, or by the whole block. Thread t of them has packs t,
// t + size, ... `aligned`: the channels are whole packs, each of which is one access.
template <class T, int packs_, bool of_warp_, bool aligned> struct Held {
    static constexpr int n = pack_elements<T>, packs = packs_, size = of_warp_ ? warp_size : threads;
    static constexpr bool of_warp = of_warp_;
    static constexpr int in_block = threads / size;
    __device__ static int thread() { return static_cast<int>(threadIdx.x) % size; }
    __device__ static int number() { return static_cast<int>(threadIdx.x) / size; }
    __device__ static int64_t channel(int pack) { return static_cast<int64_t>(pack * size + thread()) * n; }
    __device__ static float sum(float value) {
        if constexpr (of_warp)
            return warpSum(value);
        else
            return blockSum(value);
    }
    __device__ static bool holds(int pack, int element, int64_t channels) {
        return channel(pack) + (aligned ? 0 : element) < channels;
    }
    // Zero beyond the row.
    __device__ static Pack<T> load(const T* row, int pack, int64_t channels) {
        const int64_t c = channel(pack);
        if constexpr (aligned)
            return c < channels ? loadPack<n>(row + c) : Pack<T>{};
        else
            return loadSome<n>(row + c, channels - c, false, T());
    }
    __device__ static void store(T* row, int pack, int64_t channels, const float (&values)[n]) {
        storeSome(row + channel(pack), roundedPack<T>(values), channels - channel(pack), aligned);
    }
};

template <class T, class Row> __global__ void __launch_bounds__(threads) forwardKernel(Forward<T> a) {
    constexpr int n = Row::n, packs = Row::packs;
    const int64_t r = static_cast<int64_t>(blockIdx.x) * Row::in_block + Row::number();
    if (r >= a.rows) return; // whole warps
    Pack<T> loaded[packs];
    SHARDSCOPE_UNROLL
    for (int p = 0; p < packs; ++p) loaded[p] = Row::load(a.x + r * a.channels, p, a.channels);
    float sum = 0, squares = 0;
    SHARDSCOPE_UNROLL
    for (int p = 0; p < packs; ++p) {
        float x[n];
        widen(x, loaded[p]);
        SHARDSCOPE_UNROLL
        for (int k = 0; k < n; ++k) sum += x[k];
    }
    const float m = a.mean ? Row::sum(sum) / static_cast<float>(a.channels) : 0.0f;
    SHARDSCOPE_UNROLL
    for (int p = 0; p < packs; ++p) {
        float x[n];
        widen(x, loaded[p]);
        SHARDSCOPE_UNROLL
        for (int k = 0; k < n; ++k) {
            const float centered = Row::holds(p, k, a.channels) ? x[k] - m : 0.0f;
            squares += centered * centered;
        }
    }
    const float scale = 1.0f / sqrtf(Row::sum(squares) / static_cast<float>(a.channels) + a.epsilon);
    SHARDSCOPE_UNROLL
    for (int p = 0; p < packs; ++p) {
        if (Row::channel(p) >= a.channels) break;
        float x[n], weight[n], bias[n] = {};
        widen(x, loaded[p]);
        widen(weight, Row::load(a.weight, p, a.channels));
        if (a.bias) widen(bias, Row::load(a.bias, p, a.channels));
        SHARDSCOPE_UNROLL
        for (int k = 0; k < n; ++k) x[k] = (x[k] - m) * scale * weight[k] + bias[k];
        Row::store(a.out + r * a.channels, p, a.channels, x);
    }
    if (Row::thread() == 0) {
        if (a.mean) a.mean[r] = m;
        a.rstd[r] = scale;
    }
}

// Two blocks to a multiprocessor where the sums of a thread leave the registers for it.
template <class T, class Row>
__global__ void __launch_bounds__(threads, Row::n* Row::packs <= 16 ? 2 : 1) backwardKernel(Backward<T> a) {
    constexpr int n = Row::n, packs = Row::packs;
    float of_weight[packs][n] = {}, of_bias[packs][n] = {};
    const int64_t step = a.parts * Row::in_block;
    for (int64_t r = static_cast<int64_t>(blockIdx.x) * Row::in_block + Row::number(); r < a.rows; r += step) {
        const int64_t start = r * a.channels;
        const float m = a.mean ? a.mean[r] : 0.0f, scale = a.rstd[r];
        Pack<T> x[packs], dout[packs], dresidual[packs];
        SHARDSCOPE_UNROLL
        for (int p = 0; p < packs; ++p) {
            x[p] = Row::load(a.x + start, p, a.channels);
            dout[p] = Row::load(a.dout + start, p, a.channels);
            dresidual[p] = a.dresidual ? Row::load(a.dresidual + start, p, a.channels) : Pack<T>{};
        }
        float sum = 0, sum_normal = 0; // of the gradient of the normalised row, plain and times that row
        SHARDSCOPE_UNROLL
        for (int p = 0; p < packs; ++p) {
            float weight[n], d[n], of_x[n];
            widen(weight, Row::load(a.weight, p, a.channels));
            widen(d, dout[p]);
            widen(of_x, x[p]);
            SHARDSCOPE_UNROLL
            for (int k = 0; k < n; ++k) { // what lies beyond the row has a gradient of 0
                const float normal = (of_x[k] - m) * scale;
                of_weight[p][k] += d[k] * normal;
                of_bias[p][k] += d[k];
                sum += d[k] * weight[k];
                sum_normal += d[k] * weight[k] * normal;
            }
        }
        sum = a.mean ? Row::sum(sum) / static_cast<float>(a.channels) : 0.0f;
        sum_normal = Row::sum(sum_normal) / static_cast<float>(a.channels);
        SHARDSCOPE_UNROLL
        for (int p = 0; p < packs; ++p) {
            if (Row::channel(p) >= a.channels) break;
            float weight[n], d[n], of_x[n], dx[n];
            widen(weight, Row::load(a.weight, p, a.channels));
            widen(d, dout[p]);
            widen(of_x, x[p]);
            widen(dx, dresidual[p]);
            SHARDSCOPE_UNROLL
            for (int k = 0; k < n; ++k) {
                const float normal = (of_x[k] - m) * scale;
                dx[k] += scale * (d[k] * weight[k] - sum - normal * sum_normal);
            }
            Row::store(a.dx + start, p, a.channels, dx);
        }
    }
    float* weight_part = a.parts_of + blockIdx.x * a.channels;
    float* bias_part = weight_part + a.parts * a.channels;
    if constexpr (Row::of_warp) { // the warps of a block hold the same channels: one after the other adds its sums
        __shared__ float of_block[2][packs][n][warp_size];
        for (int w = 0; w < warps; ++w) {
            if (Row::number() == w) {
                SHARDSCOPE_UNROLL
                for (int p = 0; p < packs; ++p) {
                    SHARDSCOPE_UNROLL
                    for (int k = 0; k < n; ++k) {
                        float& weight = of_block[0][p][k][Row::thread()];
                        float& bias = of_block[1][p][k][Row::thread()];
                        weight = (w == 0 ? 0.0f : weight) + of_weight[p][k];
                        bias = (w == 0 ? 0.0f : bias) + of_bias[p][k];
                    }
                }
            }
            __syncthreads();
        }
        for (int c = threadIdx.x; c < static_cast<int>(a.channels); c += threads) {
            const int pack = c / n;
            weight_part[c] = of_block[0][pack / warp_size][c % n][pack % warp_size];
            bias_part[c] = of_block[1][pack / warp_size][c % n][pack % warp_size];
        }
    } else {
        SHARDSCOPE_UNROLL
        for (int p = 0; p < packs; ++p) {
            SHARDSCOPE_UNROLL
            for (int k = 0; k < n; ++k)
                if (Row::holds(p, k, a.channels)) {
                    weight_part[Row::channel(p) + k] = of_weight[p][k];
                    bias_part[Row::channel(p) + k] = of_bias[p][k];
                }
        }
    }
}

template <class T> __global__ void __launch_bounds__(threads) longForwardKernel(Forward<T> a) {
    const int64_t r = blockIdx.x;
    const T* row = a.x + r * a.channels;
    float sum = 0, squares = 0;
    for (int64_t c = threadIdx.x; c < a.channels; c += threads) sum += toFloat(row[c]);
    const float m = a.mean ? blockSum(sum) / static_cast<float>(a.channels) : 0.0f;
    for (int64_t c = threadIdx.x; c < a.channels; c += threads) {
        const float centered = toFloat(row[c]) - m;
        squares += centered * centered;
    }
    const float scale = 1.0f / sqrtf(blockSum(squares) / static_cast<float>(a.channels) + a.epsilon);
    for (int64_t c = threadIdx.x; c < a.channels; c += threads)
        a.out[r * a.channels + c] =
            rounded<T>((toFloat(row[c]) - m) * scale * toFloat(a.weight[c]) + (a.bias ? toFloat(a.bias[c]) : 0.0f));
    if (threadIdx.x != 0) return;
    if (a.mean) a.mean[r] = m;
    a.rstd[r] = scale;
}

template <class T> __global__ void __launch_bounds__(threads) longBackwardKernel(Backward<T> a) {
    const int64_t r = blockIdx.x, start = r * a.channels;
    const float m = a.mean ? a.mean[r] : 0.0f, scale = a.rstd[r];
    float sum = 0, sum_normal = 0;
    for (int64_t c = threadIdx.x; c < a.channels; c += threads) {
        const float d = toFloat(a.dout[start + c]) * toFloat(a.weight[c]);
        sum += d;
        sum_normal += d * (toFloat(a.x[start + c]) - m) * scale;
    }
    sum = a.mean ? blockSum(sum) / static_cast<float>(a.channels) : 0.0f;
    sum_normal = blockSum(sum_normal) / static_cast<float>(a.channels);
    for (int64_t c = threadIdx.x; c < a.channels; c += threads) {
        const int64_t i = start + c;
        const float d = toFloat(a.dout[i]) * toFloat(a.weight[c]), normal = (toFloat(a.x[i]) - m) * scale;
        a.dx[i] = rounded<T>((a.dresidual ? toFloat(a.dresidual[i]) : 0.0f) + scale * (d - sum - normal * sum_normal));
    }
}

template <class T> struct WeightGradients {
    const T *dout, *x;
    const float *mean, *rstd;
    int64_t channels;
    template <int n> __device__ void operator()(int64_t row, int64_t column, float (&sums)[2][n]) const {
        float d[n], of_x[n];
        loadFloats(d, dout + row * channels + column);
        loadFloats(of_x, x + row * channels + column);
        const float m = mean ? mean[row] : 0.0f, scale = rstd[row];
        SHARDSCOPE_UNROLL
        for (int k = 0; k < n; ++k) {
            sums[0][k] += d[k] * ((of_x[k] - m) * scale);
            sums[1][k] += d[k];
        }
    }
};

template <class Row, class Run> bool ifHeld(int64_t channels, Run run) {
    if (channels > int64_t{Row::n} * Row::packs * Row::size) return false;
    run(Row());
    return true;
}
// Calls run() with the least Held that takes a row; false: none does. What is not aligned is rare and has the largest
// ones only; packs beyond the row change no sum.
template <class T, class Run> bool withRow(int64_t channels, bool aligned, Run run) {
    constexpr int n = pack_elements<T>;
    if (!aligned)
        return ifHeld<Held<T, 32 / n, true, false>>(channels, run) ||
               ifHeld<Held<T, 32 / n, false, false>>(channels, run);
    return ifHeld<Held<T, 8 / n, true, true>>(channels, run) || ifHeld<Held<T, 16 / n, true, true>>(channels, run) ||
           ifHeld<Held<T, 24 / n, true, true>>(channels, run) || ifHeld<Held<T, 32 / n, true, true>>(channels, run) ||
           ifHeld<Held<T, 8 / n, false, true>>(channels, run) || ifHeld<Held<T, 16 / n, false, true>>(channels, run) ||
           ifHeld<Held<T, 32 / n, false, true>>(channels, run);
}

template <class T> void forward(const char* name, const Forward<T>& a) {
    constexpr int n = pack_elements<T>;
    const bool aligned = a.channels % n == 0 && startsPack<n>(a.out, a.x, a.weight, a.bias);
    const bool held = withRow<T>(a.channels, aligned, [&]<class Row>(Row) {
        launch(name, Grid{(a.rows + Row::in_block - 1) / Row::in_block, threads}, forwardKernel<T, Row>, a);
    });
    if (!held) launch(name, Grid{a.rows, threads}, longForwardKernel<T>, a);
}

// dx may be dresidual, and never x or dout.
template <class T> void backward(const char* name, Backward<T> a, T* dweight, T* dbias) {
    constexpr int n = pack_elements<T>;
    const bool aligned = a.channels % n == 0 && startsPack<n>(a.dx, a.dout, a.dresidual, a.x, a.weight);
    const bool held = withRow<T>(a.channels, aligned, [&]<class Row>(Row) {
        a.parts = columnParts(a.rows, a.channels, Row::in_block);
        a.parts_of = scratch<float>(2 * a.parts * a.channels);
        launch(name, Grid{a.parts, threads}, backwardKernel<T, Row>, a);
        totalColumns<T>("norm_weight_gradient", {{dweight, dbias}, a.parts_of, a.channels, a.parts, false});
    });
    if (held) return;
    sumColumns<2, T>("norm_weight_gradient", a.rows, a.channels, aligned,
                     WeightGradients<T>{a.dout, a.x, a.mean, a.rstd, a.channels}, dweight, dbias, false);
    launch(name, Grid{a.rows, threads}, longBackwardKernel<T>, a);
}

} // namespace

template <class T>
void layernormForward(T* out, float* mean, float* rstd, const T* x, const T* weight, const T* bias, int64_t rows,
                      int64_t channels) {
    forward<T>("layernorm_forward", {out, mean, rstd, x, weight, bias, rows, channels, 1e-5f});
}

template <class T>
void layernormBackward(T* dx, T* dweight, T* dbias, const T* dout, const T* dresidual, const T* x, const T* weight,
                       const float* mean, const float* rstd, int64_t rows, int64_t channels) {
    backward<T>("layernorm_backward", {dx, nullptr, dout, dresidual, x, weight, mean, rstd, rows, channels, 0}, dweight,
                dbias);
}

template <class T>
void rmsnormForward(T* out, float* rstd, const T* x, const T* weight, int64_t rows, int64_t channels, float epsilon) {
    forward<T>("rmsnorm_forward", {out, nullptr, rstd, x, weight, nullptr, rows, channels, epsilon});
}

template <class T>
void rmsnormBackward(T* dx, T* dweight, const T* dout, const T* dresidual, const T* x, const T* weight,
                     const float* rstd, int64_t rows, int64_t channels) {
    backward<T>("rmsnorm_backward", {dx, nullptr, dout, dresidual, x, weight, nullptr, rstd, rows, channels, 0},
                dweight, static_cast<T*>(nullptr));
}

#define INSTANTIATE(T)                                                                                                 \
    template void layernormForward(T*, float*, float*, const T*, const T*, const T*, int64_t, int64_t);                \
    template void layernormBackward(T*, T*, T*, const T*, const T*, const T*, const T*, const float*, const float*,    \
                                    int64_t, int64_t);                                                                 \
    template void rmsnormForward(T*, float*, const T*, const T*, int64_t, int64_t, float);                             \
    template void rmsnormBackward(T*, T*, const T*, const T*, const T*, const T*, const float*, int64_t, int64_t);
INSTANTIATE(float)
INSTANTIATE(bfloat16)
INSTANTIATE(float16)

} // namespace shardscope::kernels::cuda
