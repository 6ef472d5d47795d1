// SPDX-License-Identifier: Apache-2.0
#include "gui/panels/keys_panel.h"
#include "gui/fuzzy.h"
#include "gui/panels/key_catcher.h"
#include "gui/panels/section.h"
#include "gui/style.h"
#include <QHBoxLayout>
#include <QHeaderView>
#include <QLabel>
#include <QLineEdit>
#include <QTreeWidget>
#include <QVBoxLayout>

namespace shardscope::gui {
namespace {

enum Column { name_column, menu_column, keys_column };

QString nameOf(ActionId id) { return QString::fromUtf8(actionSpec(id).text); }
QString native(const QKeySequence& key) { return key.toString(QKeySequence::NativeText); }

} // namespace

KeysPanel::KeysPanel(KeyBindings& bindings, QWidget* window)
    : Overlay(window)
    , m_bindings(bindings)
    , m_field(new QLineEdit)
    , m_list(new QTreeWidget)
    , m_sentence(roleLabel({}, "dim"))
    , m_catcher(new KeyCatcher)
    , m_confirm(new QPushButton)
    , m_remove(new QPushButton("Remove key"))
    , m_reset(new QPushButton("Default"))
    , m_reset_all(new QPushButton("All defaults")) {
    setAccessibleName("Change keys");
    auto* title = new QLabel("Change keys");
    title->setFont(uiFont(16, true));
    m_field->setPlaceholderText("Find an action or a key");
    m_field->setAccessibleName("Find an action or a key");
    m_field->setClearButtonEnabled(true);
    m_list->setAccessibleName("Actions and their keys");
    m_list->setHeaderLabels({"Action", "Menu", "Keys"});
    m_list->setRootIsDecorated(false);
    m_list->setUniformRowHeights(true);
    m_list->setAllColumnsShowFocus(true);
    m_list->setFrameShape(QFrame::NoFrame);
    m_sentence->setWordWrap(true);
    m_sentence->setMinimumHeight(36);
    m_confirm->setProperty("primary", true);
    m_confirm->hide();
    auto* close = new QPushButton("Close");
    auto* buttons = new QHBoxLayout;
    for (QPushButton* button : {static_cast<QPushButton*>(m_catcher), m_confirm, m_remove, m_reset,
                                static_cast<QPushButton*>(nullptr), m_reset_all, close}) {
        if (button)
            buttons->addWidget(button);
        else
            buttons->addStretch();
    }
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(20, 18, 20, 18);
    column->setSpacing(10);
    column->addWidget(title);
    column->addWidget(m_field);
    column->addWidget(m_list, 1);
    column->addWidget(m_sentence);
    column->addLayout(buttons);
    fill();

    connect(m_field, &QLineEdit::textChanged, this, &KeysPanel::filter);
    connect(m_list, &QTreeWidget::currentItemChanged, this, &KeysPanel::showChosen);
    connect(m_list, &QTreeWidget::itemActivated, m_catcher, &KeyCatcher::start);
    connect(m_catcher, &QPushButton::clicked, this,
            [this] { m_sentence->setText("Press the new key; Esc leaves things as they are."); });
    connect(m_catcher, &KeyCatcher::caught, this, &KeysPanel::propose);
    connect(m_catcher, &KeyCatcher::left, this, &KeysPanel::showChosen);
    connect(m_confirm, &QPushButton::clicked, this, &KeysPanel::give);
    connect(m_remove, &QPushButton::clicked, this, [this] {
        if (const auto id = chosen()) m_bindings.assign(*id, {});
    });
    connect(m_reset, &QPushButton::clicked, this, [this] {
        if (const auto id = chosen()) m_bindings.reset(*id);
    });
    connect(m_reset_all, &QPushButton::clicked, &m_bindings, &KeyBindings::resetAll);
    connect(close, &QPushButton::clicked, this, &KeysPanel::closeOver);
    connect(&m_bindings, &KeyBindings::changed, this, [this] {
        fill();
        showChosen();
        emit bindingsEdited();
    });
}

QString KeysPanel::sentence() const { return m_sentence->text(); }

void KeysPanel::opened() {
    m_field->clear();
    m_field->setFocus();
    fill(); // fonts of rows follow no change of the type
    showChosen();
}

// The rows stay the same; only their keys change.
void KeysPanel::fill() {
    if (m_list->topLevelItemCount() == 0) {
        for (const ActionSpec& spec : actionTable()) {
            auto* item = new QTreeWidgetItem({nameOf(spec.id), QString::fromUtf8(spec.menu).replace('/', " › "), {}});
            item->setData(name_column, Qt::UserRole, static_cast<int>(spec.id));
            item->setToolTip(name_column, QString::fromUtf8(spec.help));
            m_list->addTopLevelItem(item);
        }
        m_list->setCurrentItem(m_list->topLevelItem(0));
        m_list->header()->setStretchLastSection(true);
        m_list->header()->resizeSection(name_column, 280);
        m_list->header()->resizeSection(menu_column, 170);
    }
    for (int i = 0; i < m_list->topLevelItemCount(); ++i) {
        QTreeWidgetItem* item = m_list->topLevelItem(i);
        const auto id = static_cast<ActionId>(item->data(name_column, Qt::UserRole).toInt());
        item->setText(keys_column, QKeySequence::listToString(m_bindings.keys(id), QKeySequence::NativeText));
        item->setFont(keys_column, monoFont());
        QFont font = uiFont();
        font.setBold(!m_bindings.isDefault(id)); // what was changed is seen
        item->setFont(name_column, font);
    }
}

void KeysPanel::filter(const QString& typed) {
    QTreeWidgetItem* first = nullptr;
    for (int i = 0; i < m_list->topLevelItemCount(); ++i) {
        QTreeWidgetItem* item = m_list->topLevelItem(i);
        const bool fits = fuzzyMatch(typed, item->text(name_column)).has_value() ||
                          item->text(keys_column).contains(typed.trimmed(), Qt::CaseInsensitive);
        item->setHidden(!fits);
        if (fits && !first) first = item;
    }
    if (first) m_list->setCurrentItem(first);
}

std::optional<ActionId> KeysPanel::chosen() const {
    const QTreeWidgetItem* item = m_list->currentItem();
    if (!item) return std::nullopt;
    return static_cast<ActionId>(item->data(name_column, Qt::UserRole).toInt());
}

void KeysPanel::choose(ActionId id) {
    for (int i = 0; i < m_list->topLevelItemCount(); ++i)
        if (m_list->topLevelItem(i)->data(name_column, Qt::UserRole).toInt() == static_cast<int>(id))
            m_list->setCurrentItem(m_list->topLevelItem(i));
}

void KeysPanel::showChosen() {
    m_proposed = {};
    m_confirm->hide();
    const auto id = chosen();
    if (!id) return m_sentence->clear();
    const QList<QKeySequence> keys = m_bindings.keys(*id);
    const QString now = keys.isEmpty()
                            ? QString("has no key")
                            : "is on " + QKeySequence::listToString(keys, QKeySequence::NativeText).replace("; ", ", ");
    m_sentence->setText(QString("“%1” %2. %3").arg(nameOf(*id), now, QString::fromUtf8(actionSpec(*id).help)));
    m_remove->setEnabled(!keys.isEmpty());
    m_reset->setEnabled(!m_bindings.isDefault(*id));
}

void KeysPanel::propose(const QKeySequence& key) {
    const auto id = chosen();
    if (!id) return;
    const auto owner = m_bindings.owner(key);
    if (!owner || *owner == *id) return m_bindings.assign(*id, key);
    m_proposed = key;
    m_sentence->setText(QString("%1 belongs to “%2”. Give it to “%3” instead? “%2” would lose it.")
                            .arg(native(key), nameOf(*owner), nameOf(*id)));
    m_confirm->setText("Give it");
    m_confirm->show();
    m_confirm->setFocus();
}

void KeysPanel::give() {
    const auto id = chosen();
    if (id && !m_proposed.isEmpty()) m_bindings.assign(*id, m_proposed);
}

} // namespace shardscope::gui
