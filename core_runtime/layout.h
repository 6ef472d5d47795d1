// SPDX-License-Identifier: Apache-2.0
// Where every parameter lives when it is sharded. Gradients become ready in the reverse of definition order and fill
// buckets of at most reduce_bucket_size elements. A segment is the part of a bucket that belongs to one gather unit
// (stages 0-2 have one unit, the model; stage 3 one per layer and tile and one for the small parameters that stay
// gathered). Each segment is padded to a multiple of N and cut into N equal slices; rank r owns slice r. So a bucket is
// one true reduce-scatter, a unit one all-gather, and padding is below N elements per segment.
#pragma once
#include "core_runtime/config.h"
#include "core_runtime/model_spec.h"
#include <cstdint>
#include <string>
#include <vector>

namespace shardscope {

struct Segment {
    int32_t unit = 0;
    int32_t bucket = 0;
    std::vector<int32_t> parameters; // indices, in order of layout
    int64_t elements = 0;
    int64_t padded_elements = 0;
    int64_t unit_offset = 0;         // in the gathered buffer of the unit
    int64_t bucket_offset = 0;       // in the gradient buffer of the bucket
    int64_t shard_offset = 0;        // in a rank's flat shard of everything
    int64_t bucket_shard_offset = 0; // in a rank's shard of the bucket
    int64_t slice_elements = 0;      // padded_elements / N
};

struct ParameterPlace {
    int32_t segment = 0;
    int64_t offset = 0; // within the segment
};

struct Bucket {
    std::vector<int32_t> segments;
    std::vector<int32_t> parameters; // in order of readiness
    int64_t elements = 0, padded_elements = 0;
    std::string closed_because;
};

struct GatherUnit {
    std::string name;
    int32_t layer = 0;
    int32_t tile = -1;           // TileInfo::number; -1: all of the layer that is not tiled
    bool stays_gathered = false; // stages 0-2: the model; stage 3: parameters below the persistence threshold
    std::vector<int32_t> segments;
    int64_t elements = 0, padded_elements = 0;
};

struct Layout {
    int64_t ranks = 1;
    std::vector<ParameterPlace> places; // by parameter, definition order
    std::vector<Segment> segments;
    std::vector<Bucket> buckets;
    std::vector<GatherUnit> units;
    int64_t padded_elements = 0; // of all segments
    int64_t shard_elements = 0;  // padded_elements / N
};

Layout makeLayout(const std::vector<ParameterInfo>&, const ZeroConfig&, int64_t ranks);

} // namespace shardscope
