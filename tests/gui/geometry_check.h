// SPDX-License-Identifier: Apache-2.0
// What is wrong with the geometry of a window, as sentences: text that is cut off, widgets that lie over each other,
// content wider than the area that shows it, tables that have to be scrolled sideways. Eliding labels are asked for no
// more than a few letters, because their tooltips tell the rest.
#pragma once
#include <QString>
#include <QStringList>

class QWidget;

namespace shardscope::gui {

QStringList faultsOfGeometry(const QWidget& window);

} // namespace shardscope::gui
