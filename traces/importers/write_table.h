// SPDX-License-Identifier: Apache-2.0
// Turns what importers gathered into a trace: numbers the ranks, puts all clocks on one, finds the step of every kernel
// through the call that launched it, and splits tracks into lanes in which intervals do not overlap (nested calls of a
// thread, kernels side by side on a stream).
#pragma once
#include "traces/importers/import_table.h"
#include "traces/result.h"
#include <functional>

namespace shardscope::importers {

struct WrittenTrace {
    int64_t events = 0;
    int32_t ranks = 0;
    int32_t lanes = 0;
    bool rows = false;
    std::vector<WarningEvent> warnings;
};

// Empties the table. `proceed(done, total)` is asked now and then; false ends with an error and leaves no file.
Result<WrittenTrace> writeTable(ImportTable&, const std::string& destination, std::optional<bool> rows,
                                const std::function<bool(int64_t done, int64_t total)>& proceed);

inline constexpr int64_t most_events_with_rows = 1'000'000; // unless asked: rows take ten times the time of columns

} // namespace shardscope::importers
