// SPDX-License-Identifier: Apache-2.0
// Numbers as people read them, the same in canvases, panels and tables: adaptive unit, at most four significant digits,
// thousands separated. No Qt, no locale.
#pragma once
#include "traces/trace_event.h"
#include <cstdint>
#include <span>
#include <string>

namespace shardscope::gui {

std::string formatDuration(int64_t ns);    // "812 ns", "24.31 ms", "1.50 s", "2.78 h", "10.00 y"
std::string formatBytes(int64_t bytes);    // "512 B", "5.12 MiB", "102.4 GiB"
std::string formatCount(int64_t count);    // "7,087,872"
std::string formatPercent(double percent); // "61 %", "0.4 %"

// A point on a time axis whose neighbours are `resolution_ns` away: as many decimals as that needs. The unit follows
// `reach_ns`, the largest time on the axis, so that all labels of one axis share it.
std::string formatTime(int64_t ns, int64_t reach_ns, int64_t resolution_ns); // "12.35 ms"

// Steps between labels are round in this many ns: 1, or the hour, day or year that the labels of such an axis are in.
int64_t axisUnit(int64_t reach_ns);

// What a lane is called beside it: its kind, or its own name where its rank has several of that kind.
bool isBesideWork(const LaneInfo&); // what a capture tells of a rank's thread, of CUDA, or of the parts of a collective
std::string laneLabel(const LaneInfo&, std::span<const LaneInfo> lanes);

} // namespace shardscope::gui
