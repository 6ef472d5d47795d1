// SPDX-License-Identifier: Apache-2.0
#include "gui/panels/trace_menu.h"
#include "gui/panels/trace_card.h"
#include "gui/session.h"
#include "gui/style.h"
#include <QApplication>
#include <QClipboard>
#include <QDesktopServices>
#include <QFileInfo>
#include <QMenu>
#include <QPointer>
#include <QUrl>

namespace shardscope::gui {

void showTraceMenu(Session& session, const OpenTrace& open, TraceCard& card, const QPoint& global) {
    auto* menu = new QMenu(&card);
    menu->setAttribute(Qt::WA_DeleteOnClose);
    menu->setObjectName("traceMenu");
    const QString path = text(open.reader->path());
    const auto add = [&](const QString& title, auto&& what) {
        QAction* action = menu->addAction(title);
        QObject::connect(action, &QAction::triggered, &session, std::forward<decltype(what)>(what));
        return action;
    };
    add(open.compared ? "Take out of the comparison" : "Compare",
        [&session, id = open.id, compared = open.compared] { session.setCompared(id, !compared); });
    add("Rename…", [card = QPointer<TraceCard>(&card)] {
        if (card) card->rename();
    });
    add("Tags…", [card = QPointer<TraceCard>(&card)] {
        if (card) card->editTags();
    });
    if (open.facts.stage >= 0) { // what another program recorded has no configuration of ours
        QAction* vary = session.actions().get(ActionId::vary_run);
        add(vary->text(), [&session, vary, id = open.id] {
            session.setActive(id);
            vary->trigger();
        })->setToolTip(vary->toolTip());
    }
    menu->addSeparator();
    add("Copy path", [path] { QApplication::clipboard()->setText(path); });
    add("Show in folder", [path] { QDesktopServices::openUrl(QUrl::fromLocalFile(QFileInfo(path).path())); });
    if (open.file_state == FileState::replaced)
        add("Open again", [&session, path] { session.openLater(path.toStdString()); });
    menu->addSeparator();
    add("Close", [&session, id = open.id] { session.closeTrace(id); });
    menu->popup(global);
}

} // namespace shardscope::gui
