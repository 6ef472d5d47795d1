// SPDX-License-Identifier: Apache-2.0
#include "core_runtime/tiling.h"

namespace shardscope {
namespace {

bool isTiled(ParameterRole role) {
    return role == ParameterRole::qkv_weight || role == ParameterRole::projection_weight ||
           role == ParameterRole::up_weight || role == ParameterRole::down_weight;
}

} // namespace

std::vector<ParameterInfo> tiledParametersOf(const ModelSpec& model) {
    std::vector<ParameterInfo> wholes = parametersOf(model);
    if (model.tile_out * model.tile_in == 1) return wholes;
    std::vector<ParameterInfo> result;
    int32_t layer = embedding_layer, number = 0;
    for (ParameterInfo& whole : wholes) {
        if (whole.layer != std::exchange(layer, whole.layer)) number = 0;
        if (!isTiled(whole.role)) {
            result.push_back(std::move(whole));
            continue;
        }
        const int64_t rows = whole.shape[0] / model.tile_out, columns = whole.shape[1] / model.tile_in;
        for (int64_t out = 0; out < model.tile_out; ++out)
            for (int64_t in = 0; in < model.tile_in; ++in) {
                ParameterInfo tile = whole;
                tile.name += " tile " + std::to_string(out) + "," + std::to_string(in);
                tile.shape = {rows, columns};
                tile.elements = rows * columns;
                tile.tile = {number++, out * rows, in * columns, whole.shape[1]};
                result.push_back(std::move(tile));
            }
    }
    return result;
}

} // namespace shardscope
