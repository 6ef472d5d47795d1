// SPDX-License-Identifier: Apache-2.0
#include "gui/panels/live_panel.h"
#include "gui/canvas/format.h"
#include "gui/canvas/imgui_canvas.h"
#include "gui/lane_reading.h"
#include "gui/panels/loss_chart.h"
#include "gui/panels/planned_notes.h"
#include "gui/panels/section.h"
#include "gui/panels/stacked_bars.h"
#include "gui/recording_notice.h"
#include "gui/run_queue.h"
#include "gui/style.h"
#include "gui/units.h"
#include <QGridLayout>
#include <QLabel>
#include <QStackedLayout>
#include <QVBoxLayout>
#include <algorithm>
#include <cmath>

namespace shardscope::gui {
namespace {

constexpr int lanes_height = 190, memory_height = 96, chart_height = 96, planned_pitch = 40;

// The end of the time axis: room for the usual step and for the newest, in few sizes, so that it stays from step to
// step. One slow step, such as the first, does not make all others small.
int64_t axisOf(std::span<const StepEvent> steps, int64_t now) {
    std::vector<int64_t> lengths;
    for (const StepEvent& step : steps) lengths.push_back(step.end_ns - step.start_ns);
    const int64_t newest = lengths.back();
    std::nth_element(lengths.begin(), lengths.begin() + static_cast<ptrdiff_t>(lengths.size() / 2), lengths.end());
    const int64_t wanted = std::max(newest, lengths[lengths.size() / 2] / 10 * 11);
    if (now >= wanted && now < 2 * wanted) return now;
    double nice = 1;
    while (nice < static_cast<double>(wanted)) nice *= 1.25;
    return static_cast<int64_t>(nice);
}

// A long run begins with a short axis, which doubles when it is full: twenty steps of a thousand are not a dot.
int64_t axisFor(int64_t done, int64_t all) {
    int64_t length = 25;
    while (length < done) length *= 2;
    return std::min(std::max<int64_t>(all, done), length);
}

} // namespace

LivePanel::LivePanel(Session& session, QWidget* parent)
    : QWidget(parent)
    , m_session(session)
    , m_live_head(new SectionHead("Live"))
    , m_planned(new StackedBars)
    , m_stack(new QStackedLayout)
    , m_canvas(new ImGuiCanvas([this](const CanvasFrame&) { // looked at, not navigated: the Timeline place is for that
        drawTimeline(model(false),
                     {.visible = {0, std::max<int64_t>(1, m_longest_step_ns)}, .selected = {}, .cursor_ns = {}}, {},
                     m_session.theme(), m_state);
        m_reading->answerWishes(m_state.cache);
    }))
    , m_memory_canvas(new ImGuiCanvas([this](const CanvasFrame&) { drawMemory(); }))
    , m_reading(new LaneReading(session, this))
    , m_memory_reading(new LaneReading(session, this))
    , m_charts(new QWidget)
    , m_hint(roleLabel("Start a run to watch its newest step on every rank here.", "dim"))
    , m_losses(new LossChart({})) // their heads say what they are
    , m_speed(new LossChart({}))
    , m_loss_now(roleLabel("–", "dim"))
    , m_speed_now(roleLabel("–", "dim"))
    , m_planned_note(roleLabel({}, "dim"))
    , m_memory_now(roleLabel({}, "dim")) {
    m_canvas->setMinimumSize(240, 120);
    m_canvas->setAccessibleName("Newest step of the run");
    m_memory_canvas->setAccessibleName("Memory of rank 0 during that step");
    m_memory_canvas->hide();
    m_hint->setObjectName("liveHint");
    m_hint->setAlignment(Qt::AlignCenter);
    m_hint->setWordWrap(true);
    m_stack->addWidget(m_hint);
    m_stack->addWidget(m_canvas);
    auto* planned = new QVBoxLayout;
    planned->setContentsMargins(14, 10, 14, 6);
    planned->addWidget(m_planned);
    m_planned_note->setObjectName("plannedNote");
    m_planned_note->setWordWrap(true);
    m_planned_note->setFont(uiFont(metrics::font_small));
    planned->addWidget(m_planned_note);
    m_memory_now->setObjectName("memoryNow");
    m_memory_now->setFont(uiFont(metrics::font_small));
    m_memory_now->setContentsMargins(14, 0, 14, 4);
    m_memory_now->hide();
    for (LossChart* chart : {m_losses, m_speed}) chart->setMinimumHeight(chart_height);
    m_losses->setAccessibleName("Loss by step");
    m_speed->setAccessibleName("Tokens per second by step");
    auto* charts = new QGridLayout(m_charts);
    charts->setContentsMargins(14, 8, 14, 10);
    charts->setHorizontalSpacing(16);
    charts->addWidget(headLabel("Loss"), 0, 0);
    charts->addWidget(headLabel("Speed", "tokens/s"), 0, 1);
    charts->addWidget(m_losses, 1, 0);
    charts->addWidget(m_speed, 1, 1);
    charts->addWidget(m_loss_now, 2, 0);
    charts->addWidget(m_speed_now, 2, 1);
    charts->setColumnStretch(0, 1);
    charts->setColumnStretch(1, 1);
    charts->setRowStretch(1, 1);
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(0);
    column->addWidget(new SectionHead("Memory per rank, planned"));
    column->addLayout(planned);
    column->addWidget(thinLine());
    column->addWidget(m_live_head);
    column->addLayout(m_stack, 3);
    column->addWidget(m_memory_canvas);
    column->addWidget(m_memory_now);
    column->addWidget(thinLine());
    column->addWidget(m_charts, 2);

    connect(m_planned, &StackedBars::rowClicked, this, [this](int id, int) {
        if (id > 0) emit stageChosen(id - 1);
    });
    connect(&session.run(), &RunProcess::changed, this, &LivePanel::showProgress);
    connect(&session.run(), &RunProcess::ended, this, &LivePanel::showStep);
    connect(&session, &Session::traceGrew, this, [this](int id) {
        if (id != m_trace_id) return;
        showStep();
        showMemory();
    });
    connect(&session, &Session::tracesChanged, this, [this] { showStep(); });
    connect(m_reading, &LaneReading::arrived, m_canvas, &ImGuiCanvas::requestFrame);
    connect(m_memory_reading, &LaneReading::arrived, m_memory_canvas, &ImGuiCanvas::requestFrame);
    const auto paint = [this] {
        m_canvas->setTheme(m_session.theme());
        m_memory_canvas->setTheme(m_session.theme());
        m_memory_canvas->setFixedHeight(static_cast<int>(std::lround(memory_height * uiScale())));
        m_planned->setFixedPitch(static_cast<int>(std::lround(planned_pitch * uiScale())));
        fitPlanned();
        m_planned->setTheme(m_session.theme());
        m_losses->setTheme(m_session.theme());
        m_speed->setTheme(m_session.theme());
    };
    connect(&session, &Session::themeChanged, this, paint);
    paint();
    showProgress();
}

void LivePanel::setPlanned(const std::vector<PlannedStage>& stages, int stage_now, const RunRequest& request,
                           const std::optional<KnownDevices>& devices) {
    constexpr std::array order = {MemoryCategory::parameters,  MemoryCategory::master_weights,
                                  MemoryCategory::optimizer,   MemoryCategory::gradients,
                                  MemoryCategory::activations, MemoryCategory::comm_buffers,
                                  MemoryCategory::workspace,   MemoryCategory::other};
    const auto besides = [](int64_t bytes, const char* tier) {
        return bytes > 0 ? " + " + text(formatBytes(bytes)) + tier : QString();
    };
    std::vector<BarRow> rows;
    std::array<bool, all_memory_categories.size()> occurs{};
    const int64_t ranks = std::max<int64_t>(1, integerOr(request.ranks, 1));
    for (size_t i = 0; i < stages.size(); ++i) {
        const PlannedStage& stage = stages[i];
        const PlannedNote words = plannedNote(stages, i, ranks);
        BarRow row{.id = stage.stage + 1,
                   .label = QString("stage %1").arg(stage.stage),
                   .segments = {},
                   .total =
                       text(formatBytes(stage.total)) + besides(stage.host, " host") + besides(stage.nvme, " NVMe"),
                   .active = stage.stage == stage_now,
                   .tooltip = words.text,
                   .note = words.text,
                   .note_warns = words.warns};
        for (const MemoryCategory category : order) {
            const int64_t bytes = stage.bytes[static_cast<size_t>(category)];
            occurs[static_cast<size_t>(category)] |= bytes > 0;
            row.segments.push_back({static_cast<double>(bytes), memoryColour(category),
                                    text(toText(category)).replace('_', ' ') + ": " + text(formatBytes(bytes)),
                                    memoryPattern(category)});
        }
        rows.push_back(std::move(row));
    }
    std::vector<LegendItem> legend;
    for (const MemoryCategory category : order)
        if (occurs[static_cast<size_t>(category)])
            legend.push_back(
                {text(toText(category)).replace('_', ' '), memoryColour(category), memoryPattern(category)});
    m_planned->setRows(std::move(rows), std::move(legend));
    fitPlanned();

    const int64_t machine = machineMemoryBytes();
    const bool named = !request.device_memory.empty();
    const auto share = deviceShare(request, devices);
    const int64_t limit = named ? bytesOf(request.device_memory) : share ? share->bytes : machine / ranks;
    m_planned->setLimit(static_cast<double>(limit), named ? "A device of " + text(request.device_memory)
                                                    : share
                                                        ? text(share->device + ": " + formatBytes(limit)) + " each"
                                                        : "This machine's memory, shared by " + QString::number(ranks) +
                                                              " ranks: " + text(formatBytes(limit)) + " each");
    const auto now = std::find_if(stages.begin(), stages.end(),
                                  [&](const PlannedStage& planned) { return planned.stage == stage_now; });
    QString note;
    bool fits = true;
    if (now != stages.end() && named) {
        fits = now->total <= limit;
        note = QString("stage %1: %2 of %3 per rank%4")
                   .arg(stage_now)
                   .arg(text(formatBytes(now->total)), text(request.device_memory),
                        fits ? "" : ", does not fit: a higher stage, offload or a smaller micro-batch takes less");
    } else if (now != stages.end() && share) {
        fits = now->total <= limit;
        note = QString("stage %1: %2 of %3 per rank, %4%5")
                   .arg(stage_now)
                   .arg(text(formatBytes(now->total)), text(formatBytes(limit)), text(share->device),
                        fits ? "" : "; does not fit: a higher stage, offload or a smaller micro-batch takes less");
    } else if (now != stages.end() && machine > 0) {
        fits = now->memory_bytes() * ranks <= machine;
        note = QString("stage %1: %2 × %3 ranks = %4 of this machine's %5")
                   .arg(stage_now)
                   .arg(text(formatBytes(now->memory_bytes())))
                   .arg(ranks)
                   .arg(text(formatBytes(now->memory_bytes() * ranks)), text(formatBytes(machine)));
    }
    m_planned_note->setText(note);
    setTone(m_planned_note, fits ? Tone::normal : Tone::bad);
}

void LivePanel::fitPlanned() {
    const QMargins around(14, 10, 14, 6);
    m_planned->setFixedHeight(m_planned->heightFor(std::max(120, width() - around.left() - around.right())));
}

void LivePanel::resizeEvent(QResizeEvent* event) {
    QWidget::resizeEvent(event);
    fitPlanned();
}

void LivePanel::drawMemory() {
    drawTimeline(model(true),
                 {.visible = {0, std::max<int64_t>(1, m_longest_step_ns)}, .selected = {}, .cursor_ns = {}}, {},
                 m_session.theme(), m_memory_state);
    m_memory_reading->answerWishes(m_memory_state.cache);
}

// Of rank 0; all ranks are planned alike.
void LivePanel::showMemory() {
    const OpenTrace* trace = m_session.trace(m_trace_id);
    const int64_t peak = trace ? trace->reader->memory(0, MemoryTier::device).peak_bytes : 0;
    m_memory_now->setVisible(peak > 0);
    m_memory_canvas->setVisible(peak > 0 && m_step >= 0);
    m_memory_canvas->requestFrame();
    if (peak <= 0) return;
    int64_t planned = 0;
    for (const PlannedPeakEvent& event : trace->reader->plannedPeaks())
        if (event.rank == 0 && event.tier == MemoryTier::device && !event.category) planned = event.bytes;
    m_memory_now->setText("memory of rank 0: peak so far " + text(formatBytes(peak)) +
                          (planned > 0 ? ", planned " + text(formatBytes(planned)) : QString()));
    m_memory_now->setToolTip("What the run recorded, beside the plan that was made before it.");
}

void LivePanel::setTraceId(int id) {
    m_trace_id = id;
    m_step = -1;
    m_longest_step_ns = 0;
    m_state = m_memory_state = {};
    m_state.defers = m_memory_state.defers = true;
    showStep();
    showMemory();
}

TimelineModel LivePanel::model(bool memory) const {
    TimelineModel model;
    model.frame = memory ? TimelineFrame::none : TimelineFrame::ruler;
    model.show_lanes = !memory;
    model.show_memory = memory;
    if (memory) model.only_rank = 0;
    const OpenTrace* trace = m_session.trace(m_trace_id);
    if (!trace) return model;
    for (const StepEvent& step : trace->reader->steps())
        if (step.step == m_step) {
            TraceView view;
            view.reader = trace->reader.get();
            view.label = trace->label;
            view.title = trace->facts.title();
            view.subtitle = stageSentence(trace->facts.stage);
            view.notice = headNotice(trace->facts.notices);
            view.origin_ns = step.start_ns;
            model.traces.push_back(std::move(view));
        }
    model.axis_caption = "step " + std::to_string(m_step);
    return model;
}

void LivePanel::showStep() {
    const OpenTrace* trace = m_session.trace(m_trace_id);
    if (!trace) m_step = -1;
    if (trace && !trace->reader->steps().empty()) {
        const StepEvent& newest = trace->reader->steps().back();
        m_step = newest.step;
        m_longest_step_ns = axisOf(trace->reader->steps(), m_longest_step_ns);
    }
    m_live_head->setTitle(m_step < 0
                              ? "Live"
                              : QString("%1: %2, step %3")
                                    .arg(m_session.run().active() ? "Live" : "Last run", text(trace->facts.title()))
                                    .arg(m_step));
    m_hint->setText(m_session.run().active() ? "The run is under way; its first step appears here when it is done."
                                             : "Start a run to watch its newest step on every rank here.");
    m_canvas->setMinimumHeight(m_step < 0 ? 60 : static_cast<int>(std::lround(lanes_height * uiScale())));
    m_stack->setCurrentIndex(m_step < 0 ? 0 : 1);
    m_canvas->requestFrame();
}

void LivePanel::showProgress() {
    const RunProcess& run = m_session.run();
    std::vector<double> losses, speeds;
    for (const RunProgress& progress : run.progress()) {
        losses.push_back(progress.loss);
        speeds.push_back(progress.tokens_per_s);
    }
    m_loss_now->setText(losses.empty() ? "–" : text(significant(losses.back(), 4)));
    m_speed_now->setText(speeds.empty() ? "–" : text(formatCount(std::llround(speeds.back()))) + " tokens/s");
    QString right;
    if (run.state() == RunState::starting) right = "starting";
    if (run.active() && !run.progress().empty()) {
        const RunProgress& last = run.progress().back();
        right = QString("step %1 of %2").arg(last.step + 1).arg(run.steps());
        if (last.eta_s >= 0) right += " · " + durationText(last.eta_s) + " left";
    }
    m_live_head->setRight(right);
    const int64_t axis = axisFor(static_cast<int64_t>(losses.size()), run.steps());
    m_losses->setSteps(axis);
    m_speed->setSteps(axis);
    m_charts->setVisible(!losses.empty());
    m_losses->setCurves({{"loss", m_session.theme().accent, std::move(losses)}}, false);
    m_speed->setCurves({{"tokens/s", m_session.theme().good, std::move(speeds)}}, false);
}

} // namespace shardscope::gui
