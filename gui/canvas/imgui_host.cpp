// SPDX-License-Identifier: Apache-2.0
#include "gui/canvas/imgui_host.h"
#include "gui/canvas/qt_input.h"
#include <algorithm>
#include <cmath>
#include <imgui.h>

namespace shardscope::gui {

namespace {

ImVec4 toVec4(Rgb colour, float alpha = 1) {
    ImVec4 v = ImGui::ColorConvertU32ToFloat4(IM_COL32(colour >> 16 & 0xff, colour >> 8 & 0xff, colour & 0xff, 255));
    v.w = alpha;
    return v;
}

void applyStyle(const Theme& theme, ImGuiStyle& style) {
    style = ImGuiStyle();
    style.WindowRounding = style.PopupRounding = metrics::card_radius;
    style.FrameRounding = style.GrabRounding = metrics::control_radius;
    style.WindowBorderSize = style.PopupBorderSize = 1;
    style.AntiAliasedLinesUseTex = false; // geometry looks the same in both presenters
    const auto set = [&](ImGuiCol which, Rgb colour, float alpha = 1) { style.Colors[which] = toVec4(colour, alpha); };
    set(ImGuiCol_Text, theme.text);
    set(ImGuiCol_TextDisabled, theme.faint);
    set(ImGuiCol_WindowBg, theme.background);
    set(ImGuiCol_ChildBg, theme.background, 0);
    set(ImGuiCol_PopupBg, theme.raised);
    set(ImGuiCol_Border, theme.line);
    for (ImGuiCol which : {ImGuiCol_FrameBg, ImGuiCol_Button, ImGuiCol_Header}) set(which, theme.raised);
    for (ImGuiCol which : {ImGuiCol_FrameBgHovered, ImGuiCol_ButtonHovered, ImGuiCol_HeaderHovered})
        set(which, theme.line);
    for (ImGuiCol which : {ImGuiCol_FrameBgActive, ImGuiCol_ButtonActive, ImGuiCol_HeaderActive})
        set(which, theme.accent);
    for (ImGuiCol which : {ImGuiCol_CheckMark, ImGuiCol_SliderGrab, ImGuiCol_SliderGrabActive})
        set(which, theme.accent);
    set(ImGuiCol_ScrollbarBg, theme.background, 0);
    set(ImGuiCol_ScrollbarGrab, theme.line);
    set(ImGuiCol_Separator, theme.line);
}

} // namespace

ImGuiHost::ImGuiHost()
    : m_context(ImGui::CreateContext())
    , m_theme(darkTheme()) {
    makeCurrent();
    ImGuiIO& io = ImGui::GetIO();
    io.IniFilename = nullptr;
    io.LogFilename = nullptr;
    io.BackendFlags |= ImGuiBackendFlags_RendererHasVtxOffset; // 16-bit indices, more than 65,536 vertices
    InputQueue::prepare(io);
    setTheme(darkTheme());
}

ImGuiHost::~ImGuiHost() { ImGui::DestroyContext(m_context); }

void ImGuiHost::makeCurrent() const { ImGui::SetCurrentContext(m_context); }

void ImGuiHost::setTheme(const Theme& theme) {
    makeCurrent();
    m_theme = theme;
    applyStyle(m_theme, ImGui::GetStyle());
}

void ImGuiHost::setDevicePixelRatio(double dpr) {
    if (dpr == m_dpr && m_scale == static_cast<double>(uiScale())) return;
    makeCurrent();
    m_dpr = dpr;
    buildFonts();
}

// What is drawn at scale 1 in a smaller room and shown on more pixels is larger: no draw function knows of it.
void ImGuiHost::buildFonts() {
    m_scale = static_cast<double>(uiScale());
    ImGuiIO& io = ImGui::GetIO();
    gui::buildFonts(*io.Fonts, m_dpr * m_scale);
    io.FontGlobalScale = static_cast<float>(1 / (m_dpr * m_scale));
    ++m_font_generation;
}

const ImDrawData& ImGuiHost::frame(const DrawFunction& draw, QSize logical_size, double seconds, InputQueue* input) {
    makeCurrent();
    ImGuiIO& io = ImGui::GetIO();
    const NavigationKeys keys = input ? input->apply(io, m_scale) : NavigationKeys{};
    const double pixels = m_dpr * m_scale; // of the screen, per unit of the drawing
    io.DisplaySize = ImVec2(static_cast<float>(std::max(1, logical_size.width()) / m_scale),
                            static_cast<float>(std::max(1, logical_size.height()) / m_scale));
    io.DisplayFramebufferScale = ImVec2(static_cast<float>(pixels), static_cast<float>(pixels));
    io.DeltaTime = static_cast<float>(std::max(seconds, 1e-6));
    ImGui::GetStyle().CircleTessellationMaxError = static_cast<float>(0.2 / pixels);
    ImGui::NewFrame();
    // Edges are smoothed over one pixel of the screen, not one of the layout.
    ImGui::GetBackgroundDrawList()->_FringeScale = ImGui::GetForegroundDrawList()->_FringeScale =
        static_cast<float>(1 / pixels);
    CanvasFrame frame;
    frame.width = io.DisplaySize.x;
    frame.height = io.DisplaySize.y;
    frame.zoom = keys.zoom;
    frame.pan = keys.pan;
    frame.fit = keys.fit;
    frame.theme = &m_theme;
    frame.small_font = io.Fonts->Fonts[static_cast<int>(Font::axis)];
    frame.bold_font = io.Fonts->Fonts[static_cast<int>(Font::bold)];
    frame.mono_font = io.Fonts->Fonts[static_cast<int>(Font::mono)];
    draw(frame);
    makeCurrent(); // a draw function may have caused another canvas to draw
    ImGui::Render();
    return *ImGui::GetDrawData();
}

bool ImGuiHost::wantsText() const {
    makeCurrent();
    return ImGui::GetIO().WantTextInput;
}

AlphaTexture ImGuiHost::fontTexture() const {
    makeCurrent();
    unsigned char* pixels = nullptr;
    int width = 0, height = 0;
    ImGui::GetIO().Fonts->GetTexDataAsAlpha8(&pixels, &width, &height);
    return {pixels, width, height};
}

const QImage& ImGuiHost::rasterised(const ImDrawData& data) {
    const QSize size(static_cast<int>(std::lround(data.DisplaySize.x * data.FramebufferScale.x)),
                     static_cast<int>(std::lround(data.DisplaySize.y * data.FramebufferScale.y)));
    if (m_image.size() != size) m_image = QImage(size, QImage::Format_RGB32);
    rasterise(data, fontTexture(), m_image, 0xff000000u | m_theme.background);
    m_image.setDevicePixelRatio(m_dpr);
    return m_image;
}

} // namespace shardscope::gui
