// SPDX-License-Identifier: Apache-2.0
// Remembers what was visible, so that zooming and moving can be undone and redone.
#pragma once
#include "gui/session.h"
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
    void go(const std::optional<ViewPoint>&);
    Session& m_session;
    ViewHistory<ViewPoint> m_history;
    std::function<int64_t()> m_now_ms;
    bool m_following = true;
};

} // namespace shardscope::gui
