// SPDX-License-Identifier: Apache-2.0
// Draws a fixed sequence of zooming, panning and jumping over one trace with the CPU rasteriser, without a display, and
// says how long its frames took and whether memory grew.
#pragma once
#include "traces/result.h"
#include <cstdint>
#include <string>

namespace shardscope::gui {

struct ZoomBenchRequest {
    std::string trace;  // a file; or, with `events`, empty
    int64_t events = 0; // > 0: a trace of so many events is written to a temporary folder first
    int frames = 2'000;
    int width = 1920, height = 1080;
};

Result<std::string> benchZoomFrames(const ZoomBenchRequest&); // the report

} // namespace shardscope::gui
