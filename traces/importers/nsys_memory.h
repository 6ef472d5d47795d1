// SPDX-License-Identifier: Apache-2.0
// What the CUDA allocator gave out, as an export of Nsight Systems says it: changes of the memory ledger, each named by
// its address. A caching allocator above it hides tensors; this shows its segments.
#pragma once
#include "traces/importers/import_table.h"
#include "traces/importers/nsys_file.h"
#include <functional>

namespace shardscope::importers {

// `earliest_ns` is lowered to the first change.
Result<void> readNsysMemory(NsysFile&, ImportTable&,
                            const std::function<RankIndex(int64_t pid, int64_t device)>& rank_of, int64_t& earliest_ns);

} // namespace shardscope::importers
