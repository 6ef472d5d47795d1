// SPDX-License-Identifier: Apache-2.0
#include "gui/panels/run_form.h"
#include "core_runtime/link_model.h"
#include "gui/canvas/format.h"
#include "gui/panels/field_row.h"
#include "gui/panels/section.h"
#include "gui/style.h"
#include "gui/units.h"
#include <QCoreApplication>
#include <QDir>
#include <QHBoxLayout>
#include <QLineEdit>
#include <QScrollArea>
#include <QThread>
#include <QToolButton>
#include <QVBoxLayout>

namespace shardscope::gui {
namespace {

constexpr std::array offload_sections = {"zero_optimization.offload_optimizer.", "zero_optimization.offload_param."};

// What a field holds as a JSON value; empty removes the key.
std::optional<std::string> jsonOf(const FieldSpec& field, const std::string& typed) {
    if (typed.empty()) return std::nullopt;
    int64_t integer = 0;
    if (field.kind == FieldKind::list && typed.front() != '[') return "[" + typed + "]";
    if (field.kind == FieldKind::number && parseInteger(typed, integer) &&
        typed.find_first_not_of("0123456789eE+,_ ") == std::string::npos)
        return std::to_string(integer); // counts may be written 5e8; 0.1 and 1e-3 stay as they are
    return typed;
}

const char* stageNote(int stage) {
    constexpr const char* notes[] = {"all is replicated", "optimizer sharded", "+ gradients sharded",
                                     "+ parameters sharded"};
    return notes[stage];
}

QString firstPart(const QString& sentence) { return sentence.section(", and", 0, 0).section("; ", 0, 0); }

} // namespace

RunForm::RunForm(QWidget* parent)
    : QWidget(parent)
    , m_facts(defaultFacts())
    , m_no_match(roleLabel("No field or key is called so; the JSON takes every key that DeepSpeed knows.", "dim")) {
    m_request.config = startingConfig();
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(16, 8, 10, 12);
    column->setSpacing(2);
    for (const FieldGroup group : all_field_groups) addGroup(group, column);
    m_no_match->setObjectName("noField");
    m_no_match->setWordWrap(true);
    column->addWidget(m_no_match);
    column->addStretch();
    refresh();
    arrange();
}

void RunForm::addGroup(FieldGroup id, QVBoxLayout* column) {
    Group group;
    group.id = id;
    group.head = new QToolButton;
    group.head->setObjectName(QString("group:%1").arg(groupTitle(id)));
    group.head->setProperty("flat", true);
    group.head->setFont(headFont());
    group.head->setAccessibleName(groupTitle(id));
    group.summary = roleLabel({}, "dim");
    group.summary->setFont(uiFont(metrics::font_small));
    auto* head = new QHBoxLayout;
    head->setContentsMargins(0, 6, 0, 0);
    head->addWidget(group.head);
    head->addStretch();
    head->addWidget(group.summary);
    column->addLayout(head);
    group.box = new QWidget;
    auto* rows = new QVBoxLayout(group.box);
    rows->setContentsMargins(0, 0, 0, 0);
    rows->setSpacing(0);
    for (const FieldSpec& field : runFields()) {
        if (field.group != id) continue;
        auto* row = new FieldRow(field);
        rows->addWidget(row);
        group.rows.push_back(row);
        connect(row, &FieldRow::typed, this, [this, &field](const QString& value) { take(field, value); });
        connect(row, &FieldRow::focused, this, [this, row] { emit fieldFocused(row->name()); });
        connect(row, &FieldRow::undoAsked, this, &RunForm::undoAsked);
        connect(row, &FieldRow::redoAsked, this, &RunForm::redoAsked);
    }
    group.more = new QToolButton;
    group.more->setObjectName(QString("more:%1").arg(groupTitle(id)));
    group.more->setProperty("flat", true);
    group.more->setProperty("role", "dim");
    rows->addWidget(group.more);
    column->addWidget(group.box);
    const size_t index = m_groups.size();
    connect(group.head, &QToolButton::clicked, this, [this, index] {
        m_groups[index].open = !m_groups[index].open;
        arrange();
    });
    connect(group.more, &QToolButton::clicked, this, [this, index] {
        m_groups[index].all = !m_groups[index].all;
        arrange();
    });
    m_groups.push_back(std::move(group));
}

FieldRow* RunForm::row(const QString& name) const {
    for (const Group& group : m_groups)
        for (FieldRow* row : group.rows)
            if (row->name() == name) return row;
    return nullptr;
}

QLineEdit* RunForm::field(const QString& name) const {
    if (auto* line = findChild<QLineEdit*>("field:" + name)) return line;
    return nullptr;
}

QLabel* RunForm::check(const QString& name) const { return findChild<QLabel*>("check:" + name); }

bool RunForm::shows(const QString& name) const {
    const FieldRow* found = row(name);
    return found && !found->isHidden() && !found->parentWidget()->isHidden();
}

// --- what is edited ------------------------------------------------------------------------------------------------

void RunForm::take(const FieldSpec& field, const QString& value) {
    if (field.value) {
        m_request.*field.value = value.toStdString();
        refreshNotes();
        arrange();
    } else {
        if (!isJsonObject(m_request.config)) return refresh(); // a broken text takes no key; it says where it is broken
        takeKey(field, value.toStdString());
        refresh();
    }
    emit edited(field.name);
}

void RunForm::takeKey(const FieldSpec& field, const std::string& value) {
    std::string& config = m_request.config;
    if (!value.empty() && m_emptied.field == field.name && m_emptied.after == config)
        config = m_emptied.before; // typed anew: the key stays where it was
    const std::string before = config;
    const auto enabled = [](bool on) { return on ? std::optional<std::string>("true") : std::nullopt; };
    switch (field.kind) {
    case FieldKind::precision: // one of two sections, or none
        config = withConfigValue(config, "fp16.enabled", enabled(value == "fp16"));
        config = withConfigValue(config, spelledKey(field, config), enabled(value == "bf16"));
        break;
    case FieldKind::swap_folder:
        takeSwapFolder(value);
        break;
    default:
        config = withConfigValue(config, spelledKey(field, config), jsonOf(field, value));
    }
    for (const std::string section : offload_sections) { // a swap folder comes and goes with what is swapped
        if (field.name != section + "device") continue;
        const bool swapped = configValue(config, section + "device") == "nvme";
        const bool named = configValue(config, section + "nvme_path").has_value();
        if (swapped && !named) config = withConfigValue(config, section + "nvme_path", QDir::tempPath().toStdString());
        if (!swapped && named) config = withConfigValue(config, section + "nvme_path", {});
    }
    m_emptied = value.empty() ? Emptied{field.name, before, config} : Emptied();
}

// One folder serves both sections.
void RunForm::takeSwapFolder(const std::string& path) {
    for (const std::string section : offload_sections)
        if (configValue(m_request.config, section + "device") == "nvme")
            m_request.config = withConfigValue(m_request.config, section + "nvme_path", path);
}

std::optional<std::string> RunForm::valueOf(const FieldSpec& field) const {
    if (field.value) return m_request.*field.value;
    if (field.kind == FieldKind::precision) {
        if (configValue(m_readable, spelledKey(field, m_readable)) == "true") return "bf16";
        return configValue(m_readable, "fp16.enabled") == "true" ? std::optional<std::string>("fp16") : std::nullopt;
    }
    if (field.kind == FieldKind::swap_folder) {
        for (const std::string section : offload_sections)
            if (const auto path = configValue(m_readable, section + "nvme_path")) return path;
        return std::nullopt;
    }
    return configValue(m_readable, spelledKey(field, m_readable));
}

void RunForm::setRequest(const RunRequest& request) {
    m_request = request;
    m_emptied = {};
    refresh();
}

void RunForm::setConfigText(const std::string& config) {
    m_request.config = config;
    m_emptied = {};
    if (isJsonObject(config)) refresh();
}

void RunForm::refresh() {
    if (isJsonObject(m_request.config)) m_readable = m_request.config;
    for (const Group& group : m_groups)
        for (FieldRow* row : group.rows) row->setValue(valueOf(row->spec()));
    refreshNotes();
    showDifferences();
    arrange();
}

// --- what is known -------------------------------------------------------------------------------------------------

void RunForm::showCheck(const RunCheck& check) {
    if (!check.keys.empty()) {
        for (const auto& [key, fact] : check.keys) {
            KeyFact& known = m_facts[key];
            KeyFact now = fact;
            if (!check.complete) { // what the plan will tell stays as it was until then
                now.memory = known.memory;
                now.memory_of = known.memory_of;
                now.no_effect = known.no_effect;
            }
            known = std::move(now);
        }
    }
    for (const PlannedStage& stage : check.stages)
        if (stage.stage == stageOf(check.request)) m_needed_bytes = stage.total;
    m_model_note = text(check.model);
    m_context = text(check.context);
    row("trace")->setPlaceholder(text(check.trace_path));
    refreshNotes();
    showChecks(check.problems, check.remarks);
}

void RunForm::refreshNotes() {
    for (const Group& group : m_groups)
        for (FieldRow* row : group.rows)
            if (row->spec().is_key()) noteKey(*row);
    noteRequest();
}

// "elements · default 5e8 · 3.81 MiB"
void RunForm::noteKey(FieldRow& row) {
    const FieldSpec& field = row.spec();
    const auto found = m_facts.find(field.name);
    const KeyFact fact = found == m_facts.end() ? KeyFact() : found->second;
    QStringList parts;
    if (!fact.unit.empty()) parts << text(fact.unit);
    const bool default_is_named = field.words && *field.words && !QString(field.words).startsWith("default");
    if (row.given() && !fact.default_value.empty() && !default_is_named)
        parts << "default " + text(fact.default_value);
    else if (!row.given() && fact.origin == "derived")
        parts << (field.kind == FieldKind::word ? text(fact.value) + " · derived" : "derived");
    else if (!row.given() && field.kind == FieldKind::word && !default_is_named && !fact.value.empty())
        parts << text(fact.value) + " · default";
    else if (!row.given() && !fact.default_value.empty() && !default_is_named)
        parts << "default";
    if (!row.given()) row.setPlaceholder(text(fact.value.empty() ? fact.default_value : fact.value));
    QString tooltip = text(fact.no_effect);
    if (!fact.memory.empty()) {
        parts << text(fact.memory);
        tooltip = text(fact.memory) + " of each rank's memory: " + text(fact.memory_of) + ".";
    }
    const bool no_schedule =
        QString(field.name).startsWith("scheduler.params.") && !configValue(m_request.config, "scheduler.type");
    const bool rests = no_schedule || !fact.no_effect.empty();
    if (no_schedule)
        parts = {"without a schedule"};
    else if (rests)
        parts = {firstPart(text(fact.no_effect))};
    row.setResting(rests);
    row.setNote(parts.join(" · "), tooltip);
}

void RunForm::noteRequest() {
    const auto note = [this](const char* name, const QString& words) {
        if (FieldRow* noted = row(name)) noted->setNote(words, {});
    };
    note("model", m_model_note);
    note("sequence", "tokens");
    row("sequence")->setPlaceholder(m_context.isEmpty() ? QString("context") : m_context);
    row("seed")->setPlaceholder("1");
    row("data")->setPlaceholder("built-in text");
    row("initial_weights")->setPlaceholder("made from the seed");
    row("device_memory")->setPlaceholder("this machine");
    row("checkpoint_folder")->setPlaceholder("none");
    row("checkpoint_every")->setPlaceholder("the end");
    row("checkpoint_keep")->setPlaceholder("all");
    row("resume")->setPlaceholder("nothing");
    row("weights")->setPlaceholder("none");
    note("checkpoint_every", "steps");
    note("checkpoint_keep", "newest");
    note("device_memory", "per rank");
    if (const auto share = deviceShare(m_request, m_devices))
        note("ranks", share->device.find("virtual") == std::string::npos ? "a GPU each" : "virtual, on one GPU");
    else
        note("ranks", QString("threads on %1 cores").arg(QThread::idealThreadCount()));
    row("measure_tax")->setPlaceholder(usesGpu(m_request, m_devices) ? "5" : "0");
    note("measure_tax", "steps, thrown away");
    noteBackend();
    noteDevices();
    const auto note_link = [&](const char* name, const std::string& of) {
        if (const auto link = findLink(of))
            note(name,
                 link->emulates()
                     ? QString::fromUtf8("emulated, %1 GB/\u2060s").arg(text(significant(link->bandwidth_gbps, 3)))
                     : "not emulated");
    };
    note_link("link", m_request.link);
    note_link("host_link", m_request.host_link);
    note_link("storage_link", m_request.storage_link);
    note("zero_optimization.stage", stageNote(stageOf(m_request)));
    const auto precision = valueOf(*findField("bf16.enabled"));
    note("bf16.enabled", precision == "bf16"   ? "fp32 master weights"
                         : precision == "fp16" ? "fp32 master weights, loss scale"
                                               : "everything in fp32");
    note("zero_optimization.nvme_path", "of what lives on NVMe");
    const auto factor = [&](const char* key) {
        const auto found = m_facts.find(key);
        const std::string otherwise = found == m_facts.end() ? "1" : found->second.value;
        return integerOr(configValue(m_request.config, key).value_or(otherwise), 0);
    };
    const int64_t ranks = integerOr(m_request.ranks, 0), micro_batch = factor("train_micro_batch_size_per_gpu"),
                  accumulation = factor("gradient_accumulation_steps");
    constexpr int64_t sane = 1'000'000;
    if (ranks > 0 && micro_batch > 0 && accumulation > 0 && ranks < sane && micro_batch < sane && accumulation < sane)
        note("train_micro_batch_size_per_gpu",
             accumulation > 1 ? QString("samples × %1 × %2 ranks = %3")
                                    .arg(accumulation)
                                    .arg(ranks)
                                    .arg(ranks * micro_batch * accumulation)
                              : QString("samples × %1 ranks = %2").arg(ranks).arg(ranks * micro_batch));
    const bool offloads =
        configValue(m_request.config, std::string(offload_sections[0]) + "device").value_or("none") != "none" ||
        configValue(m_request.config, std::string(offload_sections[1]) + "device").value_or("none") != "none";
    row("host_link")->setResting(!offloads);
    row("storage_link")->setResting(!offloads);
}

void RunForm::setDevices(const std::optional<KnownDevices>& devices) {
    m_devices = devices;
    noteRequest();
    arrange();
}

void RunForm::noteBackend() {
    FieldRow* noted = row("backend");
    if (!m_devices) return noted->setNote("looking for GPUs", {});
    const bool gpu = usesGpu(m_request, m_devices);
    const QString taken = gpu ? text(m_devices->words()) : QString("CPU ranks");
    const QString why =
        !gpu && m_devices->usable() && m_request.backend == "auto" ? QString(", the link is emulated") : QString();
    noted->setNote(m_request.backend == "auto" ? "takes " + taken + why : taken, text(m_devices->details()));
}

// The devices, and why the run takes none.
void RunForm::noteDevices() {
    FieldRow* noted = row("devices");
    noted->showDevices(m_request, m_devices, m_needed_bytes);
    const bool used = usesGpu(m_request, m_devices);
    noted->setResting(m_devices && !used);
    noted->setNote(!m_devices                  ? "looking for GPUs"
                   : !used                     ? "none is used"
                   : m_request.devices.empty() ? "all, in the driver's order"
                                               : "in the order ticked",
                   m_devices ? text(m_devices->details()) : QString());
    if (m_problems.contains("devices")) return;
    noted->setCheck(m_problems.contains("backend") ? QString() : text(whyNoGpu(m_request, m_devices)), Tone::normal);
}

void RunForm::showChecks(const std::map<std::string, std::string>& problems,
                         const std::map<std::string, std::string>& remarks) {
    m_problems = problems;
    const auto config = problems.find("config");
    for (const Group& group : m_groups)
        for (FieldRow* row : group.rows) {
            const std::string name = row->spec().name, leaf = name.substr(name.rfind('.') + 1);
            if (const auto found = problems.find(name); found != problems.end())
                row->setCheck(text(found->second), Tone::bad);
            // The sentence about the JSON names its key; it is shown at the field of that key too.
            else if (config != problems.end() && row->spec().is_key() &&
                     (config->second.find(name) != std::string::npos ||
                      (name.find('.') != std::string::npos && leaf.size() > 7 &&
                       config->second.find(leaf) != std::string::npos)))
                row->setCheck(text(config->second).remove("the configuration: "), Tone::bad);
            else if (const auto remark = remarks.find(name); remark != remarks.end())
                row->setCheck(text(remark->second), Tone::attention);
            else
                row->setCheck({}, Tone::normal);
        }
    noteBackend();
    noteDevices();
    arrange();
}

void RunForm::setOriginal(const std::optional<RunRequest>& original) {
    m_original = original;
    showDifferences();
}

void RunForm::showDifferences() {
    std::map<std::string, QString> before;
    if (m_original)
        for (const RequestDifference& difference : differences(*m_original, m_request))
            before[difference.field] = text(difference.before);
    for (const Group& group : m_groups)
        for (FieldRow* row : group.rows) {
            const auto found = before.find(row->spec().name);
            row->setBefore(found == before.end() ? std::nullopt : std::optional(found->second));
        }
}

// --- what is shown -------------------------------------------------------------------------------------------------

void RunForm::setFilter(const QString& filter) {
    m_filter = filter.trimmed();
    arrange();
}

void RunForm::focusField(const QString& name) {
    FieldRow* wanted = row(name);
    if (!wanted) return;
    m_filter.clear();
    for (Group& group : m_groups)
        if (std::find(group.rows.begin(), group.rows.end(), wanted) != group.rows.end()) {
            group.open = true;
            group.all |= wanted->isHidden();
        }
    arrange();
    wanted->takeFocus();
    // Rows that have just come have no place yet, and the place itself may have just come: only then can it be
    // scrolled.
    QCoreApplication::sendPostedEvents(nullptr, QEvent::LayoutRequest);
    for (QWidget* at = parentWidget(); at; at = at->parentWidget())
        if (auto* scroll = qobject_cast<QScrollArea*>(at)) return scroll->ensureWidgetVisible(wanted, 0, 60);
}

void RunForm::seekField(const QString& name) {
    focusField(name);
    for (const Group& group : m_groups)
        for (FieldRow* row : group.rows) row->setSought(row->name() == name);
}

// A row that was asked for or given stays until its group is folded: nothing goes away under the hand.
void RunForm::arrange() {
    int found = 0;
    for (Group& group : m_groups) {
        int given = 0, hidden = 0, matching = 0, wrong = 0;
        for (FieldRow* row : group.rows) {
            given += row->given() && row->spec().is_key();
            wrong += row->wrong();
            const bool matches = m_filter.isEmpty() || row->matches(m_filter);
            const bool wanted =
                group.all || isCommon(row->spec()) || row->given() || row->remarked() || row->holdsFocus();
            matching += matches;
            hidden += !(isCommon(row->spec()) || row->given() || row->remarked());
            row->setVisible(m_filter.isEmpty() ? wanted : matches);
        }
        found += matching;
        const bool open = m_filter.isEmpty() ? group.open || wrong > 0 : matching > 0;
        group.box->setVisible(open);
        group.head->setVisible(m_filter.isEmpty() || matching > 0);
        group.head->setText((open ? "▾  " : "▸  ") + headText(groupTitle(group.id)));
        group.more->setVisible(m_filter.isEmpty() && hidden > 0);
        group.more->setText(group.all ? "fewer" : QString("%1 more").arg(hidden));
        group.summary->setText(wrong > 0   ? QString("%1 to mend").arg(wrong)
                               : given > 0 ? QString("%1 set").arg(given)
                                           : QString());
        group.summary->setVisible(group.head->isVisibleTo(this));
        setTone(group.summary, wrong > 0 ? Tone::bad : Tone::normal);
    }
    m_no_match->setVisible(found == 0);
}

} // namespace shardscope::gui
