// SPDX-License-Identifier: Apache-2.0
#include "gui/panels/command_palette.h"
#include "gui/panels/palette_delegate.h"
#include "gui/panels/section.h"
#include "gui/session.h"
#include "gui/style.h"
#include <QKeyEvent>
#include <QLineEdit>
#include <QListView>
#include <QVBoxLayout>
#include <algorithm>

namespace shardscope::gui {
namespace {

constexpr QSize palette_size{640, 440};
constexpr int page_rows = 10;

struct ModeText {
    const char *placeholder, *none;
};
ModeText textOf(PaletteMode mode) {
    switch (mode) {
    case PaletteMode::lanes:
        return {"Go to lane: rank, kind or name", "No lane of the active trace has such a name."};
    case PaletteMode::steps:
        return {"Go to step: its number", "The open traces have no such step."};
    case PaletteMode::anything:
        return {"Search commands, lanes, steps", "Nothing has such a name."};
    case PaletteMode::commands:
        break;
    }
    return {"Command, by a part of its name", "No command has such a name."};
}

} // namespace

CommandPalette::CommandPalette(Session& session, QWidget* window)
    : Overlay(window)
    , m_session(session)
    , m_model(new PaletteModel(this))
    , m_field(new QLineEdit)
    , m_list(new QListView)
    , m_none(roleLabel({}, "dim", metrics::font)) {
    closeWhenLeft();
    setAccessibleName("Command palette");
    m_field->setAccessibleName("What to do");
    m_field->setFont(uiFont(15));
    m_field->installEventFilter(this);
    m_list->setAccessibleName("Matching entries");
    m_list->setModel(m_model);
    m_list->setItemDelegate(new PaletteDelegate([this]() -> const Theme& { return m_session.theme(); }, m_list));
    m_list->setFrameShape(QFrame::NoFrame);
    m_list->setUniformItemSizes(true);
    m_list->setFocusPolicy(Qt::NoFocus);
    m_list->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    m_list->setMouseTracking(true);
    m_none->setAlignment(Qt::AlignCenter);
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(10, 10, 10, 10);
    column->setSpacing(8);
    column->addWidget(m_field);
    column->addWidget(m_list, 1);
    column->addWidget(m_none, 1);
    connect(m_field, &QLineEdit::textChanged, this, &CommandPalette::type);
    connect(m_list, &QListView::clicked, this, [this] { runCurrent(); });
}

// As high as what was found, up to a limit; its upper edge stays where it is.
QSize CommandPalette::wantedSize() const {
    const int rows = std::max(2, m_model->rowCount());
    const int row = std::max(1, m_list->sizeHintForRow(0));
    return {palette_size.width(), std::min(palette_size.height(), m_field->sizeHint().height() + 32 + rows * row)};
}

void CommandPalette::open(PaletteMode mode) {
    m_mode = mode;
    m_field->setPlaceholderText(textOf(mode).placeholder);
    m_none->setText(textOf(mode).none);
    m_field->clear();
    type({});
    openOver();
}

void CommandPalette::opened() { m_field->setFocus(); }

void CommandPalette::type(const QString& typed) {
    m_model->show(m_mode, typed.trimmed());
    const int first = m_model->firstEnabled();
    if (first >= 0) m_list->setCurrentIndex(m_model->index(first));
    m_list->setVisible(m_model->rowCount() > 0);
    m_none->setVisible(m_model->rowCount() == 0);
    if (isVisible()) resize(wantedSize().boundedTo(size().expandedTo(palette_size)));
}

void CommandPalette::runCurrent() {
    const QModelIndex current = m_list->currentIndex();
    if (!current.isValid()) return;
    closeOver(); // first: what runs may open another panel or ask for the keyboard
    m_model->run(current.row());
}

void CommandPalette::moveBy(int rows) {
    const int count = m_model->rowCount(), step = rows < 0 ? -1 : 1;
    int row = m_list->currentIndex().isValid() ? m_list->currentIndex().row() : -1;
    const int wanted = std::clamp(row + rows, 0, std::max(0, count - 1));
    for (int at = wanted; at >= 0 && at < count; at += step)
        if (m_model->flags(m_model->index(at)) & Qt::ItemIsEnabled) {
            row = at;
            break;
        }
    if (row >= 0) m_list->setCurrentIndex(m_model->index(row));
}

bool CommandPalette::eventFilter(QObject* object, QEvent* event) {
    if (object != m_field || event->type() != QEvent::KeyPress) return Overlay::eventFilter(object, event);
    switch (static_cast<QKeyEvent*>(event)->key()) {
    case Qt::Key_Down:
        moveBy(1);
        return true;
    case Qt::Key_Up:
        moveBy(-1);
        return true;
    case Qt::Key_PageDown:
        moveBy(page_rows);
        return true;
    case Qt::Key_PageUp:
        moveBy(-page_rows);
        return true;
    case Qt::Key_Return:
    case Qt::Key_Enter:
        runCurrent();
        return true;
    default:
        return Overlay::eventFilter(object, event);
    }
}

} // namespace shardscope::gui
