// SPDX-License-Identifier: Apache-2.0
// Rules: facebookresearch/HolisticTraceAnalysis, trace_parser.py (round_down_time_stamps), trace.py
// (_filter_irrelevant_gpu_kernels), utils.py (merge_kernel_intervals), breakdown_analysis.py,
// communication_analysis.py.
#include "profiler/analysis/hta_compatible.h"
#include "profiler/analysis/rank_activity.h"
#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

namespace shardscope {

namespace {

constexpr std::string_view step_mark = "ProfilerStep#";

int64_t floorDivide(int64_t a, int64_t b) { return a / b - (a % b < 0); }
int64_t ceilDivide(int64_t a, int64_t b) { return -floorDivide(-a, b); }

struct Kernel {
    int64_t start = 0, end = 0; // ns, then us
    Activity activity = Activity::compute;
};

// Rounding can leave an end before its start; such intervals are kept, as HTA keeps them.
class Merged {
public:
    void add(int64_t start, int64_t end) { m_ranges.push_back({start, end}); }
    void merge() {
        std::stable_sort(m_ranges.begin(), m_ranges.end(),
                         [](const TimeRange& a, const TimeRange& b) { return a.start_ns < b.start_ns; });
        std::vector<TimeRange> merged;
        int64_t latest = std::numeric_limits<int64_t>::min();
        for (const TimeRange& r : m_ranges) {
            if (merged.empty() || r.start_ns > latest)
                merged.push_back(r);
            else
                merged.back().end_ns = std::max(merged.back().end_ns, r.end_ns);
            latest = std::max(latest, r.end_ns);
        }
        m_ranges = std::move(merged);
    }
    int64_t length() const {
        int64_t sum = 0;
        for (const TimeRange& r : m_ranges) sum += r.duration();
        return sum;
    }
    int64_t extent() const { return m_ranges.empty() ? 0 : m_ranges.back().end_ns - m_ranges.front().start_ns; }
    IntervalSet set() const { return IntervalSet(m_ranges); }

private:
    std::vector<TimeRange> m_ranges;
};

double twoDecimals(double value) { return std::nearbyint(value * 100) / 100; }

// Where the time stamps of a source file are on the trace's clock, which decides how they are rounded.
std::map<int32_t, int64_t> sourceOffsets(const TraceReader& trace) {
    std::map<int32_t, int64_t> offsets;
    const auto json = nlohmann::json::parse(trace.runValue("source_offsets_ns"), nullptr, false);
    if (json.is_object())
        for (const auto& [rank, offset] : json.items())
            if (offset.is_number_integer()) offsets[std::atoi(rank.c_str())] = offset.get<int64_t>();
    return offsets;
}

// The device rows of each rank that the filter keeps: those launched before the last step begins, or, with the last
// step, before the latest end of a step. With fewer than two steps everything stays.
std::map<int32_t, std::vector<Kernel>> keptKernels(const TraceReader& trace, bool include_last_step) {
    std::set<std::string> steps;
    int64_t last_start = std::numeric_limits<int64_t>::min(), latest_end = last_start;
    bool launched = false;
    const std::set<int32_t> ranks = ranksOf(trace);
    std::map<NameId, bool> is_step; // most events share few names
    for (const int32_t rank : ranks)
        forEachInterval(trace, rank, [&](const IntervalEvent& e) {
            launched = launched || e.correlation >= 0;
            if (e.op_class != OpClass::annotation) return;
            const auto [mark, is_new] = is_step.try_emplace(e.name);
            if (is_new) mark->second = trace.name(e.name).starts_with(step_mark);
            if (!mark->second) return;
            steps.insert(trace.name(e.name));
            last_start = std::max(last_start, e.start_ns);
            latest_end = std::max(latest_end, e.end_ns);
        });
    // Our own runs have no launches and know the step of every interval.
    const bool own = !launched && trace.steps().size() > 1;
    const int32_t last_step = own ? trace.steps().back().step : -1;
    std::map<int32_t, std::vector<Kernel>> kernels;
    for (const int32_t rank : ranks) {
        std::set<int64_t> kept;
        const bool filter = launched && steps.size() > 1;
        if (filter)
            forEachInterval(trace, rank, [&](const IntervalEvent& e) {
                if (isWork(e.op_class) || e.correlation < 0) return;
                if (include_last_step ? e.start_ns <= latest_end : e.start_ns < last_start) kept.insert(e.correlation);
            });
        forEachInterval(trace, rank, [&](const IntervalEvent& e) {
            if (activityOf(e.op_class) == Activity::none) return;
            if (filter && !kept.count(e.correlation)) return;
            if (own && !include_last_step && e.step == last_step) return;
            kernels[rank].push_back({e.start_ns, e.end_ns, activityOf(e.op_class)});
        });
    }
    return kernels;
}

// Only time stamps with fractions of a microsecond are rounded, and then all of them: start up, end down.
void roundToMicroseconds(const TraceReader& trace, std::map<int32_t, std::vector<Kernel>>& kernels) {
    const std::map<int32_t, int64_t> offsets = sourceOffsets(trace);
    for (auto& [rank, own] : kernels) {
        const auto found = offsets.find(rank);
        const int64_t offset = found == offsets.end() ? 0 : found->second;
        for (Kernel& k : own) k = {ceilDivide(k.start + offset, 1000), floorDivide(k.end + offset, 1000), k.activity};
    }
}

} // namespace

std::vector<HtaBreakdown> htaBreakdown(const TraceReader& trace, bool include_last_step) {
    auto kernels = keptKernels(trace, include_last_step);
    roundToMicroseconds(trace, kernels);
    std::vector<HtaBreakdown> rows;
    for (const auto& [rank, own] : kernels) {
        Merged all, compute, comm;
        for (const Kernel& k : own) {
            all.add(k.start, k.end);
            if (k.activity == Activity::compute) compute.add(k.start, k.end);
            if (k.activity == Activity::comm) comm.add(k.start, k.end);
        }
        for (Merged* merged : {&all, &compute, &comm}) merged->merge();
        HtaBreakdown row{.rank = rank,
                         .kernel_time_us = all.extent(),
                         .idle_time_us = all.extent() - all.length(),
                         .compute_time_us = compute.length()};
        row.non_compute_time_us = row.kernel_time_us - row.compute_time_us - row.idle_time_us;
        const auto percent = [&](int64_t part) {
            return twoDecimals(100.0 * static_cast<double>(part) / static_cast<double>(row.kernel_time_us));
        };
        row.idle_percent = percent(row.idle_time_us);
        row.compute_percent = percent(row.compute_time_us);
        row.non_compute_percent = percent(row.non_compute_time_us);
        row.overlap_percent = twoDecimals(100.0 * static_cast<double>(intersectionLength(comm.set(), compute.set())) /
                                          static_cast<double>(comm.length()));
        rows.push_back(row);
    }
    return rows;
}

Report htaExactReport(const TraceReader& trace, bool include_last_step) {
    Table table{"hta",
                "the rows that Holistic Trace Analysis counts, exactly",
                {"rank", "span_ns", "busy_ns", "compute_ns", "comm_ns", "copy_ns", "overlap_ns", "exposed_comm_ns",
                 "idle_ns", "overlap_percent"},
                {}};
    for (const auto& [rank, own] : keptKernels(trace, include_last_step)) {
        std::vector<TimeRange> all, compute, comm, copy;
        TimeRange span{own.front().start, own.front().end};
        for (const Kernel& k : own) {
            const TimeRange range{k.start, k.end};
            span = {std::min(span.start_ns, range.start_ns), std::max(span.end_ns, range.end_ns)};
            all.push_back(range);
            if (k.activity == Activity::compute) compute.push_back(range);
            if (k.activity == Activity::comm) comm.push_back(range);
            if (k.activity == Activity::copy) copy.push_back(range);
        }
        const IntervalSet comm_set(std::move(comm)), compute_set(std::move(compute));
        const int64_t busy = IntervalSet(std::move(all)).length(), comm_ns = comm_set.length();
        const int64_t overlap = intersectionLength(comm_set, compute_set);
        table.rows.push_back({int64_t{rank}, span.duration(), busy, compute_set.length(), comm_ns,
                              IntervalSet(std::move(copy)).length(), overlap, comm_ns - overlap, span.duration() - busy,
                              comm_ns > 0 ? 100.0 * static_cast<double>(overlap) / static_cast<double>(comm_ns) : 0.0});
    }
    return {{std::move(table)}, {}};
}

Report htaReport(const std::vector<HtaBreakdown>& rows) {
    Table table{"hta",
                "as Holistic Trace Analysis counts",
                {"rank", "kernel_time_us", "idle_time_us", "compute_time_us", "non_compute_time_us",
                 "idle_time_percent", "compute_time_percent", "non_compute_time_percent", "comp_comm_overlap_percent"},
                {}};
    for (const HtaBreakdown& r : rows)
        table.rows.push_back({int64_t{r.rank}, r.kernel_time_us, r.idle_time_us, r.compute_time_us,
                              r.non_compute_time_us, r.idle_percent, r.compute_percent, r.non_compute_percent,
                              r.overlap_percent});
    return {{std::move(table)}, {}};
}

} // namespace shardscope
