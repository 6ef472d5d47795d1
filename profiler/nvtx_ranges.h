// SPDX-License-Identifier: Apache-2.0
// The ops of a run as NVTX ranges, for people who run Nsight Systems over it: domain "shardscope", a registered string
// per op, the number of the op as payload. Does nothing in builds without a CUDA toolkit, and next to nothing while no
// profiler listens.
#pragma once
#include "traces/vocabulary.h"
#include <span>
#include <string>
#include <vector>

namespace shardscope {

class NvtxRanges {
public:
    static bool compiled();                                     // whether this build has them
    explicit NvtxRanges(std::span<const std::string> op_names); // by OpId
    ~NvtxRanges();
    NvtxRanges(const NvtxRanges&) = delete;
    NvtxRanges& operator=(const NvtxRanges&) = delete;

    // From the thread that launches, in pairs. Any number of threads.
    void push(OpId) const;
    void pop() const;

private:
    void* m_domain = nullptr;
    std::vector<void*> m_names; // by OpId
};

} // namespace shardscope
