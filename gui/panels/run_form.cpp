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
#include <QFileDialog>
#include <QGridLayout>
#include <QLineEdit>
#include <QThread>
#include <QToolButton>
#include <QVBoxLayout>

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
    addHead("Model and ranks");
    addChoice("model", "Model", "", models);
    addText("ranks", "Ranks", &RunRequest::ranks, "4", {});
    addText("steps", "Steps", &RunRequest::steps, "20", {});
    addText("sequence", "Sequence", &RunRequest::sequence, "context", {});
    addChoice("link", "Link", "", links);
    addHead("ZeRO");
    addStage();
    addConfigNumber("zero_optimization.reduce_bucket_size", "Gradient bucket", "5e8", "elements");
    addConfigNumber("zero_optimization.allgather_bucket_size", "Gather bucket", "5e8", "elements");
    addChoice("zero_optimization.overlap_comm", "Overlap communication", "zero_optimization.overlap_comm",
              {"default", "on", "off"});
    addConfigNumber("zero_optimization.stage3_prefetch_bucket_size", "Prefetch", "5e7", "elements");
    addConfigNumber("zero_optimization.stage3_param_persistence_threshold", "Keep gathered up to", "1e5", "elements");
    addHead("Precision and batch");
    addChoice("bf16.enabled", "Precision", "bf16.enabled", {"fp32", "bf16"});
    addConfigNumber("train_micro_batch_size_per_gpu", "Micro-batch per rank", "1", {});
    addConfigNumber("optimizer.params.lr", "Learning rate", "1e-3", {});
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

void RunForm::addChoice(const char* name, const char* label, const char* config_key, const QStringList& shown) {
    auto* combo = new QComboBox;
    combo->addItems(shown);
    combo->setFixedWidth(editor_width);
    combo->setFocusPolicy(Qt::StrongFocus);
    const std::string key = config_key;
    Row& row = addRow(name, label, config_key, combo, {});
    if (key.empty()) { // of the command line: the model and the link
        std::string RunRequest::*value = QString(name) == "model" ? &RunRequest::model : &RunRequest::link;
        combo->setEditable(true); // a model may be a .json file, a link ALPHA_US:GBPS
        combo->setInsertPolicy(QComboBox::NoInsert);
        combo->setToolTip(value == &RunRequest::model
                              ? "A name from the list, or a .json file that describes a model"
                              : "A name from the list, or latency in µs and GB/s such as 10:6.4");
        row.refresh = [this, combo, value] {
            if (combo->currentText() != text(m_request.*value)) combo->setCurrentText(text(m_request.*value));
        };
        connect(combo, &QComboBox::currentTextChanged, this, [this, value](const QString& chosen) {
            if (m_refreshing) return;
            m_request.*value = chosen.trimmed().toStdString();
            refreshNotes();
            emit edited();
        });
        return;
    }
    const bool has_default = shown.first() == "default"; // otherwise absent means the first choice
    row.refresh = [this, combo, key, has_default] {
        const auto value = configValue(m_request.config, key);
        combo->setCurrentIndex(has_default ? (!value ? 0 : *value == "true" ? 1 : 2) : (value == "true" ? 1 : 0));
    };
    connect(combo, &QComboBox::currentIndexChanged, this, [this, key, has_default](int index) {
        if (m_refreshing) return;
        if (has_default)
            setConfig(key, index == 0 ? std::nullopt : std::optional<std::string>(index == 1 ? "true" : "false"));
        else
            setConfig(key, index == 1 ? "true" : "false");
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
    if (const auto link = findLink(m_request.link))
        note("link", link->emulates() ? QString("emulated, %1 GB/s").arg(text(significant(link->bandwidth_gbps, 3)))
                                      : "not emulated");
    int64_t stage = 0, ranks = 1, micro_batch = 1;
    parseInteger(configValue(m_request.config, "zero_optimization.stage").value_or("0"), stage);
    note("zero_optimization.stage", stageNote(stage));
    note("zero_optimization.overlap_comm", stage == 3 ? "default on" : "default off");
    note("bf16.enabled",
         configValue(m_request.config, "bf16.enabled") == "true" ? "fp32 master weights" : "everything in fp32");
    if (parseInteger(m_request.ranks, ranks) &&
        parseInteger(configValue(m_request.config, "train_micro_batch_size_per_gpu").value_or("1"), micro_batch))
        note("train_micro_batch_size_per_gpu", QString("samples × %1 ranks = %2").arg(ranks).arg(ranks * micro_batch));
    for (const Row& row : m_rows) { // keys without meaning at this stage stay visible but rest
        if (row.name.contains("stage3_")) row.editor->setEnabled(stage == 3);
        if (row.name.endsWith("allgather_bucket_size")) row.editor->setEnabled(stage == 1 || stage == 2);
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
