// SPDX-License-Identifier: Apache-2.0
#include "gui/lane_reading.h"
#include "gui/bookmarks.h"
#include <QPointer>

namespace shardscope::gui {

LaneReading::LaneReading(Session& session, QObject* parent)
    : QObject(parent)
    , m_session(session) {}

void LaneReading::answerWishes(const std::shared_ptr<TimelineCache>& cache) {
    if (pending() || !cache) return;
    for (TraceWishes& wishes : cache->takeWishes()) {
        const OpenTrace* open = openTraceAt(m_session, wishes.path);
        if (!open) continue;
        ++m_pending;
        const QPointer<LaneReading> guard(this);
        m_session.ask(
            open->id,
            [guard, cache, wishes = std::move(wishes)](const TraceReader& reader) -> Session::Answer {
                auto answers = std::make_shared<TraceAnswers>(answer(reader, wishes));
                return [guard, cache, answers] {
                    cache->give(std::move(*answers));
                    if (!guard) return;
                    guard->m_news = true;
                    guard->settle();
                };
            },
            [guard] {
                if (guard) guard->settle();
            });
    }
}

void LaneReading::settle() {
    // Where nothing could be answered, asking again at once would not help.
    if (--m_pending > 0) return;
    if (std::exchange(m_news, false)) emit arrived();
    emit settled();
}

} // namespace shardscope::gui
