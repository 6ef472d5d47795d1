// SPDX-License-Identifier: Apache-2.0
#include "gui/panels/run_panel.h"
#include "gui/canvas/format.h"
#include "gui/panels/config_editor.h"
#include "gui/panels/live_panel.h"
#include "gui/panels/run_form.h"
#include "gui/panels/section.h"
#include "gui/style.h"
#include "gui/units.h"
#include <QFrame>
#include <QGridLayout>
#include <QLabel>
#include <QProgressBar>
#include <QScrollArea>
#include <QVBoxLayout>
#include <algorithm>
#include <cmath>

namespace shardscope::gui {
namespace {

constexpr int check_delay_ms = 120; // typing is not interrupted by planning four stages
constexpr int open_retry_ms = 50;

QString seconds(double value) {
    if (value < 60) return QString("%1 s").arg(std::max(1, static_cast<int>(std::lround(value))));
    const auto whole = static_cast<int>(value);
    return QString("%1 min %2 s").arg(whole / 60).arg(whole % 60);
}

int64_t medianStep(const std::vector<RunProgress>& progress) { // the first step warms up
    std::vector<int64_t> times;
    for (size_t i = progress.size() > 2 ? 1 : 0; i < progress.size(); ++i) times.push_back(progress[i].step_ns);
    if (times.empty()) return 0;
    std::nth_element(times.begin(), times.begin() + std::ssize(times) / 2, times.end());
    return times[times.size() / 2];
}

} // namespace

RunPanel::RunPanel(Session& session, QWidget* parent)
    : QWidget(parent)
    , m_session(session)
    , m_form(new RunForm)
    , m_editor(new ConfigEditor)
    , m_live(new LivePanel(session))
    , m_failure_card(new QFrame)
    , m_failure_title(new QLabel)
    , m_failure(new QLabel)
    , m_runs_head(new SectionHead("Runs"))
    , m_runs_column(new QVBoxLayout)
    , m_no_runs(roleLabel("Runs of this session appear here.", "dim")) {
    auto* scroll = new QScrollArea;
    scroll->setWidgetResizable(true);
    scroll->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    scroll->setWidget(m_form);
    const auto vertical_line = [] {
        auto* line = new QFrame;
        line->setObjectName("separator");
        line->setFixedWidth(1);
        return line;
    };
    auto* columns = new QHBoxLayout;
    columns->setSpacing(0);
    columns->addWidget(scroll, 37);
    columns->addWidget(vertical_line());
    columns->addWidget(makeMiddle(), 27);
    columns->addWidget(vertical_line());
    columns->addWidget(m_live, 36);
    scroll->setMinimumWidth(470);

    m_failure_card->setObjectName("card");
    m_failure_card->setProperty("failed", true);
    m_failure_title->setFont(uiFont(metrics::font, true));
    m_failure->setObjectName("runFailure");
    m_failure->setWordWrap(true);
    m_failure->setTextInteractionFlags(Qt::TextSelectableByMouse);
    auto* card = new QVBoxLayout(m_failure_card);
    card->setContentsMargins(14, 10, 14, 10);
    card->addWidget(m_failure_title);
    card->addWidget(m_failure);
    m_failure_card->hide();
    auto* failure_margin = new QHBoxLayout;
    failure_margin->setContentsMargins(12, 10, 12, 6);
    failure_margin->addWidget(m_failure_card);
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(0);
    column->addLayout(failure_margin);
    column->addLayout(columns, 1);

    m_check_timer.setSingleShot(true);
    m_check_timer.setInterval(check_delay_ms);
    m_open_timer.setInterval(open_retry_ms);
    connect(&m_check_timer, &QTimer::timeout, this, &RunPanel::check);
    connect(&m_open_timer, &QTimer::timeout, this, &RunPanel::openTraceOfRun);
    connect(m_form, &RunForm::edited, this, [this] {
        m_editor->setText(text(m_form->request().config));
        m_check_timer.start();
    });
    connect(m_editor, &ConfigEditor::edited, this, [this] {
        m_form->setConfigText(m_editor->text().toStdString());
        m_check_timer.start();
    });
    connect(m_live, &LivePanel::stageChosen, this, [this](int stage) {
        RunRequest request = m_form->request();
        request.config = withConfigValue(request.config, "zero_optimization.stage", std::to_string(stage));
        m_form->setRequest(request);
        m_editor->setText(text(request.config));
        check();
    });
    connect(&session.run(), &RunProcess::changed, this, &RunPanel::follow);
    connect(&session.run(), &RunProcess::ended, this, &RunPanel::finish);
    connect(session.actions().get(ActionId::start_run), &QAction::triggered, this, &RunPanel::start);
    connect(session.actions().get(ActionId::stop_run), &QAction::triggered, &session.run(), &RunProcess::stop);
    const auto paint = [this] { m_editor->setTheme(m_session.theme()); };
    connect(&session, &Session::themeChanged, this, paint);
    paint();
    m_editor->setText(text(m_form->request().config));
    check();
}

QWidget* RunPanel::makeMiddle() {
    auto* list = new QWidget;
    list->setLayout(m_runs_column);
    m_runs_column->setContentsMargins(14, 10, 14, 10);
    m_runs_column->setSpacing(6);
    m_runs_column->addWidget(m_no_runs);
    m_runs_column->addStretch();
    auto* scroll = new QScrollArea;
    scroll->setWidgetResizable(true);
    scroll->setFocusPolicy(Qt::NoFocus);
    scroll->setWidget(list);
    scroll->setFixedHeight(120);
    auto* middle = new QWidget;
    auto* column = new QVBoxLayout(middle);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(0);
    column->addWidget(m_editor, 1);
    column->addWidget(thinLine());
    column->addWidget(m_runs_head);
    column->addWidget(scroll);
    return middle;
}

QString RunPanel::failure() const { return m_failure_card->isHidden() ? QString() : m_failure->text(); }

QString RunPanel::statusOfLastRun() const { return m_runs.empty() ? QString() : m_runs.back().status->text(); }

void RunPanel::resizeEvent(QResizeEvent* event) {
    QWidget::resizeEvent(event);
    m_failure->setMaximumWidth(width() - 60);
}

void RunPanel::check() {
    m_problems = problems(m_form->request());
    m_form->showChecks(m_problems, remarks(m_form->request()));
    const auto config = m_problems.find("config");
    m_editor->setVerdict(config == m_problems.end() ? QString() : text(config->second));
    int64_t stage = 0;
    parseInteger(configValue(m_form->request().config, "zero_optimization.stage").value_or("0"), stage);
    if (m_problems.empty()) m_live->setPlanned(plannedMemory(m_form->request()), static_cast<int>(stage));
    showState();
}

void RunPanel::start() {
    check(); // the last keystroke may not have been looked at yet
    if (!m_problems.empty()) return m_session.notify(text(m_problems.begin()->second), true);
    RunRequest request = m_form->request();
    if (request.trace.empty()) request.trace = defaultTracePath(request);
    for (const OpenTrace& open : m_session.traces()) // the run replaces this file: what is open is about to be gone
        if (open.reader->path() == request.trace) {
            m_session.closeTrace(open.id);
            break;
        }
    m_file_before = fileIdentity(request.trace);
    m_live->setTraceId(0);
    if (m_runs.empty()) m_no_runs->hide();
    RunRow row{.trace_id = 0, .title = new QLabel, .status = roleLabel({}, "dim"), .bar = new QProgressBar};
    row.title->setFont(uiFont(metrics::font_small));
    row.title->setText(
        QString("ZeRO-%1 · %2")
            .arg(text(configValue(request.config, "zero_optimization.stage").value_or("0")), text(request.model)));
    row.title->setToolTip(text(request.trace));
    row.bar->setTextVisible(false);
    auto* line = new QHBoxLayout;
    line->addWidget(row.title);
    line->addStretch();
    line->addWidget(row.status);
    m_runs_column->insertLayout(0, line);
    m_runs_column->insertWidget(1, row.bar);
    m_runs.push_back(row);
    if (m_session.run().start(request)) m_open_timer.start();
    follow();
}

void RunPanel::openTraceOfRun() {
    RunProcess& run = m_session.run();
    if (m_runs.empty() || m_runs.back().trace_id != 0) return m_open_timer.stop();
    const uint64_t now = fileIdentity(run.tracePath());
    if (now == 0 || now == m_file_before) {
        if (!run.active()) m_open_timer.stop();
        return;
    }
    const auto opened = m_session.openTrace(run.tracePath());
    if (!opened) { // while the child lives it may still be making the file
        if (run.active()) return;
        m_open_timer.stop();
        return m_session.notify(text(opened.error().message), true);
    }
    m_open_timer.stop();
    m_runs.back().trace_id = *opened;
    m_live->setTraceId(*opened);
}

void RunPanel::follow() {
    showState();
    if (m_runs.empty()) return;
    const RunProcess& run = m_session.run();
    const RunRow& row = m_runs.back();
    const auto& progress = run.progress();
    row.bar->setRange(0, static_cast<int>(std::max<int64_t>(1, run.steps())));
    row.bar->setValue(static_cast<int>(progress.size()));
    row.bar->setVisible(run.active());
    QString status;
    Tone tone = Tone::normal;
    switch (run.state()) {
    case RunState::idle:
        break;
    case RunState::starting:
        status = "starting";
        break;
    case RunState::running:
        status = QString("step %1 of %2").arg(progress.size()).arg(run.steps());
        if (!progress.empty() && progress.back().eta_s >= 0) status += " · " + seconds(progress.back().eta_s) + " left";
        break;
    case RunState::stopping:
        status = "stopping after this step";
        break;
    case RunState::finished:
        status = "done · " + text(formatDuration(medianStep(progress))) + "/step";
        tone = Tone::good;
        break;
    case RunState::stopped:
        status = QString("stopped after %1 of %2 steps").arg(progress.size()).arg(run.steps());
        tone = Tone::attention;
        break;
    case RunState::failed:
        status = "failed";
        tone = Tone::bad;
        break;
    case RunState::killed:
        status = QString("killed after %1 of %2 steps").arg(progress.size()).arg(run.steps());
        tone = Tone::bad;
        break;
    }
    row.status->setText(status);
    setTone(row.status, tone);
}

void RunPanel::finish() {
    openTraceOfRun();
    m_open_timer.stop();
    if (!m_runs.empty() && m_runs.back().trace_id != 0) m_session.stopFollowing(m_runs.back().trace_id);
    m_form->setRequest(m_form->request()); // the next free trace name shows up
    follow();
}

void RunPanel::showState() {
    const RunProcess& run = m_session.run();
    m_session.actions().get(ActionId::start_run)->setEnabled(!run.active() && m_problems.empty());
    m_session.actions().get(ActionId::stop_run)->setEnabled(run.active());
    const bool failed = run.state() == RunState::failed || run.state() == RunState::killed ||
                        (run.state() == RunState::stopped && !run.message().isEmpty());
    m_failure_card->setVisible(failed);
    m_failure_title->setText(run.state() == RunState::failed ? "The run failed" : "The run ended");
    setTone(m_failure_title, Tone::bad);
    m_failure->setText(run.message());
    setTone(m_failure, Tone::bad);
    m_runs_head->setRight(run.active() ? QString("process %1").arg(run.processId()) : QString());
}

} // namespace shardscope::gui
