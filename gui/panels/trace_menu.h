// SPDX-License-Identifier: Apache-2.0
// The menu of a card in the library.
#pragma once

class QPoint;

namespace shardscope::gui {

struct OpenTrace;
class Session;
class TraceCard;

void showTraceMenu(Session&, const OpenTrace&, TraceCard&, const QPoint& global); // does not wait for the choice

} // namespace shardscope::gui
