// SPDX-License-Identifier: Apache-2.0
// What the tour stops at. The widgets are those of the window; what a stop shows is shown for real.
#pragma once
#include "gui/panels/tour.h"

namespace shardscope::gui {

class MainWindow;
class Session;

std::vector<TourStop> tourStops(MainWindow&, Session&);

} // namespace shardscope::gui
