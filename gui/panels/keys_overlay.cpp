// SPDX-License-Identifier: Apache-2.0
#include "gui/panels/keys_overlay.h"
#include "gui/actions.h"
#include "gui/panels/section.h"
#include "gui/style.h"
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
                                    {"Click", "Keep it there"},
                                    {"Double click", "Zoom to a block"},
                                    {"Ctrl + drag", "The budget of a range"},
                                    {"Right button", "What can be done here"}};
// Menus by column; what is in a menu within a menu has keys of one pattern and is left to the list of all keys.
constexpr const char* columns[][3] = {{"Navigate", "", ""}, {"View", "Run", ""}, {"File", "Help", ""}};

} // namespace

KeysOverlay::KeysOverlay(const Actions& actions, QWidget* window)
    : Overlay(window)
    , m_actions(actions) {
    setAccessibleName("Keys and mouse");
    closeWhenLeft();
    auto* outer = new QVBoxLayout(this);
    outer->setContentsMargins(26, 20, 26, 20);
    outer->setSpacing(12);
    auto* title = new QLabel("Keys and mouse");
    title->setFont(uiFont(16, true));
    outer->addWidget(title);
}

// Anew each time it is opened: keys can be changed.
void KeysOverlay::fill() {
    delete m_content;
    m_content = new QWidget;
    auto* grid = new QGridLayout(m_content);
    grid->setContentsMargins(0, 0, 0, 0);
    grid->setHorizontalSpacing(12);
    grid->setVerticalSpacing(4);
    int column = 0, row = 0;
    const auto add = [&](const QString& keys, const QString& what, const QString& tip = {}) {
        auto* key_label = new QLabel(keys);
        key_label->setFont(monoFont());
        key_label->setProperty("role", "key");
        auto* what_label = new QLabel(what);
        what_label->setToolTip(tip);
        grid->addWidget(key_label, row, column);
        grid->addWidget(what_label, row++, column + 1);
    };
    const auto head = [&](const char* title) {
        if (row > 0) grid->setRowMinimumHeight(row++, 8);
        grid->addWidget(headLabel(title), row++, column, 1, 2);
    };
    const auto first_key = [&](ActionId id) {
        const QList<QKeySequence> keys = m_actions.get(id)->shortcuts();
        return keys.isEmpty() ? QString() : keys.first().toString(QKeySequence::NativeText);
    };
    const auto add_what_no_menu_has = [&] {
        add("← → ↑ ↓", "Along the lane, to other lanes");
        if (const QString key = first_key(ActionId::bookmark_1); !key.isEmpty()) add(key, "Bookmark 1, up to 0");
        if (const QString key = first_key(ActionId::set_bookmark_1); !key.isEmpty()) add(key, "Set bookmark 1");
    };
    for (const auto& menus : columns) {
        row = 0;
        for (const char* menu : menus) {
            if (!*menu) continue;
            head(menu);
            for (const ActionSpec& spec : actionTable()) {
                const QString key = first_key(spec.id);
                if (QString(spec.menu) == menu && !key.isEmpty())
                    add(key, QString::fromUtf8(spec.text), QString::fromUtf8(spec.help));
            }
            if (QString(menu) == "Navigate") add_what_no_menu_has();
        }
        if (&menus == std::end(columns) - 1) {
            head("Mouse");
            for (const MouseHelp& help : mouse_help) add(help.gesture, help.meaning);
        }
        grid->setColumnMinimumWidth(column + 2, 24);
        column += 3;
    }
    grid->setRowStretch(grid->rowCount(), 1);
    layout()->addWidget(m_content);
}

void KeysOverlay::toggle() {
    if (isVisible()) return closeOver();
    fill();
    openOver();
}

} // namespace shardscope::gui
