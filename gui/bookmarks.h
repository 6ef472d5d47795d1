// SPDX-License-Identifier: Apache-2.0
// A bookmark is what the window showed: the place, the trace, the time on the screen, ranks and the selection. Ten of
// them, on the digits.
#pragma once
#include "gui/session.h"

namespace shardscope::gui {

struct Bookmark {
    Place place = Place::timeline;
    ViewPoint view;
    int32_t only_rank = -1;
    std::string trace; // path of the active one; empty: none was open
    std::string selected_trace;
    EventId selected = EventId::none;
    bool operator==(const Bookmark&) const = default;
};

using Bookmarks = std::array<std::optional<Bookmark>, 10>;

Bookmark bookmarkOf(const Session&);
// Shows it again. A sentence where something of it is gone; what is still there is shown all the same.
std::optional<std::string> goTo(Session&, const Bookmark&);
const OpenTrace* openTraceAt(const Session&, const std::string& path); // null: not open

} // namespace shardscope::gui
