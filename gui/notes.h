// SPDX-License-Identifier: Apache-2.0
// Marks and notes, pinned to a time and a lane of a trace. They belong to the project: traces are never modified. A
// mark is a note without text.
#pragma once
#include "traces/trace_event.h"
#include <QObject>
#include <optional>
#include <string>
#include <vector>

namespace shardscope::gui {

struct Note {
    int id = 0;                    // given by the book
    std::string trace;             // path of its trace
    LaneId lane = LaneId::none;    // none: the trace as a whole
    int64_t start_ns = 0;          // trace time
    int64_t end_ns = 0;            // the same as start_ns: a moment
    EventId event = EventId::none; // what was selected, if anything
    std::string text;
    bool operator==(const Note&) const = default;
};

class NoteBook : public QObject {
    Q_OBJECT
public:
    static constexpr size_t most_notes = 10'000, longest_text = 4'000;
    using QObject::QObject;

    const std::vector<Note>& notes() const { return m_notes; } // by trace, then time
    const Note* note(int id) const;
    std::optional<int> at(const Note& place) const; // a note pinned to the very same place
    int add(Note);                                  // its id
    void setText(int id, const std::string&);
    void remove(int id);
    bool canRestore() const { return m_removed.has_value(); }
    void restoreRemoved();
    void replaceAll(std::vector<Note>); // of another project
    void moveTrace(const std::string& from, const std::string& to);

    int chosen() const { return m_chosen; } // shown in the list and on the canvas; 0: none
    void choose(int id);

signals:
    void changed();
    void chosenChanged();

private:
    void sort();
    std::vector<Note> m_notes;
    std::optional<Note> m_removed;
    int m_next_id = 1, m_chosen = 0;
};

} // namespace shardscope::gui
