// SPDX-License-Identifier: Apache-2.0
// metadata.json of a checkpoint. It carries a checksum of itself.
#pragma once
#include "core_runtime/checkpoint.h"

namespace shardscope {

inline constexpr const char* checkpoint_metadata_file = "metadata.json";
inline constexpr int64_t checkpoint_format_version = 1;

std::string checkpointMetadata(const CheckpointInfo&);
// Of the checkpoint in folder `path`; no file but this one is read.
Result<CheckpointInfo> parseCheckpointMetadata(const std::string& path);

} // namespace shardscope
