// SPDX-License-Identifier: Apache-2.0
// The functions of NCCL that we call, bound at run time; its header is not needed. Names and values are those of
// NCCL 2.14 and later.
#pragma once
#include "traces/result.h"
#include <climits>
#include <cstddef>
#include <memory>
#include <string>

struct ncclComm;
struct CUstream_st;

namespace shardscope::cuda {

using NcclComm = ncclComm*;
struct NcclUniqueId {
    char bytes[128];
};
enum class NcclResult : int { success = 0, in_progress = 7 };
enum class NcclType : int { f16 = 6, f32 = 7, f64 = 8, bf16 = 9 };
enum class NcclReduce : int { sum = 0, average = 4 };

// Its first members, as of version 2.14: a library that is newer takes the rest as not given.
struct NcclConfig {
    size_t size = sizeof(NcclConfig);
    unsigned magic = 0xcafebeef;
    unsigned version = 21400;
    int blocking = 0;        // calls return at once; commGetAsyncError tells
    int not_given = INT_MIN; // what follows in later versions
};

struct NcclApi {
    NcclResult (*getUniqueId)(NcclUniqueId*);
    NcclResult (*commInitRankConfig)(NcclComm*, int ranks, NcclUniqueId, int rank, NcclConfig*);
    NcclResult (*commGetAsyncError)(NcclComm, NcclResult*);
    NcclResult (*commFinalize)(NcclComm);
    NcclResult (*commDestroy)(NcclComm);
    NcclResult (*commAbort)(NcclComm);
    NcclResult (*groupStart)();
    NcclResult (*groupEnd)();
    NcclResult (*allReduce)(const void*, void*, size_t count, NcclType, NcclReduce, NcclComm, CUstream_st*);
    NcclResult (*reduceScatter)(const void*, void*, size_t count_received, NcclType, NcclReduce, NcclComm,
                                CUstream_st*);
    NcclResult (*reduce)(const void*, void*, size_t count, NcclType, NcclReduce, int root, NcclComm, CUstream_st*);
    NcclResult (*allGather)(const void*, void*, size_t count_sent, NcclType, NcclComm, CUstream_st*);
    NcclResult (*broadcast)(const void*, void*, size_t count, NcclType, int root, NcclComm, CUstream_st*);
    const char* (*getErrorString)(NcclResult);
    const char* (*getLastError)(NcclComm); // null: the library has none
    std::string version;                   // "2.28.9"
    std::shared_ptr<void> library;         // keeps it open

    static Result<NcclApi> load(); // Error: where it was looked for
};

} // namespace shardscope::cuda
