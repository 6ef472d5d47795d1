// SPDX-License-Identifier: Apache-2.0
#include "geometry_check.h"
#include "gui/panels/elided_label.h"
#include "gui/panels/overlay.h"
#include <QAbstractButton>
#include <QLabel>
#include <QLineEdit>
#include <QScrollArea>
#include <QScrollBar>
#include <QSplitterHandle>
#include <QTableView>

namespace shardscope::gui {
namespace {

constexpr int fewest_letters = 5; // that an elided label shows of a longer text

QString nameOf(const QWidget& widget) {
    QString words;
    if (const auto* label = qobject_cast<const QLabel*>(&widget)) words = label->text();
    if (const auto* button = qobject_cast<const QAbstractButton*>(&widget)) words = button->text();
    if (words.isEmpty()) words = widget.objectName().isEmpty() ? widget.accessibleName() : widget.objectName();
    const QWidget* parent = widget.parentWidget();
    return QString("%1 '%2' in %3 '%4'")
        .arg(widget.metaObject()->className(), words.left(40), parent ? parent->metaObject()->className() : "nothing",
             parent ? parent->objectName() : QString());
}

bool cutOff(const QLabel& label) {
    if (label.text().isEmpty() || label.property("mayBeCut").toBool()) return false;
    if (const auto* elided = dynamic_cast<const ElidedLabel*>(&label))
        return label.width() < std::min(elided->sizeHint().width(),
                                        label.fontMetrics().horizontalAdvance(label.text().left(fewest_letters) + "…"));
    if (label.wordWrap()) return label.height() + 1 < label.heightForWidth(label.width());
    return label.width() < label.sizeHint().width();
}

bool lookedAt(const QWidget& widget) { // children of parts that lie over the window are theirs to arrange
    for (const QWidget* w = &widget; w; w = w->parentWidget())
        if (qobject_cast<const Overlay*>(w)) return false;
    return true;
}

void addOverlaps(const QWidget& parent, QStringList& faults) {
    QList<QWidget*> children;
    for (QObject* child : parent.children()) {
        auto* widget = qobject_cast<QWidget*>(child);
        if (!widget || !widget->isVisible() || widget->isWindow() || widget->size().isEmpty()) continue;
        if (qobject_cast<QSplitterHandle*>(widget) || qobject_cast<Overlay*>(widget)) continue;
        if (widget->objectName().startsWith("qt_") || !parent.rect().intersects(widget->geometry()))
            continue; // Qt's own
        children << widget;
    }
    if (qobject_cast<const QLineEdit*>(&parent) || qobject_cast<const QAbstractScrollArea*>(&parent)) return;
    for (qsizetype i = 0; i < children.size(); ++i)
        for (qsizetype j = i + 1; j < children.size(); ++j)
            if (const QRect both = children[i]->geometry() & children[j]->geometry();
                both.width() > 1 && both.height() > 1)
                faults << nameOf(*children[i]) + " lies over " + nameOf(*children[j]);
}

} // namespace

QStringList faultsOfGeometry(const QWidget& window) {
    QStringList faults;
    addOverlaps(window, faults);
    for (const QWidget* widget : window.findChildren<QWidget*>()) {
        const bool kept_aside = widget->parentWidget() && !widget->isWindow() &&
                                !widget->parentWidget()->rect().intersects(widget->geometry());
        if (!widget->isVisible() || !lookedAt(*widget) || kept_aside || widget->objectName().startsWith("qt_"))
            continue;
        if (const auto* label = qobject_cast<const QLabel*>(widget); label && cutOff(*label))
            faults << nameOf(*label) + QString(" is cut off: %1x%2, wants %3x%4")
                                           .arg(label->width())
                                           .arg(label->height())
                                           .arg(label->sizeHint().width())
                                           .arg(label->wordWrap() ? label->heightForWidth(label->width())
                                                                  : label->sizeHint().height());
        if (const auto* button = qobject_cast<const QAbstractButton*>(widget))
            if (const int wanted = button->fontMetrics().horizontalAdvance(button->text()) + 2;
                button->sizePolicy().horizontalPolicy() != QSizePolicy::Ignored && button->icon().isNull() &&
                button->width() < wanted)
                faults << nameOf(*button) + QString(" is cut off: %1, wants %2").arg(button->width()).arg(wanted);
        if (const auto* table = qobject_cast<const QTableView*>(widget))
            if (table->horizontalScrollBar()->isVisible()) faults << nameOf(*table) + " scrolls sideways";
        if (const auto* area = qobject_cast<const QScrollArea*>(widget))
            if (area->widget() && area->widget()->width() > area->viewport()->width())
                faults << nameOf(*area) + QString(" shows %1 of %2 pixels")
                                              .arg(area->viewport()->width())
                                              .arg(area->widget()->width());
        if (const QWidget* parent = widget->parentWidget();
            parent && !widget->isWindow() && !qobject_cast<const QScrollArea*>(parent->parentWidget()) &&
            !qobject_cast<const QAbstractScrollArea*>(parent) && !widget->size().isEmpty() &&
            (widget->geometry().left() < 0 || widget->geometry().right() >= parent->width() + 1))
            faults << nameOf(*widget) + QString(" reaches over its parent: %1..%2 of %3")
                                            .arg(widget->geometry().left())
                                            .arg(widget->geometry().right())
                                            .arg(parent->width());
        addOverlaps(*widget, faults);
    }
    return faults;
}

} // namespace shardscope::gui
