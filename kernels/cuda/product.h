// SPDX-License-Identifier: Apache-2.0
// Our own matrix product: the arguments, and the kernel for tensor cores.
#pragma once
#include "kernels/dtype.h"
#include <cstdint>

namespace shardscope::kernels::cuda {

// c [m, n] = or += a [m, k] * b [k, n] + bias [n]; steps are elements from one row or column to the next, of which one
// of a and one of b is 1.
template <class T> struct ProductArguments {
    T* c;
    const T *a, *b, *bias; // bias may be null
    int64_t m, n, k;
    int64_t a_row, a_column, b_row, b_column, c_row;
    bool add;
};

// For T = bfloat16 and float16. Fast where rows of a and b start on 16 bytes; the bits do not depend on that.
template <class T> void multiplyTiles(const char* name, const ProductArguments<T>&);

} // namespace shardscope::kernels::cuda
