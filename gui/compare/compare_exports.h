// SPDX-License-Identifier: Apache-2.0
// What the canvas and the comparison offer to be exported.
#pragma once
#include "gui/export/exportable.h"
#include "gui/session.h"

namespace shardscope::gui {

std::vector<Exportable> timelineExports(Session&, QSize canvas_size);
std::vector<Exportable> comparisonExports(const Session&);

} // namespace shardscope::gui
