// SPDX-License-Identifier: Apache-2.0
#include "kernels/cpu/product.h"
#include <cassert>
#include <dnnl.hpp>
#include <map>

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

Prepared prepare(const Product& p, bool with_bias) {
    using Dims = dnnl::memory::dims;
    constexpr auto type = dnnl::memory::data_type::bf16;
    const dnnl::memory::desc a({p.m, p.k}, type, p.a_transposed ? Dims{1, p.lda} : Dims{p.lda, 1});
    const dnnl::memory::desc b({p.k, p.n}, type, p.b_transposed ? Dims{1, p.ldb} : Dims{p.ldb, 1});
    const dnnl::memory::desc c({p.m, p.n}, type, Dims{p.ldc, 1});
    const dnnl::memory::desc bias({1, p.n}, type, Dims{p.n, 1});
    const auto operation = with_bias ? dnnl::matmul::desc(a, b, bias, c) : dnnl::matmul::desc(a, b, c);
    Prepared made;
    dnnl::primitive_attr attributes;
    if (p.add) {
        dnnl::post_ops after;
        after.append_sum();
        attributes.set_post_ops(after);
    }
    made.primitive = dnnl::matmul(dnnl::matmul::primitive_desc(operation, attributes, engine()));
    made.a = dnnl::memory(a, engine(), nullptr);
    made.b = dnnl::memory(b, engine(), nullptr);
    made.c = dnnl::memory(c, engine(), nullptr);
    made.arguments = {{DNNL_ARG_SRC, made.a}, {DNNL_ARG_WEIGHTS, made.b}, {DNNL_ARG_DST, made.c}};
    if (with_bias) {
        made.bias = dnnl::memory(bias, engine(), nullptr);
        made.arguments.emplace(DNNL_ARG_BIAS, made.bias);
    }
    return made;
}

} // namespace

void multiply(const Product& p, float* c, const float* a, const float* b) {
    [[maybe_unused]] const dnnl_status_t status =
        dnnl_sgemm(p.a_transposed ? 'T' : 'N', p.b_transposed ? 'T' : 'N', p.m, p.n, p.k, 1.0f, a, p.lda, b, p.ldb,
                   p.add ? 1.0f : 0.0f, c, p.ldc);
    assert(status == dnnl_success);
}

void multiply(const Product& product, bfloat16* c, const bfloat16* a, const bfloat16* b, const bfloat16* bias) {
    using Key = std::pair<Product, bool>; // with bias
    thread_local dnnl::stream stream(engine());
    thread_local std::map<Key, Prepared> cache;
    const Key key(product, bias != nullptr);
    auto found = cache.find(key);
    if (found == cache.end()) found = cache.emplace(key, prepare(product, bias != nullptr)).first;
    Prepared& ready = found->second;
    ready.a.set_data_handle(const_cast<bfloat16*>(a));
    ready.b.set_data_handle(const_cast<bfloat16*>(b));
    ready.c.set_data_handle(c);
    if (bias) ready.bias.set_data_handle(const_cast<bfloat16*>(bias));
    ready.primitive.execute(stream, ready.arguments);
}

bool hasNativeBf16() {
    static const bool native = hasTilesOfBf16() || dnnl::get_effective_cpu_isa() == dnnl::cpu_isa::avx512_core_bf16;
    return native;
}

bool hasTilesOfBf16() {
    static const bool has = dnnl::get_effective_cpu_isa() == dnnl::cpu_isa::avx512_core_amx;
    return has;
}

} // namespace shardscope::kernels::cpu
