// SPDX-License-Identifier: Apache-2.0
// The tables of the active trace, one tab each, and the SQL console. A table is made when somebody looks at it, by a
// worker; the old one stays until the new one is there. Double click leads to the event or moment.
#pragma once
#include "gui/session.h"
#include "gui/tables/query_job.h"
#include <QWidget>
#include <map>

class QStackedWidget;
class QTabBar;

namespace shardscope::gui {

class SqlConsole;
class TableView;

class DetailsPanel : public QWidget {
    Q_OBJECT
public:
    explicit DetailsPanel(Session&, QWidget* parent = nullptr);
    void showTable(DetailsKind);
    void showSql();
    QTabBar& tabs() { return *m_tabs; }
    TableView& table(DetailsKind kind) { return *m_tables.at(kind).view; }
    SqlConsole& sql() { return *m_sql; }
    bool idle() const; // nothing is being computed

protected:
    void showEvent(QShowEvent*) override;

private:
    struct Key { // what a table was made from
        std::string path;
        int64_t events = -1;
        bool live = false;
        bool operator==(const Key&) const = default;
    };
    struct Tab {
        TableView* view = nullptr;
        Key shown;
    };
    void refresh();
    void follow(const TableLink&);
    std::optional<DetailsKind> currentKind() const; // nothing: the console
    Session& m_session;
    std::map<DetailsKind, Tab> m_tables;
    std::optional<std::pair<DetailsKind, Key>> m_asked;
    TableJob m_job;
    QTabBar* m_tabs;
    QStackedWidget* m_pages;
    SqlConsole* m_sql;
};

} // namespace shardscope::gui
