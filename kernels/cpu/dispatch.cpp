// SPDX-License-Identifier: Apache-2.0
#include "kernels/cpu/vector_table.h"
#include <cpuid.h>
#include <utility>

namespace shardscope::kernels::cpu {

namespace {

bool convertsHalf() { // clang 14 does not know __builtin_cpu_supports("f16c")
    unsigned a = 0, b = 0, c = 0, d = 0;
    return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_F16C);
}

} // namespace

const VectorTable* vectorTable(Isa isa) {
    switch (isa) {
    case Isa::avx512: {
        const bool has = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
        return has ? &avx512::table() : nullptr;
    }
    case Isa::avx2: {
        const bool has = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && convertsHalf();
        return has ? &avx2::table() : nullptr;
    }
    case Isa::baseline:
        break;
    }
    return &baseline::table();
}

const VectorTable& vectorTable() {
    static const VectorTable& best = [&]() -> const VectorTable& {
        for (Isa isa : {Isa::avx512, Isa::avx2})
            if (const VectorTable* found = vectorTable(isa)) return *found;
        return *vectorTable(Isa::baseline);
    }();
    return best;
}

bool multipliesPairs() {
    static const bool has = vectorTable(Isa::avx512) && __builtin_cpu_supports("avx512bf16");
    return has;
}

AttentionLayout attentionLayout(const AttentionShape& shape) {
    const int64_t size = shape.headSize();
    auto pad = [](int64_t n) { return (n + 15) / 16 * 16; };
    AttentionLayout at = {};
    at.shape = shape;
    at.group = shape.heads / shape.keyHeads();
    at.qkv_stride = shape.qkvChannels();
    at.size = size;
    at.padded = pad(size);
    at.padded_sequence = pad(shape.sequence);
    const int64_t whole = at.padded * at.padded_sequence, some = at.block * at.padded,
                  wide = at.block * at.padded_sequence;
    int64_t next = 0;
    auto take = [&](int64_t elements) { return std::exchange(next, next + elements); };
    at.keys_t = take(whole);
    at.values_t = take(whole);
    at.keys = at.values = take(whole); // the forward direction has no use for keys, the backward none for values
    at.dkeys = take(whole);
    at.dvalues = take(whole);
    at.queries = take(some);
    at.douts = take(some);
    at.scores = take(wide);
    at.dscores = take(wide);
    at.result = take(some);
    at.sums = take(pad(at.block));
    at.total = next;
    return at;
}

} // namespace shardscope::kernels::cpu
