// SPDX-License-Identifier: Apache-2.0
#include "gui/tables/column_fit.h"
#include "gui/style.h"
#include <QEvent>
#include <QFontMetrics>
#include <QHeaderView>
#include <QTableView>
#include <algorithm>
#include <vector>

namespace shardscope::gui {
namespace {

constexpr int margins = 30, compact_margins = 14; // around the words of a head
constexpr int most_extra = 18;                    // given to a column of a compact table that has room

// Keeps the last column as wide as what is left, also when the window changes.
class LastColumn : public QObject {
public:
    explicit LastColumn(QTableView& table)
        : QObject(&table)
        , m_table(table) {
        table.viewport()->installEventFilter(this);
    }
    void follow(int column, int least) {
        m_column = column;
        m_least = least;
        fit();
    }

protected:
    bool eventFilter(QObject* viewport, QEvent* event) override {
        if (event->type() == QEvent::Resize) fit();
        return QObject::eventFilter(viewport, event);
    }

private:
    void fit() {
        QHeaderView& head = *m_table.horizontalHeader();
        if (m_column < 0 || m_column >= head.count() || head.isSectionHidden(m_column)) return;
        const int others = head.length() - head.sectionSize(m_column);
        head.resizeSection(m_column, std::max(m_least, m_table.viewport()->width() - others));
    }
    QTableView& m_table;
    int m_column = -1, m_least = 0;
};

LastColumn& lastColumnOf(QTableView& table) {
    for (QObject* child : table.children())
        if (auto* known = dynamic_cast<LastColumn*>(child)) return *known;
    return *new LastColumn(table);
}

} // namespace

void fitColumns(QTableView& table, int widest, int least_last) {
    QHeaderView& head = *table.horizontalHeader();
    head.setStretchLastSection(false);
    const QAbstractItemView& view = table; // the size hint of a column is public there
    const bool compact = table.property("compact").toBool();
    const QFontMetrics metric(uiFont(metrics::font_axis, true));
    // The mark of the sorted column lies above the words and needs no room of its own.
    const int around = static_cast<int>(static_cast<float>(compact ? compact_margins : margins) * uiScale());
    std::vector<int> shown, widths;
    for (int visual = 0; visual < head.count(); ++visual) {
        const int column = head.logicalIndex(visual);
        if (head.isSectionHidden(column)) continue;
        const QString words = table.model()->headerData(column, Qt::Horizontal).toString();
        shown.push_back(column);
        widths.push_back(std::min(
            std::max(view.sizeHintForColumn(column) + 4, metric.horizontalAdvance(words) + around), widest));
    }
    if (shown.empty()) return;
    int wanted = 0;
    for (const int width : widths) wanted += width;
    const int spare = (table.viewport()->width() - wanted) / static_cast<int>(shown.size());
    const int extra = compact ? std::clamp(spare, 0, most_extra) : 0;
    for (size_t i = 0; i + 1 < shown.size(); ++i) head.resizeSection(shown[i], widths[i] + extra);
    lastColumnOf(table).follow(shown.back(), std::min(widths.back(), least_last));
}

} // namespace shardscope::gui
