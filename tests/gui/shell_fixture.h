// SPDX-License-Identifier: Apache-2.0
// A window with sample traces for the tests of the desktop shell. Tests wait on state, never for a time.
#pragma once
#include "gui/canvas/imgui_canvas.h"
#include "gui/main_window.h"
#include "gui/panels/timeline_panel.h"
#include "support/catch.h"
#include "support/sample_trace.h"
#include <QApplication>
#include <QTemporaryDir>
#include <QTest>

namespace shardscope::gui {

constexpr int patience_ms = 120'000;

template <class Condition> void waitFor(Condition condition) {
    const bool came = QTest::qWaitFor([&] { return static_cast<bool>(condition()); }, patience_ms);
    REQUIRE(came);
}

struct Samples { // one sample trace per stage, written once per fixture
    QTemporaryDir folder;
    std::string path(const std::string& name) const {
        return folder.filePath(QString::fromStdString(name)).toStdString();
    }
    std::string stage(int stage) {
        const std::string file = path("zero" + std::to_string(stage) + ".shardscope");
        writeSampleTrace(file, {.ranks = 2, .steps = 5, .stage = stage, .layers = 4, .emulated_link = true});
        return file;
    }
};

inline void trigger(Session& session, ActionId id) { session.actions().get(id)->trigger(); }

struct Shell : Samples {
    Session session;
    MainWindow window{session, Memory::forgets};
    Shell() { window.resize(1280, 800); }
    void open(std::initializer_list<int> stages) {
        std::vector<std::string> files;
        for (const int number : stages) files.push_back(stage(number));
        REQUIRE(window.openFiles(files));
        window.show();
        settle();
        activate();
    }
    void activate() { // keys go to the active window; there is no window manager that would choose one
        QApplication::setActiveWindow(&window);
        waitFor([&] { return window.isActiveWindow(); });
    }
    void settle() {
        waitFor([&] { return window.settled(); });
    }
};

} // namespace shardscope::gui
