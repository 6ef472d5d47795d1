// SPDX-License-Identifier: Apache-2.0
#include "profiler/analysis/merge.h"
#include "profiler/analysis/rank_activity.h"
#include "traces/query.h"
#include "traces/trace_writer.h"
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fmt/format.h>

namespace shardscope {

namespace {

constexpr size_t batch_size = 10'000;

bool sameProgram(std::span<const ProgramOpEvent> a, std::span<const ProgramOpEvent> b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const ProgramOpEvent& x, const ProgramOpEvent& y) {
        return x.op == y.op && x.name == y.name && x.op_class == y.op_class && x.elements == y.elements;
    });
}

class Merging {
public:
    Merging(TraceWriter& writer)
        : m_writer(writer) {}

    void describe(const TraceReader& first, const std::string& sources) {
        for (const auto& [key, value] : first.run())
            if (key != "status" && key != "trace_id" && key != "ranks") put(RunInfoEvent{key, value});
        put(RunInfoEvent{"merged_from", sources});
        for (const ProgramOpEvent& op : first.program()) put(op);
        for (const BucketEvent& bucket : first.buckets()) put(bucket);
    }

    // To be called for all inputs before any is added: only the clocks together tell who came last.
    void learnArrivals(const TraceReader& trace, const ClockFit& fit) {
        for (const int32_t rank : ranksOf(trace))
            forEachCollective(trace, rank, [&](const CollectiveCall& call, const IntervalEvent& e) {
                const int64_t start = fit.applied(e.start_ns);
                const auto [last, is_new] = m_last_arrivals.try_emplace(call, start);
                if (!is_new) last->second = std::max(last->second, start);
            });
    }

    void addInput(const TraceReader& trace, const std::map<int32_t, int32_t>& ranks, const ClockFit& fit) {
        const auto lanes = trace.lanes();
        std::map<std::pair<LaneId, int64_t>, int64_t> waits; // of collectives, by lane and start on the trace's clock
        for (const auto& [rank, number] : ranks)
            forEachCollective(trace, rank, [&](const CollectiveCall& call, const IntervalEvent& e) {
                const auto last = m_last_arrivals.find(call);
                if (last != m_last_arrivals.end()) waits[{e.lane, e.start_ns}] = last->second - fit.applied(e.start_ns);
            });
        for (size_t i = 0; i < lanes.size(); ++i) {
            LaneInfo info = lanes[i];
            const std::string old = fmt::format("rank {} ", info.rank);
            info.rank = ranks.at(info.rank);
            if (info.name.starts_with(old))
                info.name = fmt::format("rank {} {}", info.rank, info.name.substr(old.size()));
            const LaneId lane = m_writer.addLane(info);
            const TimeRange span = trace.span();
            for (IntervalEvent e : trace.events(static_cast<LaneId>(i), {span.start_ns, span.end_ns + 1})) {
                if (const auto wait = waits.find({e.lane, e.start_ns}); wait != waits.end() && e.wait_ns == 0)
                    e.wait_ns = std::min(wait->second, e.end_ns - e.start_ns);
                e.lane = lane;
                e.name = nameOf(trace, e.name);
                e.start_ns = fit.applied(e.start_ns);
                e.end_ns = std::max(fit.applied(e.end_ns), e.start_ns);
                put(e);
            }
        }
        for (PlannedPeakEvent peak : trace.plannedPeaks()) {
            const auto rank = ranks.find(peak.rank);
            if (rank == ranks.end()) continue;
            peak.rank = rank->second;
            put(peak);
        }
        for (const StepEvent& step : trace.steps()) {
            const int64_t start = fit.applied(step.start_ns), end = fit.applied(step.end_ns);
            const auto [known, is_new] = m_steps.try_emplace(step.step, step);
            known->second.start_ns = is_new ? start : std::min(known->second.start_ns, start);
            known->second.end_ns = is_new ? end : std::max(known->second.end_ns, end);
        }
        for (const WarningEvent& warning : trace.warnings()) put(warning);
        m_names.clear();
    }

    Result<void> addMemory(const TraceReader& trace, const std::map<int32_t, int32_t>& ranks, const ClockFit& fit) {
        const auto number = [](const Cell& cell, int64_t none) {
            const auto* value = std::get_if<int64_t>(&cell);
            return value ? *value : none;
        };
        const auto read = queryTrace(
            trace.path(),
            "SELECT time_ns, rank, tier, category, delta_bytes, buffer, op, step FROM memory_row "
            "WHERE tier BETWEEN 0 AND 2 AND category BETWEEN 0 AND 7 ORDER BY id",
            {}, [](const auto&) {},
            [&](const Row& row) {
                const auto rank = ranks.find(static_cast<int32_t>(number(row[1], -1)));
                if (rank == ranks.end()) return true;
                put(MemoryEvent{.time_ns = fit.applied(number(row[0], 0)),
                                .rank = rank->second,
                                .tier = static_cast<MemoryTier>(number(row[2], 0)),
                                .category = static_cast<MemoryCategory>(number(row[3], 7)),
                                .delta_bytes = number(row[4], 0),
                                .buffer = nameOf(trace, static_cast<NameId>(number(row[5], -1))),
                                .op = static_cast<OpId>(number(row[6], -1)),
                                .step = static_cast<int32_t>(number(row[7], -1))});
                return true;
            });
        m_names.clear();
        if (!read) return read.error();
        return {};
    }

