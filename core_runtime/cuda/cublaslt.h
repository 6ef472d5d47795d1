// SPDX-License-Identifier: Apache-2.0
// Matrix products by cuBLASLt, opened at run time; its header is not needed. One object per rank, used by the thread of
// its compute lane. The algorithm of a shape is chosen once, from the shape alone, and never one whose sums have no
// fixed order, so that the same product always has the same bits.
#pragma once
#include "core_runtime/cuda/handles.h"
#include "kernels/cuda/product_library.h"
#include "traces/result.h"
#include <array>
#include <map>
#include <memory>
#include <string>
#include <tuple>

namespace shardscope::cuda {

// Names and values are those of cuBLAS 12 and 13.
enum class BlasStatus : int { success = 0 };
enum class BlasType : int { f32 = 0, f16 = 2, bf16 = 14 };
struct BlasAlgorithm {
    uint64_t data[8];
};
struct BlasChoice {
    BlasAlgorithm algorithm;
    size_t workspace_bytes;
    BlasStatus state;
    float waves;
    int reserved[4];
};

struct CublasLtApi {
    BlasStatus (*create)(void** handle);
    BlasStatus (*destroy)(void* handle);
    BlasStatus (*descCreate)(void** desc, int compute_type, BlasType scale_type);
    BlasStatus (*descDestroy)(void* desc);
    BlasStatus (*descSet)(void* desc, int attribute, const void* value, size_t bytes);
    BlasStatus (*layoutCreate)(void** layout, BlasType, uint64_t rows, uint64_t columns, int64_t ld);
    BlasStatus (*layoutDestroy)(void* layout);
    BlasStatus (*preferenceCreate)(void** preference);
    BlasStatus (*preferenceDestroy)(void* preference);
    BlasStatus (*preferenceSet)(void* preference, int attribute, const void* value, size_t bytes);
    BlasStatus (*heuristic)(void* handle, void* desc, void* a, void* b, void* c, void* d, void* preference, int wanted,
                            BlasChoice*, int* found);
    BlasStatus (*matmul)(void* handle, void* desc, const void* alpha, const void* a, void* a_layout, const void* b,
                         void* b_layout, const void* beta, const void* c, void* c_layout, void* d, void* d_layout,
                         const BlasAlgorithm*, void* workspace, size_t workspace_bytes, CUstream_st*);
    std::string version;           // "13.1"
    std::shared_ptr<void> library; // keeps it open

    static Result<CublasLtApi> load(); // Error: why our own kernels are used
};

class CublasLtProducts final : public kernels::cuda::ProductLibrary {
public:
    // Takes a workspace on the current device.
    static Result<std::unique_ptr<CublasLtProducts>> create(const CublasLtApi&);
    ~CublasLtProducts() override;
    bool multiply(const kernels::cuda::Product&, CUstream_st*) override;

private:
    using Key = std::array<int64_t, 11>; // type, shape, steps, whether it adds, whether there is a bias
    struct Prepared {                    // of a shape; no descriptor: no algorithm does it
        void *desc = nullptr, *a = nullptr, *b = nullptr, *c = nullptr;
        BlasAlgorithm algorithm{};
    };
    explicit CublasLtProducts(const CublasLtApi&);
    Prepared prepare(const kernels::cuda::Product&) const;
    void release(const Prepared&) const;

    const CublasLtApi m_api;
    void* m_handle = nullptr;
    DeviceMemory m_workspace;
    std::map<Key, Prepared> m_prepared;
};

} // namespace shardscope::cuda
