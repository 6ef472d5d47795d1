// SPDX-License-Identifier: Apache-2.0
#include "gui/tables/table_view.h"
#include "gui/canvas/format.h"
#include "gui/export/export_job.h"
#include "gui/panels/elided_label.h"
#include "gui/panels/section.h"
#include "gui/style.h"
#include "gui/tables/column_fit.h"
#include <QApplication>
#include <QClipboard>
#include <QFileDialog>
#include <QHeaderView>
#include <QKeyEvent>
#include <QLineEdit>
#include <QTableView>
#include <QToolButton>
#include <QVBoxLayout>
#include <algorithm>

namespace shardscope::gui {
namespace {

constexpr int row_height = 22, measured_rows = 100, widest_column = 420, narrowest_filter = 64, most_number = 110;

QToolButton* flatButton(const QString& text, const QString& tooltip) {
    auto* button = new QToolButton;
    button->setText(text);
    button->setToolTip(tooltip);
    button->setProperty("small", true);
    return button;
}

} // namespace

TableView::TableView(const QString& accessible_name, QWidget* parent)
    : QWidget(parent)
    , m_model(new TableModel(this))
    , m_order(new TableOrder(*m_model, this))
    , m_view(new QTableView)
    , m_filter(new QLineEdit)
    , m_notes(new ElidedLabel) {
    m_view->setModel(m_order);
    m_view->setSortingEnabled(true);
    m_view->setSelectionBehavior(QAbstractItemView::SelectRows);
    m_view->setSelectionMode(QAbstractItemView::ExtendedSelection);
    m_view->setEditTriggers(QAbstractItemView::NoEditTriggers);
    m_view->setAlternatingRowColors(true);
    m_view->setShowGrid(false);
    m_view->setWordWrap(false);
    m_view->setFrameShape(QFrame::NoFrame);
    m_view->setFont(uiFont(metrics::font_small));
    m_view->setAccessibleName(accessible_name);
    m_view->setTabKeyNavigation(false);
    m_view->setProperty("compact", true); // what room there is goes between the columns
    m_view->setHorizontalScrollMode(QAbstractItemView::ScrollPerPixel);
    m_view->verticalHeader()->hide();
    m_view->verticalHeader()->setSectionResizeMode(QHeaderView::Fixed);
    m_view->verticalHeader()->setDefaultSectionSize(row_height);
    m_view->horizontalHeader()->setHighlightSections(false);
    m_view->horizontalHeader()->setResizeContentsPrecision(measured_rows);
    m_view->installEventFilter(this);
    m_filter->setPlaceholderText("Filter");
    m_filter->setAccessibleName(accessible_name + ", filter");
    m_filter->setClearButtonEnabled(true);
    m_filter->setMaximumWidth(220);
    m_filter->setMinimumWidth(narrowest_filter);
    m_filter->setProperty("small", true);
    m_notes->setProperty("role", "dim");
    m_notes->setFont(uiFont(metrics::font_axis));
    QToolButton* copy_button = flatButton("Copy", "Copy the selected rows, or all, as tab-separated text");
    QToolButton* save_button = flatButton("CSV…", "Save the rows shown with exact values");

    auto* tools = new QHBoxLayout;
    tools->setContentsMargins(8, 4, 8, 4);
    tools->setSpacing(8);
    tools->addWidget(m_filter);
    tools->addWidget(m_notes, 1);
    tools->addWidget(copy_button);
    tools->addWidget(save_button);
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(0);
    column->addLayout(tools);
    auto* body = new QHBoxLayout;
    body->setContentsMargins(8, 0, 0, 0); // rows begin where the filter does
    body->addWidget(m_view);
    column->addLayout(body, 1);

    connect(m_filter, &QLineEdit::textChanged, this, [this](const QString& needle) {
        m_order->setNeedle(needle);
        showNotes();
    });
    connect(copy_button, &QToolButton::clicked, this, &TableView::copy);
    connect(save_button, &QToolButton::clicked, this, &TableView::askWhereToSave);
    connect(m_view, &QTableView::clicked, this, [this](const QModelIndex& index) {
        if (const TableLink* link = linkOf(index)) emit clicked(*link);
    });
    connect(m_view, &QTableView::doubleClicked, this, [this](const QModelIndex& index) {
        if (const TableLink* link = linkOf(index)) emit activated(*link);
    });
}

void TableView::setTable(std::shared_ptr<const TableData> table) {
    const auto same = [](const TableColumn& a, const TableColumn& b) { return a.name == b.name && a.kind == b.kind; };
    const auto& before = m_model->table().columns;
    const bool new_columns =
        !std::equal(before.begin(), before.end(), table->columns.begin(), table->columns.end(), same);
    m_model->setTable(std::move(table));
    m_sentence.clear();
    if (new_columns && !m_model->table().columns.empty()) {
        fitColumns(*m_view, widest_column);
        m_view->sortByColumn(static_cast<int>(m_model->table().sorted_by),
                             m_model->table().descending ? Qt::DescendingOrder : Qt::AscendingOrder);
    }
    showNotes();
}

void TableView::setSentence(const QString& sentence) {
    m_sentence = sentence;
    showNotes();
}

QString TableView::sentence() const { return m_notes->text(); }

void TableView::showNotes() {
    QString line = m_sentence;
    if (line.isEmpty()) {
        const int all = m_model->rowCount(), shown = m_order->rowCount();
        line = text(formatCount(shown)) + (shown == all ? QString() : " of " + text(formatCount(all))) +
               (all == 1 ? " row" : " rows");
        if (const int away = columnsWithoutRoom(*m_view))
            line += QString(" · %1 %2 hidden").arg(away).arg(away == 1 ? "column" : "columns");
        for (const std::string& note : m_model->table().notes) line += " · " + text(note);
    }
    // The number of rows is read at any width; what is said behind it goes first.
    const QString number = line.section(QString::fromUtf8(" · "), 0, 0);
    m_notes->setMinimumWidth(std::min(m_notes->fontMetrics().horizontalAdvance(number + "…") + 4, most_number));
    m_notes->setText(line);
    m_notes->setToolTip(line);
}

const TableLink* TableView::linkOf(const QModelIndex& index) const {
    const auto row = static_cast<size_t>(m_order->mapToSource(index).row());
    const auto& links = m_model->table().links;
    return row < links.size() && links[row].leadsSomewhere() ? &links[row] : nullptr;
}

void TableView::selectItem(int64_t item) {
    const auto& links = m_model->table().links;
    m_view->clearSelection();
    for (size_t row = 0; row < links.size(); ++row) {
        if (links[row].item != item) continue;
        const QModelIndex index = m_order->mapFromSource(m_model->index(static_cast<int>(row), 0));
        if (index.isValid()) m_view->selectRow(index.row());
        return;
    }
}

std::vector<size_t> TableView::selectedRows() const {
    std::vector<size_t> rows;
    QList<int> places;
    for (const QModelIndex& index : m_view->selectionModel()->selectedRows()) places << index.row();
    std::sort(places.begin(), places.end());
    for (const int place : places)
        rows.push_back(static_cast<size_t>(m_order->mapToSource(m_order->index(place, 0)).row()));
    return rows;
}

QString TableView::copied() const {
    const std::vector<size_t> selected = selectedRows();
    return text(tableTsv(m_model->table(), selected.empty() ? m_order->shownRows() : selected));
}

void TableView::copy() const { QApplication::clipboard()->setText(copied()); }

CsvText TableView::csv() const {
    return [table = m_model->shared(), rows = m_order->shownRows()] { return tableCsv(*table, rows); };
}

void TableView::saveCsv(const QString& path) {
    const Exportable what{.name = {}, .file_stem = {}, .size = {}, .csv = [this] { return csv(); }};
    auto* job = new ExportJob(what, {.format = ExportFormat::csv}, path, this);
    connect(job, &ExportJob::ended, this, [this, job, path](const QByteArray&, const QString& problem) {
        job->deleteLater();
        emit noticed(problem.isEmpty() ? "Saved " + path + "." : problem, !problem.isEmpty());
    });
    job->start();
}

void TableView::askWhereToSave() {
    const QString path =
        QFileDialog::getSaveFileName(this, "Save table", text(m_model->table().name) + ".csv", "Tables (*.csv)");
    if (!path.isEmpty()) saveCsv(path);
}

bool TableView::eventFilter(QObject* watched, QEvent* event) {
    // Shortcuts of the window would take the keys first.
    const bool key = event->type() == QEvent::KeyPress || event->type() == QEvent::ShortcutOverride;
    if (watched != m_view || !key) return QWidget::eventFilter(watched, event);
    auto& pressed = static_cast<QKeyEvent&>(*event);
    const bool enters = pressed.key() == Qt::Key_Return || pressed.key() == Qt::Key_Enter;
    const bool copies = pressed.matches(QKeySequence::Copy);
    if (!enters && !copies) return false;
    event->accept();
    if (event->type() == QEvent::ShortcutOverride) return true;
    if (copies)
        copy();
    else if (const TableLink* link = m_view->currentIndex().isValid() ? linkOf(m_view->currentIndex()) : nullptr)
        emit activated(*link);
    return true;
}

} // namespace shardscope::gui
