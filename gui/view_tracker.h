// SPDX-License-Identifier: Apache-2.0
// Remembers what was visible, so that zooming, moving and the order of ranks can be undone and redone.
#pragma once
#include "gui/session.h"
#include "gui/timeline_tools.h"
#include "gui/view_history.h"
#include <functional>

namespace shardscope::gui {

class ViewTracker : public QObject {
    Q_OBJECT
public:
    explicit ViewTracker(Session&, QObject* parent = nullptr);
    void back();
    void forward();
    void setClock(std::function<int64_t()> now_ms) { m_now_ms = std::move(now_ms); } // tests turn it themselves

private:
    void note();
    struct Entry { // the order of ranks is part of what one sees
        ViewPoint view;
        TimelineTools::RankOrders rank_orders;
        bool operator==(const Entry&) const = default;
    };
    void go(const std::optional<Entry>&);
    Session& m_session;
    ViewHistory<Entry> m_history;
    TimelineTools::RankOrders m_rank_orders;
    std::function<int64_t()> m_now_ms;
    bool m_following = true, m_going = false;
};

} // namespace shardscope::gui
