// SPDX-License-Identifier: Apache-2.0
#include "gui/panels/run_panel.h"
#include "core_runtime/config_json.h"
#include "gui/panels/column_scroll.h"
#include "gui/panels/config_editor.h"
#include "gui/panels/live_panel.h"
#include "gui/panels/queue_list.h"
#include "gui/panels/run_cards.h"
#include "gui/panels/run_form.h"
#include "gui/panels/section.h"
#include "gui/run_fields.h"
#include "gui/style.h"
#include <QDropEvent>
#include <QFileDialog>
#include <QFileInfo>
#include <QFrame>
#include <QLabel>
#include <QLineEdit>
#include <QMimeData>
#include <QSaveFile>
#include <QToolButton>
#include <QVBoxLayout>
#include <algorithm>

namespace shardscope::gui {
namespace {

constexpr int check_delay_ms = 120; // typing is not interrupted by planning four stages
constexpr int queue_height = 168;

QFrame* verticalLine() {
    auto* line = new QFrame;
    line->setObjectName("separator");
    line->setFixedWidth(1);
    return line;
}

// Room around a bar that comes and goes with it: margins of a layout stay where its widgets are hidden.
class Around : public QWidget {
public:
    explicit Around(QWidget* bar) {
        auto* line = new QHBoxLayout(this);
        line->setContentsMargins(12, 6, 12, 2);
        line->addWidget(bar);
        setVisible(!bar->isHidden());
        bar->installEventFilter(this);
    }

protected:
    bool eventFilter(QObject* bar, QEvent* event) override {
        if (event->type() == QEvent::ShowToParent) show();
        if (event->type() == QEvent::HideToParent) hide();
        return QWidget::eventFilter(bar, event);
    }
};

QString withoutSource(const std::string& sentence) {
    QString said = text(sentence).remove("the configuration: ");
    if (said.startsWith("the configuration, ")) said = said.mid(19);
    return said;
}

} // namespace

RunPanel::RunPanel(Session& session, QWidget* parent)
    : QWidget(parent)
    , m_session(session)
    , m_queue(new RunQueue(session))
    , m_form(new RunForm)
    , m_editor(new ConfigEditor)
    , m_live(new LivePanel(session))
    , m_list(new QueueList(*m_queue))
    , m_failure(new FailureCard)
    , m_before(new BeforeCard)
    , m_close_bar(new AskBar)
    , m_original_bar(new AskBar)
    , m_queue_head(new SectionHead("Queue"))
    , m_start_queue(new QToolButton)
    , m_filter(new QLineEdit)
    , m_history(m_form->request()) {
    m_queue->setParent(this);
    setAcceptDrops(true);
    auto* columns = new QHBoxLayout;
    columns->setSpacing(0);
    columns->addWidget(makeLeft(), 37);
    columns->addWidget(verticalLine());
    columns->addWidget(makeMiddle(), 27);
    columns->addWidget(verticalLine());
    columns->addWidget(makeRight(), 36);
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(0);
    addBars(column);
    column->addLayout(columns, 1);
    m_check_timer.setSingleShot(true);
    m_check_timer.setInterval(check_delay_ms);
    connectParts();
    connectActions();
    m_editor->setTheme(m_session.theme());
    m_editor->setText(text(m_form->request().config));
    m_text_before = m_editor->text();
    check();
    showState();
}

QWidget* RunPanel::makeLeft() {
    m_filter->setObjectName("fieldFilter");
    m_filter->setPlaceholderText("Find a field or key");
    m_filter->setClearButtonEnabled(true);
    m_filter->setAccessibleName("Find a field or key");
    auto* margin = new QHBoxLayout;
    margin->setContentsMargins(16, 8, 20, 4);
    margin->addWidget(m_filter);
    auto* left = new QWidget;
    left->setMinimumWidth(470);
    auto* column = new QVBoxLayout(left);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(0);
    column->addLayout(margin);
    column->addWidget(new ColumnScroll(m_form), 1);
    return left;
}

QWidget* RunPanel::makeMiddle() {
    m_start_queue->setObjectName("startQueue");
    m_start_queue->setText("Start queue");
    m_start_queue->setProperty("flat", true);
    m_queue_head->addWidget(m_start_queue);
    auto* scroll = new ColumnScroll(m_list);
    scroll->setFixedHeight(queue_height);
    auto* middle = new QWidget;
    auto* column = new QVBoxLayout(middle);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(0);
    column->addWidget(m_editor, 1);
    column->addWidget(thinLine());
    column->addWidget(m_queue_head);
    column->addWidget(scroll);
    return middle;
}

QWidget* RunPanel::makeRight() {
    auto* margin = new QVBoxLayout;
    margin->setContentsMargins(12, 4, 12, 10);
    margin->addWidget(m_before);
    auto* content = new QWidget;
    auto* column = new QVBoxLayout(content);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(0);
    column->addWidget(m_live, 1);
    column->addLayout(margin);
    return new ColumnScroll(content);
}

void RunPanel::addBars(QVBoxLayout* column) {
    QToolButton* stop = m_close_bar->addButton("stopAndQuit", "Stop it and quit", true);
    QToolButton* stay = m_close_bar->addButton("keepRunning", "Keep running");
    m_close_bar->setObjectName("notice");
    m_close_bar->setProperty("kind", "question");
    connect(stop, &QToolButton::clicked, this, [this] {
        m_close_when_ended = true;
        m_close_bar->setText("The run ends after its current step, then the window closes.");
        m_queue->stop();
    });
    connect(stay, &QToolButton::clicked, this, [this] {
        m_closing = m_close_when_ended = false;
        m_close_bar->hide();
    });
    QToolButton* back = m_original_bar->addButton("backToOriginal", "Take changes back");
    QToolButton* forget = m_original_bar->addButton("forgetOriginal", "Done comparing");
    connect(back, &QToolButton::clicked, this, [this] {
        if (m_original) show(*m_original);
    });
    connect(forget, &QToolButton::clicked, this, [this] {
        m_original.reset();
        showOriginal();
    });
    for (QWidget* bar :
         {static_cast<QWidget*>(m_close_bar), static_cast<QWidget*>(m_failure), static_cast<QWidget*>(m_original_bar)})
        column->addWidget(new Around(bar));
}

void RunPanel::connectParts() {
    connect(&m_check_timer, &QTimer::timeout, this, &RunPanel::check);
    connect(&m_job, &RunCheckJob::ready, this, &RunPanel::showCheck);
    connect(&m_probe, &DeviceProbe::changed, this, [this] {
        m_form->setDevices(m_probe.devices());
        check(); // what fits is another question on a GPU
    });
    connect(m_filter, &QLineEdit::textChanged, m_form, &RunForm::setFilter);
    connect(m_form, &RunForm::edited, this, &RunPanel::taken);
    connect(m_editor, &ConfigEditor::edited, this, &RunPanel::textEdited);
    connect(m_form, &RunForm::fieldFocused, this, [this](const QString& field) {
        const FieldSpec* spec = findField(field.toStdString());
        const std::string& config = m_form->request().config;
        m_editor->showLine(spec && spec->is_key() ? lineOfKey(config, spelledKey(*spec, config)) : 0);
    });
    const auto undo = [this] {
        if (const RunRequest* before = m_history.undo()) show(*before);
    };
    const auto redo = [this] {
        if (const RunRequest* after = m_history.redo()) show(*after);
    };
    connect(m_form, &RunForm::undoAsked, this, undo);
    connect(m_form, &RunForm::redoAsked, this, redo);
    connect(m_editor, &ConfigEditor::undoAsked, this, undo);
    connect(m_editor, &ConfigEditor::redoAsked, this, redo);
    connect(m_before, &BeforeCard::fieldAsked, this, [this](const QString& field) {
        m_filter->clear();
        m_form->focusField(field);
    });
    connect(m_live, &LivePanel::stageChosen, this, [this](int stage) {
        RunRequest request = m_form->request();
        request.config = withConfigValue(request.config, "zero_optimization.stage", std::to_string(stage));
        show(request);
    });
    connect(m_queue, &RunQueue::changed, this, &RunPanel::showState);
    connect(m_queue, &RunQueue::begun, this, [this] { m_live->setTraceId(0); });
    connect(m_queue, &RunQueue::traceOpened, m_live, &LivePanel::setTraceId);
    connect(m_queue, &RunQueue::ended, this, [this] {
        if (m_close_when_ended) {
            window()->close();
            return;
        }
        m_closing = false; // what was asked about has ended by itself
        m_close_bar->hide();
        check(); // the next free trace name shows up, and how long a run takes is known
    });
    connect(m_list, &QueueList::openAsked, this, [this](int id) {
        const QueuedRun* run = m_queue->run(id);
        if (!run || run->trace_path.empty()) return;
        m_session.openLater(run->trace_path, [this](const Result<int>& opened) {
            if (opened)
                m_session.setPlace(Place::timeline);
            else
                m_session.notify(text(opened.error().message), true);
        });
    });
    connect(m_list, &QueueList::repeatAsked, this, &RunPanel::repeat);
    connect(m_list, &QueueList::duplicateAsked, this, [this](int id) {
        if (const QueuedRun* run = m_queue->run(id)) vary(run->request, text(requestTitle(run->request)));
    });
    connect(m_start_queue, &QToolButton::clicked, m_queue, &RunQueue::startWaiting);
    connect(&m_session, &Session::themeChanged, this, [this] { m_editor->setTheme(m_session.theme()); });
    connect(&m_session, &Session::tracesChanged, this, &RunPanel::showState);
}

void RunPanel::connectActions() {
    const auto on = [this](ActionId id, auto&& what) {
        connect(m_session.actions().get(id), &QAction::triggered, this, std::forward<decltype(what)>(what));
    };
    on(ActionId::start_run, [this] { start(); });
    on(ActionId::stop_run, [this] { m_queue->stop(); });
    on(ActionId::run_again, [this] {
        if (const QueuedRun* run = m_queue->latest()) repeat(run->id);
    });
    on(ActionId::queue_run, [this] { addToQueue(); });
    on(ActionId::queue_stages, [this] { queueStages(); });
    on(ActionId::vary_run, [this] { varyActive(); });
    on(ActionId::open_config, [this] {
        const QString path = QFileDialog::getOpenFileName(this, "Open a DeepSpeed configuration", {},
                                                          "DeepSpeed JSON (*.json *.hjson);;All files (*)");
        if (!path.isEmpty()) openConfig(path);
    });
    on(ActionId::save_config, [this] {
        const QString path =
            QFileDialog::getSaveFileName(this, "Save the configuration", "ds_config.json", "DeepSpeed JSON (*.json)");
        if (!path.isEmpty()) saveConfig(path);
    });
}

// --- one request, two views ----------------------------------------------------------------------------------------

void RunPanel::taken(const QString& field) {
    m_editor->setText(text(m_form->request().config));
    m_text_before = m_editor->text();
    m_history.record(m_form->request(), field.toStdString());
    showOriginal();
    m_check_timer.start();
}

// Letters typed one behind the other are one step of the history, anything else is one of its own.
void RunPanel::textEdited() {
    const QString now = m_editor->text();
    const qsizetype shorter = std::min(now.size(), m_text_before.size());
    qsizetype begin = 0;
    while (begin < shorter && now[begin] == m_text_before[begin]) ++begin;
    const qsizetype grown = now.size() - m_text_before.size();
    const bool goes_on = std::abs(grown) == 1 && std::abs(begin - m_typed_at) <= 1 &&
                         (grown < 0 || (begin < now.size() && !now[begin].isSpace()));
    if (!goes_on) ++m_text_change;
    m_typed_at = begin + (grown > 0 ? 1 : 0);
    m_text_before = now;
    m_form->setConfigText(now.toStdString());
    m_history.record(m_form->request(), "config:" + std::to_string(m_text_change));
    showOriginal();
    m_check_timer.start();
}

void RunPanel::show(const RunRequest& request) {
    m_history.record(request, {});
    m_form->setRequest(request);
    m_editor->setText(text(request.config));
    m_text_before = m_editor->text();
    m_typed_at = -1;
    showOriginal();
    check();
}

void RunPanel::check() {
    m_check_timer.stop();
    m_job.request(m_form->request(), m_probe.devices());
}

void RunPanel::showCheck(const RunCheck& check) {
    m_check = check;
    m_problems = check.problems;
    m_form->showCheck(check);
    const auto config = m_problems.find("config");
    const bool broken = config != m_problems.end();
    m_editor->setVerdict(broken ? withoutSource(config->second) : QString(),
                         broken ? lineOfSentence(check.request.config, config->second) : 0);
    showRemarkedLines();
    if (check.complete) showPlanned();
    showState();
}

void RunPanel::showPlanned() {
    if (m_check.problems.empty())
        m_live->setPlanned(m_check.stages, stageOf(m_check.request), m_check.request, m_probe.devices());
    m_before->setAdvice(adviceFor(m_check, knownRuns(), m_probe.devices()));
}

// The child costs a few milliseconds of this thread: after the first picture. What is free of a GPU changes.
void RunPanel::showEvent(QShowEvent* event) {
    QWidget::showEvent(event);
    constexpr int after_first_picture_ms = 300;
    if ((!m_probe.devices() || m_probe.devices()->usable()) && !m_probe.active())
        QTimer::singleShot(after_first_picture_ms, this, [this] { m_probe.start(m_session.run().program()); });
}

void RunPanel::showRemarkedLines() {
    std::vector<LineMark> marks;
    for (const auto& [field, sentence] : m_check.remarks)
        if (const int line = lineOfKey(m_check.request.config, field)) marks.push_back({line, Tone::attention});
    m_editor->setMarks(std::move(marks));
}

bool RunPanel::settled() const { return !m_check_timer.isActive() && !m_job.pending(); }

// --- runs ----------------------------------------------------------------------------------------------------------

bool RunPanel::refusedAtSight() {
    if (m_check.request == m_form->request() && !m_problems.empty()) {
        m_session.notify(withoutSource(m_problems.begin()->second), true);
        return true;
    }
    const auto found =
        problemsAtSight(m_form->request(), m_probe.devices()); // what only a plan can tell, the child will say
    if (found.empty()) return false;
    m_problems = found;
    m_form->showChecks(found, {});
    m_session.notify(withoutSource(found.begin()->second), true);
    showState();
    return true;
}

void RunPanel::start() {
    if (m_queue->active() || refusedAtSight()) return;
    m_queue->start(m_form->request());
}

void RunPanel::addToQueue() {
    if (refusedAtSight()) return;
    m_queue->add(m_form->request());
}

void RunPanel::queueStages() {
    if (refusedAtSight()) return;
    QStringList left_out;
    for (int stage = 0; stage <= 3; ++stage) {
        const bool known = m_check.complete && m_check.request == m_form->request();
        const bool can = std::any_of(m_check.stages.begin(), m_check.stages.end(),
                                     [stage](const PlannedStage& planned) { return planned.stage == stage; });
        if (known && !can) {
            left_out << QString::number(stage);
            continue;
        }
        RunRequest request = m_form->request();
        request.config = withConfigValue(request.config, "zero_optimization.stage", std::to_string(stage));
        m_queue->add(request);
    }
    if (!left_out.isEmpty())
        m_session.notify("Stage " + left_out.join(" and ") + " is left out, because it cannot have this offload.",
                         false);
    m_queue->startWaiting();
}

void RunPanel::repeat(int run_id) {
    const QueuedRun* run = m_queue->run(run_id);
    if (!run) return;
    RunRequest request = run->request;
    request.trace.clear(); // the old trace stays beside the new one
    if (m_queue->active())
        m_queue->add(request);
    else
        m_queue->start(request);
}

void RunPanel::vary(const RunRequest& original, const QString& title) {
    m_original = original;
    m_original->trace.clear();
    m_original_title = title;
    m_session.setPlace(Place::run);
    m_filter->clear();
    show(*m_original);
}

void RunPanel::varyActive() {
    if (const OpenTrace* active = m_session.active()) varyTrace(*active);
}

void RunPanel::varyTrace(const OpenTrace& open) {
    for (const QueuedRun& run : m_queue->runs())
        if (run.trace_id == open.id) return vary(run.request, text(requestTitle(run.request)));
    vary(requestOf(*open.reader), text(open.facts.title() + " · " + open.facts.model));
}

void RunPanel::changeKey(int trace_id, const QString& key) {
    const OpenTrace* open = m_session.trace(trace_id);
    if (open && open->facts.stage >= 0) varyTrace(*open);
    m_session.setPlace(Place::run);
    m_filter->clear();
    if (findField(key.toStdString())) return m_form->seekField(key);
    m_session.notify("No field of the form stands for " + key + "; change it in the JSON.", false);
}

void RunPanel::showOriginal() {
    m_form->setOriginal(m_original);
    m_original_bar->setVisible(m_original.has_value());
    if (!m_original) return;
    const auto changed = differences(*m_original, m_form->request());
    QStringList parts;
    for (const RequestDifference& difference : changed) {
        const auto value = [](const std::string& v) { return v.empty() ? QString("default") : text(v).simplified(); };
        parts << text(difference.field.substr(difference.field.rfind('.') + 1)) + " " + value(difference.before) +
                     " → " + value(difference.after);
    }
    m_original_bar->setText(
        "Copy of " + m_original_title + ": " +
        (parts.isEmpty() ? QString("nothing is changed yet; change one field and start") : parts.join(", ")));
    findChild<QToolButton*>("backToOriginal")->setEnabled(!changed.empty());
}

std::vector<QueuedRun> RunPanel::knownRuns() const {
    std::vector<QueuedRun> known;
    for (const OpenTrace& open : m_session.traces()) {
        if (open.followed || !open.figures || open.figures->step_ns <= 0 || open.facts.stage < 0) continue;
        QueuedRun run;
        run.request = requestOf(*open.reader);
        run.step_ns = open.figures->step_ns;
        known.push_back(std::move(run));
    }
    known.insert(known.end(), m_queue->runs().begin(), m_queue->runs().end());
    return known;
}

void RunPanel::showState() {
    Actions& actions = m_session.actions();
    const bool good = m_problems.empty(), active = m_queue->active();
    const QueuedRun* latest = m_queue->latest();
    actions.get(ActionId::start_run)->setEnabled(!active && good);
    actions.get(ActionId::stop_run)->setEnabled(active);
    actions.get(ActionId::queue_run)->setEnabled(good);
    actions.get(ActionId::queue_stages)->setEnabled(good);
    actions.get(ActionId::run_again)->setEnabled(latest != nullptr);
    const OpenTrace* trace = m_session.active();
    actions.get(ActionId::vary_run)->setEnabled(trace && trace->facts.stage >= 0);
    m_start_queue->setVisible(m_queue->holds());
    const auto& runs = m_queue->runs();
    const auto at =
        std::find_if(runs.begin(), runs.end(), [&](const QueuedRun& r) { return latest && r.id == latest->id; });
    if (active)
        m_queue_head->setRight(QString("%1 of %2 · process %3")
                                   .arg(at - runs.begin() + 1)
                                   .arg(runs.size())
                                   .arg(m_session.run().processId()));
    else
        m_queue_head->setRight(m_queue->waiting() ? QString("%1 waiting").arg(m_queue->waiting()) : QString());
    if (latest)
        m_failure->show(*latest);
    else
        m_failure->hide();
}

QString RunPanel::failure() const { return m_failure->message(); }

QString RunPanel::statusOfLastRun() const { return m_queue->latest() ? statusText(*m_queue->latest()) : QString(); }

bool RunPanel::mayClose() {
    if (!m_queue->active() || m_closing) return true; // the run is interrupted by its owner
    m_closing = true;
    m_close_bar->setText(text(requestTitle(m_queue->latest()->request)) + " goes on, " + statusOfLastRun() +
                         ". What it recorded stays either way; closing again ends it at once.");
    m_close_bar->show();
    m_session.setPlace(Place::run);
    return false;
}

// --- files ---------------------------------------------------------------------------------------------------------

void RunPanel::openConfig(const QString& path) {
    m_files.start([this, path] { // the pool is waited for, so `this` outlives the worker
        auto read = std::make_shared<Result<std::string>>(readSmallFile(path.toStdString(), "configuration"));
        QMetaObject::invokeMethod(
            this,
            [this, path, read] {
                if (!*read) return m_session.notify(text(read->error().message) + ".", true);
                RunRequest request = m_form->request();
                request.config = **read;
                std::erase(request.config, '\r'); // the editor has one kind of line end
                m_original.reset();
                m_session.setPlace(Place::run);
                show(request);
                m_session.notify(
                    "Opened " + QFileInfo(path).fileName() + "; Before you start says what has no effect here.", false);
            },
            Qt::QueuedConnection);
    });
}

void RunPanel::saveConfig(const QString& path) {
    const QByteArray bytes = m_editor->text().toUtf8();
    m_files.start([this, path, bytes] {
        QSaveFile file(path);
        const bool saved = file.open(QIODevice::WriteOnly) && file.write(bytes) == bytes.size() && file.commit();
        const QString reason = file.errorString();
        QMetaObject::invokeMethod(
            this,
            [this, path, saved, reason] {
                m_session.notify(saved ? "Saved " + path + "."
                                       : path + " could not be written (" + reason +
                                             "); choose another folder or free space.",
                                 !saved);
            },
            Qt::QueuedConnection);
    });
}

void RunPanel::dragEnterEvent(QDragEnterEvent* event) {
    const auto urls = event->mimeData()->urls();
    if (urls.size() == 1 && urls.front().isLocalFile() &&
        (urls.front().fileName().endsWith("ds_config.json") ||
         urls.front().fileName().contains("config", Qt::CaseInsensitive)) &&
        urls.front().fileName().endsWith(".json"))
        event->acceptProposedAction(); // others are the window's
    else
        event->ignore();
}

void RunPanel::dropEvent(QDropEvent* event) {
    event->acceptProposedAction();
    openConfig(event->mimeData()->urls().front().toLocalFile());
}

} // namespace shardscope::gui
