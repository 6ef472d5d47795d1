// SPDX-License-Identifier: Apache-2.0
// What the lanes of one rank did in the step that stands for a run, coarse enough to be printed.
#pragma once
#include "profiler/analysis/compare.h"

namespace shardscope {

struct PictureBlock {
    int64_t start_ns = 0, end_ns = 0; // since the start of the picture
    OpClass op_class = OpClass::compute;
    Phase phase = Phase::forward;
    uint32_t count = 1; // events it stands for
    std::string name;   // of the longest one
};

struct PictureLane {
    std::string name;
    std::vector<PictureBlock> blocks;
};

struct StepPicture {
    int32_t rank = 0, step = -1; // step -1: the whole trace
    int64_t duration_ns = 0;
    std::vector<PictureLane> lanes; // of the device; at most eight
};

StepPicture stepPicture(const TraceReader&, const RunFigures&);

} // namespace shardscope
