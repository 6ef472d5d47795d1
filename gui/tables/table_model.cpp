// SPDX-License-Identifier: Apache-2.0
#include "gui/tables/table_model.h"
#include "gui/style.h"
#include "gui/tables/column_fit.h"

namespace shardscope::gui {

TableModel::TableModel(QObject* parent)
    : QAbstractTableModel(parent) {
    setTable(std::make_shared<const TableData>());
}

void TableModel::setTable(std::shared_ptr<const TableData> table) {
    beginResetModel();
    m_text.reset();
    m_table = std::move(table);
    m_text = std::make_unique<TableText>(*m_table);
    endResetModel();
}

int TableModel::rowCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : static_cast<int>(m_table->rows.size());
}

int TableModel::columnCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : static_cast<int>(m_table->columns.size());
}

QVariant TableModel::data(const QModelIndex& index, int role) const {
    if (!checkIndex(index, CheckIndexOption::IndexIsValid)) return {};
    const auto row = static_cast<size_t>(index.row()), column = static_cast<size_t>(index.column());
    if (role == Qt::DisplayRole) return text(m_text->cell(row, column));
    if (role == Qt::TextAlignmentRole)
        return QVariant::fromValue(Qt::AlignVCenter | (m_text->alignsRight(column) ? Qt::AlignRight : Qt::AlignLeft));
    if (role == Qt::ToolTipRole)
        if (const std::string exact = m_text->tooltip(row, column); !exact.empty()) return text(exact);
    if (role == Qt::ToolTipRole && !m_text->alignsRight(column))
        return text(m_text->cell(row, column)); // may be shortened
    return {};
}

QVariant TableModel::headerData(int section, Qt::Orientation orientation, int role) const {
    if (section < 0 || orientation != Qt::Horizontal || section >= columnCount()) return {};
    const auto column = static_cast<size_t>(section);
    if (role == Qt::DisplayRole) return text(m_text->head(column));
    if (role == Qt::TextAlignmentRole)
        return QVariant::fromValue(Qt::AlignVCenter | (m_text->alignsRight(column) ? Qt::AlignRight : Qt::AlignLeft));
    if (role == gives_way_role) return m_table->columns[column].gives_way;
    if (role == Qt::ToolTipRole && !m_table->columns[column].help.empty()) return text(m_table->columns[column].help);
    return {};
}

TableOrder::TableOrder(TableModel& model, QObject* parent)
    : QSortFilterProxyModel(parent)
    , m_model(model) {
    setSourceModel(&model);
}

void TableOrder::setNeedle(const QString& needle) {
    m_needle = lowered(needle.trimmed().toStdString());
    invalidateFilter();
}

std::vector<size_t> TableOrder::shownRows() const {
    std::vector<size_t> rows;
    for (int i = 0; i < rowCount(); ++i) rows.push_back(static_cast<size_t>(mapToSource(index(i, 0)).row()));
    return rows;
}

bool TableOrder::lessThan(const QModelIndex& a, const QModelIndex& b) const {
    const auto cell = [this](const QModelIndex& index) -> const Cell& {
        static const Cell nothing;
        const Row& row = m_model.table().rows[static_cast<size_t>(index.row())];
        const auto column = static_cast<size_t>(index.column());
        return column < row.size() ? row[column] : nothing;
    };
    return cellLess(cell(a), cell(b));
}

bool TableOrder::filterAcceptsRow(int row, const QModelIndex&) const {
    return rowMatches(m_model.table().rows[static_cast<size_t>(row)], m_needle);
}

} // namespace shardscope::gui
