// SPDX-License-Identifier: Apache-2.0
// A project as a value, and its file: a *.shardproj is JSON with a version. It says which traces are open and
// everything that was made of them here; the traces themselves are never modified. Files are hand-editable and hostile:
// a mistake is a sentence that names the field, and nothing of a bad file is taken over.
#pragma once
#include "gui/bookmarks.h"
#include "gui/notes.h"
#include "traces/result.h"
#include <QByteArray>
#include <QString>
#include <set>

namespace shardscope::gui {

struct ProjectTrace {
    std::string path;     // absolute
    std::string trace_id; // which recording it was, if the trace says
    int64_t bytes = 0;    // of the file when the project was saved
    bool open = true;     // false: closed, but something is noted about it
    bool compared = true;
    std::string name; // given by the user
    std::vector<std::string> tags;
    std::set<int32_t> collapsed; // ranks that are one summary lane
    std::set<LaneId> hidden;
    std::vector<int32_t> rank_order = {}; // from the top, where ranks were moved
    bool operator==(const ProjectTrace&) const = default;
};

struct Project {
    static constexpr int version = 1;
    std::vector<ProjectTrace> traces; // in the order of the library
    std::optional<Bookmark> view;     // what was on the screen
    Bookmarks bookmarks;
    std::vector<Note> notes;
    std::map<std::string, QByteArray> layouts; // of the docks, by place
    std::string origin;                        // of an automatic copy: the file it is a copy of
};

const char* placeName(Place); // "timeline", as it stands in project files
std::optional<Place> placeOf(const QString& name);

// Paths are written relative to `folder` as well, so that a folder of traces and project can be moved as a whole; of
// the two, the relative one is looked for first.
QByteArray projectText(const Project&, const QString& folder);
Result<Project> parseProject(const QByteArray&, const QString& folder);

// Neither waits for anything but this one small file. Writing replaces it at once or not at all.
Result<Project> readProject(const QString& path);
Result<void> writeProject(const Project&, const QString& path);

} // namespace shardscope::gui
