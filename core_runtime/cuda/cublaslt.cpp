// SPDX-License-Identifier: Apache-2.0
#include "core_runtime/cuda/cublaslt.h"
#include "core_runtime/machine/vendor_library.h"
#include <algorithm>
#include <type_traits>

namespace shardscope::cuda {

using kernels::cuda::Product;

namespace {

constexpr size_t workspace_bytes = size_t{32} << 20;
constexpr int compute_in_float = 68; // not in TF32
constexpr int desc_transpose_a = 3, desc_transpose_b = 4, desc_epilogue = 7, desc_bias = 8;
constexpr int prefer_workspace = 1, prefer_reductions = 3, prefer_alignment = 5; // of a; b, c and d follow
constexpr uint32_t epilogue_bias = 4, alignment = 16, reduce_in_order = 2; // partial sums in a workspace, then in order

BlasType typeOf(DType type) {
    return type == DType::f32 ? BlasType::f32 : type == DType::bf16 ? BlasType::bf16 : BlasType::f16;
}

void check(BlasStatus status, const char* call) {
    if (status != BlasStatus::success)
        throw std::runtime_error(std::string(call) + " gave status " + std::to_string(static_cast<int>(status)));
}

// cuBLASLt thinks in columns: our row-major c is its c transposed, which is b transposed times a transposed. A side is
// as it wants it where the step along the sum is the longer one.
struct Side {
    bool transposed;
    int64_t leading;
};
Side sideOf(int64_t along_result, int64_t along_sum) {
    return along_result == 1 ? Side{false, along_sum} : Side{true, along_result};
}

bool aligned(const void* start) { return reinterpret_cast<uintptr_t>(start) % alignment == 0; }

} // namespace

Result<CublasLtApi> CublasLtApi::load() {
    const auto& known = vendorLibraries();
    const VendorLibrary& entry = *std::find_if(
        known.begin(), known.end(), [](const VendorLibrary& l) { return l.name == std::string("cuBLASLt"); });
    const OpenLibrary opened = OpenLibrary::open(entry);
    if (!opened.good()) return Error{"cuBLASLt was not found: " + opened.problem()};
    CublasLtApi api{};
    std::string missing;
    auto bind = [&](auto& function, const char* name) {
        function = opened.function<std::remove_pointer_t<std::remove_reference_t<decltype(function)>>>(name);
        if (!function && missing.empty()) missing = name;
    };
    bind(api.create, "cublasLtCreate");
    bind(api.destroy, "cublasLtDestroy");
    bind(api.descCreate, "cublasLtMatmulDescCreate");
    bind(api.descDestroy, "cublasLtMatmulDescDestroy");
    bind(api.descSet, "cublasLtMatmulDescSetAttribute");
    bind(api.layoutCreate, "cublasLtMatrixLayoutCreate");
    bind(api.layoutDestroy, "cublasLtMatrixLayoutDestroy");
    bind(api.preferenceCreate, "cublasLtMatmulPreferenceCreate");
    bind(api.preferenceDestroy, "cublasLtMatmulPreferenceDestroy");
    bind(api.preferenceSet, "cublasLtMatmulPreferenceSetAttribute");
    bind(api.heuristic, "cublasLtMatmulAlgoGetHeuristic");
    bind(api.matmul, "cublasLtMatmul");
    api.version = versionOf(entry, opened);
    if (!missing.empty()) return Error{opened.path() + " has no " + missing};
    api.library = std::make_shared<OpenLibrary>(opened);
    return api;
}

CublasLtProducts::CublasLtProducts(const CublasLtApi& api)
    : m_api(api) {}

CublasLtProducts::~CublasLtProducts() {
    for (const auto& [key, prepared] : m_prepared) release(prepared);
    if (m_handle) m_api.destroy(m_handle);
}

Result<std::unique_ptr<CublasLtProducts>> CublasLtProducts::create(const CublasLtApi& api) {
    std::unique_ptr<CublasLtProducts> products(new CublasLtProducts(api));
    if (api.create(&products->m_handle) != BlasStatus::success) return Error{"cuBLASLt gave no handle"};
    void* workspace = nullptr;
    if (cudaMalloc(&workspace, workspace_bytes) != cudaSuccess)
        return Error{"there is no memory for the workspace of cuBLASLt"};
    products->m_workspace = DeviceMemory(static_cast<std::byte*>(workspace));
    return products;
}

void CublasLtProducts::release(const Prepared& p) const {
    for (void* layout : {p.a, p.b, p.c})
        if (layout) m_api.layoutDestroy(layout);
    if (p.desc) m_api.descDestroy(p.desc);
}

CublasLtProducts::Prepared CublasLtProducts::prepare(const Product& p) const {
    const BlasType type = typeOf(p.type);
    const Side first = sideOf(p.b_column, p.b_row), second = sideOf(p.a_row, p.a_column);
    auto layout = [&](int64_t rows, int64_t columns, int64_t leading) {
        void* made = nullptr;
        check(m_api.layoutCreate(&made, type, static_cast<uint64_t>(rows), static_cast<uint64_t>(columns), leading),
              "cublasLtMatrixLayoutCreate");
        return made;
    };
    Prepared made;
    void* preference = nullptr;
    check(m_api.descCreate(&made.desc, compute_in_float, BlasType::f32), "cublasLtMatmulDescCreate");
    auto describe = [&](int attribute, const auto& value) {
        check(m_api.descSet(made.desc, attribute, &value, sizeof value), "cublasLtMatmulDescSetAttribute");
    };
    describe(desc_transpose_a, int32_t{first.transposed});
    describe(desc_transpose_b, int32_t{!second.transposed});
    if (p.bias) {
        describe(desc_epilogue, epilogue_bias);
        describe(desc_bias, p.bias);
    }
    made.a = first.transposed ? layout(p.k, p.n, first.leading) : layout(p.n, p.k, first.leading);
    made.b = second.transposed ? layout(p.k, p.m, second.leading) : layout(p.m, p.k, second.leading);
    made.c = layout(p.n, p.m, p.c_row);
    check(m_api.preferenceCreate(&preference), "cublasLtMatmulPreferenceCreate");
    auto prefer = [&](int attribute, const auto& value) {
        check(m_api.preferenceSet(preference, attribute, &value, sizeof value), "cublasLtMatmulPreferenceSetAttribute");
    };
    prefer(prefer_workspace, workspace_bytes);
    prefer(prefer_reductions, reduce_in_order);
    for (int operand = 0; operand < 4; ++operand) prefer(prefer_alignment + operand, alignment);
    BlasChoice choice{};
    int found = 0;
    const BlasStatus status =
        m_api.heuristic(m_handle, made.desc, made.a, made.b, made.c, made.c, preference, 1, &choice, &found);
    m_api.preferenceDestroy(preference);
    if (status == BlasStatus::success && found > 0 && choice.state == BlasStatus::success) {
        made.algorithm = choice.algorithm;
        return made;
    }
    release(made);
    return {};
}

bool CublasLtProducts::multiply(const Product& p, CUstream_st* stream) {
    // Small or crooked ones are not worth it, and what is decided here has to be the same for every layout of the
    // parameters in memory.
    const int64_t elements = alignment / bytesOf(p.type);
    for (const int64_t step : {std::max(p.a_row, p.a_column), std::max(p.b_row, p.b_column), p.c_row})
        if (step % elements != 0) return false;
    if (!aligned(p.a) || !aligned(p.b) || !aligned(p.c) || (p.bias && !aligned(p.bias))) return false;
    const Key key{static_cast<int64_t>(p.type),
                  p.m,
                  p.n,
                  p.k,
                  p.a_row,
                  p.a_column,
                  p.b_row,
                  p.b_column,
                  p.c_row,
                  p.add,
                  p.bias != nullptr};
    auto at = m_prepared.find(key);
    if (at == m_prepared.end()) at = m_prepared.emplace(key, prepare(p)).first;
    const Prepared& prepared = at->second;
    if (!prepared.desc) return false;
    if (p.bias)
        check(m_api.descSet(prepared.desc, desc_bias, &p.bias, sizeof p.bias), "cublasLtMatmulDescSetAttribute");
    const float alpha = 1, beta = p.add ? 1.0f : 0.0f;
    check(m_api.matmul(m_handle, prepared.desc, &alpha, p.b, prepared.a, p.a, prepared.b, &beta, p.c, prepared.c, p.c,
                       prepared.c, &prepared.algorithm, m_workspace.get(), workspace_bytes, stream),
          "cublasLtMatmul");
    return true;
}

} // namespace shardscope::cuda
