// SPDX-License-Identifier: Apache-2.0
// AdamW, accumulation of gradients, their norm, and sums over ranks.
#include "kernels/adamw_constants.h"
#include "kernels/cuda/elements.h"
#include "kernels/cuda/ops.h"
#include <cassert>

namespace shardscope::kernels::cuda {
namespace {

template <class T> struct RankPointers {
    T* outputs[most_ranks];
    const T* inputs[most_ranks];
    int output_count, input_count;
};

// Thread t of all adds up packs t, t + all, ... of the run, whose number is fixed, so that the order is that of the
// elements alone. `aligned`: a pack is one access.
template <class T> __global__ void squaredSumOfBlocks(double* partials, const T* x, int64_t elements, bool aligned) {
    constexpr int n = pack_elements<T>, under_way = 4;
    const int64_t packs = elements / n;
    double sum = 0;
    const auto add = [&](float value) {
        const double v = static_cast<double>(value);
        sum += v * v;
    };
    int64_t i = globalThread();
    for (; aligned && i + (under_way - 1) * globalThreads() < packs; i += under_way * globalThreads()) {
        Pack<T, n> loaded[under_way];
        SHARDSCOPE_UNROLL
        for (int u = 0; u < under_way; ++u) loaded[u] = loadPack<n>(x + (i + u * globalThreads()) * n);
        SHARDSCOPE_UNROLL
        for (int u = 0; u < under_way; ++u) {
            float values[n];
            widen(values, loaded[u]);
            SHARDSCOPE_UNROLL
            for (int k = 0; k < n; ++k) add(values[k]);
        }
    }
    for (; i < packs; i += globalThreads()) {
        SHARDSCOPE_UNROLL
        for (int k = 0; k < n; ++k) add(toFloat(x[i * n + k]));
    }
    if (const int64_t rest = packs * n + globalThread(); rest < elements) add(toFloat(x[rest]));
    sum = blockSum(sum);
    if (threadIdx.x == 0) partials[blockIdx.x] = sum;
}

__global__ void sumOfPartials(double* total, const double* partials) {
    double sum = 0;
    for (int64_t i = threadIdx.x; i < squared_sum_partials; i += blockDim.x) sum += partials[i];
    sum = blockSum(sum);
    if (threadIdx.x == 0) *total = sum;
}

__global__ void sumInOrder(double* total, const double* terms, int64_t count) {
    double sum = 0;
    for (int64_t i = 0; i < count; ++i) sum += terms[i];
    if (threadIdx.x == 0) *total = sum;
}

__global__ void gradientControlOf(float* control, const double* squared_norms, int64_t count, GradientScaling scaling) {
    double squares = 0;
    for (int64_t i = 0; i < count; ++i) squares += squared_norms[i];
    const double norm = sqrt(squares) / scaling.loss_scale;
    double divisor = scaling.loss_scale;
    if (const double above = (norm + 1e-6) / scaling.clipping; scaling.clipping > 0 && above > 1) divisor *= above;
    if (threadIdx.x != 0) return;
    control[0] = static_cast<float>(1 / divisor);
    control[1] = scaling.skip_on_overflow && !isfinite(squares);
    control[2] = static_cast<float>(norm);
}

// `control` of gradientControl(), or null: the constants' gradient_scale, and no step is skipped.
template <class T, class G> struct AdamW {
    static constexpr int resident = 3;
    T* param;
    float* master; // null: param is its own
    const G* grad;
    float *exp_avg, *exp_avg_sq;
    const float* control;
    AdamWConstants k;
    template <int n> struct Loaded {
        Pack<float, n> master, m, v;
        Pack<T, n> param;
        Pack<G, n> grad;
        float scale;
        bool skip;
    };
    template <int n> __device__ Loaded<n> load(int64_t i) const {
        Loaded<n> loaded = {};
        if (master)
            loaded.master = loadPack<n>(master + i);
        else
            loaded.param = loadPack<n>(param + i);
        loaded.m = loadPack<n>(exp_avg + i);
        loaded.v = loadPack<n>(exp_avg_sq + i);
        loaded.grad = loadPack<n>(grad + i);
        loaded.scale = control ? control[0] : k.gradient_scale;
        loaded.skip = control && control[1] != 0;
        return loaded;
    }
    template <int n> __device__ void finish(int64_t i, const Loaded<n>& loaded) const {
        float p[n], m[n], v[n], g[n];
        if (master)
            widen(p, loaded.master);
        else
            widen(p, loaded.param);
        if (loaded.skip) {
            if (master) storeRounded(param + i, p);
            return;
        }
        widen(m, loaded.m);
        widen(v, loaded.v);
        widen(g, loaded.grad);
        SHARDSCOPE_UNROLL
        for (int e = 0; e < n; ++e) {
            g[e] *= loaded.scale;
            m[e] = k.beta1 * m[e] + k.rest1 * g[e];
            v[e] = k.beta2 * v[e] + k.rest2 * g[e] * g[e];
            const float denominator = sqrtf(v[e]) * k.root_scale + k.epsilon;
            p[e] = p[e] * k.decay - k.step_size * (m[e] / denominator);
        }
        storeRounded(exp_avg + i, m);
        storeRounded(exp_avg_sq + i, v);
        if (master) storeRounded(master + i, p);
        storeRounded(param + i, p);
    }
    void enqueue(int64_t elements) const {
        constexpr int n = pack_elements<T, G, float>;
        forPacks<n>("adamw", packingOf<n>(elements, param, master, grad, exp_avg, exp_avg_sq), *this);
    }
};

// Outputs may be inputs: an element of all inputs is read before it is written.
template <class T> struct SumRanks {
    static constexpr int resident = 4;
    RankPointers<T> at;
    float scale;
    template <int n> struct Loaded { float sum[n]; };
    template <int n> __device__ Loaded<n> load(int64_t i) const {
        Loaded<n> loaded;
        loadFloats(loaded.sum, at.inputs[0] + i);
#ifdef __CUDACC__
#pragma unroll 4
#endif
        for (int rank = 1; rank < at.input_count; ++rank) {
            float addend[n];
            loadFloats(addend, at.inputs[rank] + i);
            SHARDSCOPE_UNROLL
            for (int k = 0; k < n; ++k) loaded.sum[k] += addend[k];
        }
        return loaded;
    }
    template <int n> __device__ void finish(int64_t i, const Loaded<n>& loaded) const {
        float mean[n];
        SHARDSCOPE_UNROLL
        for (int k = 0; k < n; ++k) mean[k] = loaded.sum[k] * scale;
        for (int rank = 0; rank < at.output_count; ++rank) storeRounded(at.outputs[rank] + i, mean);
    }
};

} // namespace

void sumInto(double* total, const double* terms, int64_t count) {
    launch("sum", Grid{1, warp_size}, sumInOrder, total, terms, count);
}

void gradientControl(float* control, const double* squared_norms, int64_t count, const GradientScaling& scaling) {
    launch("gradient_control", Grid{1, warp_size}, gradientControlOf, control, squared_norms, count, scaling);
}

template <class D, class S> void accumulate(D* sum, const S* x, int64_t elements, bool first) {
    if (first)
        mapElements("accumulate_first", elements, sum, x, [] __device__(float addend) { return addend; });
    else
        mapElements("accumulate", elements, sum, sum, x,
                    [] __device__(float before, float addend) { return before + addend; });
}

template <class T> void squaredSumInto(double* total, double* partials, const T* x, int64_t elements) {
    launch("squared_sum", Grid{squared_sum_partials, 256}, squaredSumOfBlocks<T>, partials, x, elements,
           startsPack<pack_elements<T>>(x));
    launch("squared_sum_total", Grid{1, 256}, sumOfPartials, total, partials);
}

template <class T, class G>
void adamw(T* param, float* master, const G* grad, float* exp_avg, float* exp_avg_sq, int64_t elements,
           const AdamWStep& step) {
    adamwControlled<T, G>(param, master, grad, exp_avg, exp_avg_sq, elements, step, nullptr);
}

template <class T, class G>
void adamwControlled(T* param, float* master, const G* grad, float* exp_avg, float* exp_avg_sq, int64_t elements,
                     const AdamWStep& step, const float* control) {
    AdamW<T, G>{param, master, grad, exp_avg, exp_avg_sq, control, adamwConstants(step)}.enqueue(elements);
}

template <class T>
void sumRanks(std::span<T* const> outputs, std::span<const T* const> inputs, float scale, int64_t elements) {
    assert(std::ssize(inputs) <= most_ranks && std::ssize(outputs) <= most_ranks && !inputs.empty());
    SumRanks<T> op = {.at = {}, .scale = scale};
    for (T* output : outputs) op.at.outputs[op.at.output_count++] = output;
    for (const T* input : inputs) op.at.inputs[op.at.input_count++] = input;
    constexpr int n = pack_elements<T>;
    const Packing of_first = packingOf<n>(elements, inputs[0]);
    const auto alike = [&](const T* operand) { return startsPack<n>(operand + of_first.head); };
    const bool packed =
        std::all_of(inputs.begin(), inputs.end(), alike) && std::all_of(outputs.begin(), outputs.end(), alike);
    forPacks<n>("sum_ranks", packed ? of_first : Packing{0, 0, elements}, op);
}

#define INSTANTIATE_PAIR(T, S)                                                                                         \
    template void adamw(T*, float*, const S*, float*, float*, int64_t, const AdamWStep&);                              \
    template void adamwControlled(T*, float*, const S*, float*, float*, int64_t, const AdamWStep&, const float*);      \
    template void accumulate(T*, const S*, int64_t, bool);
#define INSTANTIATE(T)                                                                                                 \
    template void squaredSumInto(double*, double*, const T*, int64_t);                                                 \
    template void sumRanks(std::span<T* const>, std::span<const T* const>, float, int64_t);                            \
    INSTANTIATE_PAIR(T, float)                                                                                         \
    INSTANTIATE_PAIR(T, bfloat16)                                                                                      \
    INSTANTIATE_PAIR(T, float16)
INSTANTIATE(float)
INSTANTIATE(bfloat16)
INSTANTIATE(float16)

} // namespace shardscope::kernels::cuda
