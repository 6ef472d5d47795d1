// SPDX-License-Identifier: Apache-2.0
#include "gui/panels/field_row.h"
#include "core_runtime/link_model.h"
#include "core_runtime/model_spec.h"
#include "gui/panels/device_choice.h"
#include "gui/panels/elided_label.h"
#include "gui/panels/section.h"
#include "gui/panels/segmented.h"
#include "gui/style.h"
#include "gui/units.h"
#include <QAction>
#include <QActionGroup>
#include <QCheckBox>
#include <QComboBox>
#include <QEvent>
#include <QFileDialog>
#include <QHBoxLayout>
#include <QKeyEvent>
#include <QLineEdit>
#include <QPainter>
#include <QToolButton>
#include <QVBoxLayout>

namespace shardscope::gui {
namespace {

constexpr int editor_width = 130, label_width = 148, reset_width = 20;

QString captionOf(const FieldSpec& field) {
    return QString(field.name).remove("zero_optimization.");
} // as the head says

QStringList namesOf(const FieldSpec& field) {
    QStringList names;
    if (qstrcmp(field.name, "model") == 0)
        for (const ModelSpec& model : builtinModels()) names << text(model.name);
    else if (qstrcmp(field.name, "device_memory") == 0)
        names << QString() << "16 GB"
              << "24 GB"
              << "40 GB"
              << "80 GB"
              << "141 GB";
    else if (qstrcmp(field.name, "backend") == 0)
        names << "auto"
              << "cpu"
              << "cuda";
    else
        for (const LinkModel& link : builtinLinks()) names << text(link.name);
    return names;
}

bool sameNumber(const QString& a, const QString& b) {
    double first = 0, second = 0;
    return parseReal(a.toStdString(), first) && parseReal(b.toStdString(), second) && first == second;
}

} // namespace

FieldRow::FieldRow(const FieldSpec& spec, QWidget* parent)
    : QWidget(parent)
    , m_spec(spec)
    , m_label(new ElidedLabel(spec.label, Qt::ElideMiddle))
    , m_note(roleLabel({}, "dim"))
    , m_check(roleLabel({}, "dim"))
    , m_reset(new QToolButton) {
    auto* names = new QVBoxLayout;
    names->setSpacing(0);
    names->addStretch();
    names->addWidget(m_label);
    if (spec.is_key()) {
        auto* caption = new ElidedLabel(captionOf(spec), Qt::ElideMiddle);
        caption->setProperty("role", "dim");
        caption->setFont(monoFont(10));
        names->addWidget(caption);
    }
    names->addStretch();
    QWidget* editor = makeEditor();
    m_note->setWordWrap(true);
    m_note->setFont(uiFont(metrics::font_small));
    m_reset->setText("↺");
    m_reset->setObjectName(QString("reset:%1").arg(spec.name));
    m_reset->setProperty("flat", true);
    m_reset->setFixedWidth(reset_width);
    m_reset->setToolTip("Back to the default");
    m_reset->setAccessibleName(QString("%1: back to the default").arg(spec.label));
    QSizePolicy keeps = m_reset->sizePolicy(); // nothing moves when it comes
    keeps.setRetainSizeWhenHidden(true);
    m_reset->setSizePolicy(keeps);
    m_reset->hide();
    m_check->setObjectName(QString("check:%1").arg(spec.name));
    m_check->setFont(uiFont(metrics::font_small));
    m_check->setWordWrap(true);
    m_check->hide();
    const QString help = QString::fromUtf8(spec.help);
    setAttribute(Qt::WA_StyledBackground);
    setToolTip(spec.is_key() ? "<b>" + QString(spec.name) + "</b><br>" + help.toHtmlEscaped() : help);

    auto* name_box = new QWidget;
    name_box->setLayout(names);
    names->setContentsMargins(0, 0, 0, 0);
    name_box->setMinimumWidth(label_width);
    auto* line = new QHBoxLayout;
    line->setSpacing(8);
    line->addWidget(name_box, 3);
    if (m_devices) // which take a line each, below; notes stand below each other
        line->addSpacing(editor_width + line->spacing());
    else
        line->addWidget(editor, m_spec.kind == FieldKind::file || m_spec.kind == FieldKind::new_file ||
                                        m_spec.kind == FieldKind::folder
                                    ? 5
                                    : 0);
    line->addWidget(m_note, 3);
    line->addWidget(m_reset);
    auto* below = new QHBoxLayout;
    below->addSpacing(16);
    below->addWidget(m_check);
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(0, 3, 0, 3);
    column->setSpacing(2);
    column->addLayout(line);
    if (m_devices) {
        auto* indented = new QHBoxLayout;
        indented->setContentsMargins(16, 0, reset_width + 8, 0);
        indented->addWidget(m_devices);
        column->addLayout(indented);
    }
    column->addLayout(below);
    connect(m_reset, &QToolButton::clicked, this, [this] { emit typed({}); });
}

QWidget* FieldRow::makeEditor() {
    QWidget* editor = nullptr;
    switch (m_spec.kind) {
    case FieldKind::number:
    case FieldKind::text:
    case FieldKind::list:
    case FieldKind::swap_folder:
        editor = makeLine();
        editor->setFixedWidth(editor_width);
        break;
    case FieldKind::file:
    case FieldKind::new_file:
    case FieldKind::folder:
        editor = makePath();
        m_has_no_note = true;
        m_note->hide();
        break;
    case FieldKind::stage:
        editor = makeStage();
        break;
    case FieldKind::devices:
        editor = m_devices = new DeviceChoice;
        connect(m_devices, &DeviceChoice::chosen, this, &FieldRow::typed);
        break;
    case FieldKind::word:
    case FieldKind::precision:
    case FieldKind::name:
        editor = makeCombo();
        break;
    }
    QWidget* named = m_line ? static_cast<QWidget*>(m_line) : m_combo ? static_cast<QWidget*>(m_combo) : editor;
    named->setObjectName(QString("field:%1").arg(m_spec.name));
    named->setAccessibleName(m_spec.label);
    named->setAccessibleDescription(QString::fromUtf8(m_spec.help));
    named->installEventFilter(this);
    if (m_combo && m_combo->lineEdit()) m_combo->lineEdit()->installEventFilter(this);
    return editor;
}

QWidget* FieldRow::makeLine() {
    m_line = new QLineEdit;
    connect(m_line, &QLineEdit::textEdited, this, [this](const QString& now) { emit typed(now.trimmed()); });
    return m_line;
}

QWidget* FieldRow::makePath() {
    makeLine();
    auto* browse = new QToolButton;
    browse->setText("…");
    browse->setToolTip(m_spec.kind == FieldKind::folder ? "Choose a folder" : "Choose a file");
    auto* both = new QWidget;
    auto* line = new QHBoxLayout(both);
    line->setContentsMargins(0, 0, 0, 0);
    line->setSpacing(4);
    line->addWidget(m_line);
    line->addWidget(browse);
    connect(browse, &QToolButton::clicked, this, [this] {
        const QString path =
            m_spec.kind == FieldKind::folder ? QFileDialog::getExistingDirectory(this, m_spec.label, m_line->text())
            : m_spec.kind == FieldKind::file ? QFileDialog::getOpenFileName(this, m_spec.label, m_line->text())
                                             : QFileDialog::getSaveFileName(this, m_spec.label, m_line->text(), {},
                                                                            nullptr, QFileDialog::DontConfirmOverwrite);
        if (path.isEmpty()) return;
        m_line->setText(path);
        emit typed(path);
    });
    return both;
}

QWidget* FieldRow::makeCombo() {
    m_combo = new QComboBox;
    m_combo->setFixedWidth(editor_width);
    m_combo->setFocusPolicy(Qt::StrongFocus); // the wheel scrolls the form
    if (m_spec.kind == FieldKind::name) {
        m_combo->setEditable(true);
        m_combo->setInsertPolicy(QComboBox::NoInsert);
        m_combo->addItems(namesOf(m_spec));
        connect(m_combo, &QComboBox::currentTextChanged, this, [this](const QString& now) {
            if (!m_setting) emit typed(now.trimmed());
        });
        return m_combo;
    }
    const QString words = m_spec.kind == FieldKind::precision ? "fp32=fp32|bf16=bf16|fp16=fp16" : m_spec.words;
    for (const QString& word : words.split('|')) {
        m_combo->addItem(word.section('=', 0, 0));
        m_words.push_back(word.section('=', 1));
    }
    connect(m_combo, &QComboBox::currentIndexChanged, this, [this](int index) {
        if (!m_setting && index >= 0) emit typed(m_words[static_cast<size_t>(index)]);
    });
    return m_combo;
}

QWidget* FieldRow::makeStage() {
    auto* group = new QActionGroup(this);
    for (int stage = 0; stage <= 3; ++stage) {
        auto* action = group->addAction(QString::number(stage));
        action->setCheckable(true);
        action->setToolTip(text(stageSentence(stage)));
        connect(action, &QAction::triggered, this, [this, stage] { emit typed(QString::number(stage)); });
        m_stages << action;
    }
    auto* control = new Segmented(m_stages);
    control->setFixedWidth(editor_width);
    for (QToolButton* button : control->findChildren<QToolButton*>()) button->installEventFilter(this);
    auto* box = new QWidget; // bears the field's name; the control needs its own for the style
    auto* line = new QHBoxLayout(box);
    line->setContentsMargins(0, 0, 0, 0);
    line->addWidget(control);
    return box;
}

void FieldRow::setValue(const std::optional<std::string>& value) {
    m_setting = true;
    const QString now = text(value.value_or(""));
    if (m_line) {
        const bool being_typed =
            m_line->hasFocus() && (sameNumber(m_line->text(), now) || m_line->text().trimmed() == now);
        if (!being_typed && m_line->text() != now) m_line->setText(now);
    } else if (m_combo && m_spec.kind == FieldKind::name) {
        if (m_combo->currentText().trimmed() != now) m_combo->setCurrentText(now);
    } else if (m_combo) {
        int index = 0; // also for what is not among the choices: the check under the field says what is wrong
        for (size_t i = 0; i < m_words.size(); ++i)
            if (value && m_words[i] == now) index = static_cast<int>(i);
        m_combo->setCurrentIndex(index);
    } else if (!m_devices) {
        int64_t stage = 0;
        const bool known = parseInteger(value.value_or("0"), stage);
        for (QAction* action : m_stages) action->setChecked(known && action->text() == QString::number(stage));
    }
    m_setting = false;
    m_given = value.has_value() && (m_spec.is_key() || !value->empty());
    m_reset->setVisible(m_given && (m_spec.is_key() || m_devices));
}

void FieldRow::setPlaceholder(const QString& value) {
    if (m_line) m_line->setPlaceholderText(value);
    if (m_combo && m_combo->lineEdit()) m_combo->lineEdit()->setPlaceholderText(value);
}

void FieldRow::setNote(const QString& note, const QString& tooltip) {
    m_note_text = note;
    m_note->setToolTip(tooltip);
    showNote();
}

// What the field was comes first; the rest is known from before.
void FieldRow::showNote() {
    m_note->setText(m_before.isEmpty() || m_note_text.isEmpty() ? m_before + m_note_text
                                                                : m_before + " · " + m_note_text);
    m_note->setVisible(!m_has_no_note || !m_before.isEmpty());
}

void FieldRow::setResting(bool resting) {
    if (m_label->property("resting").toBool() == resting) return;
    m_label->setProperty("resting", resting);
    m_label->setProperty("role", resting ? "dim" : "");
    repolish(m_label);
}

void FieldRow::setCheck(const QString& sentence, Tone tone) {
    m_wrong = !sentence.isEmpty() && tone == Tone::bad;
    m_check->setText(sentence);
    m_check->setVisible(!sentence.isEmpty());
    setTone(m_check, tone);
    QWidget* marked = m_line ? static_cast<QWidget*>(m_line) : m_combo;
    if (!marked || marked->property("invalid").toBool() == m_wrong) return;
    marked->setProperty("invalid", m_wrong);
    repolish(marked);
}

void FieldRow::setBefore(const std::optional<QString>& value) {
    for (QLabel* label : {m_label, m_note}) setTone(label, value ? Tone::attention : Tone::normal);
    m_before = value ? "was " + (value->isEmpty() ? QString("default") : *value) : QString();
    showNote();
}

void FieldRow::showDevices(const RunRequest& request, const std::optional<KnownDevices>& devices,
                           int64_t needed_bytes) {
    m_devices->show(request, devices, needed_bytes);
}

bool FieldRow::matches(const QString& filter) const {
    for (const char* where : {m_spec.name, m_spec.label, m_spec.help})
        if (QString::fromUtf8(where).contains(filter, Qt::CaseInsensitive)) return true;
    return false;
}

void FieldRow::takeFocus() {
    QWidget* target = m_line ? static_cast<QWidget*>(m_line) : m_combo;
    if (m_devices && !m_devices->boxes().empty()) target = m_devices->boxes().front();
    if (!target) target = findChild<QToolButton*>();
    if (target) target->setFocus(Qt::OtherFocusReason);
}

void FieldRow::setSought(bool sought) {
    if (sought && m_line) m_line->selectAll(); // what is typed next takes the place of the value
    if (property("sought").toBool() == sought) return;
    setProperty("sought", sought);
    repolish(this);
}

bool FieldRow::holdsFocus() const {
    const QWidget* focus = focusWidget();
    return focus && focus->hasFocus() && isAncestorOf(focus);
}

bool FieldRow::eventFilter(QObject* watched, QEvent* event) {
    if (event->type() == QEvent::FocusIn) emit focused();
    if (event->type() == QEvent::FocusOut) {
        const Qt::FocusReason reason = static_cast<QFocusEvent*>(event)->reason();
        if (reason != Qt::ActiveWindowFocusReason && reason != Qt::PopupFocusReason) setSought(false);
    }
    if (event->type() != QEvent::ShortcutOverride && event->type() != QEvent::KeyPress)
        return QWidget::eventFilter(watched, event);
    auto* key = static_cast<QKeyEvent*>(event); // the history is one of form and JSON, not of this line alone
    const bool undo = key->matches(QKeySequence::Undo), redo = key->matches(QKeySequence::Redo);
    if (!undo && !redo) return QWidget::eventFilter(watched, event);
    if (event->type() == QEvent::KeyPress) {
        if (undo)
            emit undoAsked();
        else
            emit redoAsked();
    }
    event->accept();
    return true;
}

} // namespace shardscope::gui
