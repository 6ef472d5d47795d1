// SPDX-License-Identifier: Apache-2.0
#include "gui/panels/live_panel.h"
#include "gui/lane_reading.h"
#include "gui/canvas/format.h"
#include "gui/canvas/imgui_canvas.h"
#include "gui/panels/loss_chart.h"
#include "gui/panels/section.h"
#include "gui/panels/stacked_bars.h"
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

LivePanel::LivePanel(Session& session, QWidget* parent)
    : QWidget(parent)
    , m_session(session)
    , m_live_head(new SectionHead("Live"))
    , m_planned(new StackedBars)
    , m_stack(new QStackedLayout)
    , m_canvas(new ImGuiCanvas([this](const CanvasFrame&) { // looked at, not navigated: the Timeline place is for that
        TimelineState& state = m_state;
        drawTimeline(model(),
                     {.visible = {0, std::max<int64_t>(1, m_longest_step_ns)}, .selected = {}, .cursor_ns = {}}, {},
                     m_session.theme(), state);
        m_reading->answerWishes(state.cache);
    }))
    , m_reading(new LaneReading(session, this))
    , m_losses(new LossChart("loss"))
    , m_speed(new LossChart("tokens/s"))
    , m_loss_now(roleLabel("–", "dim"))
    , m_speed_now(roleLabel("–", "dim"))
    , m_planned_note(roleLabel({}, "dim"))
    , m_memory_now(roleLabel({}, "dim")) {
    m_canvas->setMinimumSize(240, 120);
    auto* hint = roleLabel("Start a run to watch its newest step on every rank here.", "dim");
    hint->setAlignment(Qt::AlignCenter);
    hint->setWordWrap(true);
    m_stack->addWidget(hint);
    m_stack->addWidget(m_canvas);
    m_planned->setFixedPitch(26);
    m_planned->setMinimumHeight(150);
    m_planned->setMaximumHeight(160);
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
    auto* charts = new QGridLayout;
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
    column->addWidget(m_memory_now);
    column->addWidget(thinLine());
    column->addLayout(charts, 2);

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
    const auto paint = [this] {
        m_canvas->setTheme(m_session.theme());
        m_planned->setTheme(m_session.theme());
        m_losses->setTheme(m_session.theme());
        m_speed->setTheme(m_session.theme());
    };
    connect(&session, &Session::themeChanged, this, paint);
    paint();
    showProgress();
}

void LivePanel::setPlanned(const std::vector<PlannedStage>& stages, int stage_now, const RunRequest& request) {
    constexpr std::array order = {MemoryCategory::parameters,  MemoryCategory::master_weights,
                                  MemoryCategory::optimizer,   MemoryCategory::gradients,
                                  MemoryCategory::activations, MemoryCategory::comm_buffers,
                                  MemoryCategory::workspace,   MemoryCategory::other};
    const auto besides = [](int64_t bytes, const char* tier) {
        return bytes > 0 ? " + " + text(formatBytes(bytes)) + tier : QString();
    };
    std::vector<BarRow> rows;
    std::array<bool, all_memory_categories.size()> occurs{};
    for (const PlannedStage& stage : stages) {
        BarRow row{.id = stage.stage + 1,
                   .label = QString("stage %1").arg(stage.stage),
                   .segments = {},
                   .total =
                       text(formatBytes(stage.total)) + besides(stage.host, " host") + besides(stage.nvme, " NVMe"),
                   .active = stage.stage == stage_now};
        for (const MemoryCategory category : order) {
            const int64_t bytes = stage.bytes[static_cast<size_t>(category)];
            occurs[static_cast<size_t>(category)] |= bytes > 0;
            row.segments.push_back({static_cast<double>(bytes), memoryColour(category),
                                    text(toText(category)).replace('_', ' ') + ": " + text(formatBytes(bytes))});
        }
        rows.push_back(std::move(row));
    }
    std::vector<LegendItem> legend;
    for (const MemoryCategory category : order)
        if (occurs[static_cast<size_t>(category)])
            legend.push_back({text(toText(category)).replace('_', ' '), memoryColour(category)});
    m_planned->setRows(std::move(rows), std::move(legend));

    const int64_t ranks = std::max<int64_t>(1, integerOr(request.ranks, 1)), machine = machineMemoryBytes();
    const bool named = !request.device_memory.empty();
    const int64_t limit = named ? bytesOf(request.device_memory) : machine / ranks;
    m_planned->setLimit(static_cast<double>(limit), named
                                                        ? "A device of " + text(request.device_memory)
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

// Of rank 0; all ranks are planned alike.
void LivePanel::showMemory() {
    const OpenTrace* trace = m_session.trace(m_trace_id);
    const int64_t peak = trace ? trace->reader->memory(0, MemoryTier::device).peak_bytes : 0;
    m_memory_now->setVisible(peak > 0);
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
    m_state = {};
    m_state.defers = true;
    showStep();
    showMemory();
}

TimelineModel LivePanel::model() const {
    TimelineModel model;
    const OpenTrace* trace = m_session.trace(m_trace_id);
    if (!trace) return model;
    for (const StepEvent& step : trace->reader->steps())
        if (step.step == m_step) {
            TraceView view;
            view.reader = trace->reader.get();
            view.label = trace->label;
            view.title = trace->facts.title();
            view.subtitle = stageSentence(trace->facts.stage);
            view.origin_ns = step.start_ns;
            model.traces.push_back(std::move(view));
        }
    model.show_memory = false;
    model.axis_caption = "step " + std::to_string(m_step);
    return model;
}

void LivePanel::showStep() {
    const OpenTrace* trace = m_session.trace(m_trace_id);
    if (!trace) m_step = -1;
    if (trace && !trace->reader->steps().empty()) {
        const StepEvent& newest = trace->reader->steps().back();
        m_step = newest.step;
        for (const StepEvent& step : trace->reader->steps())
            if (step.step > 0 || trace->reader->steps().size() == 1) // the first step warms up and would set the scale
                m_longest_step_ns = std::max(m_longest_step_ns, step.end_ns - step.start_ns);
    }
    m_live_head->setTitle(m_step < 0
                              ? "Live"
                              : QString("%1: %2, step %3")
                                    .arg(m_session.run().active() ? "Live" : "Last run", text(trace->facts.title()))
                                    .arg(m_step));
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
    m_losses->setSteps(run.steps());
    m_speed->setSteps(run.steps());
    m_losses->setCurves({{"loss", m_session.theme().accent, std::move(losses)}}, false);
    m_speed->setCurves({{"tokens/s", m_session.theme().good, std::move(speeds)}}, false);
}

} // namespace shardscope::gui
