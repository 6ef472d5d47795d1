// SPDX-License-Identifier: Apache-2.0
// Answers what the frames of one canvas lacked: on the session's worker, one question per trace at a time, and then
// what the newest frame lacks. The canvas draws what it has until then.
#pragma once
#include "gui/canvas/timeline_cache.h"
#include "gui/session.h"

namespace shardscope::gui {

class LaneReading : public QObject {
    Q_OBJECT
public:
    explicit LaneReading(Session&, QObject* parent = nullptr);
    void answerWishes(const std::shared_ptr<TimelineCache>&); // after each frame
    bool pending() const { return m_pending > 0; }

signals:
    void arrived(); // draw again
    void settled(); // nothing is pending any more

private:
    void settle();
    Session& m_session;
    int m_pending = 0; // questions without an answer
    bool m_news = false;
};

} // namespace shardscope::gui
