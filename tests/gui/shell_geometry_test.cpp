// SPDX-License-Identifier: Apache-2.0
// Nothing is cut off and nothing collides, in every place, on a small and a large screen, at the usual and the largest
// type.
#include "geometry_check.h"
#include "gui/appearance.h"
#include "gui/style.h"
#include "gui/tables/details_panel.h"
#include "gui/timeline_tools.h"
#include "gui/window_tools.h"
#include "shell_fixture.h"

namespace shardscope::gui {
namespace {

struct AsBefore { // the scale holds for the program
    ~AsBefore() { setUiScale(1); }
};

void useType(Shell& shell, int font_px) {
    Look look = shell.window.tools().appearance().look();
    look.font_px = font_px;
    shell.window.tools().appearance().set(look);
}

} // namespace

TEST_CASE("nothing is cut off in any place, at any size of screen and type") {
    const AsBefore as_before;
    Shell shell;
    shell.open({0, 2, 3});
    shell.session.selectLongestExposed();
    for (const int font_px : {13, 17}) {
        useType(shell, font_px);
        for (const QSize size : {QSize(1280, 720), QSize(2560, 1440)})
            for (const auto& [place, name] : {std::pair{Place::compare, "compare"},
                                              {Place::timeline, "timeline"},
                                              {Place::memory, "memory"},
                                              {Place::buckets, "buckets"},
                                              {Place::run, "run"}}) {
                shell.session.setPlace(place);
                shell.window.resize(size);
                shell.settle();
                QApplication::processEvents();
                INFO(name << " at " << size.width() << " x " << size.height() << ", type " << font_px);
                CHECK(shell.window.size() == size);
                for (const QString& fault : faultsOfGeometry(shell.window)) FAIL_CHECK(fault.toStdString());
            }
    }
}

TEST_CASE("the budget of a range fits into the inspector, as do tables into the window") {
    const AsBefore as_before;
    Shell shell;
    shell.open({0, 2});
    shell.session.setPlace(Place::timeline);
    shell.session.setOnlyRank(-1);
    const TimeRange visible = shell.session.visible();
    shell.session.timelineTools().setRange(TimeRange{visible.start_ns, visible.start_ns + visible.duration() / 2},
                                           true);
    trigger(shell.session, ActionId::tables);
    for (const int font_px : {13, 17}) {
        useType(shell, font_px);
        for (const DetailsKind kind : {DetailsKind::program, DetailsKind::statistics, DetailsKind::collectives,
                                       DetailsKind::memory_peaks, DetailsKind::warnings}) {
            shell.window.resize(1280, 720);
            shell.window.details().showTable(kind);
            shell.settle();
            QApplication::processEvents();
            INFO(static_cast<int>(kind) << ", type " << font_px);
            CHECK(shell.window.size() == QSize(1280, 720));
            for (const QString& fault :
                 faultsOfGeometry(shell.window)) // lists of a trace may be longer than any window
                if (!fault.contains("scrolls sideways") || fault.contains("Budget")) FAIL_CHECK(fault.toStdString());
        }
        shell.window.details().showSql();
        shell.settle();
        CHECK(shell.window.size() == QSize(1280, 720));
    }
}

} // namespace shardscope::gui
