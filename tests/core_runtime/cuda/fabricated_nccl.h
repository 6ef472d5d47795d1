// SPDX-License-Identifier: Apache-2.0
// NCCL's functions over the emulated device, with the rules that the real one has: communicators settle after a while,
// calls of a group are enqueued when it ends, all ranks make the same calls in the same order, and a rank that breaks
// one of these is told so.
#pragma once
#include "core_runtime/cuda/nccl_api.h"
#include <cstdint>
#include <string>
#include <vector>

namespace shardscope::test {

struct NcclObservations {
    std::vector<std::string> calls_of_rank0; // names, in order
    std::string broken_rule;                 // the first
    int64_t communicators = 0;               // that have not been destroyed or aborted
    int64_t aborted = 0;
    int64_t destroyed = 0;
};

struct NcclFaults {
    int64_t error_after_calls = -1; // rank 1's communicator fails asynchronously after so many collectives
    bool rank1_never_joins = false; // the start never ends
    bool rank1_is_refused = false;  // its start fails at once
    bool start_fails = false;       // asynchronously, on rank 1
    int64_t call_fails_after = -1;  // rank 1's collective after so many is refused
    int64_t stuck_after = -1;       // rank 1's kernel after so many groups does not come
    bool end_fails = false;         // asynchronously, when they are finalized
    const char* last_error = "";
};

cuda::NcclApi fabricatedNccl(NcclFaults = {}); // begins anew
NcclObservations ncclObservations();

} // namespace shardscope::test
