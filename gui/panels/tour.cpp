// SPDX-License-Identifier: Apache-2.0
#include "gui/panels/tour.h"
#include "gui/panels/section.h"
#include "gui/style.h"
#include <QHBoxLayout>
#include <QKeyEvent>
#include <QPushButton>
#include <QVBoxLayout>

namespace shardscope::gui {
namespace {

constexpr int width_px = 340, gap = 10, margin = 12;

} // namespace

Tour::Tour(QWidget* window)
    : QFrame(window)
    , m_frame(new QFrame(window))
    , m_title(new QLabel)
    , m_text(new QLabel)
    , m_count(roleLabel({}, "dim"))
    , m_back(new QPushButton("Back"))
    , m_next(new QPushButton("Next"))
    , m_leave(new QPushButton("Leave")) {
    setObjectName("overlay");
    setAccessibleName("Tour");
    setAutoFillBackground(true);
    setFocusPolicy(Qt::StrongFocus);
    m_frame->setObjectName("tourFrame");
    m_frame->setAttribute(Qt::WA_TransparentForMouseEvents);
    m_frame->hide();
    m_title->setFont(uiFont(15, true));
    m_title->setWordWrap(true);
    m_text->setWordWrap(true);
    m_next->setProperty("primary", true);
    for (QPushButton* button : {m_back, m_next, m_leave}) button->setFocusPolicy(Qt::TabFocus);
    auto* buttons = new QHBoxLayout;
    buttons->addWidget(m_count);
    buttons->addStretch();
    for (QPushButton* button : {m_leave, m_back, m_next}) buttons->addWidget(button);
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(18, 16, 18, 14);
    column->setSpacing(8);
    column->addWidget(m_title);
    column->addWidget(m_text);
    column->addLayout(buttons);
    connect(m_back, &QPushButton::clicked, this, [this] { go(m_at - 1); });
    connect(m_next, &QPushButton::clicked, this, [this] { go(m_at + 1); });
    connect(m_leave, &QPushButton::clicked, this, &Tour::finish);
    window->installEventFilter(this);
    hide();
}

void Tour::start(std::vector<TourStop> stops) {
    m_stops = std::move(stops);
    go(0);
}

void Tour::finish() {
    if (!active()) return;
    m_at = -1;
    m_frame->hide();
    hide();
    emit finished();
}

void Tour::go(int stop) {
    if (stop < 0) return;
    if (stop >= static_cast<int>(m_stops.size())) return finish();
    m_at = stop;
    const TourStop& now = m_stops[static_cast<size_t>(stop)];
    if (now.enter) now.enter();
    m_title->setText(now.title);
    m_text->setText(now.text);
    m_count->setText(QString("%1 of %2").arg(stop + 1).arg(m_stops.size()));
    m_back->setEnabled(stop > 0);
    m_next->setText(stop + 1 == static_cast<int>(m_stops.size()) ? "Done" : "Next");
    setAccessibleDescription(now.title + ". " + now.text);
    show();
    place();
    raise();
    setFocus();
}

// Beside what it points at, where there is most room; always within the window.
void Tour::place() {
    if (!active()) return;
    QWidget* window = parentWidget();
    QWidget* target = m_stops[static_cast<size_t>(m_at)].at ? m_stops[static_cast<size_t>(m_at)].at() : nullptr;
    setFixedWidth(std::min(width_px, window->width() - 2 * margin));
    resize(width(), layout()->heightForWidth(width()));
    const QRect room = window->rect().adjusted(margin, margin, -margin, -margin);
    if (!target || !target->isVisible()) {
        m_frame->hide();
        move(room.center() - rect().center());
        return;
    }
    const QRect around =
        QRect(target->mapTo(window, QPoint()), target->size()).adjusted(-3, -3, 3, 3).intersected(window->rect());
    m_frame->setGeometry(around);
    m_frame->show();
    m_frame->raise();
    const int right = room.right() - around.right(), left = around.left() - room.left();
    const int below = room.bottom() - around.bottom(), above = around.top() - room.top();
    QPoint at;
    if (right > width() + gap)
        at = {around.right() + gap, around.top()};
    else if (left > width() + gap)
        at = {around.left() - gap - width(), around.top()};
    else if (below > height() + gap)
        at = {around.center().x() - width() / 2, around.bottom() + gap};
    else if (above > height() + gap)
        at = {around.center().x() - width() / 2, around.top() - gap - height()};
    else // it fills the window: over its lower part
        at = {around.center().x() - width() / 2, around.bottom() - height() - 3 * gap};
    move(std::clamp(at.x(), room.left(), std::max(room.left(), room.right() - width())),
         std::clamp(at.y(), room.top(), std::max(room.top(), room.bottom() - height())));
}

bool Tour::event(QEvent* event) {
    if (event->type() == QEvent::ShortcutOverride) event->accept(); // Enter and the arrows are the tour's
    return QFrame::event(event);
}

bool Tour::eventFilter(QObject* window, QEvent* event) {
    if (active() && (event->type() == QEvent::Resize || event->type() == QEvent::LayoutRequest)) place();
    return QFrame::eventFilter(window, event);
}

void Tour::keyPressEvent(QKeyEvent* event) {
    switch (event->key()) {
    case Qt::Key_Escape:
        return finish();
    case Qt::Key_Return:
    case Qt::Key_Enter:
    case Qt::Key_Right:
    case Qt::Key_Space:
        return go(m_at + 1);
    case Qt::Key_Left:
        return go(m_at - 1);
    default:
        event->accept();
    }
}

} // namespace shardscope::gui
