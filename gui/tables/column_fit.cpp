// SPDX-License-Identifier: Apache-2.0
#include "gui/tables/column_fit.h"
#include "gui/style.h"
#include "gui/tables/column_widths.h"
#include <QEvent>
#include <QFontMetrics>
#include <QHeaderView>
#include <QTableView>
#include <algorithm>
#include <set>
#include <utility>
#include <vector>

namespace shardscope::gui {
namespace {

constexpr int margins = 30, compact_margins = 13; // around the words of a head
constexpr int shortest_section = 16;
constexpr int most_extra = 18;                       // given to a column of a compact table that has room
constexpr int shortest_words = 70, least_share = 40; // pixels, and percent, that are kept of words that are shortened

class ColumnFit : public QObject {
public:
    explicit ColumnFit(QTableView& table)
        : QObject(&table)
        , m_table(table) {
        table.viewport()->installEventFilter(this);
        connect(table.horizontalHeader(), &QHeaderView::sectionResized, this, [this] {
            if (!m_fitting) m_dragged = true;
        });
    }
    void measure(int widest, const std::set<int>& unwanted) {
        m_widest = widest;
        m_unwanted = unwanted;
        m_dragged = false;
        measureAgain();
    }
    int withoutRoom() const { return static_cast<int>(m_gone.size()); }

protected:
    bool eventFilter(QObject* viewport, QEvent* event) override {
        if (event->type() == QEvent::Resize) fit();
        if (event->type() == QEvent::FontChange || event->type() == QEvent::StyleChange) measureAgain();
        return QObject::eventFilter(viewport, event);
    }

private:
    void measureAgain() {
        if (m_fitting || !m_table.model()) return;
        m_fitting = true;
        m_columns.clear();
        m_wishes.clear();
        m_gone.clear();
        QHeaderView& head = *m_table.horizontalHeader();
        head.setStretchLastSection(false);
        head.setMinimumSectionSize(shortest_section); // Qt's own is wider than a short number
        const QAbstractItemView& view = m_table;      // the size hint of a column is public there
        const bool compact = m_table.property("compact").toBool();
        const QFontMetrics metric(uiFont(metrics::font_axis, true));
        // The mark of the sorted column lies above the words and needs no room of its own.
        const int around = static_cast<int>(static_cast<float>(compact ? compact_margins : margins) * uiScale());
        for (int visual = 0; visual < head.count(); ++visual) {
            const int column = head.logicalIndex(visual);
            m_table.setColumnHidden(column, m_unwanted.contains(column));
            if (m_unwanted.contains(column)) continue;
            const auto headData = [&](int role) { return m_table.model()->headerData(column, Qt::Horizontal, role); };
            const int words = metric.horizontalAdvance(headData(Qt::DisplayRole).toString()) + around;
            const int natural = std::min(std::max(view.sizeHintForColumn(column) + 4, words), m_widest);
            const bool number = headData(Qt::TextAlignmentRole).toInt() & Qt::AlignRight;
            const int shortest = static_cast<int>(static_cast<float>(shortest_words) * uiScale());
            const bool names = m_columns.empty(); // the first column says what the row is
            const int least = number  ? natural
                              : names ? std::min(natural, 2 * shortest)
                                      : std::min(natural, std::max(shortest, natural * least_share / 100));
            m_columns.push_back(column);
            m_wishes.push_back({natural, std::max(least, std::min(natural, words)), headData(gives_way_role).toInt()});
        }
        m_fitting = false;
        fit();
    }
    void showAll() {
        for (const int column : std::exchange(m_gone, {})) m_table.setColumnHidden(column, false);
    }
    void fit() {
        if (m_fitting || m_columns.empty()) return;
        m_fitting = true;
        QHeaderView& head = *m_table.horizontalHeader();
        if (m_dragged)
            stretchLast(head);
        else
            share(head);
        m_fitting = false;
    }
    void share(QHeaderView& head) {
        showAll();
        const int room = m_table.viewport()->width();
        const std::vector<int> widths = columnWidths(m_wishes, room);
        int natural = 0;
        for (const ColumnWish& wish : m_wishes) natural += wish.natural;
        const int count = static_cast<int>(m_wishes.size());
        const int extra =
            m_table.property("compact").toBool() ? std::clamp((room - natural) / count, 0, most_extra) : 0;
        for (size_t i = 0; i < widths.size(); ++i) {
            if (widths[i] == 0) {
                m_gone.insert(m_columns[i]);
                m_table.setColumnHidden(m_columns[i], true);
            } else {
                const bool last = i + 1 == widths.size();
                head.resizeSection(m_columns[i], widths[i] + (last ? -extra * (count - 1) : extra));
            }
        }
    }
    void stretchLast(QHeaderView& head) {
        const int last = m_columns.back();
        if (last >= head.count() || head.isSectionHidden(last)) return;
        const int others = head.length() - head.sectionSize(last);
        head.resizeSection(last, std::max(m_wishes.back().least, m_table.viewport()->width() - others));
    }

    QTableView& m_table;
    std::vector<int> m_columns; // as they stand, without those that others have hidden
    std::vector<ColumnWish> m_wishes;
    std::set<int> m_gone, m_unwanted;
    int m_widest = 0;
    bool m_fitting = false, m_dragged = false;
};

ColumnFit* knownFit(const QTableView& table) {
    for (QObject* child : table.children())
        if (auto* known = dynamic_cast<ColumnFit*>(child)) return known;
    return nullptr;
}

} // namespace

void fitColumns(QTableView& table, int widest, const std::set<int>& unwanted) {
    ColumnFit* fit = knownFit(table);
    if (!fit) fit = new ColumnFit(table);
    fit->measure(widest, unwanted);
}

int columnsWithoutRoom(const QTableView& table) {
    const ColumnFit* fit = knownFit(table);
    return fit ? fit->withoutRoom() : 0;
}

} // namespace shardscope::gui
