// SPDX-License-Identifier: Apache-2.0
// The canvas widget: which events reach ImGui, in which frame, and that it rests when nothing happens.
#include "canvas_events.h"
#include "gui/canvas/imgui_canvas.h"
#include "support/catch.h"
#include <QTest>
#include <imgui.h>
#include <vector>

namespace shardscope::gui {
namespace {

// What each frame saw of the input.
struct Seen {
    ImVec2 mouse;
    bool down, clicked, released, ctrl;
    float wheel, wheel_h;
    int zoom, pan;
    bool fit;
};

struct Recorder {
    std::vector<Seen> frames;
    ImGuiCanvas canvas{[this](const CanvasFrame& frame) {
        const ImGuiIO& io = ImGui::GetIO();
        frames.push_back({io.MousePos, io.MouseDown[0], io.MouseClicked[0], io.MouseReleased[0], io.KeyCtrl,
                          io.MouseWheel, io.MouseWheelH, frame.zoom, frame.pan, frame.fit});
    }};

    Recorder() {
        canvas.resize(300, 200);
        canvas.show();
        settle();
        frames.clear();
    }
    void settle() {
        REQUIRE(QTest::qWaitFor([&] { return canvas.idle(); }, 5000));
    }
    template <class Value> int framesWith(Value value) const {
        int count = 0;
        for (const Seen& frame : frames) count += static_cast<bool>(value(frame));
        return count;
    }
};

} // namespace

TEST_CASE("a canvas without a display draws in software") {
    if (QGuiApplication::platformName() != "offscreen") {
        WARN("skipped: there is a display");
        return;
    }
    CHECK_FALSE(openGlWorks());
    ImGuiCanvas canvas([](const CanvasFrame&) {}, Presenter::opengl);
    CHECK_FALSE(canvas.usesOpenGl());
}

TEST_CASE("an idle canvas draws nothing, a request draws one frame") {
    Recorder r;
    QTest::qWait(60);
    CHECK(r.frames.empty());
    r.canvas.requestFrame();
    r.canvas.requestFrame();
    r.settle();
    QTest::qWait(30);
    CHECK(r.frames.size() == 1);
}

TEST_CASE("a press and a release between two frames are both seen") {
    Recorder r;
    QTest::mouseClick(&r.canvas, Qt::LeftButton, {}, {40, 50});
    QTest::mouseClick(&r.canvas, Qt::LeftButton, {}, {90, 50});
    CHECK_FALSE(r.canvas.idle());
    r.settle();
    CHECK(r.framesWith([](const Seen& s) { return s.clicked; }) == 2);
    CHECK(r.framesWith([](const Seen& s) { return s.released; }) == 2);
    const auto first = std::find_if(r.frames.begin(), r.frames.end(), [](const Seen& s) { return s.clicked; });
    CHECK(first->mouse.x == 40);
}

TEST_CASE("a move before a press does not move the press") {
    Recorder r;
    moveMouse(r.canvas, {20, 20});
    QTest::mousePress(&r.canvas, Qt::LeftButton, {}, {20, 20});
    moveMouse(r.canvas, {120, 60}, Qt::LeftButton);
    QTest::mouseRelease(&r.canvas, Qt::LeftButton, {}, {120, 60});
    r.settle();
    for (const Seen& s : r.frames) {
        if (s.clicked) CHECK(s.mouse.x == 20);
        if (s.released) CHECK(s.mouse.x == 120);
    }
    CHECK(r.framesWith([](const Seen& s) { return s.clicked; }) == 1);
}

TEST_CASE("the wheel adds up and stays with its place") {
    Recorder r;
    turnWheel(r.canvas, {30, 30}, {0, 120});
    turnWheel(r.canvas, {30, 30}, {0, 120});
    turnWheel(r.canvas, {200, 30}, {0, -120}, Qt::ControlModifier);
    turnWheel(r.canvas, {200, 30}, {60, 0});
    r.settle();
    float at_30 = 0, at_200 = 0, sideways = 0;
    bool ctrl = false;
    for (const Seen& s : r.frames) {
        (s.mouse.x == 30 ? at_30 : at_200) += s.wheel;
        sideways += s.wheel_h;
        ctrl = ctrl || (s.ctrl && s.wheel != 0);
    }
    CHECK(at_30 == 2);
    CHECK(at_200 == -1);
    CHECK(sideways == 0.5f);
    CHECK(ctrl);
}

TEST_CASE("navigation keys are counted, shortcuts are not") {
    Recorder r;
    QTest::keyClicks(&r.canvas, "wwsad");
    QTest::keyClick(&r.canvas, Qt::Key_F);
    QTest::keyClick(&r.canvas, Qt::Key_W, Qt::ControlModifier);
    r.settle();
    int zoom = 0, pan = 0;
    for (const Seen& s : r.frames) zoom += s.zoom, pan += s.pan;
    CHECK(zoom == 1);
    CHECK(pan == 0);
    CHECK(r.framesWith([](const Seen& s) { return s.fit; }) == 1);
}

TEST_CASE("a canvas keeps its letters from the window's shortcuts and leaves it the rest") {
    Recorder r;
    const auto claimed = [&](int key, Qt::KeyboardModifiers modifiers) {
        QKeyEvent event(QEvent::ShortcutOverride, key, modifiers);
        event.ignore();
        QApplication::sendEvent(&r.canvas, &event);
        return event.isAccepted();
    };
    CHECK(claimed(Qt::Key_W, {}));
    CHECK_FALSE(claimed(Qt::Key_W, Qt::ControlModifier));
    CHECK_FALSE(claimed(Qt::Key_Q, Qt::ControlModifier));
    CHECK_FALSE(claimed(Qt::Key_F, Qt::AltModifier));
    CHECK_FALSE(claimed(Qt::Key_Slash, {}));
}

TEST_CASE("the mouse leaves the canvas and is gone") {
    Recorder r;
    moveMouse(r.canvas, {20, 20});
    r.settle();
    QEvent leave(QEvent::Leave);
    QApplication::sendEvent(&r.canvas, &leave);
    r.settle();
    CHECK(r.frames.back().mouse.x < -1e30f);
}

TEST_CASE("a resting mouse gets a frame when the tooltip is due, and no more") {
    Recorder r;
    moveMouse(r.canvas, {20, 20});
    r.settle();
    const size_t before = r.frames.size();
    REQUIRE(QTest::qWaitFor([&] { return r.frames.size() > before; }, 5000));
    r.settle();
    const size_t after = r.frames.size();
    QTest::qWait(400);
    CHECK(r.frames.size() == after);
}

TEST_CASE("text fields get the keyboard while they have it") {
    std::array<char, 64> text{};
    bool focus = true;
    int zoom = 0;
    ImGuiCanvas canvas([&](const CanvasFrame& frame) {
        zoom += frame.zoom;
        ImGui::Begin("window");
        if (std::exchange(focus, false)) ImGui::SetKeyboardFocusHere();
        ImGui::InputText("field", text.data(), text.size());
        ImGui::End();
    });
    canvas.resize(300, 200);
    canvas.show();
    const auto settle = [&] { REQUIRE(QTest::qWaitFor([&] { return canvas.idle(); }, 5000)); };
    settle();
    for (int i = 0; i < 4; ++i) { // ImGui grants the focus a few frames later
        canvas.requestFrame();
        settle();
    }
    QTest::keyClicks(&canvas, "wasd 12");
    QTest::keyClick(&canvas, Qt::Key_Backspace);
    settle();
    CHECK(std::string(text.data()) == "wasd 1");
    CHECK(zoom == 0);
}

TEST_CASE("a canvas survives moving to another window") {
    QWidget first, second; // as a dock does that floats; OpenGL contexts are made anew then
    first.resize(320, 240);
    second.resize(200, 160);
    int frames = 0;
    auto* canvas = new ImGuiCanvas([&](const CanvasFrame&) { ++frames; }, Presenter::automatic, &first);
    canvas->resize(300, 200);
    first.show();
    const auto settle = [&] { REQUIRE(QTest::qWaitFor([&] { return canvas->idle(); }, 5000)); };
    settle();
    for (QWidget* window : {&second, &first}) {
        const int before = frames;
        canvas->setParent(window);
        window->show();
        canvas->show();
        settle();
        CHECK(frames > before);
        CHECK_FALSE(canvas->grab().isNull());
    }
}

TEST_CASE("canvases do not share their state") {
    Recorder a, b;
    moveMouse(a.canvas, {20, 20});
    a.settle();
    b.canvas.requestFrame();
    b.settle();
    CHECK(a.frames.back().mouse.x == 20);
    CHECK(b.frames.back().mouse.x < -1e30f);
}

TEST_CASE("a picture without a widget has the size and the background asked for") {
    const auto draw = [](const CanvasFrame& frame) {
        CHECK(frame.width == 120);
        CHECK(frame.height == 80);
        CHECK(frame.bold_font != nullptr);
        CHECK(frame.theme->name == "light");
        ImGui::GetBackgroundDrawList()->AddRectFilled(ImVec2(10, 10), ImVec2(20, 20), IM_COL32(255, 0, 0, 255));
    };
    const QImage image = renderToImage(draw, lightTheme(), {120, 80}, 1.5);
    CHECK(image.size() == QSize(180, 120));
    CHECK(image.devicePixelRatio() == 1.5);
    CHECK((image.pixel(0, 0) & 0xffffff) == lightTheme().background);
    CHECK(image.pixel(15, 15) == 0xffff0000);
    CHECK(image.pixel(29, 29) == 0xffff0000);
    CHECK(image.pixel(30, 30) != 0xffff0000);
    CHECK(renderToImage(draw, lightTheme(), {120, 80}, 1.5) == image);
}

} // namespace shardscope::gui
