// SPDX-License-Identifier: Apache-2.0
#include "gui/buckets/sweep_form.h"
#include "core_runtime/model_spec.h"
#include "core_runtime/sweep_spec.h"
#include "gui/buckets/sweep_model.h"
#include "gui/panels/section.h"
#include "gui/style.h"
#include "gui/units.h"
#include <QCheckBox>
#include <QComboBox>
#include <QFormLayout>
#include <QLineEdit>
#include <QProgressBar>
#include <QPushButton>
#include <algorithm>
#include <cmath>

namespace shardscope::gui {
namespace {

constexpr int check_delay_ms = 120; // typing is not interrupted by planning

constexpr std::pair<const char*, const char*> common[] = {{"reduce_bucket_size", "1e5:1e9:log:9"},
                                                          {"allgather_bucket_size", "1e5:1e9:log:9"},
                                                          {"stage3_prefetch_bucket_size", "1e4:1e8:log:9"},
                                                          {"overlap_comm", "on,off"},
                                                          {"sub_group_size", "1e5:1e9:log:5"}};

QString durationText(double seconds) {
    const auto whole = static_cast<int64_t>(std::max(1.0, std::round(seconds)));
    if (whole < 60) return QString("%1 s").arg(whole);
    if (whole < 3600) return QString("%1 min %2 s").arg(whole / 60).arg(whole % 60);
    return QString("%1 h %2 min").arg(whole / 3600).arg(whole / 60 % 60);
}

QString sentence(const std::string& message) {
    QString shown = text(message);
    if (shown.startsWith("--vary ")) shown.remove(0, 7); // there is no command line here
    return shown.endsWith('.') || shown.endsWith('?') ? shown : shown + ".";
}

} // namespace

SweepForm::SweepForm(SweepProcess& process, QWidget* parent)
    : QWidget(parent)
    , m_process(process)
    , m_key(new QComboBox)
    , m_values(new QLineEdit)
    , m_repeat(new QLineEdit("5"))
    , m_steps(new QLineEdit("20"))
    , m_folder(new QLineEdit)
    , m_overlap(new QCheckBox("overlap on and off as well"))
    , m_what(roleLabel({}, "dim"))
    , m_estimate(roleLabel({}, "dim"))
    , m_problem(new QLabel)
    , m_progress(roleLabel({}, "dim"))
    , m_bar(new QProgressBar)
    , m_start(new QPushButton("Start sweep"))
    , m_stop(new QPushButton("Stop"))
    , m_resume(new QPushButton("Resume")) {
    m_check_timer.setSingleShot(true);
    m_check_timer.setInterval(check_delay_ms);
    m_key->setEditable(true);
    m_key->setAccessibleName("Key to vary");
    for (const auto& [key, values] : common) m_key->addItem(key);
    m_key->setSizeAdjustPolicy(QComboBox::AdjustToMinimumContentsLengthWithIcon);
    m_values->setText(common[0].second);
    m_values->setToolTip("1e5:1e9:log:9, 0:4:lin:5, or a list such as 1e5,1e6 or on,off");
    m_folder->setPlaceholderText("a new folder beside the traces");
    for (const auto& [edit, name] :
         {std::pair{m_values, "values"}, {m_repeat, "repeat"}, {m_steps, "steps"}, {m_folder, "folder"}}) {
        edit->setObjectName(QString("sweep-") + name);
        edit->setAccessibleName(name);
        connect(edit, &QLineEdit::textChanged, this, [this] { m_check_timer.start(); });
    }
    for (QLabel* label : {m_what, m_estimate, m_problem, m_progress}) label->setWordWrap(true);
    m_problem->setFont(uiFont(metrics::font_small));
    m_problem->setTextInteractionFlags(Qt::TextSelectableByMouse);
    setTone(m_problem, Tone::bad);
    m_bar->setTextVisible(false);
    m_start->setProperty("primary", true);
    auto* form = new QFormLayout;
    form->setContentsMargins(0, 0, 0, 0);
    form->setSpacing(6);
    form->setFieldGrowthPolicy(QFormLayout::AllNonFixedFieldsGrow);
    const auto row = [&](const char* name, QWidget* field) {
        QLabel* label = roleLabel(name, "dim");
        label->setSizePolicy(QSizePolicy::Preferred, QSizePolicy::Expanding); // as high as the field, beside its words
        form->addRow(label, field);
    };
    row("key", m_key);
    row("values", m_values);
    form->addRow(QString(), m_overlap);
    row("runs each", m_repeat);
    row("steps", m_steps);
    row("folder", m_folder);
    auto* buttons = new QHBoxLayout;
    buttons->addWidget(m_start, 1);
    buttons->addWidget(m_stop, 1);
    buttons->addWidget(m_resume, 1);
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(6);
    column->addWidget(m_what);
    column->addLayout(form);
    for (QWidget* widget : {static_cast<QWidget*>(m_estimate), static_cast<QWidget*>(m_problem),
                            static_cast<QWidget*>(m_bar), static_cast<QWidget*>(m_progress)})
        column->addWidget(widget);
    column->addLayout(buttons);
    connect(m_key, &QComboBox::currentTextChanged, this, [this](const QString& key) {
        for (const auto& [known, values] : common)
            if (key == known) m_values->setText(values);
        m_overlap->setEnabled(key != "overlap_comm");
        m_check_timer.start();
    });
    connect(m_overlap, &QCheckBox::toggled, this, [this] { m_check_timer.start(); });
    connect(&m_check_timer, &QTimer::timeout, this, &SweepForm::refresh);
    connect(m_start, &QPushButton::clicked, this, [this] {
        QString problem;
        std::optional<SweepRequest> wanted = request(problem);
        if (!wanted) return refresh();
        if (wanted->folder.empty()) wanted->folder = defaultSweepFolder(wanted->run);
        m_process.start(m_program ? m_program() : QString(), *wanted);
        emit started();
    });
    connect(m_stop, &QPushButton::clicked, &m_process, &SweepProcess::stop);
    connect(m_resume, &QPushButton::clicked, this, [this] {
        if (!m_resumable) return;
        m_process.start(m_program ? m_program() : QString(), *m_resumable);
        emit started();
    });
    connect(&m_process, &SweepProcess::changed, this, &SweepForm::showState);
    showState();
}

QLineEdit* SweepForm::field(const QString& name) const { return findChild<QLineEdit*>("sweep-" + name); }

void SweepForm::setKey(const QString& key) { m_key->setCurrentText(key); }

void SweepForm::setResumable(const Sweep* sweep) {
    m_resumable.reset();
    if (sweep && sweep->status != "finished" && !sweep->folder.empty()) m_resumable = requestOf(*sweep);
    showState();
}

std::optional<SweepRequest> SweepForm::request(QString& problem) const {
    if (!m_source) return std::nullopt;
    SweepRequest wanted{.run = m_source()};
    wanted.run.steps = m_steps->text().trimmed().toStdString();
    wanted.folder = m_folder->text().trimmed().toStdString();
    for (const auto& [field, said] : problems(wanted.run))
        if (field != "trace") { // a sweep makes its own
            problem = (field == "steps" || field == "config" ? QString() : "In the Run form: ") + text(said);
            return std::nullopt;
        }
    int64_t steps = 0;
    parseInteger(wanted.run.steps, steps);
    if (steps <= wanted.warmup_steps) {
        problem = QString("Steps must be more than the %1 of warm-up.").arg(wanted.warmup_steps);
        return std::nullopt;
    }
    if (!parseInteger(m_repeat->text().toStdString(), wanted.repeat) || wanted.repeat < 1 || wanted.repeat > 1'000) {
        problem = "Runs each must be a whole number from 1 to 1,000.";
        return std::nullopt;
    }
    std::vector<SweepKey> keys;
    std::vector<std::string> specs = {m_key->currentText().trimmed().toStdString() + "=" +
                                      m_values->text().trimmed().toStdString()};
    if (m_overlap->isChecked() && m_overlap->isEnabled()) specs.emplace_back("overlap_comm=on,off");
    int64_t ranks = 1;
    parseInteger(wanted.run.ranks, ranks);
    const auto config = parseConfig(wanted.run.config, "the configuration", ranks);
    for (const std::string& spec : specs) {
        Result<SweepKey> key = parseVary(spec);
        if (!key) {
            problem = sentence(key.error().message);
            return std::nullopt;
        }
        if (config)
            if (const auto resolved = resolveKey(key->key, *config); !resolved) {
                problem = sentence(resolved.error().message);
                return std::nullopt;
            }
        keys.push_back(std::move(key).value());
        wanted.vary.push_back(spec);
    }
    if (const auto points = sweepPoints(keys); !points) {
        problem = sentence(points.error().message);
        return std::nullopt;
    }
    return wanted;
}

QString SweepForm::estimate(const SweepRequest& wanted) const {
    std::vector<SweepKey> keys;
    for (const std::string& spec : wanted.vary)
        if (auto key = parseVary(spec)) keys.push_back(std::move(key).value());
    const auto points = sweepPoints(keys);
    const int64_t count = points ? static_cast<int64_t>(points->size()) : 0;
    int64_t steps = 0;
    parseInteger(wanted.run.steps, steps);
    QString said = QString("%1 points and the default, at most %2 runs").arg(count).arg((count + 1) * wanted.repeat);
    const double step_ns = m_step_time ? m_step_time(wanted.run) : 0;
    if (step_ns <= 0) return said + "; how long that takes shows after the first run.";
    return said + ", about " + durationText(sweepSeconds((count + 1) * wanted.repeat, steps, step_ns)) + ".";
}

void SweepForm::refresh() {
    if (m_source) {
        const RunRequest run = m_source();
        const std::string stage = configValue(run.config, "zero_optimization.stage").value_or("0");
        m_what->setText(QString("The configuration of the Run form: %1 · ZeRO-%2 · %3 ranks · link %4")
                            .arg(text(run.model), text(stage), text(run.ranks), text(run.link)));
    }
    m_wrong.clear();
    m_wanted = request(m_wrong);
    showState();
}

QString SweepForm::problem() const { return m_problem->isHidden() ? QString() : m_problem->text(); }
QString SweepForm::progressText() const { return m_progress->isHidden() ? QString() : m_progress->text(); }

void SweepForm::showState() {
    const SweepState& state = m_process.state();
    const bool active = m_process.active();
    m_start->setVisible(!active);
    m_stop->setVisible(active);
    m_stop->setEnabled(state.kind == SweepState::running);
    m_resume->setVisible(!active && m_resumable.has_value());
    m_bar->setVisible(active);
    const int64_t steps = std::max<int64_t>(state.steps, 1);
    m_bar->setRange(0, static_cast<int>(std::max<int64_t>(1, state.runs) * steps));
    m_bar->setValue(static_cast<int>(state.done * steps + state.step));
    QString said;
    if (state.kind == SweepState::running) {
        said = QString("run %1 of %2").arg(std::min(state.done + 1, std::max<int64_t>(state.runs, 1))).arg(state.runs);
        if (!state.label.empty()) said += " · " + text(state.label);
        if (state.eta_s >= 0) said += " · " + durationText(state.eta_s) + " left";
    } else if (state.kind == SweepState::stopping) {
        said = "stopping";
    } else if (state.kind == SweepState::stopped) {
        said = QString("Stopped after %1 of %2 runs; what was measured is kept.").arg(state.done).arg(state.runs);
    }
    if (const QStringList& notices = m_process.notices(); active && !notices.isEmpty()) said += "\n" + notices.back();
    m_progress->setText(said);
    m_progress->setVisible(!said.isEmpty());
    m_estimate->setText(m_wanted && !active ? estimate(*m_wanted) : QString());
    m_estimate->setVisible(!m_estimate->text().isEmpty());
    const QString problem = m_wrong.isEmpty() && state.kind == SweepState::failed ? state.message : m_wrong;
    m_problem->setText(problem);
    m_problem->setVisible(!problem.isEmpty());
    m_start->setEnabled(m_wanted.has_value() && !active);
}

} // namespace shardscope::gui
