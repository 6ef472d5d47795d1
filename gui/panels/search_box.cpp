// SPDX-License-Identifier: Apache-2.0
#include "gui/panels/search_box.h"
#include "gui/canvas/format.h"
#include "gui/panels/section.h"
#include "gui/session.h"
#include "gui/style.h"
#include "gui/timeline_tools.h"
#include <QHBoxLayout>
#include <QKeyEvent>
#include <utility>

namespace shardscope::gui {
namespace {

constexpr int typing_ms = 200;                           // after the last letter
constexpr int narrowest = 84, usual = 156, widest = 420; // room for what is typed and the number of matches

} // namespace

SearchBox::SearchBox(Session& session, QWidget* canvas)
    : m_session(session)
    , m_canvas(canvas)
    , m_field(new QLineEdit)
    , m_count(roleLabel({}, "dim")) {
    m_field->setAccessibleName("Search operations");
    m_field->setToolTip("<p>Words that names or config keys contain, or <b>/a regular expression/</b>. Filters: "
                        "<b>bucket:3</b> <b>layer:2</b> <b>rank:1</b> <b>step:4</b> <b>class:all_gather</b> "
                        "<b>phase:backward</b> <b>lane:comm</b> <b>key:reduce_bucket_size</b>. All have to hold.</p>");
    m_field->setClearButtonEnabled(false);
    m_field->installEventFilter(this);
    m_count->setParent(m_field);
    m_count->setAttribute(Qt::WA_TransparentForMouseEvents);
    setFocusProxy(m_field);
    auto* row = new QHBoxLayout(this);
    row->setContentsMargins(0, 0, 0, 0);
    row->addWidget(m_field);
    m_field->setMinimumWidth(narrowest);
    setMaximumWidth(widest);
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Preferred);
    m_typing.setSingleShot(true);
    m_typing.setInterval(typing_ms);
    connect(m_field, &QLineEdit::textEdited, &m_typing, qOverload<>(&QTimer::start));
    connect(&m_typing, &QTimer::timeout, this, &SearchBox::search);
    connect(&session.timelineTools(), &TimelineTools::answered, this, &SearchBox::showState);
    connect(&session.timelineTools(), &TimelineTools::changed, this, &SearchBox::showState);
    connect(&session, &Session::selectionChanged, this, &SearchBox::showState);
    showState();
}

QSize SearchBox::sizeHint() const {
    const bool small = static_cast<float>(window()->width()) < 1400 * uiScale();
    return {small ? narrowest : usual, m_field->sizeHint().height()};
}

QString SearchBox::countText() const { return m_count->text(); }

void SearchBox::start() {
    m_field->setFocus(Qt::ShortcutFocusReason);
    m_field->selectAll();
}

void SearchBox::search() {
    m_typing.stop();
    m_session.timelineTools().search(m_field->text());
}

void SearchBox::showState() {
    const TimelineTools& tools = m_session.timelineTools();
    // A search that was started elsewhere, such as "all of this bucket", shows here too.
    if (!m_typing.isActive() && m_field->text().trimmed() != tools.searched()) m_field->setText(tools.searched());
    QString count;
    Tone tone = Tone::normal;
    if (tools.searched().isEmpty()) {
        count = QString();
    } else if (!tools.searchMistake().isEmpty()) {
        count = "mistake";
        tone = Tone::bad;
    } else if (tools.searchPending()) {
        count = "…";
    } else {
        const int64_t matches = tools.matchCount(), at = tools.matchPosition();
        count = (at > 0 ? text(formatCount(at)) + " of " : QString()) + text(formatCount(matches)) +
                (at > 0         ? ""
                 : matches == 1 ? " match"
                                : " matches");
        if (matches == 0) tone = Tone::attention;
    }
    m_count->setText(count);
    m_count->setToolTip(tools.searchMistake());
    setTone(m_count, tone);
    m_count->adjustSize();
    m_field->setTextMargins(0, 0, count.isEmpty() ? 0 : m_count->width() + 8, 0);
    resizeEvent(nullptr);
    if (std::exchange(m_told, tools.searchMistake()) != tools.searchMistake() && !m_told.isEmpty())
        m_session.notify(m_told, false);
}

void SearchBox::resizeEvent(QResizeEvent*) {
    m_field->setPlaceholderText(m_field->width() > 210 ? "Search ops, buckets, keys …   /" : "Search   /");
    m_count->move(m_field->width() - m_count->width() - 9, (m_field->height() - m_count->height()) / 2);
}

bool SearchBox::eventFilter(QObject* watched, QEvent* event) {
    if (event->type() != QEvent::KeyPress && event->type() != QEvent::ShortcutOverride)
        return QWidget::eventFilter(watched, event);
    const auto& key = static_cast<const QKeyEvent&>(*event);
    const bool enter = key.key() == Qt::Key_Return || key.key() == Qt::Key_Enter;
    if (!enter && key.key() != Qt::Key_Escape) return QWidget::eventFilter(watched, event);
    event->accept(); // Esc ends the search here, and clears the selection only in the canvas
    if (event->type() == QEvent::ShortcutOverride) return true;
    if (enter) {
        const bool fresh = m_field->text().trimmed() != m_session.timelineTools().searched();
        search();
        if (!fresh) m_session.timelineTools().goToMatch(!(key.modifiers() & Qt::ShiftModifier));
    } else {
        m_field->clear();
        search();
        m_canvas->setFocus();
    }
    return true;
}

} // namespace shardscope::gui
