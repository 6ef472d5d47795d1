// SPDX-License-Identifier: Apache-2.0
#include "gui/view_tracker.h"
#include <QElapsedTimer>
#include <utility>

namespace shardscope::gui {

ViewTracker::ViewTracker(Session& session, QObject* parent)
    : QObject(parent)
    , m_session(session) {
    auto clock = std::make_shared<QElapsedTimer>();
    clock->start();
    m_now_ms = [clock] { return clock->elapsed(); };
    connect(&session, &Session::viewChanged, this, &ViewTracker::note);
    connect(&session.timelineTools(), &TimelineTools::changed, this, &ViewTracker::note);
    note();
}

void ViewTracker::note() {
    if (m_going) return;
    if (m_session.traces().empty()) {
        m_history.clear();
        m_following = true;
    } else {
        // While everything is followed, the range grows by itself; only leaving or entering that state is the user's.
        const bool follows = m_session.followsEverything();
        const auto orders = m_session.timelineTools().rankOrders();
        const bool moved = std::exchange(m_rank_orders, orders) != orders;
        m_history.record({m_session.viewPoint(), orders}, m_now_ms(), follows && m_following && !moved);
        m_following = follows;
    }
    const bool on_canvas = m_session.place() != Place::run;
    m_session.actions().get(ActionId::undo_view)->setEnabled(on_canvas && m_history.canGoBack());
    m_session.actions().get(ActionId::redo_view)->setEnabled(on_canvas && m_history.canGoForward());
}

void ViewTracker::go(const std::optional<Entry>& entry) {
    if (entry) {
        m_going = true; // half of the way is no view to come back to
        m_session.timelineTools().setRankOrders(entry->rank_orders);
        m_session.goTo(entry->view);
        m_rank_orders = entry->rank_orders;
        m_going = false;
    }
    note(); // changes nothing in the history, whose current view this is
}

void ViewTracker::back() { go(m_history.back()); }
void ViewTracker::forward() { go(m_history.forward()); }

} // namespace shardscope::gui