    void put(TraceEvent event) {
        m_batch.push_back(std::move(event));
        if (m_batch.size() >= batch_size) flush();
    }

    Result<void> finish() {
        for (const auto& [number, step] : m_steps) put(step);
        flush();
        if (m_writer.failure()) return *m_writer.failure();
        return m_writer.finish("finished");
    }

private:
    void flush() {
        m_writer.append(m_batch);
        m_batch.clear();
    }
    NameId nameOf(const TraceReader& trace, NameId id) {
        if (id == NameId::none) return id;
        const auto [name, is_new] = m_names.try_emplace(id);
        if (is_new) name->second = m_writer.intern(trace.name(id));
        return name->second;
    }

    TraceWriter& m_writer;
    std::vector<TraceEvent> m_batch;
    std::map<NameId, NameId> m_names; // of the input being added
    std::map<int32_t, StepEvent> m_steps;
    std::map<CollectiveCall, int64_t> m_last_arrivals;
};

} // namespace

Result<std::vector<MergedInput>> mergeTraces(const std::vector<std::string>& inputs, const std::string& output,
                                             bool allow_unfitted) {
    std::vector<std::unique_ptr<TraceReader>> traces;
    for (const std::string& path : inputs) {
        auto trace = TraceReader::open(path);
        if (!trace) return trace.error();
        std::error_code ignored;
        if (std::filesystem::equivalent(path, output, ignored))
            return Error{fmt::format("'{}' is both read and written; choose another name for the output.", path)};
        traces.push_back(*std::move(trace));
    }
    // Ranks keep their numbers where no two traces claim the same one.
    std::set<int32_t> taken;
    bool clash = false;
    for (const auto& trace : traces)
        for (const int32_t rank : ranksOf(*trace)) clash = !taken.insert(rank).second || clash;

    std::vector<MergedInput> merged;
    std::vector<std::map<int32_t, int32_t>> numbers;
    std::string sources;
    int32_t next = 0;
    bool unfitted = false;
    for (size_t i = 0; i < traces.size(); ++i) {
        const TraceReader& trace = *traces[i];
        if (!sameProgram(traces[0]->program(), trace.program()))
            return Error{
                fmt::format("'{}' and '{}' ran different programs; merge traces of one run.", inputs[0], inputs[i])};
        MergedInput input{inputs[i], {}, {}};
        auto& ranks = numbers.emplace_back();
        for (const int32_t rank : ranksOf(trace)) {
            ranks[rank] = clash ? next++ : rank;
            input.ranks.push_back(ranks[rank]);
        }
        if (i > 0) {
            input.fit = fitClock(*traces[0], trace);
            if (input.fit.matches < fewest_matches) {
                if (!allow_unfitted)
                    return Error{
                        fmt::format("'{}' and '{}' have {} collectives in common, too few to fit their clocks; "
                                    "add --uncalibrated to join them as they are.",
                                    inputs[0], inputs[i], input.fit.matches)};
                input.fit = {};
                unfitted = true;
            } else if (std::abs(input.fit.drift) > greatest_drift) {
                return Error{
                    fmt::format("The clocks of '{}' and '{}' run apart by {:.2f} %, which no clock does; merge "
                                "traces of one run.",
                                inputs[0], inputs[i], 100 * input.fit.drift)};
            }
        }
        sources += (i ? ", " : "") + std::filesystem::path(inputs[i]).filename().string();
        merged.push_back(std::move(input));
    }
    auto writer = TraceWriter::create(output);
    if (!writer) return writer.error();
    const auto abandon = [&](const Error& error) -> Error { // nothing half-made stays
        writer->reset();
        for (const char* suffix : {"", "-wal", "-shm"}) std::remove((output + suffix).c_str());
        return error;
    };
    Merging merging(**writer);
    merging.describe(*traces[0], sources);
    if (!unfitted)
        for (size_t i = 0; i < traces.size(); ++i) merging.learnArrivals(*traces[i], merged[i].fit);
    size_t count = 0;
    std::string fits;
    for (size_t i = 0; i < traces.size(); ++i) {
        merging.addInput(*traces[i], numbers[i], merged[i].fit);
        const auto memory = merging.addMemory(*traces[i], numbers[i], merged[i].fit);
        if (!memory) return abandon(memory.error());
        count += merged[i].ranks.size();
        const ClockFit& fit = merged[i].fit;
        fits += fmt::format("{}{{\"shift_ns\":{},\"drift_ppm\":{:.3f},\"residual_ns\":{},\"matches\":{}}}",
                            i ? "," : "", fit.shift_ns, fit.drift * 1e6, fit.residual_ns, fit.matches);
    }
    merging.put(RunInfoEvent{"ranks", std::to_string(count)});
    merging.put(RunInfoEvent{"clock_fits", "[" + fits + "]"});
    if (clash)
        merging.put(WarningEvent{"ranks_renumbered",
                                 "Several traces had the same rank; ranks are numbered in the order "
                                 "of the files."});
    if (unfitted)
        merging.put(WarningEvent{"clocks_not_fitted", "The traces were joined without fitting their clocks; times of "
                                                      "different ranks must not be compared."});
    if (const auto finished = merging.finish(); !finished) return abandon(finished.error());
    return merged;
}

} // namespace shardscope
