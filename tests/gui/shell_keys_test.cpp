// SPDX-License-Identifier: Apache-2.0
// Keys: defaults are unambiguous, can be changed, stay changed, and every list of keys shows the change.
#include "gui/key_bindings.h"
#include "gui/panels/key_catcher.h"
#include "gui/panels/keys_overlay.h"
#include "gui/panels/keys_panel.h"
#include "gui/window_tools.h"
#include "shell_fixture.h"
#include <QLabel>
#include <QLineEdit>
#include <QSettings>
#include <set>

namespace shardscope::gui {

TEST_CASE("no two actions share a name or a key") {
    std::set<QString> names;
    std::set<QString> keys;
    for (const ActionSpec& spec : actionTable()) {
        INFO(spec.text);
        CHECK(names.insert(QString(spec.text)).second);
        CHECK(*spec.help);
        for (const QKeySequence& key : defaultKeys(spec)) {
            CHECK_FALSE(key.isEmpty());
            CHECK(keys.insert(key.toString()).second);
        }
    }
}

TEST_CASE("a changed key is stored, found again and reset") {
    QTemporaryDir folder;
    const QString file = folder.filePath("settings.ini");
    {
        Session session;
        KeyBindings bindings(session.actions());
        bindings.assign(ActionId::zoom_in, QKeySequence("I"));
        bindings.assign(ActionId::longest_exposed, {}); // no key at all
        QSettings settings(file, QSettings::IniFormat);
        bindings.save(settings);
    }
    QSettings settings(file, QSettings::IniFormat);
    Session session;
    KeyBindings bindings(session.actions());
    bindings.load(settings);
    CHECK(bindings.shown(ActionId::zoom_in) == "I");
    CHECK(bindings.shown(ActionId::longest_exposed).isEmpty());
    CHECK(bindings.shown(ActionId::zoom_out) == "S");
    CHECK(session.actions().get(ActionId::zoom_in)->toolTip().contains("(I)"));
    CHECK_FALSE(bindings.isDefault(ActionId::zoom_in));
    bindings.resetAll();
    CHECK(bindings.isDefault(ActionId::zoom_in));
    bindings.save(settings);
    settings.beginGroup("keys");
    CHECK(settings.childKeys().isEmpty());
}

TEST_CASE("a key has one owner") {
    Session session;
    KeyBindings bindings(session.actions());
    CHECK(bindings.owner(QKeySequence("S")) == ActionId::zoom_out);
    bindings.assign(ActionId::zoom_in, QKeySequence("S"));
    CHECK(bindings.owner(QKeySequence("S")) == ActionId::zoom_in);
    CHECK(bindings.keys(ActionId::zoom_out).isEmpty());
    CHECK_FALSE(bindings.owner(QKeySequence("W")));
    bindings.reset(ActionId::zoom_out); // takes its default back
    CHECK(bindings.owner(QKeySequence("S")) == ActionId::zoom_out);
    CHECK(bindings.keys(ActionId::zoom_in).isEmpty());
    bindings.reset(ActionId::zoom_in);
    CHECK(bindings.owner(QKeySequence("W")) == ActionId::zoom_in);
}

TEST_CASE("the panel changes a key by keyboard and asks before it takes one away") {
    Shell shell;
    shell.open({0});
    shell.activate();
    KeysPanel& panel = shell.window.tools().keysPanel();
    QTest::keyClick(&shell.window, Qt::Key_K, Qt::ControlModifier);
    REQUIRE(panel.isVisible());
    QTest::keyClicks(&panel.field(), "zoom in");
    QTest::mouseClick(&panel.catcher(), Qt::LeftButton);
    REQUIRE(panel.catcher().catching());
    QTest::keyClick(&panel.catcher(), Qt::Key_D); // pans to the right
    CHECK(panel.sentence().contains("Later"));
    CHECK(panel.sentence().contains("Zoom in"));
    KeyBindings& bindings = shell.window.tools().bindings();
    CHECK(bindings.owner(QKeySequence("D")) == ActionId::pan_right); // nothing happened yet
    REQUIRE(panel.confirm().isVisible());
    QTest::mouseClick(&panel.confirm(), Qt::LeftButton);
    CHECK(bindings.owner(QKeySequence("D")) == ActionId::zoom_in);
    QTest::keyClick(&panel, Qt::Key_Escape);
    CHECK_FALSE(panel.isVisible());

    const TimeRange before = shell.session.visible();
    QTest::keyClick(&shell.window, Qt::Key_W); // has no meaning any more
    shell.settle();
    CHECK(shell.session.visible() == before);
    QTest::keyClick(&shell.window.timeline().canvas(), Qt::Key_W); // nor in the canvas itself
    shell.settle();
    CHECK(shell.session.visible() == before);
    QTest::keyClick(&shell.window, Qt::Key_D);
    shell.settle();
    CHECK(shell.session.visible().duration() < before.duration());

    QTest::keyClick(&shell.window, Qt::Key_Question);
    auto* help = shell.window.findChild<KeysOverlay*>();
    REQUIRE(help->isVisible());
    QStringList keys;
    for (const QLabel* label : help->findChildren<QLabel*>()) keys << label->text();
    CHECK(keys.indexOf("Zoom in") == keys.indexOf("D") + 1);
    CHECK_FALSE(keys.contains("Later"));
}

TEST_CASE("Esc leaves a key as it was") {
    Shell shell;
    shell.window.show();
    shell.activate();
    KeysPanel& panel = shell.window.tools().keysPanel();
    panel.openOver();
    panel.choose(ActionId::zoom_in);
    panel.catcher().start();
    QTest::keyClick(&panel.catcher(), Qt::Key_Escape);
    CHECK(panel.isVisible());
    CHECK_FALSE(panel.catcher().catching());
    CHECK(shell.window.tools().bindings().shown(ActionId::zoom_in) == "W");
}

} // namespace shardscope::gui
