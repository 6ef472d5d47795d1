// SPDX-License-Identifier: Apache-2.0
#include "profiler/analysis/kernel_rates.h"
#include "profiler/analysis/communication.h"
#include "profiler/analysis/rank_activity.h"
#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <nlohmann/json.hpp>
#include <tuple>

namespace shardscope {
namespace {

using Json = nlohmann::json;

struct Work {
    std::string kind;
    double flops = 0, bytes = 0;
};

// By position in the program; read leniently, the file may be anybody's.
std::vector<Work> workByOp(const TraceReader& trace) {
    const Json json = Json::parse(trace.runValue("op_work"), nullptr, false);
    if (!json.is_object() || !json.contains("kinds") || !json.contains("ops") || !json["kinds"].is_array() ||
        !json["ops"].is_array())
        return {};
    std::vector<Work> kinds, ops;
    for (const Json& kind : json["kinds"]) {
        const bool good =
            kind.is_array() && kind.size() == 3 && kind[0].is_string() && kind[1].is_number() && kind[2].is_number();
        kinds.push_back(good ? Work{kind[0].get<std::string>(), kind[1].get<double>(), kind[2].get<double>()} : Work());
    }
    for (const Json& index : json["ops"]) {
        const int64_t i = index.is_number_integer() ? index.get<int64_t>() : -1;
        ops.push_back(i >= 0 && i < std::ssize(kinds) ? kinds[static_cast<size_t>(i)] : Work());
    }
    return ops;
}

double numberIn(const Json& json, const char* key) {
    return json.contains(key) && json[key].is_number() ? std::max(0.0, json[key].get<double>()) : 0;
}

using RatesByOp = std::map<int32_t, OpRate>;

bool wanted(const IntervalEvent& e, int32_t step) {
    return e.op_class == OpClass::compute && e.op != OpId::none && (step < 0 || e.step == step);
}

std::map<int32_t, std::string> programNames(const TraceReader& trace) {
    std::map<int32_t, std::string> names;
    for (const ProgramOpEvent& op : trace.program()) names[static_cast<int32_t>(op.op)] = op.name;
    return names;
}

// One call of an op: its kernels, or where none is known the op's own interval, which contains the gaps between them.
struct Call {
    int32_t op, step;
    bool whole; // the op's own interval
    int64_t ns;
    auto key() const { return std::tuple(op, step, whole); }
    bool sameCall(const Call& other) const { return op == other.op && step == other.step; }
};

std::vector<Call> callsOf(const TraceReader& trace, int32_t rank, int32_t only_step,
                          const std::map<int32_t, std::string>& program) {
    std::vector<Call> calls;
    forEachInterval(trace, rank, [&](const IntervalEvent& e) {
        if (!wanted(e, only_step)) return;
        const auto op = static_cast<int32_t>(e.op);
        const auto own = program.find(op);
        const bool whole = own != program.end() && own->second == trace.name(e.name);
        calls.push_back({op, e.step, whole, e.end_ns - e.start_ns});
    });
    std::sort(calls.begin(), calls.end(), [](const Call& a, const Call& b) { return a.key() < b.key(); });
    return calls;
}

RatesByOp ratesByOp(const TraceReader& trace, int32_t only_rank, int32_t only_step) {
    const std::vector<Work> work = workByOp(trace);
    const auto program = programNames(trace);
    RatesByOp rates;
    for (const int32_t rank : ranksOf(trace)) {
        if (only_rank >= 0 && rank != only_rank) continue;
        const std::vector<Call> calls = callsOf(trace, rank, only_step, program);
        for (size_t i = 0; i < calls.size();) {
            const Call& first = calls[i]; // kernels stand before the op's own interval
            OpRate& rate = rates[first.op];
            rate.op = static_cast<OpId>(first.op);
            ++rate.calls;
            if (static_cast<size_t>(first.op) < work.size()) {
                const Work& of_op = work[static_cast<size_t>(first.op)];
                rate.kind = of_op.kind;
                rate.flops += of_op.flops;
                rate.bytes += of_op.bytes;
            }
            for (; i < calls.size() && calls[i].sameCall(first); ++i) {
                if (calls[i].whole != first.whole) continue;
                rate.total_ns += calls[i].ns;
                ++rate.intervals;
            }
        }
    }
    return rates;
}

int64_t stepTimeOfRanks(const TraceReader& trace, const KernelOptions& options) {
    int64_t sum = 0;
    for (const StepEvent& step : trace.steps())
        if (options.step < 0 || step.step == options.step) sum += step.end_ns - step.start_ns;
    return sum * (options.rank >= 0 ? 1 : static_cast<int64_t>(ranksOf(trace).size()));
}

Cell rateCell(double per_second) { return per_second > 0 ? Cell(per_second * 1e-9) : Cell(); }

std::vector<std::string> columnsOf(const char* first, bool peaks) {
    std::vector<std::string> columns = {first,          "calls",       "kernels", "total_ns",
                                        "step_percent", "gflop_per_s", "gb_per_s"};
    if (peaks) columns.insert(columns.end(), {"bound", "roofline_percent"});
    return columns;
}

Row rowOf(const std::string& name, const OpRate& rate, int64_t step_ns, const std::optional<DevicePeaks>& peaks) {
    Row row = {name,
               rate.calls,
               rate.intervals,
               rate.total_ns,
               step_ns > 0 ? Cell(100.0 * static_cast<double>(rate.total_ns) / static_cast<double>(step_ns)) : Cell(),
               rateCell(rate.flopsPerSecond()),
               rateCell(rate.bytesPerSecond())};
    if (!peaks) return row;
    const auto share = rate.rooflinePercent(*peaks);
    row.push_back(share ? Cell(std::string(rate.boundByMemory(*peaks) ? "memory" : "compute")) : Cell());
    row.push_back(share ? Cell(*share) : Cell());
    return row;
}

void fill(Table& table, std::map<std::string, OpRate> rates, int64_t step_ns, const std::optional<DevicePeaks>& peaks,
          int64_t limit, Report& report) {
    std::vector<std::pair<std::string, OpRate>> sorted(rates.begin(), rates.end());
    std::stable_sort(sorted.begin(), sorted.end(),
                     [](const auto& a, const auto& b) { return a.second.total_ns > b.second.total_ns; });
    for (const auto& [name, rate] : sorted) {
        if (limit > 0 && std::ssize(table.rows) == limit) {
            report.notes.push_back(fmt::format("{} more of table {} are left out; --limit 0 shows all.",
                                               std::ssize(sorted) - limit, table.name));
            break;
        }
        table.rows.push_back(rowOf(name, rate, step_ns, peaks));
    }
}

// By the name of the kernel. One that is the only kernel of its op has the op's work; how several share it is unknown.
std::map<std::string, OpRate> kernelsByName(const TraceReader& trace, const RatesByOp& ops,
                                            const KernelOptions& options) {
    const std::vector<Work> work = workByOp(trace);
    std::map<std::string, OpRate> kernels;
    std::map<std::string, bool> shared;
    const auto program = programNames(trace);
    for (const int32_t rank : ranksOf(trace)) {
        if (options.rank >= 0 && rank != options.rank) continue;
        forEachInterval(trace, rank, [&](const IntervalEvent& e) {
            if (!wanted(e, options.step)) return;
            const auto op = static_cast<int32_t>(e.op);
            const std::string& name = trace.name(e.name);
            if (const auto own = program.find(op); own != program.end() && own->second == name) return;
            const OpRate& whole = ops.at(op);
            OpRate& kernel = kernels[name];
            ++kernel.calls;
            ++kernel.intervals;
            kernel.total_ns += e.end_ns - e.start_ns;
            shared[name] |= whole.intervals != whole.calls;
            if (static_cast<size_t>(op) >= work.size()) return;
            kernel.flops += work[static_cast<size_t>(op)].flops;
            kernel.bytes += work[static_cast<size_t>(op)].bytes;
        });
    }
    for (auto& [name, kernel] : kernels)
        if (shared[name]) kernel.flops = kernel.bytes = 0;
    return kernels;
}

// "989 TFLOP/s"; four digits, of a core as of a large card.
std::string perSecond(double rate, const char* unit) {
    const bool tera = rate >= 1e12;
    return fmt::format("{:.4g} {}{}/s", rate * (tera ? 1e-12 : 1e-9), tera ? "T" : "G", unit);
}

} // namespace

std::optional<DevicePeaks> devicePeaks(const TraceReader& trace) {
    const Json json = Json::parse(trace.runValue("device_peaks"), nullptr, false);
    if (!json.is_object()) return std::nullopt;
    const bool half = trace.runValue("precision") != "fp32";
    DevicePeaks peaks{.flops_per_s = numberIn(json, half ? "half_flops_per_s" : "f32_flops_per_s"),
                      .bytes_per_s = numberIn(json, "bytes_per_s"),
                      .source = json.contains("source") && json["source"].is_string()
                                    ? json["source"].get<std::string>()
                                    : std::string()};
    if (peaks.flops_per_s <= 0 && peaks.bytes_per_s <= 0) return std::nullopt;
    return peaks;
}

void OpRate::add(const OpRate& other) {
    calls += other.calls;
    intervals += other.intervals;
    total_ns += other.total_ns;
    flops += other.flops;
    bytes += other.bytes;
}

std::optional<double> OpRate::rooflinePercent(const DevicePeaks& peaks) const {
    const double compute_s = peaks.flops_per_s > 0 ? flops / peaks.flops_per_s : 0;
    const double memory_s = peaks.bytes_per_s > 0 ? bytes / peaks.bytes_per_s : 0;
    const double least_s = std::max(compute_s, memory_s);
    if (least_s <= 0 || total_ns <= 0) return std::nullopt;
    return 100.0 * least_s * 1e9 / static_cast<double>(total_ns);
}

bool OpRate::boundByMemory(const DevicePeaks& peaks) const {
    const double compute_s = peaks.flops_per_s > 0 ? flops / peaks.flops_per_s : 0;
    return peaks.bytes_per_s > 0 && bytes / peaks.bytes_per_s > compute_s;
}

std::vector<OpRate> opRates(const TraceReader& trace, int32_t rank, int32_t step) {
    std::vector<OpRate> rates;
    for (const auto& [op, rate] : ratesByOp(trace, rank, step)) rates.push_back(rate);
    return rates;
}

Result<Report> kernelReport(const TraceReader& trace, const KernelOptions& options) {
    if (options.limit < 0) return Error{"--limit is negative; use 0 for all kernels."};
    Report report;
    const std::optional<DevicePeaks> peaks = options.peaks ? options.peaks : devicePeaks(trace);
    const RatesByOp ops = ratesByOp(trace, options.rank, options.step);
    const int64_t step_ns = stepTimeOfRanks(trace, options);
    std::map<std::string, OpRate> by_kind;
    for (const auto& [op, rate] : ops) by_kind[rate.kind.empty() ? "(work not known)" : rate.kind].add(rate);
    Table table{"ops", "Computations by kind, all ranks and steps added up", columnsOf("kind", peaks.has_value()), {}};
    fill(table, std::move(by_kind), step_ns, peaks, options.limit, report);
    report.tables.push_back(std::move(table));
    if (auto kernels = kernelsByName(trace, ops, options); !kernels.empty()) {
        Table names{"kernels",
                    "Kernels by name; work is told of those that are the only one of their op",
                    columnsOf("kernel", peaks.has_value()),
                    {}};
        fill(names, std::move(kernels), step_ns, peaks, options.limit, report);
        report.tables.push_back(std::move(names));
    }
    if (ops.empty())
        report.notes.push_back("No computation of the trace is in this selection; imported traces have no program.");
    else if (trace.runValue("op_work").empty())
        report.notes.push_back("The trace does not say what its ops work; record it anew to get rates.");
    if (peaks)
        report.notes.push_back(fmt::format("The roofline is {} and {}, {}.", perSecond(peaks->flops_per_s, "FLOP"),
                                           perSecond(peaks->bytes_per_s, "B"), peaks->source));
    else if (!ops.empty())
        report.notes.push_back("The trace does not tell the peaks of its device; --peak-gflops and --peak-gbps of one "
                               "rank give the share of the roofline (shardscope bench ops measures a core's).");
    if (!trace.runValue("virtual_ranks").empty())
        report.notes.push_back(trace.runValue("virtual_ranks") +
                               " and take turns: kernels of different ranks may run at once and slow each other.");
    return report;
}

} // namespace shardscope
