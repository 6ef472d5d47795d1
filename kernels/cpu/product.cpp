// SPDX-License-Identifier: Apache-2.0
#include "kernels/cpu/product.h"
#include <dnnl.hpp>
#include <map>
#include <omp.h>
#include <utility>

namespace shardscope::kernels::cpu {
namespace {

struct Prepared {
    dnnl::matmul primitive;
    dnnl::memory a, b, bias, c;
    std::unordered_map<int, dnnl::memory> arguments; // the same memories by oneDNN's argument numbers
};

const dnnl::engine& engine() {
    static const dnnl::engine cpu(dnnl::engine::kind::cpu, 0);
    return cpu;
}

Prepared prepare(const Product& p) {
    using Dims = dnnl::memory::dims;
    const auto type = p.type == DType::bf16 ? dnnl::memory::data_type::bf16 : dnnl::memory::data_type::f32;
    const dnnl::memory::desc a({p.m, p.k}, type, p.a_transposed ? Dims{1, p.m} : Dims{p.k, 1});
    const dnnl::memory::desc b({p.k, p.n}, type, p.b_transposed ? Dims{1, p.k} : Dims{p.n, 1});
    const dnnl::memory::desc c({p.m, p.n}, type, Dims{p.n, 1});
    const dnnl::memory::desc bias = p.bias ? dnnl::memory::desc({1, p.n}, type, Dims{p.n, 1}) : dnnl::memory::desc();
    dnnl::primitive_attr attributes;
    if (p.add) {
        dnnl::post_ops sum;
        sum.append_sum(1.0f);
        attributes.set_post_ops(sum);
    }
    const auto operation = p.bias ? dnnl::matmul::desc(a, b, bias, c) : dnnl::matmul::desc(a, b, c);
    Prepared made;
    made.primitive = dnnl::matmul(dnnl::matmul::primitive_desc(operation, attributes, engine()));
    made.a = dnnl::memory(a, engine(), nullptr);
    made.b = dnnl::memory(b, engine(), nullptr);
    made.c = dnnl::memory(c, engine(), nullptr);
    made.arguments = {{DNNL_ARG_SRC, made.a}, {DNNL_ARG_WEIGHTS, made.b}, {DNNL_ARG_DST, made.c}};
    if (p.bias) {
        made.bias = dnnl::memory(bias, engine(), nullptr);
        made.arguments.emplace(DNNL_ARG_BIAS, made.bias);
    }
    return made;
}

} // namespace

void multiply(const Product& product, void* c, const void* a, const void* b, const void* bias) {
    thread_local dnnl::stream stream(engine());
    thread_local std::map<std::pair<Product, int>, Prepared> cache; // a primitive is made for a number of threads
    const std::pair key(product, omp_get_max_threads());
    auto found = cache.find(key);
    if (found == cache.end()) found = cache.emplace(key, prepare(product)).first;
    Prepared& ready = found->second;
    ready.a.set_data_handle(const_cast<void*>(a));
    ready.b.set_data_handle(const_cast<void*>(b));
    ready.c.set_data_handle(c);
    if (product.bias) ready.bias.set_data_handle(const_cast<void*>(bias));
    ready.primitive.execute(stream, ready.arguments);
}

bool hasNativeBf16() {
    static const bool native = [] {
        switch (dnnl::get_effective_cpu_isa()) {
        case dnnl::cpu_isa::avx512_core_bf16:
        case dnnl::cpu_isa::avx512_core_amx:
            return true;
        default:
            return false;
        }
    }();
    return native;
}

} // namespace shardscope::kernels::cpu
