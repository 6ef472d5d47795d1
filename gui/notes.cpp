// SPDX-License-Identifier: Apache-2.0
#include "gui/notes.h"
#include <algorithm>
#include <tuple>
#include <utility>

namespace shardscope::gui {

const Note* NoteBook::note(int id) const {
    const auto found = std::find_if(m_notes.begin(), m_notes.end(), [id](const Note& note) { return note.id == id; });
    return found == m_notes.end() ? nullptr : &*found;
}

std::optional<int> NoteBook::at(const Note& place) const {
    for (const Note& note : m_notes)
        if (note.trace == place.trace && note.lane == place.lane && note.start_ns == place.start_ns &&
            note.end_ns == place.end_ns)
            return note.id;
    return std::nullopt;
}

int NoteBook::add(Note note) {
    if (m_notes.size() >= most_notes) return 0;
    note.id = m_next_id++;
    note.text = note.text.substr(0, longest_text);
    m_notes.push_back(note);
    sort();
    m_chosen = note.id;
    emit changed();
    return note.id;
}

void NoteBook::setText(int id, const std::string& text) {
    const auto found = std::find_if(m_notes.begin(), m_notes.end(), [id](const Note& note) { return note.id == id; });
    if (found == m_notes.end() || found->text == text) return;
    found->text = text.substr(0, longest_text);
    emit changed();
}

void NoteBook::remove(int id) {
    const auto found = std::find_if(m_notes.begin(), m_notes.end(), [id](const Note& note) { return note.id == id; });
    if (found == m_notes.end()) return;
    m_removed = *found;
    m_notes.erase(found);
    if (m_chosen == id) m_chosen = 0;
    emit changed();
}

void NoteBook::restoreRemoved() {
    if (!m_removed) return;
    m_notes.push_back(*std::exchange(m_removed, std::nullopt));
    m_chosen = m_notes.back().id;
    sort();
    emit changed();
}

void NoteBook::replaceAll(std::vector<Note> notes) {
    m_notes = std::move(notes);
    if (m_notes.size() > most_notes) m_notes.resize(most_notes);
    for (Note& note : m_notes) note.id = m_next_id++;
    m_removed.reset();
    m_chosen = 0;
    sort();
    emit changed();
}

void NoteBook::moveTrace(const std::string& from, const std::string& to) {
    for (Note& note : m_notes)
        if (note.trace == from) note.trace = to;
    emit changed();
}

void NoteBook::choose(int id) {
    if (id == m_chosen) return;
    m_chosen = id;
    emit chosenChanged();
}

void NoteBook::sort() {
    std::stable_sort(m_notes.begin(), m_notes.end(), [](const Note& a, const Note& b) {
        return std::tie(a.trace, a.start_ns, a.id) < std::tie(b.trace, b.start_ns, b.id);
    });
}

} // namespace shardscope::gui
