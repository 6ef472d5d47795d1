// SPDX-License-Identifier: Apache-2.0
#include "gui/panels/run_form.h"
#include "core_runtime/link_model.h"
#include "core_runtime/model_spec.h"
#include "gui/canvas/format.h"
#include "gui/panels/section.h"
#include "gui/panels/segmented.h"
#include "gui/style.h"
#include "gui/units.h"
#include <QAction>
#include <QActionGroup>
#include <QComboBox>
#include <QDir>
#include <QFileDialog>
#include <QGridLayout>
#include <QLineEdit>
#include <QThread>
#include <QToolButton>
#include <QVBoxLayout>
#include <array>

namespace shardscope::gui {
namespace {

constexpr int editor_width = 130;

std::optional<std::string>
jsonOf(const std::string& typed) { // what a field holds as a JSON value; empty removes the key
    if (typed.empty()) return std::nullopt;
    int64_t integer = 0;
    if (parseInteger(typed, integer)) return std::to_string(integer);
    return typed;
}

constexpr std::array offload_sections = {"zero_optimization.offload_optimizer.", "zero_optimization.offload_param."};

QString captionOf(const char* key) { return QString(key).remove("zero_optimization."); } // the heading says that part

const char* stageNote(int64_t stage) {
    constexpr const char* notes[] = {"all is replicated", "optimizer sharded", "+ gradients sharded",
                                     "+ parameters sharded"};
    return stage >= 0 && stage <= 3 ? notes[stage] : "";
}

} // namespace

RunForm::RunForm(QWidget* parent)
    : QWidget(parent)
    , m_grid(new QGridLayout) {
    m_request.config = startingConfig();
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(16, 12, 16, 12);
    column->addLayout(m_grid);
    column->addStretch();
    m_grid->setHorizontalSpacing(12);
    m_grid->setVerticalSpacing(6);
    m_grid->setColumnMinimumWidth(0, 168);
    m_grid->setColumnStretch(2, 1);

    QStringList models, links;
    for (const ModelSpec& model : builtinModels()) models << text(model.name);
    for (const LinkModel& link : builtinLinks()) links << text(link.name);
    const QString link_form = "A name from the list, or latency in µs and GB/s such as 10:6.4";
    addHead("Model and ranks");
    addName("model", "Model", &RunRequest::model, models,
            "A name from the list, or a .json file that describes a model");
    addText("ranks", "Ranks", &RunRequest::ranks, "4", {});
    addText("steps", "Steps", &RunRequest::steps, "20", {});
    addText("sequence", "Sequence", &RunRequest::sequence, "context", {});
    addName("link", "Link", &RunRequest::link, links, link_form);
    addHead("ZeRO");
    addStage();
    addConfigNumber("zero_optimization.reduce_bucket_size", "Gradient bucket", "5e8", "elements");
    addConfigNumber("zero_optimization.allgather_bucket_size", "Gather bucket", "5e8", "elements");
    addChoice("zero_optimization.overlap_comm", "Overlap communication",
              {{"default", std::nullopt}, {"on", "true"}, {"off", "false"}});
    addConfigNumber("zero_optimization.stage3_prefetch_bucket_size", "Prefetch", "5e7", "elements");
    addConfigNumber("zero_optimization.stage3_param_persistence_threshold", "Keep gathered up to", "1e5", "elements");
    addHead("Precision and batch");
    addPrecision();
    addConfigNumber("train_micro_batch_size_per_gpu", "Micro-batch per rank", "1", {});
    addConfigNumber("gradient_accumulation_steps", "Accumulation", "1", "micro-batches");
    addConfigNumber("gradient_clipping", "Clip gradients at", "0", "L2 norm, 0 is off");
    addConfigNumber("optimizer.params.lr", "Learning rate", "1e-3", {});
    addHead("Memory");
    addChoice("shardscope.activation_checkpointing", "Recompute activations",
              {{"none", std::nullopt}, {"selective", "selective"}, {"full", "full"}});
    addChoice("zero_optimization.offload_optimizer.device", "Optimizer lives on",
              {{"device", std::nullopt}, {"host", "cpu"}, {"NVMe", "nvme"}});
    addChoice("zero_optimization.offload_param.device", "Shards live on",
              {{"device", std::nullopt}, {"host", "cpu"}, {"NVMe", "nvme"}});
    addSwapFolder();
    addName("host_link", "Host link", &RunRequest::host_link, links, link_form);
    addName("storage_link", "Storage link", &RunRequest::storage_link, links, link_form);
    addHead("Files");
    addPath("data", "Training text", &RunRequest::data, "built-in text", false);
    addPath("trace", "Trace to write", &RunRequest::trace, {}, true);
    refresh();
}

void RunForm::addHead(const char* title) {
    if (m_next_row > 0) m_grid->setRowMinimumHeight(m_next_row++, 8);
    m_grid->addWidget(headLabel(title), m_next_row++, 0, 1, 3);
}

RunForm::Row& RunForm::addRow(const char* name, const char* label, const char* key, QWidget* editor,
                              const QString& note) {
    auto* names = new QVBoxLayout;
    names->setSpacing(0);
    names->addStretch();
    names->addWidget(new QLabel(label));
    if (*key) {
        QLabel* caption = roleLabel(captionOf(key), "dim", 10);
        caption->setFont(monoFont(10));
        caption->setToolTip(key);
        names->addWidget(caption);
    }
    names->addStretch();
    Row row{.name = name, .editor = editor, .note = roleLabel(note, "dim"), .check = new QLabel, .refresh = {}};
    editor->setObjectName(QString("field:%1").arg(name));
    row.note->setWordWrap(true);
    row.check->setObjectName(QString("check:%1").arg(name));
    row.check->setFont(uiFont(metrics::font_small));
    row.check->setWordWrap(true);
    row.check->hide();
    m_grid->addLayout(names, m_next_row, 0);
    m_grid->addWidget(editor, m_next_row, 1);
    m_grid->addWidget(row.note, m_next_row++, 2);
    m_grid->addWidget(row.check, m_next_row++, 1, 1, 2);
    m_rows.push_back(std::move(row));
    return m_rows.back();
}

void RunForm::addText(const char* name, const char* label, std::string RunRequest::*value, const QString& placeholder,
                      const QString& note) {
    auto* edit = new QLineEdit;
    edit->setPlaceholderText(placeholder);
    edit->setFixedWidth(editor_width);
    addRow(name, label, "", edit, note).refresh = [this, edit, value] {
        if (edit->text() != text(m_request.*value)) edit->setText(text(m_request.*value));
    };
    connect(edit, &QLineEdit::textEdited, this, [this, value](const QString& typed) {
        m_request.*value = typed.trimmed().toStdString();
        refreshNotes();
        emit edited();
    });
}

void RunForm::addPath(const char* name, const char* label, std::string RunRequest::*value, const QString& placeholder,
                      bool save) {
    auto* edit = new QLineEdit;
    edit->setPlaceholderText(placeholder);
    auto* browse = new QToolButton;
    browse->setText("…");
    browse->setToolTip("Choose a file");
    auto* both = new QWidget;
    auto* line = new QHBoxLayout(both);
    line->setContentsMargins(0, 0, 0, 0);
    line->addWidget(edit);
    line->addWidget(browse);
    Row& row = addRow(name, label, "", both, {});
    edit->setObjectName(QString("field:%1").arg(name)); // the line is the field, not the box around it
    both->setObjectName({});
    row.editor = edit;
    m_grid->removeWidget(both);
    m_grid->addWidget(both, m_next_row - 2, 1, 1, 2);
    row.note->hide();
    row.refresh = [this, edit, value] {
        if (edit->text() != text(m_request.*value)) edit->setText(text(m_request.*value));
    };
    const auto take = [this, value](const QString& typed) {
        m_request.*value = typed.trimmed().toStdString();
        refreshNotes();
        emit edited();
    };
    connect(edit, &QLineEdit::textEdited, this, take);
    connect(browse, &QToolButton::clicked, this, [this, edit, take, save] {
        const QString path =
            save ? QFileDialog::getSaveFileName(this, "Trace to write", edit->text(), "Traces (*.shardscope)", nullptr,
                                                QFileDialog::DontConfirmOverwrite)
                 : QFileDialog::getOpenFileName(this, "Training text", edit->text());
        if (path.isEmpty()) return;
        edit->setText(path);
        take(path);
    });
}

void RunForm::addConfigNumber(const char* key, const char* label, const QString& default_text, const QString& unit) {
    auto* edit = new QLineEdit;
    edit->setPlaceholderText(default_text);
    edit->setFixedWidth(editor_width);
    const QString note = unit.isEmpty() ? "default " + default_text : unit + " · default " + default_text;
    addRow(key, label, key, edit, note).refresh = [this, edit, key] {
        if (edit->hasFocus() &&
            jsonOf(edit->text().toStdString()) == jsonOf(configValue(m_request.config, key).value_or("")))
            return;
        const QString now = text(configValue(m_request.config, key).value_or(""));
        if (edit->text() != now) edit->setText(now);
    };
    connect(edit, &QLineEdit::textEdited, this,
            [this, key](const QString& typed) { setConfig(key, jsonOf(typed.trimmed().toStdString())); });
}

void RunForm::addName(const char* name, const char* label, std::string RunRequest::*value, const QStringList& names,
                      const QString& tooltip) {
    auto* combo = new QComboBox;
    combo->addItems(names);
    combo->setFixedWidth(editor_width);
    combo->setFocusPolicy(Qt::StrongFocus);
    combo->setEditable(true);
    combo->setInsertPolicy(QComboBox::NoInsert);
    combo->setToolTip(tooltip);
    addRow(name, label, "", combo, {}).refresh = [this, combo, value] {
        if (combo->currentText() != text(m_request.*value)) combo->setCurrentText(text(m_request.*value));
    };
    connect(combo, &QComboBox::currentTextChanged, this, [this, value](const QString& chosen) {
        if (m_refreshing) return;
        m_request.*value = chosen.trimmed().toStdString();
        refreshNotes();
        emit edited();
    });
}

void RunForm::addChoice(const char* key, const char* label, const std::vector<Choice>& choices) {
    auto* combo = new QComboBox;
    for (const Choice& choice : choices) combo->addItem(choice.shown);
    combo->setFixedWidth(editor_width);
    combo->setFocusPolicy(Qt::StrongFocus);
    addRow(key, label, key, combo, {}).refresh = [this, combo, key, choices] {
        const auto value = configValue(m_request.config, key);
        int index = 0; // also for what is not among the choices: the check under the field says what is wrong
        for (size_t i = 0; i < choices.size(); ++i)
            if (choices[i].json == value) index = static_cast<int>(i);
        combo->setCurrentIndex(index);
    };
    connect(combo, &QComboBox::currentIndexChanged, this, [this, key, choices](int index) {
        if (!m_refreshing) setConfig(key, choices[static_cast<size_t>(index)].json);
    });
}

// One of two sections, or none.
void RunForm::addPrecision() {
    auto* combo = new QComboBox;
    combo->addItems({"fp32", "bf16", "fp16"});
    combo->setFixedWidth(editor_width);
    combo->setFocusPolicy(Qt::StrongFocus);
    addRow("bf16.enabled", "Precision", "bf16.enabled", combo, {}).refresh = [this, combo] {
        combo->setCurrentIndex(configValue(m_request.config, "bf16.enabled") == "true"   ? 1
                               : configValue(m_request.config, "fp16.enabled") == "true" ? 2
                                                                                         : 0);
    };
    connect(combo, &QComboBox::currentIndexChanged, this, [this](int index) {
        if (m_refreshing) return;
        const auto enabled = [](bool on) { return on ? std::optional<std::string>("true") : std::nullopt; };
        m_request.config = withConfigValue(m_request.config, "fp16.enabled", enabled(index == 2));
        setConfig("bf16.enabled", enabled(index == 1));
    });
}

// One folder serves both sections.
void RunForm::addSwapFolder() {
    auto* edit = new QLineEdit;
    edit->setFixedWidth(editor_width);
    addRow("zero_optimization.nvme_path", "Swap folder", "nvme_path", edit, "of what lives on NVMe").refresh = [this,
                                                                                                                edit] {
        QString now;
        for (const char* section : offload_sections)
            if (const auto path = configValue(m_request.config, std::string(section) + "nvme_path")) now = text(*path);
        if (edit->text() != now) edit->setText(now);
    };
    connect(edit, &QLineEdit::textEdited, this, [this](const QString& typed) {
        for (const char* section : offload_sections)
            if (configValue(m_request.config, std::string(section) + "device") == "nvme")
                setConfig(std::string(section) + "nvme_path", typed.trimmed().toStdString());
    });
}

void RunForm::addStage() {
    m_stage = new QActionGroup(this);
    QList<QAction*> actions;
    for (int stage = 0; stage <= 3; ++stage) {
        auto* action = m_stage->addAction(QString::number(stage));
        action->setCheckable(true);
        action->setToolTip(text(stageSentence(stage)));
        connect(action, &QAction::triggered, this,
                [this, stage] { setConfig("zero_optimization.stage", std::to_string(stage)); });
        actions << action;
    }
    auto* control = new Segmented(actions);
    control->setFixedWidth(editor_width);
    addRow("zero_optimization.stage", "Stage", "zero_optimization.stage", control, {}).refresh = [this] {
        int64_t stage = 0;
        const bool known = parseInteger(configValue(m_request.config, "zero_optimization.stage").value_or("0"), stage);
        for (QAction* action : m_stage->actions())
            action->setChecked(known && action->text() == QString::number(stage));
    };
}

void RunForm::setConfig(const std::string& key, const std::optional<std::string>& json) {
    if (!isJsonObject(m_request.config))
        m_request.config = startingConfig(); // a text that is no JSON cannot take a key
    m_request.config = withConfigValue(m_request.config, key, json);
    for (const std::string section : offload_sections) { // a swap folder comes and goes with what is swapped
        const bool swapped = configValue(m_request.config, section + "device") == "nvme";
        const bool named = configValue(m_request.config, section + "nvme_path").has_value();
        if (swapped && !named)
            m_request.config = withConfigValue(m_request.config, section + "nvme_path", QDir::tempPath().toStdString());
        if (!swapped && named) m_request.config = withConfigValue(m_request.config, section + "nvme_path", {});
    }
    refresh();
    emit edited();
}

void RunForm::setRequest(const RunRequest& request) {
    m_request = request;
    refresh();
}

void RunForm::setConfigText(const std::string& config) {
    m_request.config = config;
    if (isJsonObject(config)) refresh();
}

void RunForm::refresh() {
    m_refreshing = true;
    for (const Row& row : m_rows) row.refresh();
    m_refreshing = false;
    refreshNotes();
}

void RunForm::refreshNotes() {
    const auto note = [this](const char* name, const QString& words) {
        for (const Row& row : m_rows)
            if (row.name == name) row.note->setText(words);
    };
    if (const auto model = findModel(m_request.model)) {
        note("model", text(formatCount(parameterCount(*model))) + " parameters");
        note("sequence", QString("tokens · default %1").arg(model->context));
    }
    note("ranks", QString("threads on %1 cores").arg(QThread::idealThreadCount()));
    const auto note_link = [&](const char* name, const std::string& of) {
        if (const auto link = findLink(of))
            note(name, link->emulates() ? QString("emulated, %1 GB/s").arg(text(significant(link->bandwidth_gbps, 3)))
                                        : "not emulated");
    };
    note_link("link", m_request.link);
    note_link("host_link", m_request.host_link);
    note_link("storage_link", m_request.storage_link);
    int64_t stage = 0, ranks = 1, micro_batch = 1, accumulation = 1;
    parseInteger(configValue(m_request.config, "zero_optimization.stage").value_or("0"), stage);
    note("zero_optimization.stage", stageNote(stage));
    note("zero_optimization.overlap_comm", stage == 3 ? "default on" : "default off");
    note("bf16.enabled", configValue(m_request.config, "bf16.enabled") == "true"   ? "fp32 master weights"
                         : configValue(m_request.config, "fp16.enabled") == "true" ? "fp32 master weights, loss scale"
                                                                                   : "everything in fp32");
    const bool optimizer_off = configValue(m_request.config, "zero_optimization.offload_optimizer.device").has_value();
    const bool shards_off = configValue(m_request.config, "zero_optimization.offload_param.device").has_value();
    note("shardscope.activation_checkpointing", "again in backward");
    note("zero_optimization.offload_optimizer.device", stage == 0   ? "stages 1 to 3"
                                                       : stage == 3 ? ""
                                                                    : "NVMe at stage 3");
    note("zero_optimization.offload_param.device", stage == 3 ? "" : "stage 3");
    if (parseInteger(m_request.ranks, ranks) &&
        parseInteger(configValue(m_request.config, "train_micro_batch_size_per_gpu").value_or("1"), micro_batch) &&
        parseInteger(configValue(m_request.config, "gradient_accumulation_steps").value_or("1"), accumulation))
        note("train_micro_batch_size_per_gpu",
             accumulation > 1 ? QString("samples × %1 × %2 ranks = %3")
                                    .arg(accumulation)
                                    .arg(ranks)
                                    .arg(ranks * micro_batch * accumulation)
                              : QString("samples × %1 ranks = %2").arg(ranks).arg(ranks * micro_batch));
    for (const Row& row : m_rows) { // keys without meaning at this stage stay visible but rest
        if (row.name.contains("stage3_")) row.editor->setEnabled(stage == 3);
        if (row.name.endsWith("allgather_bucket_size")) row.editor->setEnabled(stage == 1 || stage == 2);
        if (row.name.endsWith("offload_optimizer.device")) row.editor->setEnabled(stage > 0 || optimizer_off);
        if (row.name.endsWith("offload_param.device")) row.editor->setEnabled(stage == 3 || shards_off);
        if (row.name.endsWith("nvme_path"))
            row.editor->setEnabled(!static_cast<QLineEdit*>(row.editor)->text().isEmpty());
        if (row.name.endsWith("host_link")) row.editor->setEnabled(optimizer_off || shards_off);
        if (row.name == "storage_link")
            row.editor->setEnabled(configValue(m_request.config, "zero_optimization.offload_optimizer.device") ==
                                       "nvme" ||
                                   configValue(m_request.config, "zero_optimization.offload_param.device") == "nvme");
        if (row.name == "trace")
            static_cast<QLineEdit*>(row.editor)->setPlaceholderText(text(defaultTracePath(m_request)));
    }
}

void RunForm::showChecks(const std::map<std::string, std::string>& problems,
                         const std::map<std::string, std::string>& remarks) {
    const auto config = problems.find("config");
    for (const Row& row : m_rows) {
        const std::string name = row.name.toStdString(), leaf = name.substr(name.rfind('.') + 1);
        QString sentence;
        Tone tone = Tone::bad;
        if (const auto found = problems.find(name); found != problems.end()) sentence = text(found->second);
        // The sentence about the JSON names its key; it is shown at the field of that key too.
        else if (config != problems.end() && name.find('.') != std::string::npos &&
                 config->second.find(leaf) != std::string::npos)
            sentence = text(config->second);
        else if (const auto remark = remarks.find(name); remark != remarks.end()) {
            sentence = text(remark->second);
            tone = Tone::attention;
        }
        row.check->setText(sentence);
        row.check->setVisible(!sentence.isEmpty());
        setTone(row.check, tone);
        const bool invalid = !sentence.isEmpty() && tone == Tone::bad;
        if (row.editor->property("invalid").toBool() != invalid) {
            row.editor->setProperty("invalid", invalid);
            repolish(row.editor);
        }
    }
}

QLineEdit* RunForm::field(const QString& name) const { return findChild<QLineEdit*>("field:" + name); }

QLabel* RunForm::check(const QString& name) const { return findChild<QLabel*>("check:" + name); }

} // namespace shardscope::gui
