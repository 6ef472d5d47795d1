// SPDX-License-Identifier: Apache-2.0
// Back and forward through what was visible, as in a browser. Changes that follow each other quickly, as the turns of a
// wheel do, are one step; the oldest steps are forgotten. The first entry is the view that was there first.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace shardscope::gui {

template <class View> class ViewHistory {
public:
    static constexpr size_t longest = 200;
    static constexpr int64_t burst_ms = 400;

    // `continues`: not a change by the user (a live trace grew), so it only replaces the current view.
    void record(const View& view, int64_t now_ms, bool continues = false) {
        if (!m_views.empty() && m_views[m_at] == view) return;
        const bool burst = m_at > 0 && m_at + 1 == m_views.size() && now_ms - m_last_ms < burst_ms;
        if (!continues) m_last_ms = now_ms;
        if (!m_views.empty() && (continues || burst)) {
            m_views[m_at] = view;
            return;
        }
        if (!m_views.empty()) m_views.resize(m_at + 1);
        m_views.push_back(view);
        if (m_views.size() > longest) m_views.erase(m_views.begin());
        m_at = m_views.size() - 1;
    }
    std::optional<View> back() { return canGoBack() ? std::optional(m_views[--m_at]) : std::nullopt; }
    std::optional<View> forward() { return canGoForward() ? std::optional(m_views[++m_at]) : std::nullopt; }
    bool canGoBack() const { return m_at > 0; }
    bool canGoForward() const { return m_at + 1 < m_views.size(); }
    void clear() {
        m_views.clear();
        m_at = 0;
    }

private:
    std::vector<View> m_views;
    size_t m_at = 0; // the current one
    int64_t m_last_ms = 0;
};

} // namespace shardscope::gui
