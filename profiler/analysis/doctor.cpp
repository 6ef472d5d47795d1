// SPDX-License-Identifier: Apache-2.0
#include "profiler/analysis/doctor.h"
#include "profiler/analysis/communication.h"
#include "profiler/analysis/doctor_overlap.h"
#include "profiler/analysis/memory_report.h"
#include "profiler/analysis/text_table.h"
#include <algorithm>
#include <fmt/format.h>

namespace shardscope {

namespace {

constexpr double notable = 0.05;     // of a step
constexpr double notable_noise = 10; // percent of the median
constexpr double notable_slowdown = 1.1;
constexpr size_t named_buffers = 3;

double share(int64_t part, int64_t whole) {
    return whole > 0 ? static_cast<double>(part) / static_cast<double>(whole) : 0;
}

void addTrust(const TraceReader& trace, const Summary& s, std::vector<Finding>& findings) {
    const auto add = [&](const std::string& subject, const std::string& sentence) {
        findings.push_back({"trust", subject, 0, {}, sentence});
    };
    if (trace.live())
        add("recording",
            "The run is still going on, or was killed before it could end; the last moments may be missing.");
    if (trace.runValue("status") == "failed") add("recording", "The run failed: " + trace.runValue("error"));
    for (const WarningEvent& w : s.warnings) add("recording", fmt::format("{} ({}x)", w.text, w.count));
    int64_t comm = 0, emulated = 0;
    for (const RankBudget& b : s.ranks) {
        comm += b.comm_ns + b.copy_ns;
        emulated += b.emulated_ns;
    }
    if (const double percent = 100 * share(emulated, comm); percent >= 1)
        add("link", fmt::format("{:.0f} % of the time of collectives and copies was added by a link model and not "
                                "measured.",
                                percent));
    else if (emulated > 0)
        add("link", "The link model added less than 1 % to collectives and copies, because this machine needs about as "
                    "long for them as that link would; a slower link, such as ethernet-10g, shows what a link does.");
    for (const Statistics& m : s.statistics) {
        if (m.metric != "step_ns") continue;
        if (m.coverage_percent == 0)
            add("steps",
                fmt::format(
                    "Too few steps ({}) were recorded to tell a difference from noise; record at least seven, of "
                    "which the first is warm-up.",
                    m.count));
        else if (m.median > 0 && 100 * m.spread / m.median > notable_noise)
            add("steps", fmt::format("Steps vary by +- {:.0f} % (half of the distance between their quartiles): other "
                                     "programs ran beside this one, or the ranks outnumber the cores.",
                                     100 * m.spread / m.median));
    }
}

void addStragglers(const Summary& s, std::vector<Finding>& findings) {
    const auto steps = static_cast<int64_t>(std::max<size_t>(s.steps.size(), 1));
    int64_t waited = 0;
    for (const StragglerRow& r : s.stragglers) waited += r.waited_ns;
    for (const StragglerRow& r : s.stragglers) {
        const int64_t others = static_cast<int64_t>(s.stragglers.size()) - 1;
        const int64_t cost = r.caused_wait_ns / std::max<int64_t>(others, 1) / steps; // of one other rank in one step
        if (share(cost, s.median_step_ns) < notable || share(r.caused_wait_ns, waited) < 0.5) continue;
        const TimeUnit unit = TimeUnit::fitting(cost);
        findings.push_back(
            {"time",
             fmt::format("rank {}", r.rank),
             cost,
             {},
             fmt::format("Rank {} comes last at {} of {} collectives and keeps each of the others waiting "
                         "for {} {} per step, {:.0f} % of all such waiting.",
                         r.rank, r.last, r.calls, unit.text(cost), unit.name, 100 * share(r.caused_wait_ns, waited))});
    }
}

void addSlowdown(const Summary& s, std::vector<Finding>& findings) {
    if (s.compute_slowdown < notable_slowdown) return;
    findings.push_back({"time",
                        "compute beside communication",
                        0,
                        {},
                        fmt::format("Compute takes {:.2f} times as long while communication runs beside it: they share "
                                    "cores, memory bandwidth or a link, so hidden communication is not free.",
                                    s.compute_slowdown)});
}

// Budgets over which shares are taken: those of the steps, or of a trace without steps as it is.
std::vector<RankBudget> budgetsOf(const Summary& s) {
    std::vector<RankBudget> budgets;
    for (const StepSummary& step : s.steps) budgets.insert(budgets.end(), step.budgets.begin(), step.budgets.end());
    return s.steps.empty() ? s.ranks : budgets;
}

const char* rangeOf(const Summary& s) { return s.steps.empty() ? "the trace" : "a step"; }

void addIdle(const TraceReader& trace, const Summary& s, std::vector<Finding>& findings) {
    int64_t host = 0, other_ranks = 0, span = 0;
    for (const RankBudget& b : budgetsOf(s)) {
        host += b.idle_host_ns;
        other_ranks += b.idle_dependency_ns;
        span += b.span_ns;
    }
    const auto cost = [&](int64_t part) {
        return static_cast<int64_t>(share(part, span) * static_cast<double>(s.median_step_ns));
    };
    const bool recorded = !trace.program().empty();
    if (share(host, span) >= notable)
        findings.push_back(
            {"time",
             "host",
             cost(host),
             {},
             recorded ? fmt::format("In {:.0f} % of a step a rank has work whose inputs are ready and has not "
                                    "started it: the threads that start ops are late, as on a busy machine or "
                                    "with very small ops.",
                                    100 * share(host, span))
                      : fmt::format("In {:.0f} % of {} a device has nothing to do because the call that launches its "
                                    "next work has not begun: the host is late, or waited for the device before.",
                                    100 * share(host, span), rangeOf(s))});
    if (share(other_ranks, span) >= notable)
        findings.push_back({"time",
                            "end of step",
                            cost(other_ranks),
                            {},
                            fmt::format("Ranks wait {:.0f} % of a step at its end for the slowest one.",
                                        100 * share(other_ranks, span))});
}

// Copies and storage that nothing else runs beside, and what causes most of their time.
void addExposedCopies(const TraceReader& trace, const Summary& s, std::vector<Finding>& findings) {
    int64_t exposed = 0, span = 0;
    for (const RankBudget& b : budgetsOf(s)) {
        exposed += b.exposed_copy_ns;
        span += b.span_ns;
    }
    if (share(exposed, span) < notable) return;
    std::map<std::string, int64_t> by_key, by_name;
    int64_t all = 0;
    for (const int32_t rank : ranksOf(trace))
        forEachInterval(trace, rank, [&](const IntervalEvent& e) {
            if (activityOf(e.op_class) != Activity::copy) return;
            const ProgramOpEvent* const op = trace.op(e.op);
            if (op && !op->config_key.empty()) by_key[op->config_key] += e.end_ns - e.start_ns;
            if (!op) by_name[trace.name(e.name)] += e.end_ns - e.start_ns;
            all += e.end_ns - e.start_ns;
        });
    const auto& causes = by_key.empty() ? by_name : by_key;
    const auto most = std::ranges::max_element(causes, {}, [](const auto& cause) { return cause.second; });
    const auto cost = static_cast<int64_t>(share(exposed, span) * static_cast<double>(s.median_step_ns));
    std::string cause;
    if (most != causes.end())
        cause = fmt::format(" {:.0f} % of the time of all copies is {}.", 100 * share(most->second, all),
                            by_key.empty() ? "'" + most->first + "'" : "for " + most->first);
    findings.push_back({"time", "copies", cost, by_key.empty() || most == causes.end() ? std::string() : most->first,
                        fmt::format("Copies and storage take {:.0f} % of {} with neither compute nor communication "
                                    "beside them.{}",
                                    100 * share(exposed, span), rangeOf(s), cause)});
}

// Copies from or to memory that is not pinned go through a buffer of the driver and block the thread that asks for
// them.
void addPageable(const TraceReader& trace, std::vector<Finding>& findings) {
    std::map<NameId, bool> pageable;
    int64_t count = 0, ns = 0;
    std::string example;
    for (const int32_t rank : ranksOf(trace))
        forEachInterval(trace, rank, [&](const IntervalEvent& e) {
            if (activityOf(e.op_class) != Activity::copy) return;
            const auto [known, is_new] = pageable.try_emplace(e.name);
            if (is_new) known->second = trace.name(e.name).find("Pageable") != std::string::npos;
            if (!known->second) return;
            if (count++ == 0) example = trace.name(e.name);
            ns += e.end_ns - e.start_ns;
        });
    if (count == 0) return;
    const TimeUnit unit = TimeUnit::fitting(ns);
    findings.push_back(
        {"time",
         "pageable copies",
         0,
         {},
         fmt::format("{} copies ({} {} in all, such as '{}') use pageable memory; pinned memory makes them "
                     "faster and lets them run beside other work.",
                     count, unit.text(ns), unit.name, example)});
}

// What usually lowers a category, and the key that does it. Nothing where the stage shards it already.
std::pair<const char*, const char*> remedyOf(MemoryCategory category, int stage) {
    switch (category) {
    case MemoryCategory::parameters:
        if (stage < 3) return {"ZeRO stage 3 shards parameters.", "zero_optimization.stage"};
        return {"Fewer gathered parameters are held at a time with a smaller stage3_max_live_parameters or "
                "stage3_prefetch_bucket_size.",
                "zero_optimization.stage3_max_live_parameters"};
    case MemoryCategory::gradients:
        if (stage < 2) return {"ZeRO stage 2 shards gradients.", "zero_optimization.stage"};
        return {"", ""};
    case MemoryCategory::optimizer:
    case MemoryCategory::master_weights:
        if (stage < 1) return {"ZeRO stage 1 shards optimizer states.", "zero_optimization.stage"};
        return {"Offload moves optimizer states to the host.", "zero_optimization.offload_optimizer.device"};
    case MemoryCategory::activations:
        return {"A smaller micro-batch or activation checkpointing keeps fewer activations.",
                "train_micro_batch_size_per_gpu"};
    case MemoryCategory::comm_buffers:
        return {"Smaller buckets need smaller buffers.", "zero_optimization.reduce_bucket_size"};
    default:
        return {"", ""};
    }
}

void addMemory(const TraceReader& trace, std::vector<Finding>& findings) {
    const auto peaks = memoryPeaks(trace);
    if (!peaks) {
        findings.push_back({"trust", "memory", 0, {}, peaks.error().message});
        return;
    }
    const MemoryPeak* worst = nullptr;
    for (const MemoryPeak& p : *peaks)
        if (p.tier == MemoryTier::device && (!worst || p.peak_bytes > worst->peak_bytes)) worst = &p;
    if (!worst) return;
    size_t largest = 0;
    for (size_t c = 0; c < worst->category_bytes.size(); ++c)
        if (worst->category_bytes[c] > worst->category_bytes[largest]) largest = c;
    std::string buffers;
    for (size_t i = 0; i < worst->alive.size() && i < named_buffers; ++i)
        buffers += fmt::format("{}{} ({} MiB)", i ? ", " : "",
                               worst->alive[i].buffer.empty() ? std::string(toText(worst->alive[i].category))
                                                              : worst->alive[i].buffer,
                               mebibytes(worst->alive[i].bytes));
    const std::string stage = trace.runValue("stage");
    const MemoryCategory category = all_memory_categories[largest];
    const auto [remedy, key] = stage.empty() ? std::pair{"", ""} : remedyOf(category, std::atoi(stage.c_str()));
    // Profilers of other programs see allocations, but not what they are for.
    const std::string content =
        category == MemoryCategory::other && !worst->alive.empty() && worst->alive[0].buffer.empty()
            ? "the trace does not say what for"
            : fmt::format("{:.0f} % of it are {}. The greatest of {} buffers alive then: {}",
                          100 * share(worst->category_bytes[largest], worst->peak_bytes), toText(category),
                          worst->alive.size(), buffers);
    findings.push_back(
        {"memory", fmt::format("rank {}", worst->rank), 0, key,
         fmt::format("Device memory peaks on rank {} at {} MiB{}{}; {}.{}{}", worst->rank, mebibytes(worst->peak_bytes),
                     worst->step >= 0 ? fmt::format(" in step {}", worst->step) : "",
                     worst->op.empty() ? "" : fmt::format(", when '{}' begins", worst->op), content, *remedy ? " " : "",
                     remedy)});
    for (const MemoryRow& m : memoryRows(trace))
        if (m.category == "total" && m.planned_peak_bytes > 0 && m.planned_peak_bytes != m.peak_bytes)
            findings.push_back(
                {"memory",
                 fmt::format("rank {}", m.rank),
                 0,
                 {},
                 fmt::format("The {} memory of rank {} peaks at {} bytes, not at the {} that were planned.",
                             toText(m.tier), m.rank, m.peak_bytes, m.planned_peak_bytes)});
}

} // namespace

std::vector<Finding> diagnose(const TraceReader& trace) {
    const Summary s = summarize(trace);
    std::vector<Finding> findings;
    addTrust(trace, s, findings);
    addStragglers(s, findings);
    addSlowdown(s, findings);
    addIdle(trace, s, findings);
    addExposedCopies(trace, s, findings);
    addPageable(trace, findings);
    for (Finding& finding : diagnoseOverlap(trace)) findings.push_back(std::move(finding));
    addMemory(trace, findings);
    const auto order = [](const Finding& f) { return f.kind == "trust" ? 0 : f.kind == "time" ? 1 : 2; };
    std::stable_sort(findings.begin(), findings.end(), [&](const Finding& a, const Finding& b) {
        return order(a) != order(b) ? order(a) < order(b) : a.cost_ns > b.cost_ns;
    });
    return findings;
}

Report doctorReport(const std::vector<Finding>& findings) {
    Table table{"findings", "", {"kind", "subject", "cost_ns", "config_key", "sentence"}, {}};
    for (const Finding& f : findings)
        table.rows.push_back({f.kind, f.subject, f.cost_ns > 0 ? Cell(f.cost_ns) : Cell(),
                              f.config_key.empty() ? Cell() : Cell(f.config_key), f.sentence});
    return {{std::move(table)}, {}};
}

std::string doctorText(const std::vector<Finding>& findings) {
    if (findings.empty()) return "Nothing stands out.\n";
    std::string text, previous;
    for (const Finding& f : findings) {
        if (f.kind != previous)
            text += fmt::format("{}{}\n", previous.empty() ? "" : "\n",
                                f.kind == "trust"  ? "how far the numbers can be trusted"
                                : f.kind == "time" ? "where time goes that need not"
                                                   : "why memory peaked");
        previous = f.kind;
        text += "  - " + printable(f.sentence) + "\n";
    }
    return text;
}

} // namespace shardscope
