// SPDX-License-Identifier: Apache-2.0
#include "gui/tables/saved_queries.h"
#include <algorithm>
#include <cstdint>

namespace shardscope::gui {

const std::vector<SavedQuery>& builtInQueries() {
    static const std::vector<SavedQuery> queries = {
        {"Longest events", "SELECT id AS event_id, rank, lane, name, step, start_ns, duration_ns\n"
                           "  FROM event\n ORDER BY duration_ns DESC LIMIT 100"},
        {"Time by name and rank", "SELECT rank, name, count(*) AS calls, sum(duration_ns) AS total_ns,\n"
                                  "       avg(duration_ns) AS mean_ns, max(duration_ns) AS max_ns\n"
                                  "  FROM event\n GROUP BY rank, name ORDER BY total_ns DESC LIMIT 500"},
        {"Collectives by bucket", "SELECT collective, bucket, count(*) AS calls, max(bytes) AS size_bytes,\n"
                                  "       avg(wait_ns) AS wait_ns, avg(transfer_ns) AS transfer_ns\n"
                                  "  FROM collective\n GROUP BY collective, bucket ORDER BY transfer_ns DESC"},
        {"Bandwidth of collectives", "SELECT id AS event_id, rank, name, step, bytes AS size_bytes, transfer_ns,\n"
                                     "       1.0 * bytes / transfer_ns AS algorithm_gb_per_s, start_ns\n"
                                     "  FROM collective\n WHERE transfer_ns > 0 ORDER BY transfer_ns DESC LIMIT 200"},
        {"Who waits for whom",
         "SELECT rank, sum(wait_ns) AS wait_ns, count(*) AS collectives, max(wait_ns) AS longest_ns\n"
         "  FROM collective\n GROUP BY rank ORDER BY wait_ns"},
        {"Steps", "SELECT step, start_ns, end_ns - start_ns AS duration_ns, loss, learning_rate, gradient_norm,\n"
                  "       tokens * 1e9 / (end_ns - start_ns) AS tokens_per_s\n  FROM step ORDER BY step"},
        {"Largest allocations", "SELECT rank, tier, category, buffer, delta_bytes AS size_bytes, step, time_ns\n"
                                "  FROM memory\n WHERE delta_bytes > 0 ORDER BY delta_bytes DESC LIMIT 200"},
        {"Idle gaps of compute",
         "SELECT * FROM (\n"
         "  SELECT id AS event_id, rank, name AS before, start_ns,\n"
         "         start_ns - lag(end_ns) OVER (PARTITION BY lane_id ORDER BY start_ns) AS gap_ns\n"
         "    FROM event WHERE lane = 'compute' AND op_class = 'compute')\n"
         " WHERE gap_ns > 0 ORDER BY gap_ns DESC LIMIT 200"},
        {"What the program waits for",
         "SELECT o.id AS op, o.name, w.waits_for, b.name AS waits_for_name, o.config_key\n"
         "  FROM op o JOIN op_wait w ON w.op = o.id LEFT JOIN op b ON b.id = w.waits_for\n"
         " ORDER BY o.id"},
        {"The run", "SELECT key, value FROM run ORDER BY key"},
        {"Tables and views", "SELECT name, type, sql FROM sqlite_schema WHERE type IN ('table', 'view') ORDER BY 1"},
    };
    return queries;
}

TextPlace placeOf(const std::string& utf8, int64_t byte) {
    TextPlace place;
    const auto end = static_cast<size_t>(std::clamp<int64_t>(byte, 0, static_cast<int64_t>(utf8.size())));
    for (size_t i = 0; i < end; ++i) {
        const auto c = static_cast<unsigned char>(utf8[i]);
        if (c == '\n') {
            ++place.line;
            place.column = 1;
        } else if ((c & 0xc0) != 0x80) {
            ++place.column;
        }
    }
    return place;
}

} // namespace shardscope::gui
