// SPDX-License-Identifier: Apache-2.0
// What import tests share: the folder of sample traces, importing into a temporary folder, and the budget of one rank
// in exact nanoseconds.
#pragma once
#include "profiler/analysis/interval_set.h"
#include "support/catch.h"
#include "support/temporary_folder.h"
#include "traces/importers/import.h"
#include "traces/trace_reader.h"
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <functional>

namespace shardscope::test {

// Empty when SHARDSCOPE_SAMPLES names no folder with the samples; the test is then to be skipped.
inline std::string samplesFolder() {
    const char* const set = std::getenv("SHARDSCOPE_SAMPLES");
    for (const std::string& folder : {std::string(set ? set : ""), std::string(set ? set : "") + "/samples"})
        if (set && std::filesystem::exists(folder + "/oracle.csv")) return folder;
    return {};
}

struct Imported {
    ImportSummary summary;
    std::unique_ptr<TraceReader> trace;
    int64_t warned(const std::string& kind) const {
        for (const WarningEvent& w : trace->warnings())
            if (w.kind == kind) return w.count;
        return 0;
    }
    std::vector<IntervalEvent> events(const std::function<bool(const IntervalEvent&)>& wanted) const {
        std::vector<IntervalEvent> found;
        const TimeRange span = trace->span();
        for (size_t lane = 0; lane < trace->lanes().size(); ++lane)
            for (const IntervalEvent& e : trace->events(static_cast<LaneId>(lane), {span.start_ns, span.end_ns + 1}))
                if (wanted(e)) found.push_back(e);
        return found;
    }
    std::vector<IntervalEvent> named(const std::string& name) const {
        return events([&](const IntervalEvent& e) { return trace->name(e.name) == name; });
    }
};

inline Imported importInto(const TemporaryFolder& folder, const std::vector<std::string>& sources,
                           const ImportOptions& options = {}) {
    static int serial = 0;
    const std::string path = folder / ("imported" + std::to_string(serial++) + ".shardscope");
    auto summary = importTrace(sources, path, options);
    if (!summary) FAIL(summary.error().message);
    auto trace = TraceReader::open(path);
    if (!trace) FAIL(trace.error().message);
    return {*std::move(summary), *std::move(trace)};
}

// The sentence with which an import is refused; empty if it is not.
inline std::string refusedImport(const TemporaryFolder& folder, const std::string& source) {
    const auto summary = importTrace(std::vector{source}, folder / "refused.shardscope");
    CHECK((summary || !std::filesystem::exists(folder / "refused.shardscope")));
    return summary ? "" : summary.error().message;
}

struct Budget {
    int64_t span = 0, idle = 0, busy = 0, compute = 0, comm = 0, overlap = 0, copy = 0;
    int64_t compute_rows = 0, comm_rows = 0, copy_rows = 0, other_rows = 0;
};

inline Budget budgetOf(const std::vector<IntervalEvent>& events) {
    std::vector<TimeRange> all, compute, comm, copy;
    Budget b;
    int64_t first = std::numeric_limits<int64_t>::max(), last = std::numeric_limits<int64_t>::min();
    for (const IntervalEvent& e : events) {
        const TimeRange own{e.start_ns, e.end_ns};
        all.push_back(own);
        first = std::min(first, own.start_ns);
        last = std::max(last, own.end_ns);
        if (isCollective(e.op_class))
            comm.push_back(own);
        else if (e.op_class == OpClass::copy)
            copy.push_back(own);
        else if (e.op_class == OpClass::compute)
            compute.push_back(own);
        else
            ++b.other_rows;
    }
    b.compute_rows = static_cast<int64_t>(compute.size());
    b.comm_rows = static_cast<int64_t>(comm.size());
    b.copy_rows = static_cast<int64_t>(copy.size());
    const IntervalSet busy(all), c(compute), m(comm), y(copy);
    b.span = events.empty() ? 0 : last - first;
    b.busy = busy.length();
    b.idle = b.span - b.busy;
    b.compute = c.length();
    b.comm = m.length();
    b.copy = y.length();
    b.overlap = intersectionLength(m, c);
    return b;
}

} // namespace shardscope::test
