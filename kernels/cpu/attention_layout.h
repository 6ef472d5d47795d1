// SPDX-License-Identifier: Apache-2.0
// Where the float operands of one key/value head and one query head at a time lie in the workspace of attention. One
// layout serves both directions.
#pragma once
#include "kernels/ops.h"

namespace shardscope::kernels::cpu {

struct AttentionLayout {
    static constexpr int64_t block = 48; // query rows: 48 x 1024 scores and gradients of scores fit a 1 MB cache

    AttentionShape shape;
    int64_t group;           // query heads of one key/value head
    int64_t qkv_stride;      // elements of q, k and v of one token
    int64_t size, padded;    // head size, and as packed: a multiple of 16
    int64_t padded_sequence; // columns of the transposed operands
    // Offsets in floats. [padded, padded_sequence]: keys_t, values_t; [padded_sequence, padded]: keys, values, dkeys,
    // dvalues; [block, padded]: queries, douts, result; [block, padded_sequence]: scores, dscores; [block]: sums.
    int64_t keys_t, values_t, keys, values, dkeys, dvalues, queries, douts, scores, dscores, result, sums, total;
};

AttentionLayout attentionLayout(const AttentionShape&);

} // namespace shardscope::kernels::cpu
