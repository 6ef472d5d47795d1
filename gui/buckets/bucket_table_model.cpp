// SPDX-License-Identifier: Apache-2.0
#include "gui/buckets/bucket_table_model.h"
#include "gui/canvas/format.h"
#include "gui/style.h"
#include "gui/tables/column_fit.h"
#include "profiler/analysis/sweep.h"
#include <QColor>
#include <algorithm>

namespace shardscope::gui {

BucketTableModel::BucketTableModel(QObject* parent)
    : QAbstractTableModel(parent)
    , m_theme(&darkTheme()) {}

void BucketTableModel::setView(const BucketView* view) {
    beginResetModel();
    m_rows = view ? view->rows : std::vector<CollectiveRow>();
    int64_t largest = 1;
    for (const CollectiveRow& row : m_rows) largest = std::max({largest, row.sent_ns, row.transfer_ns, row.wait_ns});
    m_unit = timeUnit(largest);
    endResetModel();
}

void BucketTableModel::setTheme(const Theme& theme) {
    m_theme = &theme;
    if (!m_rows.empty()) emit dataChanged(index(0, 0), index(rowCount() - 1, count - 1), {Qt::ForegroundRole});
}

const CollectiveRow* BucketTableModel::row(int index) const {
    return index >= 0 && static_cast<size_t>(index) < m_rows.size() ? &m_rows[static_cast<size_t>(index)] : nullptr;
}

int BucketTableModel::rowCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : static_cast<int>(m_rows.size());
}

int BucketTableModel::columnCount(const QModelIndex& parent) const { return parent.isValid() ? 0 : count; }

QString BucketTableModel::shown(const CollectiveRow& r, int column) const {
    const auto time = [this](int64_t ns) { return ns == 0 ? QString("0") : text(inUnit(ns, m_unit, 4)); };
    switch (column) {
    case name:
        return text(r.name);
    case kind:
        return text(toText(r.op_class)).replace('_', '-');
    case layers:
        return text(r.layers);
    case elements:
        return r.elements > 0 ? text(formatCount(r.elements)) : QString("–");
    case ready:
        return r.ready_ns ? time(*r.ready_ns) : QString("–");
    case sent:
        return time(r.sent_ns);
    case wait:
        return time(r.wait_ns);
    case transfer:
        return time(r.transfer_ns);
    case exposed:
        return time(r.exposed_ns);
    case bus:
        return r.bus_gb_per_s > 0 ? text(significant(r.bus_gb_per_s, 3)) : QString("–");
    case key:
        return r.config_key.empty() ? QString("–") : text(shortKey(r.config_key));
    case reason:
        return text(r.reason);
    case change:
        return text(r.change);
    default:
        return {};
    }
}

QVariant BucketTableModel::data(const QModelIndex& at, int role) const {
    const CollectiveRow* r = row(at.row());
    if (!at.isValid() || !r) return {};
    const bool number = at.column() >= elements && at.column() <= bus;
    switch (role) {
    case Qt::DisplayRole:
        return shown(*r, at.column());
    case Qt::TextAlignmentRole:
        return QVariant::fromValue(Qt::Alignment((number ? Qt::AlignRight : Qt::AlignLeft) | Qt::AlignVCenter));
    case Qt::ForegroundRole:
        if (at.column() == exposed && r->exposed_ns > 0) return toColour(readableOn(m_theme->background, m_theme->bad));
        if (at.column() == change && r->change == "same") return toColour(m_theme->dim);
        return {};
    case Qt::ToolTipRole:
        if (at.column() == key) return text(r->config_key);
        if (at.column() == transfer && r->emulated_ns > 0)
            return QString("of it emulated by the link model: %1").arg(text(formatDuration(r->emulated_ns)));
        return shown(*r, at.column());
    case sort_role:
        switch (at.column()) {
        case elements:
            return QVariant::fromValue<qlonglong>(r->elements);
        case ready:
            return QVariant::fromValue<qlonglong>(r->ready_ns.value_or(-1));
        case sent:
            return QVariant::fromValue<qlonglong>(r->sent_ns);
        case wait:
            return QVariant::fromValue<qlonglong>(r->wait_ns);
        case transfer:
            return QVariant::fromValue<qlonglong>(r->transfer_ns);
        case exposed:
            return QVariant::fromValue<qlonglong>(r->exposed_ns);
        case bus:
            return r->bus_gb_per_s;
        case name: // numbered buckets in their order
            return r->bucket >= 0 ? QString("bucket %1").arg(r->bucket, 9, 10, QChar('0')) : text(r->name);
        default:
            return shown(*r, at.column());
        }
    default:
        return {};
    }
}

QVariant BucketTableModel::headerData(int section, Qt::Orientation orientation, int role) const {
    if (orientation != Qt::Horizontal) return {};
    const QString unit = m_unit.name;
    if (role == Qt::TextAlignmentRole)
        return QVariant::fromValue(
            Qt::Alignment((section >= elements && section <= bus ? Qt::AlignRight : Qt::AlignLeft) | Qt::AlignVCenter));
    static constexpr const char* heads[] = {"bucket",
                                            "collective",
                                            "layers",
                                            "elements",
                                            "ready",
                                            "sent",
                                            "waits",
                                            "transfer",
                                            "exposed",
                                            "bus GB/s",
                                            "key",
                                            "why it ends here",
                                            "against the baseline"};
    static constexpr const char* tips[] = {
        "Gradient bucket, or what the collective is about",
        "",
        "Layers whose parameters it carries",
        "Without padding",
        "When everything it needs was computed, since the start of the step",
        "When this rank began it, since the start of the step; later than ready where another collective held the lane",
        "From this rank's arrival to the last rank's",
        "From the last arrival to the end, with what a link model added",
        "The part that no compute covers: what the step pays for it",
        "As nccl-tests counts it",
        "The key of the DeepSpeed JSON that causes it",
        "Why the bucket holds these layers and no more",
        "What is different from the same collective there"};
    if (section < 0 || section >= count) return {};
    if (role == gives_way_role) // what its name, its key or its neighbours say as well
        return section == kind       ? 1
               : section == bus      ? 2
               : section == ready    ? 3
               : section == key      ? 4
               : section == change   ? 5
               : section == elements ? 6
                                     : 0;
    if (role == Qt::ToolTipRole) return QString::fromUtf8(tips[section]);
    if (role != Qt::DisplayRole) return {};
    const QString head = QString::fromUtf8(heads[section]);
    return section >= ready && section <= exposed ? head + ", " + unit : head;
}

QString tableCsv(const QAbstractItemModel& model) {
    const auto quoted = [](QString cell) {
        return cell.contains(',') || cell.contains('"') || cell.contains('\n') ? '"' + cell.replace('"', "\"\"") + '"'
                                                                               : cell;
    };
    QString csv;
    for (int column = 0; column < model.columnCount(); ++column)
        csv += (column ? "," : "") + quoted(model.headerData(column, Qt::Horizontal, Qt::DisplayRole).toString());
    csv += '\n';
    for (int row = 0; row < model.rowCount(); ++row) {
        for (int column = 0; column < model.columnCount(); ++column)
            csv += (column ? "," : "") + quoted(model.index(row, column).data(Qt::DisplayRole).toString());
        csv += '\n';
    }
    return csv;
}

} // namespace shardscope::gui
