// SPDX-License-Identifier: Apache-2.0
#include "gui/panels/run_cards.h"
#include "gui/canvas/format.h"
#include "gui/panels/section.h"
#include "gui/run_fields.h"
#include "gui/style.h"
#include <QApplication>
#include <QClipboard>
#include <QHBoxLayout>
#include <QLabel>
#include <QPlainTextEdit>
#include <QToolButton>
#include <QVBoxLayout>
#include <algorithm>

namespace shardscope::gui {
namespace {

constexpr int output_height = 150, least_output = 56;
constexpr size_t most_advice = 7;

QString leafOf(const std::string& key) { return text(key.substr(key.rfind('.') + 1)); }

// Runs take alike long per step when all agree that the work depends on.
bool sameWork(const RunRequest& a, const RunRequest& b, const std::optional<KnownDevices>& devices) {
    const auto same = [&](const char* key) { return configValue(a.config, key) == configValue(b.config, key); };
    return usesGpu(a, devices) == usesGpu(b, devices) && a.model == b.model && a.ranks == b.ranks &&
           a.sequence == b.sequence && same("train_batch_size") && same("train_micro_batch_size_per_gpu") &&
           same("gradient_accumulation_steps") && same("bf16.enabled") && same("fp16.enabled");
}

bool sameRun(const RunRequest& a, const RunRequest& b) {
    const auto differ = differences(a, b);
    return std::all_of(differ.begin(), differ.end(), [](const RequestDifference& d) { return d.field == "steps"; });
}

std::optional<Advice> timeAdvice(const RunCheck& check, const std::vector<QueuedRun>& known,
                                 const std::optional<KnownDevices>& devices) {
    const int64_t steps = integerOr(check.request.steps, 0);
    const QueuedRun* nearest = nullptr;
    bool exact = false;
    for (const QueuedRun& run : known) {
        if (run.step_ns <= 0 || !sameWork(run.request, check.request, devices)) continue;
        const bool same = sameRun(run.request, check.request);
        if (exact && !same) continue;
        nearest = &run;
        exact = same;
    }
    if (!nearest || steps <= 0) return std::nullopt;
    return Advice{QString("About %1 for %2 steps, going by %3 (%4/step).")
                      .arg(durationText(static_cast<double>(nearest->step_ns) * 1e-9 * static_cast<double>(steps)))
                      .arg(steps)
                      .arg(exact ? QString("this very run before") : text(requestTitle(nearest->request)))
                      .arg(text(formatDuration(nearest->step_ns))),
                  {},
                  Tone::normal};
}

// Of each GPU what its ranks take together; what others hold of it now is no longer there when the run begins.
Advice deviceAdvice(int64_t needed, const std::vector<DeviceUse>& uses) {
    const auto never = [&](const DeviceUse& use) { return needed * use.ranks > use.gpu.memory_bytes; };
    const auto not_now = [&](const DeviceUse& use) {
        return use.gpu.free_bytes >= 0 && needed * use.ranks > use.gpu.free_bytes;
    };
    const auto short_of = std::ranges::find_if(uses, never), busy = std::ranges::find_if(uses, not_now);
    const bool good = short_of == uses.end() && busy == uses.end();
    const DeviceUse& told = short_of != uses.end() ? *short_of : busy != uses.end() ? *busy : uses.front();
    const QString who = told.ranks > 1 ? QString("%1 virtual ranks take %1 × %2 = %3")
                                             .arg(told.ranks)
                                             .arg(text(formatBytes(needed)), text(formatBytes(needed * told.ranks)))
                        : good && uses.size() > 1
                            ? "Each rank takes " + text(formatBytes(needed))
                            : QString("Rank %1 takes %2").arg(told.first_rank).arg(text(formatBytes(needed)));
    QString where = QString(" of the %1 of GPU %2 (%3)")
                        .arg(text(formatBytes(told.gpu.memory_bytes)))
                        .arg(told.device)
                        .arg(text(told.gpu.name));
    if (good && uses.size() > 1) where = " of its GPU's memory";
    const QString then =
        short_of != uses.end() ? ": that does not fit. Take a higher stage, offload, a smaller micro-batch" +
                                     QString(told.ranks > 1 ? " or fewer ranks." : " or a larger GPU.")
        : busy != uses.end() ? QString(", of which only %1 is free now: end what else uses it, or choose another GPU.")
                                   .arg(text(formatBytes(told.gpu.free_bytes)))
                             : QString(".");
    return {who + where + then,
            good                     ? ""
            : short_of != uses.end() ? "ranks"
                                     : "devices",
            good ? Tone::normal : Tone::attention};
}

std::optional<Advice> memoryAdvice(const RunCheck& check, const std::optional<KnownDevices>& devices) {
    const auto now = std::find_if(check.stages.begin(), check.stages.end(),
                                  [&](const PlannedStage& stage) { return stage.stage == stageOf(check.request); });
    const int64_t ranks = integerOr(check.request.ranks, 1), machine = machineMemoryBytes();
    if (now == check.stages.end() || machine <= 0) return std::nullopt;
    if (const auto uses = deviceUses(check.request, devices); !uses.empty()) return deviceAdvice(now->total, uses);
    const int64_t all = now->memory_bytes() * ranks;
    const bool tight = all > machine / 10 * 8;
    return Advice{QString("%1 %2 take %3 of this machine's %4%5")
                      .arg(ranks)
                      .arg(ranks == 1 ? "rank" : "ranks")
                      .arg(text(formatBytes(all)))
                      .arg(text(formatBytes(machine)))
                      .arg(tight ? ": it will swap or be killed; take fewer ranks or a smaller micro-batch." : "."),
                  tight ? "ranks" : "", tight ? Tone::attention : Tone::normal};
}

} // namespace

QString remedyOf(const QString& message) {
    const qsizetype at = message.lastIndexOf("; ");
    if (at < 0) return {};
    QString remedy = message.mid(at + 2).trimmed();
    while (remedy.endsWith('.')) remedy.chop(1);
    return remedy;
}

FailureCard::FailureCard(QWidget* parent)
    : QFrame(parent)
    , m_title(new QLabel)
    , m_message(new QLabel)
    , m_fold(new QToolButton)
    , m_copy(new QToolButton)
    , m_output(new QPlainTextEdit) {
    setObjectName("card");
    setProperty("failed", true);
    m_title->setFont(uiFont(metrics::font, true));
    m_title->setObjectName("runFailureTitle");
    m_title->setWordWrap(true);
    m_title->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
    m_message->setObjectName("runFailure");
    m_message->setWordWrap(true);
    m_message->setTextInteractionFlags(Qt::TextSelectableByMouse);
    setTone(m_title, Tone::bad);
    m_fold->setObjectName("foldOutput");
    m_fold->setText("Show output");
    m_copy->setObjectName("copyOutput");
    m_copy->setText("Copy output");
    auto* close = new QToolButton;
    close->setText("×");
    close->setProperty("flat", true);
    close->setToolTip("Put this away; the queue keeps it");
    m_output->setObjectName("runOutput");
    m_output->setReadOnly(true);
    m_output->setFont(monoFont(metrics::font_small));
    m_output->setMinimumHeight(least_output); // a small window gives it less
    m_output->setMaximumHeight(output_height);
    m_output->hide();
    auto* head = new QHBoxLayout;
    head->addWidget(m_title, 1);
    head->addWidget(m_fold);
    head->addWidget(m_copy);
    head->addWidget(close);
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(14, 8, 10, 10);
    column->addLayout(head);
    column->addWidget(m_message);
    column->addWidget(m_output);
    connect(m_fold, &QToolButton::clicked, this, [this] {
        m_output->setVisible(m_output->isHidden());
        m_fold->setText(m_output->isHidden() ? "Show output" : "Hide output");
    });
    connect(m_copy, &QToolButton::clicked, this,
            [this] { QApplication::clipboard()->setText(m_output->toPlainText()); });
    connect(close, &QToolButton::clicked, this, [this] {
        m_put_away = m_run_id;
        hide();
    });
    hide();
}

void FailureCard::show(const QueuedRun& run) {
    const bool failed = run.state == RunState::failed || run.state == RunState::killed ||
                        (run.state == RunState::stopped && !run.message.isEmpty());
    m_run_id = run.id;
    setVisible(failed && run.id != m_put_away);
    if (!failed) return;
    const QString remedy = run.state == RunState::failed ? remedyOf(run.message) : QString();
    const QString what = run.state == RunState::failed ? "failed" : "ended";
    m_title->setText(text(requestTitle(run.request)) + " " + what + (remedy.isEmpty() ? QString() : ": " + remedy));
    m_message->setText(run.message);
    if (m_output->toPlainText() != run.output.trimmed()) m_output->setPlainText(run.output.trimmed());
    for (QWidget* widget : {static_cast<QWidget*>(m_fold), static_cast<QWidget*>(m_copy)})
        widget->setVisible(!run.output.isEmpty());
    if (run.output.isEmpty()) m_output->hide();
}

QString FailureCard::message() const { return isHidden() ? QString() : m_message->text(); }

std::vector<Advice> adviceFor(const RunCheck& check, const std::vector<QueuedRun>& known,
                              const std::optional<KnownDevices>& devices) {
    std::vector<Advice> advice;
    for (const auto& [field, sentence] : check.problems)
        advice.push_back({text(sentence).remove("the configuration: "), text(field), Tone::bad});
    for (const auto& [field, sentence] : check.remarks) {
        const FieldSpec* spec = findField(field);
        advice.push_back(
            {QString("%1: %2").arg(spec ? spec->label : leafOf(field), text(sentence)), text(field), Tone::attention});
    }
    if (const auto memory = memoryAdvice(check, devices)) advice.push_back(*memory);
    if (const auto time = timeAdvice(check, known, devices)) advice.push_back(*time);
    QStringList inert;
    for (const auto& [key, fact] : check.keys)
        if (fact.origin == "given" && !fact.no_effect.empty()) inert << leafOf(key) + " (" + text(fact.no_effect) + ")";
    if (!inert.isEmpty()) advice.push_back({"Without effect here: " + inert.join(", ") + ".", {}, Tone::normal});
    for (const std::string& notice : check.notices) {
        QString sentence = text(notice);
        if (!sentence.endsWith('.')) sentence += '.';
        const std::string key = notice.substr(0, notice.find(' '));
        advice.push_back({sentence, findField(key) ? text(key) : QString(), Tone::normal});
    }
    return advice;
}

BeforeCard::BeforeCard(QWidget* parent)
    : QFrame(parent) {
    setObjectName("card");
    auto* title = new QLabel("Before you start");
    title->setFont(uiFont(metrics::font, true));
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(14, 9, 14, 11);
    column->setSpacing(4);
    column->addWidget(title);
    m_lines = new QVBoxLayout;
    m_lines->setSpacing(4);
    column->addLayout(m_lines);
    hide();
}

void BeforeCard::setAdvice(const std::vector<Advice>& all) {
    std::vector<Advice> advice = all;
    if (advice.size() > most_advice) {
        const size_t rest = advice.size() - most_advice;
        advice.resize(most_advice);
        advice.push_back({QString("And %1 more; shardscope config explain lists all.").arg(rest), {}, Tone::normal});
    }
    setVisible(!advice.empty());
    if (advice == m_advice) return;
    m_advice = advice;
    while (QLayoutItem* item = m_lines->takeAt(0)) {
        item->widget()->deleteLater();
        delete item;
    }
    bool attention = false;
    for (const Advice& line : m_advice) {
        QLabel* label = roleLabel({}, "dim");
        label->setWordWrap(true);
        label->setTextFormat(line.field.isEmpty() ? Qt::PlainText : Qt::RichText);
        label->setText(line.field.isEmpty() ? line.sentence
                                            : line.sentence.toHtmlEscaped() + " <a href=\"" +
                                                  line.field.toHtmlEscaped() + "\">Go there</a>");
        setTone(label, line.tone);
        attention |= line.tone == Tone::attention || line.tone == Tone::bad;
        connect(label, &QLabel::linkActivated, this, &BeforeCard::fieldAsked);
        m_lines->addWidget(label);
    }
    if (property("attention").toBool() != attention) {
        setProperty("attention", attention);
        repolish(this);
    }
}

AskBar::AskBar(QWidget* parent)
    : QFrame(parent)
    , m_text(new QLabel) {
    setObjectName("card");
    m_text->setWordWrap(true);
    auto* line = new QHBoxLayout(this);
    line->setContentsMargins(14, 6, 10, 6);
    line->addWidget(m_text, 1);
    hide();
}

void AskBar::setText(const QString& sentence) { m_text->setText(sentence); }

QString AskBar::text() const { return m_text->text(); }

QToolButton* AskBar::addButton(const char* name, const QString& label, bool primary) {
    auto* button = new QToolButton;
    button->setObjectName(name);
    button->setText(label);
    if (primary) button->setProperty("primary", true);
    layout()->addWidget(button);
    return button;
}

} // namespace shardscope::gui
