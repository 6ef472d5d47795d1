// SPDX-License-Identifier: Apache-2.0
// Memory-centric tiling (Rajbhandari et al. 2021, section 5.1.3): the linear layers of the blocks are cut into
// tile_out x tile_in tiles that stage 3 gathers and releases one at a time, so that the memory a layer needs for its
// parameters falls by the number of tiles. A tile is a parameter of its own for layout, gradients and optimizer; its
// values are those of its place in the whole, so files and initial values know nothing of tiles.
#pragma once
#include "core_runtime/model_spec.h"
#include <algorithm>

namespace shardscope {

// The parameters of parametersOf(model), with every tiled one replaced by its tiles, rows of tiles first.
std::vector<ParameterInfo> tiledParametersOf(const ModelSpec&);

// Calls `visit(parameter of parametersOf(), first element there, offset from the start, count)` for every stretch of
// elements [first, first + count) of one of tiledParametersOf().
template <class Visit> void forEachWholeStretch(const ParameterInfo& info, int64_t first, int64_t count, Visit visit) {
    if (!info.tile) return visit(info.whole, first, int64_t{0}, count);
    const int64_t columns = info.shape[1];
    for (int64_t done = 0; done < count;) {
        const int64_t row = (first + done) / columns, column = (first + done) % columns;
        const int64_t length = std::min(columns - column, count - done);
        visit(info.whole, (info.tile->row + row) * info.tile->whole_columns + info.tile->column + column, done, length);
        done += length;
    }
}

} // namespace shardscope
