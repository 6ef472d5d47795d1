// SPDX-License-Identifier: Apache-2.0
#include "gui/palette_model.h"
#include "gui/fuzzy.h"
#include <algorithm>

namespace shardscope::gui {

void PaletteModel::contribute(PaletteMode mode, PaletteSource source) {
    m_sources.push_back({mode, std::move(source)});
}

void PaletteModel::show(PaletteMode mode, const QString& typed) {
    std::vector<PaletteEntry> entries;
    for (const Source& source : m_sources)
        if (mode == PaletteMode::anything || source.mode == mode) source.entries(typed, entries);
    std::vector<Row> rows;
    for (PaletteEntry& entry : entries) {
        constexpr int always_first = 1'000, resting = -500, by_detail = -5;
        if (entry.always) {
            rows.push_back({std::move(entry), {}, always_first});
            continue;
        }
        auto match = fuzzyMatch(typed, entry.title);
        const bool in_title = match.has_value();
        if (!in_title) {
            match = fuzzyMatch(typed, entry.title + " " + entry.detail);
            if (!match) continue;
            std::erase_if(match->positions, [&](qsizetype at) { return at >= entry.title.size(); });
        }
        const int score = match->score + (in_title ? 0 : by_detail) + (entry.enabled ? 0 : resting);
        rows.push_back({std::move(entry), std::move(match->positions), score});
    }
    std::stable_sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return a.score > b.score; });
    if (rows.size() > most_shown) rows.resize(most_shown);
    beginResetModel();
    m_rows = std::move(rows);
    endResetModel();
}

void PaletteModel::run(int row) const {
    if (row < 0 || row >= rowCount() || !m_rows[static_cast<size_t>(row)].entry.enabled) return;
    const auto action = m_rows[static_cast<size_t>(row)].entry.run; // a copy: running it may open the palette anew
    action();
}

int PaletteModel::firstEnabled() const {
    const auto found = std::find_if(m_rows.begin(), m_rows.end(), [](const Row& row) { return row.entry.enabled; });
    return found == m_rows.end() ? -1 : static_cast<int>(found - m_rows.begin());
}

int PaletteModel::rowCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : static_cast<int>(m_rows.size());
}

QVariant PaletteModel::data(const QModelIndex& index, int role) const {
    if (!index.isValid() || index.row() >= rowCount()) return {};
    const Row& row = m_rows[static_cast<size_t>(index.row())];
    switch (role) {
    case Qt::DisplayRole:
        return row.entry.title;
    case Qt::AccessibleTextRole:
        return QStringList{row.entry.title, row.entry.detail, row.entry.keys}.join(", ");
    case detail_role:
        return row.entry.detail;
    case keys_role:
        return row.entry.keys;
    case enabled_role:
        return row.entry.enabled;
    case positions_role: {
        QVariantList positions;
        for (const qsizetype at : row.positions) positions << at;
        return positions;
    }
    default:
        return {};
    }
}

Qt::ItemFlags PaletteModel::flags(const QModelIndex& index) const {
    if (!index.isValid() || index.row() >= rowCount()) return Qt::NoItemFlags;
    const bool enabled = m_rows[static_cast<size_t>(index.row())].entry.enabled;
    return enabled ? Qt::ItemIsSelectable | Qt::ItemIsEnabled | Qt::ItemNeverHasChildren : Qt::ItemNeverHasChildren;
}

} // namespace shardscope::gui
