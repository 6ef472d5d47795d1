// SPDX-License-Identifier: Apache-2.0
// What the Memory place offers to be exported beside its curves: the buffers, the ranks, and what is alive. Drawn anew,
// without the mouse, by the functions of the canvases.
#include "gui/memory/memory_panel.h"
#include "gui/style.h"
#include "gui/tables/table_view.h"
#include <QPointer>
#include <cmath>

namespace shardscope::gui {
namespace {

constexpr int least_width = 640, least_height = 240, most_height = 16'000;

// Everything that scrolls is shown, however small the window is.
QSize sizeFor(QSize shown, float whole, int least) {
    return {
        std::max(shown.width(), least_width),
        std::clamp(std::max(whole > 0 ? static_cast<int>(std::ceil(whole)) : shown.height(), least), 1, most_height)};
}

} // namespace

std::vector<Exportable> MemoryPanel::exports() {
    std::vector<Exportable> all;
    if (m_session.place() != Place::memory || !trace()) return all;
    if (const BufferViewModel now = bufferModel(m_session.model()); now.buffers)
        all.push_back({.name = "Buffers",
                       .file_stem = "buffers",
                       .size = sizeFor(m_buffers->size(), bufferViewHeight(now), least_height),
                       .canvas = [this](const CanvasFrame& frame) {
                           const BufferViewModel model = bufferModel(m_session.model());
                           BufferViewSelection selection = bufferSelection(model);
                           selection.cursor_ns.reset(); // where the mouse happens to be
                           BufferViewState state;
                           drawBuffers(model, selection, *frame.theme, state);
                       }});
    if (const HeatMapModel now = heatMap(); !now.rows.empty())
        all.push_back({.name = "Memory by rank",
                       .file_stem = "memory_by_rank",
                       .size = sizeFor(m_heat->size(), heatMapHeight(now), 1),
                       .canvas = [now](const CanvasFrame& frame) {
                           HeatMapState state;
                           drawHeatMap(now, *frame.theme, state);
                       }});
    if (picture())
        all.push_back({.name = "Table of what is alive",
                       .file_stem = "alive",
                       .size = {},
                       .csv = [table = QPointer(m_alive)]() -> CsvText {
                           if (table) return table->csv();
                           return [] { return std::string(); };
                       }});
    return all;
}

} // namespace shardscope::gui
