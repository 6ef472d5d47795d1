// SPDX-License-Identifier: Apache-2.0
#include "gui/panels/library_panel.h"
#include "gui/canvas/theme.h"
#include "gui/panels/column_scroll.h"
#include "gui/panels/missing_card.h"
#include "gui/panels/section.h"
#include "gui/panels/trace_card.h"
#include "gui/panels/trace_menu.h"
#include "gui/thumbnails.h"
#include "gui/workspace.h"
#include <QFileDialog>
#include <QFileInfo>
#include <QLineEdit>
#include <QVBoxLayout>
#include <algorithm>

namespace shardscope::gui {
namespace {

bool imported(const OpenTrace& open) { return open.facts.stage < 0 && !open.facts.source.empty(); }

} // namespace

LibraryPanel::LibraryPanel(Session& session, Workspace& workspace, QWidget* parent)
    : QWidget(parent)
    , m_session(session)
    , m_workspace(workspace)
    , m_thumbnails(new Thumbnails(this))
    , m_filter(new QLineEdit)
    , m_column(new QVBoxLayout)
    , m_imported_head(headLabel("Imported"))
    , m_missing_head(headLabel("Not found"))
    , m_hint(roleLabel({}, "dim")) {
    setMinimumWidth(232);
    m_filter->setPlaceholderText("Filter by name, model, tag");
    m_filter->setAccessibleName("Filter the library");
    m_filter->setClearButtonEnabled(true);
    auto* content = new QWidget;
    content->setLayout(m_column);
    m_column->setContentsMargins(10, 10, 10, 10);
    m_column->setSpacing(8);
    m_hint->setWordWrap(true);
    auto* scroll = new ColumnScroll(content);
    auto* top = new QVBoxLayout;
    top->setContentsMargins(10, 8, 10, 0);
    top->addWidget(m_filter);
    auto* outer = new QVBoxLayout(this);
    outer->setContentsMargins(0, 0, 0, 0);
    outer->setSpacing(0);
    outer->addLayout(top);
    outer->addWidget(scroll);
    for (const auto signal : {&Session::tracesChanged, &Session::analysisChanged, &Session::themeChanged})
        connect(&session, signal, this, &LibraryPanel::rebuild);
    connect(&workspace, &Workspace::changed, this, &LibraryPanel::rebuild);
    connect(m_filter, &QLineEdit::textChanged, this, &LibraryPanel::arrange);
    connect(m_thumbnails, &Thumbnails::ready, this, &LibraryPanel::rebuild);
    rebuild();
}

bool LibraryPanel::settled() const { return !m_thumbnails->pending(); }

TraceCard* LibraryPanel::makeCard(int trace_id) {
    auto* card = new TraceCard(trace_id, m_column->parentWidget()); // else it would be a window of its own for a moment
    connect(card, &TraceCard::clicked, &m_session, &Session::setActive);
    connect(card, &TraceCard::closeRequested, &m_session, &Session::closeTrace, Qt::QueuedConnection);
    connect(card, &TraceCard::compareToggled, &m_session, [this](int id) {
        if (const OpenTrace* toggled = m_session.trace(id)) m_session.setCompared(id, !toggled->compared);
    });
    connect(card, &TraceCard::menuRequested, this, &LibraryPanel::showMenu);
    connect(card, &TraceCard::renamed, &m_session,
            [this](int id, const QString& name) { m_session.setName(id, name.toStdString()); });
    connect(card, &TraceCard::tagged, &m_session, [this](int id, const QStringList& tags) {
        std::vector<std::string> values;
        for (const QString& tag : tags) values.push_back(tag.toStdString());
        m_session.setTags(id, values);
    });
    return card;
}

void LibraryPanel::rebuild() {
    setMinimumWidth(static_cast<int>(232 * uiScale())); // a card holds its figures whatever the size of type
    // Cards are kept by trace id, so that nothing moves or loses focus when only figures change.
    std::vector<TraceCard*> kept;
    for (const OpenTrace& open : m_session.traces()) {
        const auto same = [&](const TraceCard* card) { return card->traceId() == open.id; };
        const auto found = std::find_if(m_cards.begin(), m_cards.end(), same);
        TraceCard* card = found == m_cards.end() ? makeCard(open.id) : *found;
        const OpenTrace* active = m_session.active();
        if (!open.followed) m_thumbnails->request(open.reader->path(), static_cast<int64_t>(open.file));
        card->show(open, active && active->id == open.id, m_thumbnails->of(open.reader->path()), m_session.theme());
        kept.push_back(card);
    }
    for (TraceCard* card : m_cards)
        if (std::find(kept.begin(), kept.end(), card) == kept.end()) card->deleteLater();
    m_cards = std::move(kept);
    const auto& missing = m_workspace.missing();
    while (m_missing.size() > missing.size()) {
        m_missing.back()->deleteLater();
        m_missing.pop_back();
    }
    while (m_missing.size() < missing.size()) {
        const size_t index = m_missing.size();
        auto* card = new MissingCard(m_column->parentWidget());
        connect(card, &MissingCard::locateRequested, this, [this, index] { locate(index); });
        connect(
            card, &MissingCard::forgetRequested, &m_workspace, [this, index] { m_workspace.forget(index); },
            Qt::QueuedConnection);
        m_missing.push_back(card);
    }
    for (size_t i = 0; i < missing.size(); ++i) m_missing[i]->show(missing[i]);
    arrange();
}

// Puts what belongs together below each other and hides what the filter does not find.
void LibraryPanel::arrange() {
    const QStringList words = m_filter->text().split(' ', Qt::SkipEmptyParts);
    const auto fits = [&](const QString& about) {
        return std::all_of(words.begin(), words.end(),
                           [&](const QString& word) { return about.contains(word, Qt::CaseInsensitive); });
    };
    std::vector<QWidget*> order;
    std::vector<TraceCard*> of_others;
    bool any = false, any_imported = false, any_missing = false;
    const auto& traces = m_session.traces();
    for (size_t i = 0; i < m_cards.size() && i < traces.size(); ++i) {
        TraceCard* card = m_cards[i];
        const bool shown = fits(card->searchText());
        card->setVisible(shown);
        any |= shown;
        any_imported |= shown && imported(traces[i]);
        if (imported(traces[i]))
            of_others.push_back(card);
        else
            order.push_back(card);
    }
    order.push_back(m_imported_head);
    order.insert(order.end(), of_others.begin(), of_others.end());
    order.push_back(m_missing_head);
    for (MissingCard* card : m_missing) {
        const bool shown = fits(card->searchText());
        card->setVisible(shown);
        any_missing |= shown;
        order.push_back(card);
    }
    order.push_back(m_hint);
    for (size_t i = 0; i < order.size(); ++i) {
        const auto at = static_cast<int>(i);
        if (m_column->indexOf(order[i]) == at) continue;
        m_column->removeWidget(order[i]);
        m_column->insertWidget(at, order[i]);
    }
    if (m_column->count() == static_cast<int>(order.size())) m_column->addStretch();
    m_imported_head->setVisible(any_imported);
    m_missing_head->setVisible(any_missing);
    m_filter->setVisible(!m_cards.empty() || !m_missing.empty());
    const auto key = [this](ActionId id) {
        return m_session.actions().get(id)->shortcut().toString(QKeySequence::NativeText);
    };
    if (m_cards.empty() && m_missing.empty())
        m_hint->setText(QString("Nothing is open yet.\n\nDrop traces here, also those of Nsight Systems or the PyTorch "
                                "profiler, open them with %1, or start a run with %2.")
                            .arg(key(ActionId::open), key(ActionId::new_run)));
    else if (!any && !any_missing)
        m_hint->setText("No card has all of these words.");
    else
        m_hint->setText("Drop traces here to compare up to four.");
}

void LibraryPanel::showMenu(int trace_id, const QPoint& at) {
    const OpenTrace* open = m_session.trace(trace_id);
    const auto card =
        std::find_if(m_cards.begin(), m_cards.end(), [&](TraceCard* c) { return c->traceId() == trace_id; });
    if (open && card != m_cards.end()) showTraceMenu(m_session, *open, **card, at);
}

void LibraryPanel::locate(size_t missing) {
    if (missing >= m_workspace.missing().size()) return;
    const QString name = QFileInfo(QString::fromStdString(m_workspace.missing()[missing].path)).fileName();
    const QString path =
        QFileDialog::getOpenFileName(this, "Where is " + name + " now?", {}, "Traces (*.shardscope);;All files (*)");
    if (!path.isEmpty()) m_workspace.locate(missing, path);
}

} // namespace shardscope::gui
