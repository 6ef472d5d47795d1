// SPDX-License-Identifier: Apache-2.0
#include "gui/compare/view_table.h"
#include "gui/panels/section.h"
#include "gui/style.h"
#include <QApplication>
#include <QClipboard>
#include <QHeaderView>
#include <QLineEdit>
#include <QShortcut>
#include <QSortFilterProxyModel>
#include <QTableView>
#include <QToolButton>
#include <QVBoxLayout>
#include <algorithm>
#include <map>

namespace shardscope::gui {

void ViewTableModel::setTable(ViewTable table) {
    beginResetModel();
    m_table = std::move(table);
    endResetModel();
}

void ViewTableModel::setTheme(const Theme& theme) {
    m_theme = &theme;
    if (!m_table.rows.empty()) emit dataChanged(index(0, 0), index(rowCount() - 1, columnCount() - 1));
}

int ViewTableModel::rowCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : static_cast<int>(m_table.rows.size());
}

int ViewTableModel::columnCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : static_cast<int>(m_table.columns.size());
}

QVariant ViewTableModel::data(const QModelIndex& at, int role) const {
    if (!at.isValid()) return {};
    const auto& row = m_table.rows[static_cast<size_t>(at.row())];
    if (static_cast<size_t>(at.column()) >= row.size()) return {};
    const ViewCell& cell = row[static_cast<size_t>(at.column())];
    switch (role) {
    case Qt::DisplayRole:
        return cell.text;
    case SortRole:
        return cell.is_number ? QVariant(cell.number) : QVariant(cell.text);
    case Qt::ToolTipRole:
        return cell.tooltip.isEmpty() ? QVariant() : cell.tooltip;
    case Qt::TextAlignmentRole:
        return QVariant::fromValue((cell.is_number ? Qt::AlignRight : Qt::AlignLeft) | Qt::AlignVCenter);
    case Qt::FontRole: {
        QFont font = uiFont(metrics::font_small);
        if (cell.strong) font.setWeight(QFont::DemiBold);
        return font;
    }
    case Qt::ForegroundRole:
        if (cell.tone == Tone::good) return toColour(readableOn(m_theme->background, m_theme->good));
        if (cell.tone == Tone::bad) return toColour(readableOn(m_theme->background, m_theme->bad));
        if (cell.tone == Tone::attention) return toColour(readableOn(m_theme->background, m_theme->attention));
        return toColour(cell.faint ? m_theme->dim : m_theme->text);
    default:
        return {};
    }
}

QVariant ViewTableModel::headerData(int section, Qt::Orientation orientation, int role) const {
    if (orientation != Qt::Horizontal) return {};
    if (role == Qt::DisplayRole) return m_table.columns.value(section);
    if (role == Qt::TextAlignmentRole && !m_table.rows.empty()) {
        const auto& row = m_table.rows.front();
        const bool number = static_cast<size_t>(section) < row.size() && row[static_cast<size_t>(section)].is_number;
        return QVariant::fromValue((number ? Qt::AlignRight : Qt::AlignLeft) | Qt::AlignVCenter);
    }
    return {};
}

ViewTablePage::ViewTablePage(const QString& name, QWidget* parent)
    : QWidget(parent)
    , m_model(new ViewTableModel(this))
    , m_proxy(new QSortFilterProxyModel(this))
    , m_view(new QTableView)
    , m_filter(new QLineEdit)
    , m_note(roleLabel({}, "dim", metrics::font_axis)) {
    setObjectName("canvasSide");
    setAttribute(Qt::WA_StyledBackground);
    m_proxy->setSourceModel(m_model);
    m_proxy->setSortRole(ViewTableModel::SortRole);
    m_proxy->setFilterKeyColumn(-1);
    m_proxy->setFilterCaseSensitivity(Qt::CaseInsensitive);
    m_view->setModel(m_proxy);
    m_view->setAccessibleName(name);
    m_view->setSortingEnabled(true);
    m_view->horizontalHeader()->setSortIndicator(-1, Qt::AscendingOrder); // as it came, until a head is clicked
    m_view->horizontalHeader()->setStretchLastSection(true);
    m_view->horizontalHeader()->setHighlightSections(false);
    m_view->verticalHeader()->hide();
    m_view->verticalHeader()->setDefaultSectionSize(22);
    m_view->setShowGrid(false);
    m_view->setEditTriggers(QAbstractItemView::NoEditTriggers);
    m_view->setHorizontalScrollMode(QAbstractItemView::ScrollPerPixel);
    m_view->setFrameShape(QFrame::NoFrame);
    m_filter->setPlaceholderText("Filter " + name);
    m_filter->setAccessibleName("Filter " + name);
    m_filter->setClearButtonEnabled(true);
    m_filter->setFixedWidth(180);
    auto* copy = new QToolButton;
    copy->setText("Copy");
    copy->setToolTip("The selected rows as text, or all of them (Ctrl+C)");
    auto* bar = new QHBoxLayout;
    bar->setContentsMargins(0, 0, 0, 0);
    bar->addWidget(m_filter);
    bar->addWidget(m_note, 1);
    bar->addWidget(copy);
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(12, 4, 12, 6);
    column->setSpacing(4);
    column->addLayout(bar);
    column->addWidget(m_view, 1);
    connect(m_filter, &QLineEdit::textChanged, m_proxy, &QSortFilterProxyModel::setFilterFixedString);
    const auto copy_text = [this] { QApplication::clipboard()->setText(selectedText()); };
    connect(copy, &QToolButton::clicked, this, copy_text);
    connect(new QShortcut(QKeySequence::Copy, m_view, nullptr, nullptr, Qt::WidgetShortcut), &QShortcut::activated,
            this, copy_text);
    const auto clicked = [this](const QModelIndex& at) {
        const QModelIndex source = m_proxy->mapToSource(at);
        if (source.isValid()) emit cellClicked(source.row(), source.column());
    };
    connect(m_view, &QTableView::clicked, this, clicked);
    connect(new QShortcut(Qt::Key_Return, m_view, nullptr, nullptr, Qt::WidgetShortcut), &QShortcut::activated, this,
            [this, clicked] { clicked(m_view->currentIndex()); });
}

void ViewTablePage::setTable(ViewTable table, const QString& note) {
    const bool new_columns = table.columns != m_model->table().columns;
    m_model->setTable(std::move(table));
    m_note->setText(note);
    m_note->setToolTip(note);
    if (!new_columns) return;
    m_view->resizeColumnsToContents();
    for (int c = 0; c < m_model->columnCount(); ++c)
        m_view->setColumnWidth(c, std::clamp(m_view->columnWidth(c) + 14, 70, 360));
}

void ViewTablePage::setTheme(const Theme& theme) { m_model->setTheme(theme); }

QString ViewTablePage::selectedText() const {
    std::map<int, std::map<int, QString>> cells;
    const QModelIndexList selected = m_view->selectionModel()->selectedIndexes();
    for (const QModelIndex& at : selected) cells[at.row()][at.column()] = at.data().toString();
    if (selected.size() < 2) {
        cells.clear();
        for (int r = 0; r < m_proxy->rowCount(); ++r)
            for (int c = 0; c < m_proxy->columnCount(); ++c) cells[r][c] = m_proxy->index(r, c).data().toString();
    }
    QString lines = selected.size() < 2 ? m_model->table().columns.join('\t') + "\n" : QString();
    for (const auto& [row, columns] : cells) {
        QStringList line;
        for (const auto& [column, cell] : columns) line << cell;
        lines += line.join('\t') + "\n";
    }
    return lines;
}

} // namespace shardscope::gui
