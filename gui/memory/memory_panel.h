// SPDX-License-Identifier: Apache-2.0
// The lower part of the Memory place, below the curves: every buffer of one rank as a bar, the peaks of all ranks as a
// heat map, and what was alive at the peak or at the moment that was clicked. Shows the active trace; follows the
// session's visible range, cursor, rank and moment.
#pragma once
#include "gui/canvas/buffer_view.h"
#include "gui/canvas/heat_map.h"
#include "gui/export/exportable.h"
#include "gui/memory/memory_focus.h"
#include "gui/session.h"
#include <QWidget>

class QActionGroup;
class QLabel;

namespace shardscope::gui {

class ImGuiCanvas;
class SectionHead;
class Segmented;
class TableView;
struct TableLink;

class MemoryPanel : public QWidget {
    Q_OBJECT
public:
    explicit MemoryPanel(Session&, QWidget* parent = nullptr);
    ImGuiCanvas& buffers() { return *m_buffers; }
    ImGuiCanvas& heat() { return *m_heat; }
    TableView& alive() { return *m_alive; }
    const BufferViewState& bufferState() const { return m_buffer_state; }
    const HeatMapState& heatState() const { return m_heat_state; }
    const HeatMapModel& heatModel() const { return m_heat_model; }
    const std::optional<MemoryFocus>& focus() const { return m_focus; }
    const BufferPicture* picture() const; // of the focus, or an older one of the same trace
    QString facts() const;                // the sentences below the head
    QAction* action(const QString& object_name) const;
    std::vector<Exportable> exports(); // what the place shows below the curves
    bool idle() const;                 // nothing is being computed or drawn

protected:
    void showEvent(QShowEvent*) override;

private:
    QWidget* makeBuffers();
    QWidget* makeHeat();
    QWidget* makeAlive();
    QAction* choice(QActionGroup*, const char* name, const QString& text, const QString& help);
    void refocus();
    void showFacts();
    void showTiers();
    void showAlive();
    BufferViewModel bufferModel(const PlaceModel&) const;
    BufferViewSelection bufferSelection(const BufferViewModel&) const;
    HeatMapModel heatMap() const;
    void drawBufferCanvas();
    void drawHeatCanvas();
    void selectLife(size_t life);
    void goToCell(HeatMapCell);
    void reveal(int64_t time_ns); // moves the visible range where it does not hold this time
    const OpenTrace* trace() const { return m_session.active(); }
    const MemoryHeatRow* focusedRow() const;
    int64_t originOf(const PlaceModel&) const;

    Session& m_session;
    std::optional<MemoryFocus> m_focus, m_moment;
    MemoryTier m_tier = MemoryTier::device;
    const MemoryFacts* m_shown_facts = nullptr; // only compared
    std::optional<size_t> m_selected;           // a life of picture()
    bool m_cursor_here = false;                 // this canvas put the cursor where it is
    BufferViewState m_buffer_state;
    HeatMapState m_heat_state;
    HeatMapModel m_heat_model;
    SectionHead *m_buffers_head, *m_heat_head, *m_alive_head;
    QLabel* m_facts;
    ImGuiCanvas *m_buffers, *m_heat;
    TableView* m_alive;
    Segmented *m_order_choice, *m_tier_choice, *m_heat_choice;
    QAction *m_by_address, *m_by_size, *m_at_peak, *m_at_cursor;
    std::array<QAction*, all_memory_tiers.size()> m_tiers{};
};

} // namespace shardscope::gui
