// SPDX-License-Identifier: Apache-2.0
#define SHARDSCOPE_ISA avx512_bf16
#include "kernels/cpu/vector_product.h"

namespace shardscope::kernels::cpu::avx512_bf16 {

void productOfPairs(const Product& p, bfloat16* c, const bfloat16* a, const bfloat16* b, const bfloat16* bias,
                    const ProductScratch& scratch) {
    product<TwoDepths>(p, c, a, b, bias, scratch);
}

} // namespace shardscope::kernels::cpu::avx512_bf16
