// SPDX-License-Identifier: Apache-2.0
// The rows of a bucket view as a table: one row per collective, numbers right-aligned, the unit in the head.
#pragma once
#include "gui/buckets/bucket_rows.h"
#include "gui/canvas/theme.h"
#include "gui/units.h"
#include <QAbstractTableModel>

namespace shardscope::gui {

class BucketTableModel : public QAbstractTableModel {
    Q_OBJECT
public:
    enum Column { name, kind, layers, elements, ready, sent, wait, transfer, exposed, bus, key, reason, change, count };
    static constexpr int sort_role = Qt::UserRole; // the number or text to sort by

    explicit BucketTableModel(QObject* parent = nullptr);
    void setView(const BucketView*); // copied; null: nothing
    void setTheme(const Theme&);
    const CollectiveRow* row(int) const;

    int rowCount(const QModelIndex& parent = {}) const override;
    int columnCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex&, int role) const override;
    QVariant headerData(int section, Qt::Orientation, int role) const override;

private:
    QString shown(const CollectiveRow&, int column) const;
    std::vector<CollectiveRow> m_rows;
    Unit m_unit;
    const Theme* m_theme;
};

QString tableCsv(const QAbstractItemModel&); // with its head, as it is sorted

} // namespace shardscope::gui
