// SPDX-License-Identifier: Apache-2.0
// A matrix product as a vendor's library may compute it in place of our kernel. The library is somebody else's to open:
// kernels know only this.
#pragma once
#include "kernels/dtype.h"
#include <cstdint>

struct CUstream_st;

namespace shardscope::kernels::cuda {

// c [m, n] = or += a [m, k] * b [k, n] + bias [n]; steps are elements from one row or column to the next, of which one
// is 1; all of one type, sums in float.
struct Product {
    DType type;
    void* c;
    const void *a, *b, *bias; // bias may be null
    int64_t m, n, k;
    int64_t a_row, a_column, b_row, b_column, c_row;
    bool add;
};

class ProductLibrary {
public:
    virtual ~ProductLibrary() = default;
    // Enqueues it. False: not this one, with nothing done. Whether it is depends on shapes and alignment alone.
    virtual bool multiply(const Product&, CUstream_st*) = 0;
};

void useProducts(ProductLibrary*); // by the calling thread, from now on; null: our kernel

} // namespace shardscope::kernels::cuda
