// SPDX-License-Identifier: Apache-2.0
#include "gui/memory/alive_table.h"
#include "gui/canvas/format.h"
#include "gui/canvas/heat_map.h"

namespace shardscope::gui {

TableData aliveTable(const BufferLives& lives, const TraceReader& trace, uint32_t change) {
    TableData table{.name = "alive_buffers", .columns = {}, .rows = {}, .links = {}, .notes = {}};
    table.columns = {{"buffer", ColumnKind::text, "its name, or – where the trace does not tell"},
                     {"size", ColumnKind::bytes, {}},
                     {"share", ColumnKind::percent, "of everything alive at this moment", 4},
                     {"category", ColumnKind::text, {}, 5},
                     {"since", ColumnKind::time, "time of its allocation, on the trace's clock", 1},
                     {"allocated for", ColumnKind::text, "the op that needs it first", 3},
                     {"released after", ColumnKind::text, "the op that needs it last", 2}};
    table.sorted_by = 1;
    table.descending = true;
    const std::vector<size_t> alive = lives.aliveAfter(change);
    int64_t all_bytes = 0, left_bytes = 0;
    for (const size_t i : alive) all_bytes += std::min(lives.all()[i].bytes, int64_t{1} << 40);
    for (size_t n = 0; n < alive.size(); ++n) {
        const BufferLife& life = lives.all()[alive[n]];
        if (n >= most_alive_rows) {
            left_bytes += std::min(life.bytes, int64_t{1} << 40);
            continue;
        }
        const std::string name = life.name == NameId::none ? std::string() : trace.name(life.name);
        const ProgramOpEvent *first = opAfter(trace, life.alloc_op), *last = opBefore(trace, life.free_op);
        const std::string whole_run = life.released() || first ? "" : "the whole run";
        table.rows.push_back(
            {name.empty() ? std::string("–") : name, life.bytes,
             100.0 * static_cast<double>(life.bytes) / static_cast<double>(std::max<int64_t>(1, all_bytes)),
             categoryName(life.category), life.start_ns, first ? first->name : whole_run,
             last ? last->name : std::string()});
        table.links.emplace_back().item = static_cast<int64_t>(alive[n]);
    }
    if (left_bytes > 0)
        table.notes.push_back(formatCount(static_cast<int64_t>(alive.size() - most_alive_rows)) +
                              " smaller ones, together " + formatBytes(left_bytes) + ", are left out");
    return table;
}

} // namespace shardscope::gui
