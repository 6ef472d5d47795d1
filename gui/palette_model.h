// SPDX-License-Identifier: Apache-2.0
// What the command palette offers: entries of several sources, filtered by what was typed, the best first. Views
// contribute a source; it is asked each time the palette opens or its text changes.
#pragma once
#include <QAbstractListModel>
#include <functional>
#include <vector>

namespace shardscope::gui {

enum class PaletteMode { commands, lanes, steps, anything };

struct PaletteEntry {
    QString title;  // what happens; the typed letters are looked for here first, then in `detail`
    QString detail; // where else it is found, or what it is: "Navigate", "rank 0 · 1,204 events"
    QString keys;   // empty if it has none
    std::function<void()> run;
    bool enabled = true;
    bool always = false; // made from the typed text, so that it need not be matched
};

using PaletteSource = std::function<void(const QString& typed, std::vector<PaletteEntry>&)>;

class PaletteModel : public QAbstractListModel {
    Q_OBJECT
public:
    enum Role { detail_role = Qt::UserRole, keys_role, positions_role, enabled_role };
    static constexpr size_t most_shown = 80;
    using QAbstractListModel::QAbstractListModel;

    void contribute(PaletteMode, PaletteSource);
    void show(PaletteMode, const QString& typed);
    void run(int row) const; // nothing for an entry that rests
    int firstEnabled() const;

    int rowCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex&, int role) const override;
    Qt::ItemFlags flags(const QModelIndex&) const override;

private:
    struct Row {
        PaletteEntry entry;
        std::vector<qsizetype> positions;
        int score = 0;
    };
    struct Source {
        PaletteMode mode;
        PaletteSource entries;
    };
    std::vector<Source> m_sources;
    std::vector<Row> m_rows;
};

} // namespace shardscope::gui
