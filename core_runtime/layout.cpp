// SPDX-License-Identifier: Apache-2.0
#include "core_runtime/layout.h"
#include <algorithm>
#include <cassert>
#include <map>

namespace shardscope {
namespace {

std::string blockName(const ParameterInfo& info) {
    return "block " + std::to_string(info.layer) + (info.tile ? " tile " + std::to_string(info.tile->number) : "");
}

// Unit of each parameter. The key orders units as they are used in the forward pass, the gathered one first.
std::vector<int32_t> assignUnits(const std::vector<ParameterInfo>& parameters, const ZeroConfig& zero,
                                 std::vector<GatherUnit>& units) {
    std::vector<int32_t> unit_of(parameters.size(), 0);
    if (zero.stage < 3) {
        units.push_back({.name = "model", .layer = -1, .stays_gathered = true});
        return unit_of;
    }
    std::map<std::pair<int32_t, int32_t>, int32_t> by_layer; // and tile
    int32_t gathered = -1;
    const bool untied = parameters.back().role == ParameterRole::head_weight;
    const char* last_name = untied ? "final norm and head" : "final norm";
    int64_t small_elements = 0; // bounded by the model threshold, in definition order
    for (size_t p = 0; p < parameters.size(); ++p) {
        const ParameterInfo& info = parameters[p];
        const bool small = info.elements <= zero.stage3_param_persistence_threshold &&
                           info.elements <= zero.stage3_model_persistence_threshold - small_elements;
        if (small) small_elements += info.elements;
        const int32_t tile = info.tile ? info.tile->number : -1;
        int32_t& unit = small ? gathered : by_layer.try_emplace({info.layer, tile}, -1).first->second;
        if (unit < 0) {
            unit = static_cast<int32_t>(units.size());
            units.push_back({.name = small                                   ? "small parameters"
                                     : info.layer == embedding_layer         ? "embedding"
                                     : info.layer == parameters.back().layer ? last_name
                                                                             : blockName(info),
                             .layer = small ? -1 : info.layer,
                             .tile = small ? -1 : tile,
                             .stays_gathered = small});
        }
        unit_of[p] = unit;
    }
    return unit_of;
}

} // namespace

Layout makeLayout(const std::vector<ParameterInfo>& parameters, const ZeroConfig& zero, int64_t ranks) {
    assert(ranks >= 1 && !parameters.empty());
    Layout layout;
    layout.ranks = ranks;
    layout.places.resize(parameters.size());
    const std::vector<int32_t> unit_of = assignUnits(parameters, zero, layout.units);

    // Buckets close when the next parameter would pass the limit; a larger parameter is alone in its bucket.
    for (size_t i = parameters.size(); i-- > 0;) {
        const int64_t elements = parameters[i].elements;
        if (layout.buckets.empty() || layout.buckets.back().elements + elements > zero.reduce_bucket_size) {
            if (!layout.buckets.empty()) {
                const bool alone = layout.buckets.back().elements > zero.reduce_bucket_size;
                layout.buckets.back().closed_because =
                    alone ? "its one parameter is larger than reduce_bucket_size"
                          : parameters[i].name + " would have passed reduce_bucket_size";
            }
            layout.buckets.emplace_back();
        }
        layout.buckets.back().parameters.push_back(static_cast<int32_t>(i));
        layout.buckets.back().elements += elements;
    }
    layout.buckets.back().closed_because = "the last gradient of the backward pass was ready";

    for (size_t b = 0; b < layout.buckets.size(); ++b) {
        Bucket& bucket = layout.buckets[b];
        for (int32_t p : bucket.parameters) {
            const int32_t unit = unit_of[static_cast<size_t>(p)];
            auto same_unit = std::find_if(bucket.segments.begin(), bucket.segments.end(), [&](int32_t s) {
                return layout.segments[static_cast<size_t>(s)].unit == unit;
            });
            if (same_unit == bucket.segments.end()) {
                bucket.segments.push_back(static_cast<int32_t>(layout.segments.size()));
                layout.segments.push_back({.unit = unit, .bucket = static_cast<int32_t>(b)});
                same_unit = bucket.segments.end() - 1;
            }
            Segment& segment = layout.segments[static_cast<size_t>(*same_unit)];
            layout.places[static_cast<size_t>(p)] = {.segment = *same_unit, .offset = segment.elements};
            segment.parameters.push_back(p);
            segment.elements += parameters[static_cast<size_t>(p)].elements;
        }
    }
    for (size_t s = 0; s < layout.segments.size(); ++s) {
        Segment& segment = layout.segments[s];
        Bucket& bucket = layout.buckets[static_cast<size_t>(segment.bucket)];
        GatherUnit& unit = layout.units[static_cast<size_t>(segment.unit)];
        segment.slice_elements = (segment.elements + ranks - 1) / ranks;
        segment.padded_elements = segment.slice_elements * ranks;
        segment.unit_offset = unit.padded_elements;
        segment.bucket_offset = bucket.padded_elements;
        segment.bucket_shard_offset = bucket.padded_elements / ranks;
        segment.shard_offset = layout.shard_elements;
        unit.segments.push_back(static_cast<int32_t>(s));
        unit.elements += segment.elements;
        unit.padded_elements += segment.padded_elements;
        bucket.padded_elements += segment.padded_elements;
        layout.shard_elements += segment.slice_elements;
        layout.padded_elements += segment.padded_elements;
    }
    return layout;
}

} // namespace shardscope
