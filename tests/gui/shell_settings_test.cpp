// SPDX-License-Identifier: Apache-2.0
// Settings are seen at once and stored; the first start, the demo and the tour.
#include "gui/appearance.h"
#include "gui/demo_runs.h"
#include "gui/panels/settings_panel.h"
#include "gui/panels/tour.h"
#include "gui/panels/welcome_panel.h"
#include "gui/style.h"
#include "gui/window_tools.h"
#include "shell_fixture.h"
#include <QCheckBox>
#include <QComboBox>
#include <QLabel>
#include <QMenuBar>
#include <QPushButton>
#include <QSettings>
#include <QSlider>
#include <set>

namespace shardscope::gui {
namespace {

struct AsBefore { // colours and scale hold for the program
    ~AsBefore() {
        useColours(ColourSet::standard);
        setUiScale(1);
    }
};

} // namespace

TEST_CASE("the settings panel changes the window at once") {
    const AsBefore as_before;
    Shell shell;
    shell.open({0});
    shell.activate();
    QTest::keyClick(&shell.window, Qt::Key_Comma, Qt::ControlModifier);
    SettingsPanel& panel = shell.window.tools().settingsPanel();
    REQUIRE(panel.isVisible());
    panel.theme().setCurrentIndex(1);
    CHECK(shell.session.theme().name == "light");
    CHECK(shell.session.actions().get(ActionId::theme_light)->isChecked());
    trigger(shell.session, ActionId::theme_dark);
    CHECK(panel.theme().currentIndex() == 0);

    const Rgb before = shell.session.theme().bad;
    panel.colours().setCurrentIndex(1);
    CHECK(shell.session.theme().bad != before);

    const int font = shell.window.menuBar()->font().pixelSize();
    const auto chipPixels = [&] { // found anew: cards are made again when their figures come
        auto* label = shell.window.findChild<QLabel*>("chip");
        REQUIRE(label);
        return label->font().pixelSize();
    };
    const int chip = chipPixels();
    shell.settle();
    const int64_t frames = shell.window.timeline().canvas().frameCount();
    panel.fontSize().setValue(17);
    CHECK(QApplication::font().pixelSize() == 17);
    CHECK(chipPixels() > chip);
    shell.settle();
    CHECK(shell.window.timeline().canvas().frameCount() > frames); // drawn anew, larger
    panel.fontSize().setValue(13);
    CHECK(chipPixels() == chip);
    CHECK(QApplication::font().pixelSize() == font);
    panel.reducedMotion().click();
    CHECK(shell.session.reducedMotion());
    QTest::keyClick(&panel, Qt::Key_Escape);
    CHECK_FALSE(panel.isVisible());
    shell.settle();
}

TEST_CASE("a window that starts again looks as it was left, in every part") {
    const AsBefore as_before;
    QTemporaryDir own; // what this window remembers is not the user's
    QSettings::setDefaultFormat(QSettings::IniFormat);
    QSettings::setPath(QSettings::IniFormat, QSettings::UserScope, own.path());
    QApplication::setOrganizationName("shardscope-tests");
    const QByteArray data_home = qgetenv("XDG_DATA_HOME");
    qputenv("XDG_DATA_HOME", own.path().toUtf8());
    for (const bool first : {true, false}) {
        Session session;
        MainWindow window(session, Memory::remembers);
        if (first) {
            CHECK(QApplication::palette().color(QPalette::Window) == toColour(darkTheme().panel));
            window.tools().appearance().set({.light = true, .font_px = 16});
        }
        CHECK(session.theme().name == "light");
        CHECK(QApplication::palette().color(QPalette::Window) == toColour(lightTheme().panel));
        CHECK(QApplication::font().pixelSize() == 16);
        if (first) setUiScale(1); // the next window has to find it by itself
    }
    QApplication::setOrganizationName({});
    QSettings::setDefaultFormat(QSettings::NativeFormat);
    if (data_home.isNull())
        qunsetenv("XDG_DATA_HOME");
    else
        qputenv("XDG_DATA_HOME", data_home);
}

TEST_CASE("looks are stored, and what is wrong in the settings becomes the default") {
    QTemporaryDir folder;
    QSettings settings(folder.filePath("settings.ini"), QSettings::IniFormat);
    CHECK(loadLook(settings) == Look{});
    const Look look{.light = true, .colours = ColourSet::distinct, .font_px = 15, .reduced_motion = true};
    saveLook(settings, look);
    CHECK(loadLook(settings) == look);
    settings.setValue("font_px", "huge");
    settings.setValue("colours", 7);
    CHECK(loadLook(settings).font_px == Look{}.font_px);
    CHECK(loadLook(settings).colours == ColourSet::standard);
    settings.setValue("font_px", 900);
    CHECK(loadLook(settings).font_px == largest_font_px);
}

TEST_CASE("the distinct colours differ in what every kind of colour vision keeps") {
    const AsBefore as_before;
    useColours(ColourSet::distinct);
    std::set<Rgb> operations;
    for (const OpClass op_class : {OpClass::all_gather, OpClass::reduce_scatter, OpClass::all_reduce, OpClass::copy})
        operations.insert(operationColour(op_class, Phase::backward));
    for (const Phase phase : {Phase::forward, Phase::backward, Phase::recompute, Phase::optimizer})
        operations.insert(operationColour(OpClass::compute, phase));
    CHECK(operations.size() == 8);
    for (const Theme* theme : {&darkTheme(), &lightTheme()}) {
        CHECK(contrast(theme->bad, theme->panel) >= 4.5);
        CHECK(contrast(theme->good, theme->panel) >= 4.5);
        CHECK(contrast(theme->attention, theme->panel) >= 4.5);
    }
}

TEST_CASE("a larger type makes the canvas larger as a whole and the mouse still meets what it shows") {
    const AsBefore as_before;
    Shell shell;
    shell.open({2});
    shell.session.setPlace(Place::timeline);
    shell.settle();
    ImGuiCanvas& canvas = shell.window.timeline().canvas();
    setUiScale(1.3f);
    canvas.requestFrame();
    shell.settle();
    const auto hover = [&](QPoint at) {
        QTest::mouseMove(&canvas, at);
        shell.settle();
        return shell.session.cursor();
    };
    const auto left = hover({canvas.width() / 2, canvas.height() / 2}),
               right = hover({canvas.width() * 3 / 4, canvas.height() / 2});
    REQUIRE(left);
    REQUIRE(right);
    const TimeRange visible = shell.session.visible();
    const double share = static_cast<double>(*right - *left) / static_cast<double>(visible.duration());
    CHECK(share > 0.25); // a quarter of the width, of which the gutter takes a part
    CHECK(share < 0.36);
}

TEST_CASE("the first start offers the demo, a file and the tour; the demo ends in four compared runs") {
    Shell shell;
    DemoRuns& demo = shell.window.tools().demo();
    demo.setProgram(SHARDSCOPE_REAL_CLI);
    demo.setFolder(shell.folder.filePath("demo"));
    shell.window.show();
    auto* welcome = shell.window.findChild<WelcomePanel*>();
    REQUIRE(welcome);
    CHECK(welcome->isVisible());
    auto* button = welcome->findChild<QPushButton*>("runDemo");
    REQUIRE(button);
    QTest::mouseClick(button, Qt::LeftButton);
    CHECK(demo.active());
    waitFor([&] { return !demo.active(); });
    shell.settle();
    REQUIRE(shell.session.traces().size() == 4);
    for (int stage = 0; stage < 4; ++stage) {
        CHECK(shell.session.traces()[static_cast<size_t>(stage)].facts.stage == stage);
        CHECK(shell.session.traces()[static_cast<size_t>(stage)].compared);
    }
    CHECK_FALSE(welcome->isVisible());
    shell.settle();
}

TEST_CASE("a demo that cannot run says so") {
    Shell shell;
    shell.window.tools().demo().setProgram("/nowhere/shardscope");
    shell.window.tools().demo().setFolder(shell.folder.filePath("demo"));
    shell.window.show();
    trigger(shell.session, ActionId::run_demo);
    waitFor([&] { return !shell.window.tools().demo().active(); });
    CHECK(shell.window.notice().contains("demo"));
    CHECK(shell.session.traces().empty());
}

TEST_CASE("the tour goes over the real window and is left at any time") {
    Shell shell;
    shell.open({0, 2});
    shell.activate();
    Tour& tour = shell.window.tools().tour();
    trigger(shell.session, ActionId::tour);
    REQUIRE(tour.isVisible());
    for (int stop = 0; tour.active(); ++stop) {
        CHECK(tour.at() == stop);
        CHECK(shell.window.rect().contains(tour.geometry()));
        for (const QLabel* label : tour.findChildren<QLabel*>()) CHECK_FALSE(label->text().isEmpty());
        shell.settle();
        QTest::keyClick(&tour, Qt::Key_Return);
    }
    CHECK_FALSE(tour.isVisible());
    CHECK(shell.session.selected().has_value());
    trigger(shell.session, ActionId::tour);
    QTest::keyClick(&tour, Qt::Key_Right);
    CHECK(tour.at() == 1);
    QTest::keyClick(&tour, Qt::Key_Left);
    CHECK(tour.at() == 0);
    const TimeRange before = shell.session.visible();
    QTest::keyClick(&tour, Qt::Key_W); // no shortcut of the window behind
    CHECK(shell.session.visible() == before);
    QTest::keyClick(&tour, Qt::Key_Escape);
    CHECK_FALSE(tour.active());
    shell.settle();
}

} // namespace shardscope::gui
