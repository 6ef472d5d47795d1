// SPDX-License-Identifier: Apache-2.0
#include "gui/panels/trace_card.h"
#include "gui/canvas/format.h"
#include "gui/panels/elided_label.h"
#include "gui/panels/section.h"
#include "gui/panels/step_picture.h"
#include "gui/style.h"
#include <QContextMenuEvent>
#include <QHBoxLayout>
#include <QLabel>
#include <QLineEdit>
#include <QToolButton>
#include <QVBoxLayout>

namespace shardscope::gui {
namespace {

QLabel* chip() {
    auto* label = new QLabel;
    label->setObjectName("chip");
    label->setFont(uiFont(metrics::font_axis));
    return label;
}

constexpr int longest_title = 124; // pixels; a long one must not widen the library

QToolButton* flatButton(const char* name) {
    auto* button = new QToolButton;
    button->setObjectName(name);
    button->setProperty("flat", true);
    button->setFocusPolicy(Qt::NoFocus);
    return button;
}

struct State {
    const char *word = "", *tip = "";
};

// How the recording stands, where a finished one needs no word.
State stateOf(const OpenTrace& trace) {
    if (trace.file_state == FileState::deleted)
        return {"file deleted", "The file is gone; what was read of it stays here until the trace is closed."};
    if (trace.file_state == FileState::replaced)
        return {"file replaced", "Another file has its name now; “Open again” in the menu shows that one."};
    if (trace.followed && trace.quiet)
        return {"unfinished", "Nothing was added for a while; the program that records it may have been killed."};
    if (trace.followed) return {"recording", ""};
    if (trace.facts.status == "running")
        return {"ended early", "The program that recorded this trace went away; everything up to then is here."};
    if (trace.facts.status == "stopped") return {"stopped", ""};
    if (trace.facts.status == "failed") return {"failed", ""};
    return {};
}

QStringList words(const std::vector<std::string>& tags) {
    QStringList list;
    for (const std::string& tag : tags) list << text(tag);
    return list;
}

} // namespace

TraceCard::TraceCard(int trace_id, QWidget* parent)
    : QFrame(parent)
    , m_trace_id(trace_id)
    , m_badge(flatButton("badge"))
    , m_close(flatButton("close"))
    , m_title(new QLabel)
    , m_time(roleLabel({}, "dim"))
    , m_subtitle(new ElidedLabel)
    , m_peak(chip())
    , m_overlap(chip())
    , m_state(chip())
    , m_notice(roleLabel({}, "", metrics::font_axis))
    , m_tags(roleLabel({}, "key", metrics::font_axis))
    , m_picture(new StepPicture)
    , m_editor(new QLineEdit) {
    setObjectName("card");
    setCursor(Qt::PointingHandCursor);
    setFocusPolicy(Qt::TabFocus);
    m_title->setFont(uiFont(metrics::font, true));
    m_badge->setFont(uiFont(metrics::font, true));
    m_close->setText("×");
    m_close->setToolTip("Close this trace; the file stays where it is");
    m_close->setAccessibleName("Close this trace");
    m_time->setToolTip("median step time");
    m_subtitle->setProperty("role", "dim");
    m_subtitle->setFont(uiFont(12));
    m_tags->setWordWrap(true);
    m_notice->setObjectName("recordingNotice");
    m_notice->setWordWrap(true);
    setTone(m_notice, Tone::attention);
    for (QLabel* label : {m_subtitle, m_notice, m_tags}) // a long model name must not widen the library
        label->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
    m_editor->installEventFilter(this);
    m_editor->hide();

    auto* first = new QHBoxLayout;
    first->setSpacing(4);
    first->addWidget(m_badge);
    first->addWidget(m_title);
    first->addStretch();
    first->addWidget(m_time);
    auto* chips = new QHBoxLayout;
    chips->setSpacing(4);
    for (QLabel* label : {m_peak, m_overlap}) chips->addWidget(label);
    chips->addStretch();
    auto* second = new QHBoxLayout;
    second->setSpacing(4);
    second->addWidget(m_subtitle, 1);
    second->addWidget(m_close);
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(10, 8, 8, 8);
    column->setSpacing(3);
    column->addLayout(first);
    column->addLayout(second);
    column->addWidget(m_picture);
    column->addLayout(chips);
    column->addWidget(m_state, 0, Qt::AlignLeft);
    column->addWidget(m_notice);
    column->addWidget(m_tags);
    column->addWidget(m_editor);
    connect(m_close, &QToolButton::clicked, this, [this] { emit closeRequested(m_trace_id); });
    connect(m_badge, &QToolButton::clicked, this, [this] { emit compareToggled(m_trace_id); });
    connect(m_editor, &QLineEdit::editingFinished, this, [this] { finish(true); });
}

void TraceCard::show(const OpenTrace& trace, bool active, const Thumbnail* picture, const Theme& theme) {
    m_badge->setText(trace.label.empty() ? "+" : text(trace.label));
    m_badge->setToolTip(trace.label.empty() ? "Put this trace into the comparison"
                                            : "Take this trace out of the comparison");
    m_badge->setAccessibleName(m_badge->toolTip());
    const QString title = text(trace.title()); // of an imported trace the name of a file
    m_title->setText(m_title->fontMetrics().elidedText(title, Qt::ElideMiddle, longest_title));
    m_title->setToolTip(title == m_title->text() ? QString() : title);
    m_subtitle->setText(text((trace.name.empty() ? "" : trace.facts.title() + " · ") + trace.facts.subtitle()));
    m_subtitle->setToolTip(m_subtitle->text());
    const bool known = trace.figures && trace.figures->step_ns > 0;
    m_time->setText(known ? text(formatDuration(trace.figures->step_ns)) : QString());
    m_peak->setVisible(trace.figures && trace.figures->peak_total_bytes > 0);
    m_overlap->setVisible(known && trace.figures->comm_ns > 0);
    if (trace.figures) {
        m_peak->setText("peak " + text(formatBytes(trace.figures->peak_total_bytes)));
        m_overlap->setText("overlap " + text(formatPercent(trace.figures->overlap_percent)));
    }
    const State state = stateOf(trace);
    m_state->setText(state.word);
    m_state->setVisible(*state.word);
    m_state->setToolTip(QString::fromUtf8(state.tip));
    QStringList notices, sentences;
    for (const RecordingNotice& notice : trace.facts.notices) {
        notices << text(notice.words);
        sentences << text(notice.sentence);
    }
    m_notice->setText(notices.join('\n'));
    m_notice->setToolTip(sentences.join('\n'));
    m_notice->setVisible(!notices.isEmpty());
    m_picture->show(picture, theme);
    m_name = text(trace.name);
    m_tag_text = words(trace.tags).join(", ");
    m_tags->setText("#" + words(trace.tags).join("  #"));
    m_tags->setVisible(!trace.tags.empty() && m_editing != Editing::tags);
    const QString path = text(trace.reader->path());
    setToolTip(path);
    m_search_text =
        QStringList{title, m_subtitle->text(), m_tag_text, path, text(trace.facts.link), state.word}.join(' ');
    setAccessibleName(QString("Trace %1 %2, %3").arg(text(trace.label), title, m_subtitle->text()));
    if (property("active").toBool() != active) {
        setProperty("active", active);
        repolish(this);
    }
}

QString TraceCard::stateText() const { return m_state->text(); }

void TraceCard::rename() { edit(Editing::name, m_name, "Name of this trace"); }
void TraceCard::editTags() { edit(Editing::tags, m_tag_text, "Tags, separated by commas"); }

void TraceCard::edit(Editing what, const QString& text, const QString& placeholder) {
    m_editing = what;
    m_editor->setText(text);
    m_editor->setPlaceholderText(placeholder);
    m_editor->setAccessibleName(placeholder);
    m_editor->show();
    m_editor->setFocus();
    m_editor->selectAll();
}

void TraceCard::finish(bool keep) {
    const Editing was = std::exchange(m_editing, Editing::nothing);
    if (was == Editing::nothing) return;
    m_editor->hide();
    const QString typed = m_editor->text().trimmed();
    if (keep && was == Editing::name) emit renamed(m_trace_id, typed);
    if (!keep || was != Editing::tags) return;
    QStringList tags;
    for (const QString& tag : typed.split(',', Qt::SkipEmptyParts))
        if (const QString word = tag.trimmed().remove('#'); !word.isEmpty() && !tags.contains(word)) tags << word;
    emit tagged(m_trace_id, tags);
}

bool TraceCard::eventFilter(QObject* object, QEvent* event) {
    const bool escape = (event->type() == QEvent::KeyPress || event->type() == QEvent::ShortcutOverride) &&
                        static_cast<QKeyEvent*>(event)->key() == Qt::Key_Escape;
    if (object != m_editor || !escape) return QFrame::eventFilter(object, event);
    event->accept();
    if (event->type() == QEvent::KeyPress) {
        finish(false);
        setFocus();
    }
    return true;
}

void TraceCard::mousePressEvent(QMouseEvent* event) {
    if (event->button() == Qt::LeftButton) emit clicked(m_trace_id);
}

void TraceCard::mouseDoubleClickEvent(QMouseEvent*) { rename(); }

void TraceCard::contextMenuEvent(QContextMenuEvent* event) { emit menuRequested(m_trace_id, event->globalPos()); }

void TraceCard::keyPressEvent(QKeyEvent* event) {
    switch (event->key()) {
    case Qt::Key_Return:
    case Qt::Key_Space:
        return void(emit clicked(m_trace_id));
    case Qt::Key_Delete:
        return void(emit closeRequested(m_trace_id));
    case Qt::Key_F2:
        return rename();
    default:
        QFrame::keyPressEvent(event);
    }
}

} // namespace shardscope::gui
