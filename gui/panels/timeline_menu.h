// SPDX-License-Identifier: Apache-2.0
// What the right button offers on an operation or a lane of the timeline, and an operation as text or JSON.
#pragma once
#include "gui/canvas/timeline.h"
#include <QString>

class QMenu;
class QWidget;

namespace shardscope::gui {

class Session;

// Deletes itself when it closes. Null where there is nothing to offer. Details: of the event that was pointed at.
QMenu* makeTimelineMenu(Session&, const TimelineMenu&, int trace_id, const IntervalDetails*, QWidget* parent);

QString operationText(const TraceReader&, const IntervalDetails&); // every field, a line each
QString operationJson(const TraceReader&, const IntervalDetails&); // the same with the names of the SQL columns

} // namespace shardscope::gui
