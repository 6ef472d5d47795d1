// SPDX-License-Identifier: Apache-2.0
#include "gui/tables/details_panel.h"
#include "gui/style.h"
#include "gui/tables/sql_console.h"
#include "gui/tables/table_view.h"
#include <QStackedWidget>
#include <QTabBar>
#include <QVBoxLayout>

namespace shardscope::gui {

DetailsPanel::DetailsPanel(Session& session, QWidget* parent)
    : QWidget(parent)
    , m_session(session)
    , m_tabs(new QTabBar)
    , m_pages(new QStackedWidget)
    , m_sql(new SqlConsole) {
    setObjectName("canvasSide");
    setAttribute(Qt::WA_StyledBackground);
    m_tabs->setDrawBase(false);
    m_tabs->setExpanding(false);
    m_tabs->setFont(uiFont(metrics::font_small));
    m_tabs->setAccessibleName("Tables");
    for (const DetailsKind kind : all_details) {
        auto* view = new TableView(titleOf(kind));
        m_tables[kind].view = view;
        m_tabs->addTab(titleOf(kind));
        m_pages->addWidget(view);
        connect(view, &TableView::activated, this, &DetailsPanel::follow);
        connect(view, &TableView::noticed, &session, &Session::notify);
    }
    m_tabs->addTab("SQL");
    m_pages->addWidget(m_sql);
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(0);
    column->addWidget(m_tabs);
    column->addWidget(m_pages, 1);
    connect(m_tabs, &QTabBar::currentChanged, this, [this](int tab) {
        m_pages->setCurrentIndex(tab);
        refresh();
    });
    connect(m_sql, &SqlConsole::activated, this, &DetailsPanel::follow);
    connect(m_sql, &SqlConsole::noticed, &session, &Session::notify);
    connect(&session, &Session::tracesChanged, this, &DetailsPanel::refresh);
    connect(&session, &Session::analysisChanged, this, &DetailsPanel::refresh); // a live trace: now and then
    connect(&m_job, &TableJob::ready, this, [this](const TableAnswer& answer) {
        const auto [kind, key] = *m_asked;
        m_asked.reset();
        Tab& tab = m_tables.at(kind);
        tab.shown = key;
        if (answer.table)
            tab.view->setTable(answer.table);
        else
            tab.view->setSentence(text(answer.failure));
        refresh();
    });
}

std::optional<DetailsKind> DetailsPanel::currentKind() const {
    const auto tab = static_cast<size_t>(m_tabs->currentIndex());
    return tab < all_details.size() ? std::optional(all_details[tab]) : std::nullopt;
}

void DetailsPanel::showTable(DetailsKind kind) { m_tabs->setCurrentIndex(static_cast<int>(kind)); }

void DetailsPanel::showSql() {
    m_tabs->setCurrentIndex(static_cast<int>(all_details.size()));
    m_sql->setFocus();
}

bool DetailsPanel::idle() const { return !isVisible() || (!m_asked && !m_sql->running()); }

void DetailsPanel::showEvent(QShowEvent* event) {
    QWidget::showEvent(event);
    refresh();
}

void DetailsPanel::refresh() {
    if (!isVisible()) return; // nobody looks
    const OpenTrace* active = m_session.active();
    m_sql->setTrace(active ? active->reader->path() : std::string());
    const auto kind = currentKind();
    if (!kind) return;
    Tab& tab = m_tables.at(*kind);
    if (!active) {
        m_job.withdraw();
        m_asked.reset();
        tab.shown = {};
        tab.view->setTable(std::make_shared<const TableData>());
        return tab.view->setSentence("No trace is open.");
    }
    const Key key{active->reader->path(), active->reader->eventCount(), active->reader->live()};
    if (tab.shown == key || (m_asked && m_asked->first == *kind && m_asked->second == key)) return;
    if (tab.shown.path != key.path) tab.view->setTable(std::make_shared<const TableData>()); // rows lead into a trace
    m_asked = std::pair(*kind, key);
    tab.view->setSentence("Reading…");
    m_job.ask(
        [path = key.path, kind = *kind](const std::atomic<bool>& stop) { return answerDetails(path, kind, stop); });
}

void DetailsPanel::follow(const TableLink& link) {
    const OpenTrace* active = m_session.active();
    if (!active) return;
    if (link.memory && link.time_ns && link.event == EventId::none) {
        m_session.setPlace(Place::memory);
        if (m_session.onlyRank() >= 0) m_session.setOnlyRank(link.memory->first);
        m_session.setMoment(PickedMoment{active->id, link.memory->first, link.memory->second, *link.time_ns});
        return m_session.reveal(active->id, {*link.time_ns, *link.time_ns});
    }
    if (m_session.place() == Place::run || m_session.place() == Place::memory) m_session.setPlace(Place::timeline);
    m_session.ask(active->id, [this, id = active->id, link](const TraceReader& reader) {
        const EventId event = eventOf(reader, link);
        return [this, id, link, details = event == EventId::none ? std::nullopt : reader.details(event)] {
            if (details) {
                m_session.reveal(id, {details->event.start_ns, details->event.end_ns});
                if (m_session.onlyRank() >= 0 && m_session.onlyRank() != details->lane.rank)
                    m_session.setOnlyRank(details->lane.rank);
                m_session.select(PickedEvent{id, details->id});
            } else if (link.time_ns) {
                m_session.reveal(id, {*link.time_ns, *link.time_ns});
            } else {
                m_session.notify("The trace has no event of this number.", false);
            }
        };
    });
}

} // namespace shardscope::gui
