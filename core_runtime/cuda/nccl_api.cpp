// SPDX-License-Identifier: Apache-2.0
#include "core_runtime/cuda/nccl_api.h"
#include "core_runtime/machine/vendor_library.h"
#include <algorithm>
#include <type_traits>

namespace shardscope::cuda {

Result<NcclApi> NcclApi::load() {
    const auto& known = vendorLibraries();
    const VendorLibrary& entry =
        *std::find_if(known.begin(), known.end(), [](const VendorLibrary& l) { return l.name == std::string("NCCL"); });
    const OpenLibrary opened = OpenLibrary::open(entry);
    if (!opened.good())
        return Error{"ranks on several GPUs need NCCL, which was not found (" + opened.problem() + "); set " +
                     entry.environment + " to the path of " + entry.soname};
    NcclApi api{};
    std::string missing;
    auto bind = [&](auto& function, const char* name) {
        function = opened.function<std::remove_pointer_t<std::remove_reference_t<decltype(function)>>>(name);
        if (!function && missing.empty()) missing = name;
    };
    bind(api.getUniqueId, "ncclGetUniqueId");
    bind(api.commInitRankConfig, "ncclCommInitRankConfig");
    bind(api.commGetAsyncError, "ncclCommGetAsyncError");
    bind(api.commFinalize, "ncclCommFinalize");
    bind(api.commDestroy, "ncclCommDestroy");
    bind(api.commAbort, "ncclCommAbort");
    bind(api.groupStart, "ncclGroupStart");
    bind(api.groupEnd, "ncclGroupEnd");
    bind(api.allReduce, "ncclAllReduce");
    bind(api.reduceScatter, "ncclReduceScatter");
    bind(api.reduce, "ncclReduce");
    bind(api.allGather, "ncclAllGather");
    bind(api.broadcast, "ncclBroadcast");
    bind(api.getErrorString, "ncclGetErrorString");
    api.getLastError = opened.function<const char*(NcclComm)>("ncclGetLastError");
    api.version = versionOf(entry, opened);
    if (!missing.empty())
        return Error{opened.path() + " (NCCL " + api.version + ") has no " + missing +
                     "; version 2.14 or later is needed"};
    api.library = std::make_shared<OpenLibrary>(opened);
    return api;
}

} // namespace shardscope::cuda
