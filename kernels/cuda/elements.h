// SPDX-License-Identifier: Apache-2.0
// Kernels over elements: in packs where all operands allow it, of which every thread has two under way, else one by
// one. What is computed is an op: a struct of pointers with `load<n>(i)`, which reads what elements i .. i+n-1 need,
// and `finish<n>(i, loaded)`, which writes them; an element depends on nothing that another one writes. Its `resident`
// blocks of a multiprocessor leave each thread the registers for two packs under way.
#pragma once
#include "kernels/cuda/pack.h"

namespace shardscope::kernels::cuda {

// `head` elements, then whole packs, then the rest.
struct Packing {
    int64_t head = 0, packs = 0, elements = 0;
};

// The packing of operands that begin at the same distance from a place where packs of theirs may begin. Packs of single
// elements where they do not.
template <int n, class First, class... Rest>
Packing packingOf(int64_t elements, const First* first, const Rest*... rest) {
    const auto begins = static_cast<int64_t>(reinterpret_cast<uintptr_t>(first) / sizeof(First) % n);
    const int64_t head = std::min((n - begins) % n, elements);
    const bool alike = startsPack<n>(first + head, (rest ? rest + head : rest)...);
    return alike ? Packing{head, (elements - head) / n, elements} : Packing{0, 0, elements};
}

// The same where an element's place depends on that in its row: packs may not cross the end of one.
template <int n, class... T> Packing packingOfRows(int64_t elements, int64_t row_elements, const T*... operands) {
    const bool alike = row_elements % n == 0 && startsPack<n>(operands...);
    return {0, alike ? elements / n : 0, elements};
}

template <int n, class Op>
__global__ void __launch_bounds__(element_threads, Op::resident) packKernel(Packing p, Op op) {
    const int64_t stride = globalThreads();
    int64_t i = globalThread();
    for (; i + stride < p.packs; i += 2 * stride) {
        const int64_t a = p.head + i * n, b = a + stride * n;
        const auto of_a = op.template load<n>(a), of_b = op.template load<n>(b);
        op.template finish<n>(a, of_a);
        op.template finish<n>(b, of_b);
    }
    if (i < p.packs) op.template finish<n>(p.head + i * n, op.template load<n>(p.head + i * n));
    const int64_t packed = p.packs * n;
    for (int64_t r = globalThread(); r < p.elements - packed; r += stride) {
        const int64_t e = r < p.head ? r : r + packed;
        op.template finish<1>(e, op.template load<1>(e));
    }
}

template <int n, class Op> void forPacks(const char* name, const Packing& p, const Op& op) {
    if (p.packs > 0)
        launch(name, elementGrid(p.packs, Op::resident), packKernel<n, Op>, p, op);
    else
        launch(name, elementGrid(p.elements, Op::resident), packKernel<1, Op>, Packing{0, p.elements, p.elements}, op);
}

// out = f(i, a, b), element by element; out may be an operand.
template <class Out, class A, class B, class F> struct MapOfTwo {
    static constexpr int resident = 5;
    Out* out;
    const A* a;
    const B* b;
    F f;
    template <int n> struct Loaded {
        Pack<A, n> a;
        Pack<B, n> b;
    };
    template <int n> __device__ Loaded<n> load(int64_t i) const { return {loadPack<n>(a + i), loadPack<n>(b + i)}; }
    template <int n> __device__ void finish(int64_t i, const Loaded<n>& loaded) const {
        float x[n], y[n];
        widen(x, loaded.a);
        widen(y, loaded.b);
        SHARDSCOPE_UNROLL
        for (int k = 0; k < n; ++k) x[k] = f(x[k], y[k]);
        storeRounded(out + i, x);
    }
};
template <class Out, class A, class F> struct MapOfOne {
    static constexpr int resident = 5;
    Out* out;
    const A* a;
    F f;
    template <int n> __device__ Pack<A, n> load(int64_t i) const { return loadPack<n>(a + i); }
    template <int n> __device__ void finish(int64_t i, const Pack<A, n>& loaded) const {
        float x[n];
        widen(x, loaded);
        SHARDSCOPE_UNROLL
        for (int k = 0; k < n; ++k) x[k] = f(x[k]);
        storeRounded(out + i, x);
    }
};

template <class Out, class A, class B, class F>
void mapElements(const char* name, int64_t elements, Out* out, const A* a, const B* b, F f) {
    constexpr int n = pack_elements<Out, A, B>;
    forPacks<n>(name, packingOf<n>(elements, out, a, b), MapOfTwo<Out, A, B, F>{out, a, b, f});
}
template <class Out, class A, class F> void mapElements(const char* name, int64_t elements, Out* out, const A* a, F f) {
    constexpr int n = pack_elements<Out, A>;
    forPacks<n>(name, packingOf<n>(elements, out, a), MapOfOne<Out, A, F>{out, a, f});
}

} // namespace shardscope::kernels::cuda
