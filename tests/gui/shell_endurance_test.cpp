// SPDX-License-Identifier: Apache-2.0
// What must not heap up while the window is used for hours: a round through everything leaves as many objects behind as
// the round before.
#include "shell_fixture.h"
#include <QEvent>
#include <map>

namespace shardscope::gui {
namespace {

using Census = std::map<QString, int>; // objects by class and name

Census censusOf(const QObject& root) {
    Census census;
    for (const QObject* object : root.findChildren<QObject*>())
        ++census[QString(object->metaObject()->className()) + " " + object->objectName()];
    return census;
}

// What a has more than b, so that a failure names it.
std::string surplus(const Census& a, const Census& b) {
    std::string lines;
    for (const auto& [kind, count] : a)
        if (const auto other = b.find(kind); other == b.end() || other->second < count)
            lines += kind.toStdString() + " " + std::to_string(count) + "\n";
    return lines;
}

void goThroughPlaces(Shell& shell) {
    for (const Place place : {Place::timeline, Place::run, Place::compare, Place::memory, Place::buckets}) {
        shell.session.setPlace(place);
        shell.settle();
        QApplication::sendPostedEvents(nullptr, QEvent::DeferredDelete);
    }
}

} // namespace

TEST_CASE("places can be changed for ever: the window keeps as many objects as it had") {
    qApp->setStyleSheet(""); // as when the program starts, whichever tests came before
    Shell shell;
    shell.open({1});
    for (int round = 0; round < 3; ++round) goThroughPlaces(shell); // what is made at the first visit is made
    const Census before = censusOf(shell.window);
    for (int round = 0; round < 4; ++round) goThroughPlaces(shell);
    CHECK(surplus(censusOf(shell.window), before) == "");
}

// Qt keeps what it scaled of every icon that was ever shown.
TEST_CASE("a theme that comes back brings the icons it had") {
    Shell shell;
    const auto icons = [&] {
        std::vector<qint64> keys{shell.window.windowIcon().cacheKey()};
        for (const ActionSpec& spec : actionTable())
            keys.push_back(shell.session.actions().get(spec.id)->icon().cacheKey());
        return keys;
    };
    shell.session.setTheme(darkTheme());
    const auto dark = icons();
    shell.session.setTheme(lightTheme());
    CHECK(icons() != dark);
    shell.session.setTheme(darkTheme());
    CHECK(icons() == dark);
}

} // namespace shardscope::gui
