// SPDX-License-Identifier: Apache-2.0
#include "gui/panels/keys_overlay.h"
#include "gui/actions.h"
#include "gui/panels/section.h"
#include "gui/style.h"
#include <QEvent>
#include <QGridLayout>
#include <QLabel>
#include <QVBoxLayout>

namespace shardscope::gui {
namespace {

struct MouseHelp {
    const char *gesture, *meaning;
};
constexpr MouseHelp mouse_help[] = {{"Wheel", "Zoom at the mouse"},
                                    {"Shift + wheel", "Earlier, later"},
                                    {"Drag", "Move along the time axis"},
                                    {"Point", "Show a block in the inspector"},
                                    {"Click", "Keep it there"}};
constexpr const char* columns[][2] = {{"Navigate", ""}, {"View", ""}, {"File", "Run"}};

} // namespace

KeysOverlay::KeysOverlay(QWidget* window)
    : QFrame(window) {
    setObjectName("overlay");
    setAutoFillBackground(true);
    setFocusPolicy(Qt::StrongFocus);
    auto* outer = new QVBoxLayout(this);
    outer->setContentsMargins(26, 22, 26, 22);
    outer->setSpacing(14);
    auto* title = new QLabel("Keys and mouse");
    title->setFont(uiFont(16, true));
    outer->addWidget(title);
    auto* grid = new QGridLayout;
    grid->setHorizontalSpacing(12);
    grid->setVerticalSpacing(5);
    outer->addLayout(grid);
    int column = 0;
    const auto add = [&](int row, const QString& keys, const QString& what, const QString& tip = {}) {
        auto* key_label = new QLabel(keys);
        key_label->setFont(monoFont());
        key_label->setProperty("role", "key");
        auto* what_label = new QLabel(what);
        what_label->setToolTip(tip);
        grid->addWidget(key_label, row, column);
        grid->addWidget(what_label, row, column + 1);
    };
    for (const auto& menus : columns) {
        int row = 0;
        for (const char* menu : menus) {
            if (!*menu) continue;
            if (row > 0) grid->setRowMinimumHeight(row++, 8);
            grid->addWidget(headLabel(menu), row++, column, 1, 2);
            for (const ActionSpec& spec : actionTable())
                if (QString(spec.menu) == menu && *spec.shortcut)
                    add(row++, QString::fromUtf8(spec.shortcut), QString::fromUtf8(spec.text),
                        QString::fromUtf8(spec.help));
        }
        grid->setColumnMinimumWidth(column + 2, 24);
        column += 3;
    }
    grid->addWidget(headLabel("Mouse"), 0, column, 1, 2);
    for (int i = 0; i < static_cast<int>(std::size(mouse_help)); ++i)
        add(i + 1, mouse_help[i].gesture, mouse_help[i].meaning);
    hide();
}

bool KeysOverlay::event(QEvent* event) {
    if (event->type() == QEvent::ShortcutOverride) event->accept();
    return QFrame::event(event);
}

void KeysOverlay::toggle() {
    if (isVisible()) return hide();
    adjustSize();
    move((parentWidget()->width() - width()) / 2, (parentWidget()->height() - height()) / 2);
    show();
    raise();
    setFocus();
}

} // namespace shardscope::gui
