// SPDX-License-Identifier: Apache-2.0
// What kind of work a row of a device is, by its name: the rules of Holistic Trace Analysis (get_kernel_type), so that
// both tools agree on computation, communication and copies, and then the kind of collective. docs/import.md states
// them with their consequences.
#pragma once
#include "traces/vocabulary.h"
#include <span>
#include <string>
#include <string_view>

namespace shardscope::importers {

// compute, copy, synchronize (what the rules call other), or a class of communication. `comm_patterns` are globs of
// names that count as communication whatever the rules say.
OpClass kernelClass(std::string_view name, std::span<const std::string> comm_patterns = {});

// The collective that a word such as "allreduce", "_allgather_base" or "ncclDevKernel_SendRecv" means; communication if
// it names none.
OpClass collectiveClass(std::string_view text);

// Bytes of one element of a type as PyTorch spells it ("BFloat16"); 0 if unknown.
int64_t bytesOfDtype(std::string_view);

// What a rank sends under the ring convention; `bytes` is the whole range.
int64_t ringBytes(OpClass, int64_t bytes, int64_t ranks);

} // namespace shardscope::importers
