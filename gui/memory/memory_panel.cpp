// SPDX-License-Identifier: Apache-2.0
#include "gui/memory/memory_panel.h"
#include "gui/canvas/format.h"
#include "gui/canvas/imgui_canvas.h"
#include "gui/canvas/timeline_layout.h"
#include "gui/memory/alive_table.h"
#include "gui/panels/section.h"
#include "gui/panels/segmented.h"
#include "gui/style.h"
#include "gui/tables/table_view.h"
#include <QActionGroup>
#include <QSplitter>
#include <QToolButton>
#include <QVBoxLayout>
#include <algorithm>

namespace shardscope::gui {
namespace {

QWidget* boxOf(std::initializer_list<QWidget*> parts) {
    auto* box = new QWidget;
    auto* column = new QVBoxLayout(box);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(0);
    for (QWidget* part : parts) column->addWidget(part);
    column->setStretch(column->count() - 1, 1);
    return box;
}

} // namespace

MemoryPanel::MemoryPanel(Session& session, QWidget* parent)
    : QWidget(parent)
    , m_session(session) {
    setObjectName("canvasSide");
    setAttribute(Qt::WA_StyledBackground);
    auto* lower = new QSplitter(Qt::Horizontal);
    auto* all = new QSplitter(Qt::Vertical);
    QWidget* buffers_box = makeBuffers();
    lower->addWidget(makeHeat());
    lower->addWidget(makeAlive());
    lower->setSizes({600, 440});
    all->addWidget(buffers_box);
    all->addWidget(lower);
    all->setSizes({270, 250});
    for (QSplitter* splitter : {lower, all}) {
        splitter->setChildrenCollapsible(false);
        splitter->setHandleWidth(1);
    }
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(0, 0, 0, 0);
    column->addWidget(all);

    MemoryData& worker = session.memoryData();
    connect(&worker, &MemoryData::factsChanged, this, &MemoryPanel::refocus);
    connect(&worker, &MemoryData::livesChanged, this, [this] {
        m_selected.reset();
        showFacts();
        showAlive();
        m_buffers->requestFrame();
    });
    connect(&session, &Session::momentChanged, this, [this] {
        const auto moment = m_session.moment();
        m_moment.reset();
        if (moment) {
            m_moment = MemoryFocus{moment->trace_id, moment->rank, moment->tier, moment->time_ns};
            m_tier = moment->tier;
        }
        refocus();
    });
    connect(&session, &Session::viewChanged, this, [this] {
        refocus();
        m_buffers->requestFrame();
        m_heat->requestFrame();
    });
    connect(&session, &Session::tracesChanged, this, &MemoryPanel::refocus);
    connect(&session, &Session::themeChanged, this, [this] {
        for (ImGuiCanvas* canvas : {m_buffers, m_heat}) canvas->setTheme(m_session.theme());
    });
    for (ImGuiCanvas* canvas : {m_buffers, m_heat}) canvas->setTheme(session.theme());
    refocus();
}

QAction* MemoryPanel::choice(QActionGroup* group, const char* name, const QString& text, const QString& help) {
    auto* made = new QAction(text, this);
    made->setObjectName(name);
    made->setToolTip(help);
    made->setCheckable(true);
    group->addAction(made);
    return made;
}

QAction* MemoryPanel::action(const QString& object_name) const { return findChild<QAction*>(object_name); }

QWidget* MemoryPanel::makeBuffers() {
    m_buffers_head = new SectionHead("Buffers");
    m_by_address = m_session.actions().get(ActionId::buffers_by_address);
    m_by_size = m_session.actions().get(ActionId::buffers_by_size);
    m_by_address->setIconText("Address"); // on the buttons, whose head says the rest
    m_by_size->setIconText("Size");
    m_by_address->setChecked(true);
    auto* tiers = new QActionGroup(this);
    for (const MemoryTier tier : all_memory_tiers) {
        QAction*& made = m_tiers[static_cast<size_t>(tier)];
        const std::string name(toText(tier));
        made = choice(tiers,
                      tier == MemoryTier::device ? "memoryDevice"
                      : tier == MemoryTier::host ? "memoryHost"
                                                 : "memoryNvme",
                      tier == MemoryTier::nvme ? "NVMe" : text(name).at(0).toUpper() + text(name).mid(1),
                      "Buffers, peaks and live buffers of this tier");
        connect(made, &QAction::triggered, this, [this, tier] {
            m_tier = tier;
            m_moment.reset();
            refocus();
        });
    }
    m_order_choice = new Segmented({m_by_address, m_by_size});
    m_tier_choice = new Segmented({m_tiers[0], m_tiers[1], m_tiers[2]});
    m_buffers_head->addWidget(m_tier_choice);
    m_buffers_head->addWidget(m_order_choice);
    m_facts = roleLabel({}, "dim", metrics::font_small);
    m_facts->setObjectName("factsLine"); // the style sheet pads it: it would take margins away with every new theme
    m_facts->setWordWrap(true);
    QSizePolicy policy(QSizePolicy::Ignored, QSizePolicy::Minimum);
    policy.setHeightForWidth(true);
    m_facts->setSizePolicy(policy);
    m_buffers = new ImGuiCanvas([this](const CanvasFrame&) { drawBufferCanvas(); });
    m_buffers->setObjectName("bufferCanvas");
    m_buffers->setAccessibleName("Life of every buffer");
    m_buffers->setMinimumHeight(96);
    for (QAction* order : {m_by_address, m_by_size})
        connect(order, &QAction::triggered, m_buffers, &ImGuiCanvas::requestFrame);
    return boxOf({m_buffers_head, m_facts, m_buffers});
}

QWidget* MemoryPanel::makeHeat() {
    m_heat_head = new SectionHead("Memory by rank");
    m_at_peak = m_session.actions().get(ActionId::heat_at_peak);
    m_at_cursor = m_session.actions().get(ActionId::heat_at_cursor);
    m_at_peak->setIconText("Peak");
    m_at_cursor->setIconText("At cursor");
    m_at_peak->setChecked(true);
    m_heat_choice = new Segmented({m_at_peak, m_at_cursor});
    m_heat_head->addWidget(m_heat_choice);
    m_heat = new ImGuiCanvas([this](const CanvasFrame&) { drawHeatCanvas(); });
    m_heat->setObjectName("heatCanvas");
    m_heat->setAccessibleName("Memory of all ranks by category");
    m_heat->setMinimumSize(300, 72);
    for (QAction* moment : {m_at_peak, m_at_cursor})
        connect(moment, &QAction::triggered, m_heat, &ImGuiCanvas::requestFrame);
    return boxOf({m_heat_head, m_heat});
}

QWidget* MemoryPanel::makeAlive() {
    m_alive_head = new SectionHead("Alive at the peak");
    auto* to_peak = new QToolButton;
    QAction* peak = m_session.actions().get(ActionId::memory_peak);
    peak->setIconText("Peak");
    to_peak->setDefaultAction(peak);
    to_peak->setToolButtonStyle(Qt::ToolButtonTextOnly);
    to_peak->setObjectName("goToPeak");
    m_alive_head->addWidget(to_peak);
    connect(peak, &QAction::triggered, this, [this] {
        m_session.setPlace(Place::memory);
        if (const MemoryHeatRow* row = focusedRow()) {
            m_session.setMoment(PickedMoment{m_focus->trace_id, row->rank, row->tier, row->total_peak_time_ns});
            reveal(row->total_peak_time_ns);
        }
    });
    m_alive = new TableView("Buffers alive");
    m_alive->setMinimumWidth(220);
    connect(m_alive, &TableView::noticed, &m_session, &Session::notify);
    connect(m_alive, &TableView::clicked, this, [this](const TableLink& link) {
        m_selected = static_cast<size_t>(link.item);
        m_buffers->requestFrame();
    });
    connect(m_alive, &TableView::activated, this, [this](const TableLink& link) {
        selectLife(static_cast<size_t>(link.item));
        if (const BufferPicture* buffers = picture())
            reveal(buffers->lives.all()[static_cast<size_t>(link.item)].start_ns);
    });
    return boxOf({m_alive_head, m_alive});
}

QString MemoryPanel::facts() const { return m_facts->toolTip(); }

bool MemoryPanel::idle() const {
    return !isVisible() || (!m_session.memoryData().pending() && m_buffers->idle() && m_heat->idle());
}

void MemoryPanel::showEvent(QShowEvent* event) {
    QWidget::showEvent(event);
    refocus();
}

// --- what is looked at ---------------------------------------------------------------------------------------------

const MemoryHeatRow* MemoryPanel::focusedRow() const {
    const MemoryFacts* facts = m_focus ? m_session.memoryData().facts(m_focus->trace_id) : nullptr;
    if (!facts) return nullptr;
    for (const MemoryHeatRow& row : facts->heat)
        if (row.rank == m_focus->rank && row.tier == m_focus->tier) return &row;
    return nullptr;
}

const BufferPicture* MemoryPanel::picture() const {
    const LivesAnswer* answer = m_session.memoryData().lives();
    const bool ours = answer && m_focus && answer->key.trace.id == m_focus->trace_id && answer->failure.empty();
    return ours ? &answer->buffers : nullptr;
}

void MemoryPanel::refocus() {
    if (!isVisible()) return; // nobody looks: nothing is computed
    const OpenTrace* active = trace();
    const MemoryFacts* facts = active ? m_session.memoryData().facts(active->id) : nullptr;
    std::optional<MemoryFocus> focus;
    if (facts)
        focus =
            focusOf(facts->heat,
                    {.trace_id = active->id, .only_rank = m_session.onlyRank(), .tier = m_tier, .moment = m_moment});
    std::optional<LivesKey> key;
    const MemorySource* source = focus ? m_session.memoryData().source(active->id) : nullptr;
    if (source) key = LivesKey{*source, focus->rank, focus->tier};
    m_session.memoryData().setLives(key);
    m_heat->requestFrame();
    if (focus == m_focus && facts == m_shown_facts) return;
    m_focus = focus;
    m_shown_facts = facts;
    showTiers();
    showFacts();
    showAlive();
    m_buffers->requestFrame();
}

void MemoryPanel::showTiers() {
    const MemoryFacts* facts = m_focus ? m_session.memoryData().facts(m_focus->trace_id) : nullptr;
    const std::vector<MemoryTier> tiers = facts ? tiersOf(facts->heat) : std::vector<MemoryTier>();
    m_tier_choice->setVisible(tiers.size() > 1);
    for (const MemoryTier tier : all_memory_tiers) {
        QAction* action = m_tiers[static_cast<size_t>(tier)];
        action->setVisible(std::find(tiers.begin(), tiers.end(), tier) != tiers.end());
        if (m_focus && m_focus->tier == tier) action->setChecked(true);
    }
    for (QToolButton* button : m_tier_choice->findChildren<QToolButton*>())
        button->setVisible(button->defaultAction()->isVisible());
}

void MemoryPanel::showFacts() {
    const MemoryHeatRow* row = focusedRow();
    QStringList sentences;
    if (row) {
        const PlannedCurves* plans = m_session.memoryData().planned(m_focus->trace_id);
        const auto plan = plans ? plans->find({row->rank, row->tier}) : PlannedCurves::const_iterator();
        const PlannedCurve* curve = plans && plan != plans->end() ? &plan->second : nullptr;
        sentences << QString("rank %1, %2: ").arg(row->rank).arg(text(toText(row->tier))) +
                         text(peakSentence(*row, curve));
        if (const BufferPicture* buffers = picture()) {
            const BufferLives& lives = buffers->lives;
            if (lives.addresses == AddressSource::plan && lives.arenaBytes() > 0)
                sentences << QString("arena %1, of which %2 % holds no buffer at the peak")
                                 .arg(text(formatBytes(lives.arenaBytes())))
                                 .arg(100.0 * static_cast<double>(lives.arenaBytes() - lives.peakBytes()) /
                                          static_cast<double>(lives.arenaBytes()),
                                      0, 'f', 1);
            for (const std::string& missing : missingSentences(lives, row->planned_peak_bytes >= 0))
                sentences << text(missing);
        }
    }
    const QString line = sentences.join(QString::fromUtf8("  ·\u00a0\u00a0"));
    m_facts->setText(line);
    m_facts->setToolTip(sentences.join("\n"));
    m_facts->setVisible(!line.isEmpty());
    m_heat_head->setTitle(m_focus && m_focus->tier != MemoryTier::device
                              ? QString("Memory by rank, ") + text(toText(m_focus->tier))
                              : QString("Memory by rank"));
}

void MemoryPanel::showAlive() {
    const BufferPicture* buffers = picture();
    const bool ready = buffers && buffers->lives.rank == m_focus->rank && buffers->lives.tier == m_focus->tier;
    if (!ready) {
        const LivesAnswer* answer = m_session.memoryData().lives();
        const bool failed = answer && m_focus && answer->key.trace.id == m_focus->trace_id && !answer->failure.empty();
        if (!buffers) m_alive->setTable(std::make_shared<const TableData>()); // the rows were of another trace
        m_alive->setSentence(failed ? text(answer->failure) : m_focus ? QString("Reading buffers…") : QString());
        return;
    }
    const BufferLives& lives = buffers->lives;
    const uint32_t change = changeOf(lives, m_focus->time_ns);
    m_alive->setTable(std::make_shared<const TableData>(aliveTable(lives, *trace()->reader, change)));
    const bool peak = change == lives.peakChange();
    if (peak)
        m_alive_head->setTitle("Alive at the peak");
    else {
        const int64_t view = viewTime(*m_focus->time_ns, originOf(m_session.model()));
        m_alive_head->setTitle("Alive at " +
                               text(formatTime(view, std::abs(view), std::max<int64_t>(1, std::abs(view) / 1'000))));
    }
    if (m_selected) m_alive->selectItem(static_cast<int64_t>(*m_selected));
}

int64_t MemoryPanel::originOf(const PlaceModel& place) const {
    for (size_t i = 0; i < place.trace_ids.size(); ++i)
        if (m_focus && place.trace_ids[i] == m_focus->trace_id) return place.timeline.traces[i].origin_ns;
    return 0;
}

// --- drawing -------------------------------------------------------------------------------------------------------

BufferViewModel MemoryPanel::bufferModel(const PlaceModel& place) const {
    BufferViewModel model;
    model.buffers = trace() ? picture() : nullptr;
    model.order = m_by_size->isChecked() ? BufferOrder::size : BufferOrder::address;
    model.origin_ns = originOf(place);
    model.full = fullRange(place.timeline);
    model.axis_caption = place.timeline.axis_caption;
    if (trace()) {
        model.reader = trace()->reader.get();
        const MemoryFacts* facts = m_session.memoryData().facts(trace()->id);
        const LivesAnswer* answer = m_session.memoryData().lives();
        model.sentence = !facts                               ? "Reading memory…"
                         : !facts->failure.empty()            ? facts->failure
                         : facts->heat.empty()                ? noMemorySentence(*trace()->reader)
                         : !m_focus                           ? "This rank has no recorded memory."
                         : answer && !answer->failure.empty() ? answer->failure
                                                              : "Reading buffers…";
    }
    return model;
}

BufferViewSelection MemoryPanel::bufferSelection(const BufferViewModel& model) const {
    BufferViewSelection selection{.visible = m_session.visible(),
                                  .cursor_ns = m_session.cursor(),
                                  .moment_ns = m_focus ? m_focus->time_ns : std::nullopt,
                                  .selected = model.buffers ? m_selected : std::nullopt};
    if (model.buffers && m_selected && *m_selected >= model.buffers->lives.all().size()) selection.selected.reset();
    return selection;
}

void MemoryPanel::drawBufferCanvas() {
    const PlaceModel place = m_session.model();
    const BufferViewModel model = bufferModel(place);
    const BufferViewIntents intents = drawBuffers(model, bufferSelection(model), m_session.theme(), m_buffer_state);
    if (intents.cursor_ns || m_cursor_here || intents.visible) {
        TimelineIntents shared;
        shared.cursor_ns = intents.cursor_ns;
        shared.visible = intents.visible;
        m_cursor_here = intents.cursor_ns.has_value();
        m_session.apply(shared, place);
    }
    if (intents.clicked) selectLife(*intents.clicked);
    if (intents.clicked_time_ns && m_focus)
        m_session.setMoment(PickedMoment{m_focus->trace_id, m_focus->rank, m_focus->tier, *intents.clicked_time_ns});
}

HeatMapModel MemoryPanel::heatMap() const {
    const MemoryFacts* facts = trace() ? m_session.memoryData().facts(trace()->id) : nullptr;
    HeatMapModel model;
    model.sentence = !trace() ? "" : !facts ? "Reading memory…" : "No memory was recorded.";
    if (facts && m_focus) {
        model.focus_rank = m_focus->rank;
        const auto cursor = m_session.cursor();
        if (m_at_cursor->isChecked() && (cursor || m_focus->time_ns)) {
            const int64_t time = cursor ? *cursor + originOf(m_session.model()) : *m_focus->time_ns;
            model.rows = heatRowsAt(facts->heat, m_focus->tier, *trace()->reader, time);
        } else {
            model.rows = heatRows(facts->heat, m_focus->tier);
        }
    }
    return model;
}

void MemoryPanel::drawHeatCanvas() {
    m_heat_model = heatMap();
    const HeatMapIntents intents = drawHeatMap(m_heat_model, m_session.theme(), m_heat_state);
    if (intents.clicked) goToCell(*intents.clicked);
}

// --- where things lead ---------------------------------------------------------------------------------------------

void MemoryPanel::selectLife(size_t life) {
    const BufferPicture* buffers = picture();
    if (!buffers || !trace() || life >= buffers->lives.all().size()) return;
    m_selected = life;
    m_alive->selectItem(static_cast<int64_t>(life));
    m_buffers->requestFrame();
    m_session.ask(trace()->id, [this, id = trace()->id, answer = m_session.memoryData().sharedLives(),
                                life](const TraceReader& reader) {
        return [this, id, event = allocatingEvent(reader, answer->buffers.lives, life)] {
            if (event != EventId::none) m_session.select(PickedEvent{id, event});
        };
    });
}

void MemoryPanel::goToCell(HeatMapCell cell) {
    const MemoryFacts* facts = trace() ? m_session.memoryData().facts(trace()->id) : nullptr;
    if (!facts || !m_focus || cell.row >= m_heat_model.rows.size()) return;
    const int32_t rank = m_heat_model.rows[cell.row].rank;
    for (const MemoryHeatRow& row : facts->heat) {
        if (row.rank != rank || row.tier != m_focus->tier) continue;
        const int64_t time = m_at_cursor->isChecked() && m_focus->time_ns ? *m_focus->time_ns
                             : cell.category ? row.peak_time_ns[static_cast<size_t>(*cell.category)]
                                             : row.total_peak_time_ns;
        const MemoryTier tier = row.tier;
        if (m_session.onlyRank() >= 0) m_session.setOnlyRank(rank);
        m_session.setMoment(PickedMoment{trace()->id, rank, tier, time});
        reveal(time);
        return;
    }
}

void MemoryPanel::reveal(int64_t time_ns) {
    if (m_focus) m_session.reveal(m_focus->trace_id, {time_ns, time_ns});
}

} // namespace shardscope::gui
