// SPDX-License-Identifier: Apache-2.0
#include "fabricated_cublaslt.h"
#include "cuda_emulation.h"
#include "kernels/dtype.h"
#include <atomic>
#include <cstring>

using namespace shardscope;
using cuda::BlasAlgorithm, cuda::BlasChoice, cuda::BlasStatus, cuda::BlasType;

namespace {

std::atomic<int64_t> products = 0, objects = 0;
constexpr auto invalid = static_cast<BlasStatus>(7);

struct Desc {
    int32_t transpose_a = 0, transpose_b = 0;
    uint32_t epilogue = 1;
    const void* bias = nullptr;
};
struct Layout {
    BlasType type;
    int64_t rows, columns, ld;
};
struct Preference {
    size_t workspace = 0;
    uint32_t reductions = 0, alignment[4] = {256, 256, 256, 256};
};

template <class T> BlasStatus make(void** out, T value) {
    *out = new T(value);
    ++objects;
    return BlasStatus::success;
}
template <class T> BlasStatus destroy(void* object) {
    delete static_cast<T*>(object);
    --objects;
    return BlasStatus::success;
}

float element(const void* start, BlasType type, int64_t i) {
    if (type == BlasType::f32) return static_cast<const float*>(start)[i];
    if (type == BlasType::bf16) return static_cast<float>(static_cast<const bfloat16*>(start)[i]);
    return static_cast<float>(static_cast<const float16*>(start)[i]);
}
void store(void* start, BlasType type, int64_t i, float value) {
    if (type == BlasType::f32)
        static_cast<float*>(start)[i] = value;
    else if (type == BlasType::bf16)
        static_cast<bfloat16*>(start)[i] = bfloat16(value);
    else
        static_cast<float16*>(start)[i] = float16(value);
}

// Shapes that do not fit each other are refused, as by the real one.
bool fits(const Desc& desc, const Layout& a, const Layout& b, const Layout& d) {
    const int64_t n = desc.transpose_a ? a.columns : a.rows, k = desc.transpose_a ? a.rows : a.columns;
    const int64_t k2 = desc.transpose_b ? b.columns : b.rows, m = desc.transpose_b ? b.rows : b.columns;
    return n == d.rows && m == d.columns && k == k2 && a.ld >= a.rows && b.ld >= b.rows && d.ld >= d.rows;
}

void multiply(const Desc& desc, float alpha, const void* a, const Layout& la, const void* b, const Layout& lb,
              float beta, void* d, const Layout& ld) {
    const int64_t inner = desc.transpose_a ? la.rows : la.columns;
    for (int64_t column = 0; column < ld.columns; ++column)
        for (int64_t row = 0; row < ld.rows; ++row) {
            float sum = 0;
            for (int64_t i = 0; i < inner; ++i)
                sum += element(a, la.type, desc.transpose_a ? i + row * la.ld : row + i * la.ld) *
                       element(b, lb.type, desc.transpose_b ? column + i * lb.ld : i + column * lb.ld);
            sum *= alpha;
            if (beta != 0) sum += beta * element(d, ld.type, row + column * ld.ld);
            if (desc.epilogue == 4) sum += element(desc.bias, ld.type, row);
            store(d, ld.type, row + column * ld.ld, sum);
        }
}

} // namespace

namespace shardscope::test {

int64_t productsMade() { return products; }
int64_t openBlasObjects() { return objects; }

cuda::CublasLtApi fabricatedCublasLt() {
    cuda::CublasLtApi api{};
    api.version = "13.1";
    api.create = [](void** handle) { return make(handle, 0); };
    api.destroy = destroy<int>;
    api.descCreate = [](void** desc, int compute_type, BlasType scale) {
        return compute_type == 68 && scale == BlasType::f32 ? make(desc, Desc{}) : invalid;
    };
    api.descDestroy = destroy<Desc>;
    api.descSet = [](void* object, int attribute, const void* value, size_t bytes) {
        Desc& desc = *static_cast<Desc*>(object);
        void* place = attribute == 3   ? static_cast<void*>(&desc.transpose_a)
                      : attribute == 4 ? static_cast<void*>(&desc.transpose_b)
                      : attribute == 7 ? static_cast<void*>(&desc.epilogue)
                      : attribute == 8 ? static_cast<void*>(&desc.bias)
                                       : nullptr;
        if (!place || bytes != (attribute == 8 ? sizeof(void*) : 4)) return invalid;
        std::memcpy(place, value, bytes);
        return BlasStatus::success;
    };
    api.layoutCreate = [](void** layout, BlasType type, uint64_t rows, uint64_t columns, int64_t ld) {
        return make(layout, Layout{type, static_cast<int64_t>(rows), static_cast<int64_t>(columns), ld});
    };
    api.layoutDestroy = destroy<Layout>;
    api.preferenceCreate = [](void** preference) { return make(preference, Preference{}); };
    api.preferenceDestroy = destroy<Preference>;
    api.preferenceSet = [](void* object, int attribute, const void* value, size_t bytes) {
        Preference& preference = *static_cast<Preference*>(object);
        if (attribute == 1 && bytes == sizeof(size_t))
            std::memcpy(&preference.workspace, value, bytes);
        else if (attribute == 3 && bytes == 4)
            std::memcpy(&preference.reductions, value, bytes);
        else if (attribute >= 5 && attribute <= 8 && bytes == 4)
            std::memcpy(&preference.alignment[attribute - 5], value, bytes);
        else
            return invalid;
        return BlasStatus::success;
    };
    api.heuristic = [](void*, void* desc, void* a, void* b, void* c, void* d, void* preference, int wanted,
                       BlasChoice* choices, int* found) {
        const Preference& preferred = *static_cast<Preference*>(preference);
        *found = 0;
        if (c != d || wanted != 1 || preferred.reductions != 2 || preferred.alignment[3] != 16) return invalid;
        if (!fits(*static_cast<Desc*>(desc), *static_cast<Layout*>(a), *static_cast<Layout*>(b),
                  *static_cast<Layout*>(d)))
            return invalid;
        *found = 1;
        choices[0] = {{{42}}, preferred.workspace, BlasStatus::success, 1, {}};
        return BlasStatus::success;
    };
    api.matmul = [](void*, void* desc, const void* alpha, const void* a, void* la, const void* b, void* lb,
                    const void* beta, const void* c, void*, void* d, void* ld, const BlasAlgorithm* algorithm,
                    void* workspace, size_t, cudaStream_t stream) {
        if (algorithm->data[0] != 42 || c != d || !workspace) return invalid;
        ++products;
        emulation::enqueue(stream, [desc = *static_cast<Desc*>(desc), al = *static_cast<const float*>(alpha),
                                    be = *static_cast<const float*>(beta), a, b, d, la = *static_cast<Layout*>(la),
                                    lb = *static_cast<Layout*>(lb),
                                    ld = *static_cast<Layout*>(ld)] { multiply(desc, al, a, la, b, lb, be, d, ld); });
        return BlasStatus::success;
    };
    return api;
}

} // namespace shardscope::test
