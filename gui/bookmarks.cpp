// SPDX-License-Identifier: Apache-2.0
#include "gui/bookmarks.h"
#include <algorithm>
#include <filesystem>

namespace shardscope::gui {

Bookmark bookmarkOf(const Session& session) {
    Bookmark bookmark{.place = session.place(),
                      .view = session.viewPoint(),
                      .only_rank = session.onlyRank(),
                      .trace = session.active() ? session.active()->reader->path() : std::string(),
                      .selected_trace = {}};
    if (const auto picked = session.selected())
        if (const OpenTrace* trace = session.trace(picked->trace_id)) {
            bookmark.selected_trace = trace->reader->path();
            bookmark.selected = picked->event;
        }
    return bookmark;
}

const OpenTrace* openTraceAt(const Session& session, const std::string& path) {
    const auto& traces = session.traces();
    const auto found =
        std::find_if(traces.begin(), traces.end(), [&](const OpenTrace& open) { return open.reader->path() == path; });
    return found == traces.end() ? nullptr : &*found;
}

std::optional<std::string> goTo(Session& session, const Bookmark& bookmark) {
    const OpenTrace* trace = openTraceAt(session, bookmark.trace);
    session.setPlace(bookmark.place);
    if (trace) session.setActive(trace->id);
    session.setOnlyRank(bookmark.only_rank);
    session.goTo(bookmark.view);
    const OpenTrace* of_selection = openTraceAt(session, bookmark.selected_trace);
    session.select(std::nullopt);
    if (of_selection && (bookmark.place != Place::timeline || !trace || of_selection->id == trace->id)) {
        const PickedEvent picked{of_selection->id, bookmark.selected};
        session.withDetails(picked, [&session, picked](const IntervalDetails* details) {
            if (details) session.select(picked); // a file may name events that its trace does not have
        });
    }
    if (!trace && !bookmark.trace.empty())
        return "The trace of this bookmark is not open: " + std::filesystem::path(bookmark.trace).filename().string() +
               ".";
    return std::nullopt;
}

} // namespace shardscope::gui
