// SPDX-License-Identifier: Apache-2.0
// Ops that reduce over a row: layer norm, RMSNorm and cross-entropy. A row's sum runs in sixteen lanes from the row's
// first element, so it depends on the row alone.
#pragma once
#include "kernels/cpu/vector.h"
#include "kernels/cpu/vector_table.h"

namespace shardscope::kernels::cpu::SHARDSCOPE_ISA {

template <class T>
void layernormForward(T* out, float* mean, float* rstd, const T* x, const T* weight, const T* bias, int64_t rows,
                      int64_t channels) {
    const float count = static_cast<float>(channels);
    for (int64_t r = 0; r < rows; ++r) {
        const T* row = x + r * channels;
        T* result = out + r * channels;
        F16 sum = {};
        forEachVector(0, channels, [&](int64_t i, auto lanes) { sum += load(row + i, lanes); });
        const float m = sumLanes(sum) / count;
        F16 squares = {};
        forEachVector(0, channels, [&](int64_t i, auto lanes) {
            const F16 centered = keep(load(row + i, lanes) - m, 0.0f, lanes);
            squares += centered * centered;
        });
        const float s = 1.0f / __builtin_sqrtf(sumLanes(squares) / count + 1e-5f);
        forEachVector(0, channels, [&](int64_t i, auto lanes) {
            const F16 normal = (load(row + i, lanes) - m) * s;
            store(result + i, normal * load(weight + i, lanes) + load(bias + i, lanes), lanes);
        });
        mean[r] = m;
        rstd[r] = s;
    }
}

template <class T>
void layernormBackwardInput(T* dx, const T* dout, const T* dresidual, const T* x, const T* weight, const float* mean,
                            const float* rstd, int64_t rows, int64_t channels) {
    const float count = static_cast<float>(channels);
    for (int64_t r = 0; r < rows; ++r) {
        const int64_t start = r * channels;
        const float m = mean[r], s = rstd[r];
        F16 sums = {}, sums_normal = {};
        forEachVector(0, channels, [&](int64_t i, auto lanes) {
            const F16 d = load(dout + start + i, lanes) * load(weight + i, lanes); // zero in missing lanes
            sums += d;
            sums_normal += d * ((load(x + start + i, lanes) - m) * s);
        });
        const float sum = sumLanes(sums) / count, sum_normal = sumLanes(sums_normal) / count;
        forEachVector(0, channels, [&](int64_t i, auto lanes) {
            const F16 d = load(dout + start + i, lanes) * load(weight + i, lanes);
            const F16 normal = (load(x + start + i, lanes) - m) * s;
            const F16 through = s * (d - sum - normal * sum_normal);
            store(dx + start + i, dresidual ? load(dresidual + start + i, lanes) + through : through, lanes);
        });
    }
}

template <class T>
void layernormBackwardWeight(T* dweight, T* dbias, const T* dout, const T* x, const float* mean, const float* rstd,
                             int64_t rows, int64_t channels, int64_t first, int64_t last) {
    constexpr int64_t block = 256; // channels whose sums stay in the first-level cache
    for (; first < last; first += block) {
        const int64_t size = smaller(block, last - first);
        float dw[block] = {}, db[block] = {};
        for (int64_t r = 0; r < rows; ++r) {
            const T* d_row = dout + r * channels + first;
            const T* x_row = x + r * channels + first;
            const float m = mean[r], s = rstd[r];
            forEachVector(0, size, [&](int64_t i, auto lanes) {
                const F16 d = load(d_row + i, lanes);
                store(dw + i, load(dw + i, lanes) + d * ((load(x_row + i, lanes) - m) * s), lanes);
                store(db + i, load(db + i, lanes) + d, lanes);
            });
        }
        forEachVector(0, size, [&](int64_t i, auto lanes) {
            store(dweight + first + i, load(dw + i, lanes), lanes);
            store(dbias + first + i, load(db + i, lanes), lanes);
        });
    }
}

template <class T>
void rmsnormForward(T* out, float* rstd, const T* x, const T* weight, int64_t rows, int64_t channels, float epsilon) {
    const float count = static_cast<float>(channels);
    for (int64_t r = 0; r < rows; ++r) {
        const T* row = x + r * channels;
        T* result = out + r * channels;
        F16 squares = {};
        forEachVector(0, channels, [&](int64_t i, auto lanes) {
            const F16 v = load(row + i, lanes);
            squares += v * v;
        });
        const float s = 1.0f / __builtin_sqrtf(sumLanes(squares) / count + epsilon);
        forEachVector(0, channels, [&](int64_t i, auto lanes) {
            store(result + i, load(row + i, lanes) * s * load(weight + i, lanes), lanes);
        });
        rstd[r] = s;
    }
}

template <class T>
void rmsnormBackwardInput(T* dx, const T* dout, const T* dresidual, const T* x, const T* weight, const float* rstd,
                          int64_t rows, int64_t channels) {
    const float count = static_cast<float>(channels);
    for (int64_t r = 0; r < rows; ++r) {
        const int64_t start = r * channels;
        const float s = rstd[r];
        F16 sums = {};
        forEachVector(0, channels, [&](int64_t i, auto lanes) {
            sums += load(dout + start + i, lanes) * load(weight + i, lanes) * (load(x + start + i, lanes) * s);
        });
        const float sum = sumLanes(sums) / count;
        forEachVector(0, channels, [&](int64_t i, auto lanes) {
            const F16 d = load(dout + start + i, lanes) * load(weight + i, lanes);
            const F16 through = s * (d - load(x + start + i, lanes) * s * sum);
            store(dx + start + i, dresidual ? load(dresidual + start + i, lanes) + through : through, lanes);
        });
    }
}

template <class T>
void rmsnormBackwardWeight(T* dweight, const T* dout, const T* x, const float* rstd, int64_t rows, int64_t channels,
                           int64_t first, int64_t last) {
    constexpr int64_t block = 256;
    for (; first < last; first += block) {
        const int64_t size = smaller(block, last - first);
        float dw[block] = {};
        for (int64_t r = 0; r < rows; ++r) {
            const T* d_row = dout + r * channels + first;
            const T* x_row = x + r * channels + first;
            const float s = rstd[r];
            forEachVector(0, size, [&](int64_t i, auto lanes) {
                const F16 product = load(d_row + i, lanes) * (load(x_row + i, lanes) * s);
                store(dw + i, load(dw + i, lanes) + product, lanes);
            });
        }
        forEachVector(0, size, [&](int64_t i, auto lanes) { store(dweight + first + i, load(dw + i, lanes), lanes); });
    }
}

template <class T>
void crossEntropy(float* losses, T* dlogits, const T* logits, const int32_t* targets, float scale, int64_t rows,
                  int64_t vocabulary, int64_t pitch, float* exponentials) {
    const float lowest = -__builtin_inff();
    for (int64_t r = 0; r < rows; ++r) {
        const T* row = logits + r * pitch;
        T* result = dlogits + r * pitch;
        const int64_t target = targets[r];
        F16 high = splat(lowest);
        forEachVector(0, vocabulary,
                      [&](int64_t i, auto lanes) { high = maxOf(high, keep(load(row + i, lanes), lowest, lanes)); });
        const float highest = maxLanes(high), at_target = scalar(row[target]); // before the row may be overwritten
        F16 sums = {};
        forEachVector(0, vocabulary, [&](int64_t i, auto lanes) {
            const F16 e = keep(exponential(load(row + i, lanes) - highest), 0.0f, lanes);
            sums += e;
            store(exponentials + i, e, lanes);
        });
        const float sum = sumLanes(sums), share = scale / sum;
        losses[r] = highest + __builtin_logf(sum) - at_target;
        forEachVector(0, vocabulary,
                      [&](int64_t i, auto lanes) { store(result + i, load(exponentials + i, lanes) * share, lanes); });
        store(result + target, splat(scale * (exponentials[target] / sum - 1.0f)), Part{1});
    }
}

} // namespace shardscope::kernels::cpu::SHARDSCOPE_ISA
