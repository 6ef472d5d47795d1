// SPDX-License-Identifier: Apache-2.0
#include "gui/key_bindings.h"
#include <QSettings>

namespace shardscope::gui {
namespace {

constexpr const char* group = "keys";

QString storageKey(const ActionSpec& spec) {
    QString key;
    for (const QChar letter : QString::fromUtf8(spec.text).toLower())
        if (letter.isLetterOrNumber())
            key += letter;
        else if (!key.isEmpty() && !key.endsWith('-'))
            key += '-';
    return key.endsWith('-') ? key.chopped(1) : key;
}

} // namespace

KeyBindings::KeyBindings(Actions& actions, QObject* parent)
    : QObject(parent)
    , m_actions(actions) {}

void KeyBindings::load(QSettings& settings) {
    settings.beginGroup(group);
    for (const ActionSpec& spec : actionTable())
        if (const QVariant stored = settings.value(storageKey(spec)); stored.isValid()) {
            QList<QKeySequence> keys = QKeySequence::listFromString(stored.toString(), QKeySequence::PortableText);
            keys.removeAll(QKeySequence());
            m_actions.setKeys(spec.id, keys);
        }
    settings.endGroup();
    emit changed();
}

void KeyBindings::save(QSettings& settings) const {
    settings.beginGroup(group);
    for (const ActionSpec& spec : actionTable())
        if (isDefault(spec.id))
            settings.remove(storageKey(spec));
        else
            settings.setValue(storageKey(spec), QKeySequence::listToString(keys(spec.id), QKeySequence::PortableText));
    settings.endGroup();
}

const QList<QKeySequence> KeyBindings::keys(ActionId id) const { return m_actions.get(id)->shortcuts(); }

QString KeyBindings::shown(ActionId id) const {
    return m_actions.get(id)->shortcut().toString(QKeySequence::NativeText);
}

bool KeyBindings::isDefault(ActionId id) const { return keys(id) == defaultKeys(actionSpec(id)); }

std::optional<ActionId> KeyBindings::owner(const QKeySequence& wanted) const {
    for (const ActionSpec& spec : actionTable())
        if (!wanted.isEmpty() && keys(spec.id).contains(wanted)) return spec.id;
    return std::nullopt;
}

void KeyBindings::take(const QKeySequence& wanted, ActionId new_owner) {
    for (const ActionSpec& spec : actionTable()) {
        QList<QKeySequence> left = keys(spec.id);
        if (spec.id != new_owner && left.removeAll(wanted) > 0) m_actions.setKeys(spec.id, left);
    }
}

void KeyBindings::assign(ActionId id, const QKeySequence& wanted) {
    take(wanted, id);
    m_actions.setKeys(id, wanted.isEmpty() ? QList<QKeySequence>() : QList<QKeySequence>{wanted});
    emit changed();
}

void KeyBindings::reset(ActionId id) {
    const QList<QKeySequence> defaults = defaultKeys(actionSpec(id));
    for (const QKeySequence& key : defaults) take(key, id);
    m_actions.setKeys(id, defaults);
    emit changed();
}

void KeyBindings::resetAll() {
    for (const ActionSpec& spec : actionTable()) m_actions.setKeys(spec.id, defaultKeys(spec));
    emit changed();
}

} // namespace shardscope::gui
