// SPDX-License-Identifier: Apache-2.0
// One history for the form and the JSON, because they are two views of one request. Changes of one field in a row are
// one step.
#pragma once
#include "gui/run_request.h"

namespace shardscope::gui {

class RunHistory {
public:
    explicit RunHistory(RunRequest now)
        : m_now(std::move(now)) {}

    // `field` names what changed; equal ones in a row make one step.
    void record(const RunRequest& now, const std::string& field) {
        if (now == m_now) return;
        if (field.empty() || field != m_field || m_past.empty()) m_past.push_back(m_now);
        if (m_past.size() > longest) m_past.erase(m_past.begin());
        m_field = field;
        m_now = now;
        m_future.clear();
    }
    const RunRequest* undo() { return step(m_past, m_future); }
    const RunRequest* redo() { return step(m_future, m_past); }

private:
    static constexpr size_t longest = 500;

    const RunRequest* step(std::vector<RunRequest>& from, std::vector<RunRequest>& to) {
        if (from.empty()) return nullptr;
        to.push_back(std::move(m_now));
        m_now = std::move(from.back());
        from.pop_back();
        m_field.clear(); // the next change is a step of its own
        return &m_now;
    }
    std::vector<RunRequest> m_past, m_future;
    RunRequest m_now;
    std::string m_field; // of the newest step
};

} // namespace shardscope::gui
