// SPDX-License-Identifier: Apache-2.0
// The bytes of a lane_chunk row: columns of variable-length integers inside one checksummed zstd frame, as FORMAT.md
// lays them out. Decoding trusts nothing: whatever is not exactly a chunk of the announced size is refused.
#pragma once
#include "traces/chunk_columns.h"
#include <optional>
#include <span>
#include <vector>

namespace shardscope {

// At least one event.
std::vector<std::byte> encodeShape(const ShapeColumns&);
std::vector<std::byte> encodeDetail(const ChunkColumns&);
std::optional<Chunk> decodeShape(std::span<const std::byte>, size_t count, bool with_counts);
std::optional<std::vector<IntervalDetail>> decodeDetail(std::span<const std::byte>, size_t count);

} // namespace shardscope
