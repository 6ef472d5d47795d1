// SPDX-License-Identifier: Apache-2.0
// A summary as tables, and the JSON document that is made of them.
#include "profiler/analysis/summary.h"
#include "profiler/analysis/table_json.h"
#include <algorithm>

namespace shardscope {

namespace {

using Json = nlohmann::ordered_json;

constexpr size_t shown_rows = 12; // of long tables in text

const std::vector<std::string> budget_columns = {
    "span_ns",         "busy_ns",         "compute_ns",     "comm_ns", "copy_ns",      "overlap_ns",
    "exposed_comm_ns", "exposed_copy_ns", "other_ns",       "idle_ns", "idle_host_ns", "idle_dependency_ns",
    "idle_other_ns",   "emulated_ns",     "overlap_percent"};

std::vector<std::string> columns(std::vector<std::string> first, const std::vector<std::string>& more) {
    first.insert(first.end(), more.begin(), more.end());
    return first;
}

Row budgetRow(Row first, const RankBudget& b) {
    for (const int64_t ns :
         {b.span_ns, b.busy_ns, b.compute_ns, b.comm_ns, b.copy_ns, b.overlap_ns, b.exposed_comm_ns, b.exposed_copy_ns,
          b.other_ns, b.idle_ns, b.idle_host_ns, b.idle_dependency_ns, b.idle_other_ns, b.emulated_ns})
        first.emplace_back(ns);
    first.emplace_back(b.overlap_percent);
    return first;
}

Cell known(double value) { return value == 0 ? Cell() : Cell(value); }
std::string text(std::string_view word) { return std::string(word); }

Table rankTable(const Summary& s) {
    Table table{"ranks", "budget of the ranks", columns({"rank"}, budget_columns), {}};
    for (const RankBudget& b : s.ranks) table.rows.push_back(budgetRow({int64_t{b.rank}}, b));
    return table;
}

Table stepTable(const Summary& s) {
    Table table{"steps",
                "steps",
                {"step", "loss", "tokens_per_s", "step_ns", "learning_rate", "gradient_norm", "loss_scale", "skipped"},
                {}};
    for (const StepSummary& step : s.steps)
        table.rows.push_back({int64_t{step.step}, step.loss, step.tokens_per_s, step.step_ns, step.learning_rate,
                              step.gradient_norm, step.loss_scale, int64_t{step.skipped}});
    return table;
}

Table stepRankTable(const Summary& s) {
    Table table{"step_ranks", "budget of the ranks in the steps", columns({"step", "rank"}, budget_columns), {}};
    for (const StepSummary& step : s.steps)
        for (const RankBudget& b : step.budgets)
            table.rows.push_back(budgetRow({int64_t{step.step}, int64_t{b.rank}}, b));
    return table;
}

Table statisticsTable(const Summary& s) {
    Table table{"statistics",
                "over the steps",
                {"metric", "count", "median", "spread", "low", "high", "coverage_percent", "minimum", "maximum"},
                {}};
    for (const Statistics& m : s.statistics)
        table.rows.push_back({m.metric, m.count, m.median, m.spread, m.coverage_percent > 0 ? Cell(m.low) : Cell(),
                              m.coverage_percent > 0 ? Cell(m.high) : Cell(), known(m.coverage_percent), m.minimum,
                              m.maximum});
    return table;
}

Table communicationTable(const Summary& s) {
    Table table{"communication",
                "communication, all ranks and steps together",
                {"by", "key", "calls", "bytes", "comm_ns", "exposed_ns", "exposed_wait_ns", "hidden_percent", "wait_ns",
                 "transfer_ns", "emulated_ns", "algorithm_gb_per_s", "bus_gb_per_s"},
                {}};
    for (const CommunicationRow& r : s.communication) {
        const Cell hidden =
            r.comm_ns ? Cell(100.0 * static_cast<double>(r.comm_ns - r.exposed_ns) / static_cast<double>(r.comm_ns))
                      : Cell();
        table.rows.push_back({r.by, r.key, r.calls, r.bytes, r.comm_ns, r.exposed_ns, r.exposed_wait_ns, hidden,
                              r.wait_ns, r.transfer_ns, r.emulated_ns, known(r.algorithm_gb_per_s),
                              known(r.bus_gb_per_s)});
    }
    return table;
}

Table stragglerTable(const Summary& s) {
    Table table{"stragglers",
                "who comes last at collectives",
                {"rank", "calls", "last", "waited_ns", "caused_wait_ns", "mean_lateness_ns"},
                {},
                shown_rows};
    // Profilers of other programs do not record how long a collective waited for the last rank.
    const bool waits = std::ranges::any_of(s.stragglers, [](const StragglerRow& r) { return r.waited_ns > 0; });
    for (const StragglerRow& r : s.stragglers)
        table.rows.push_back({int64_t{r.rank}, r.calls, r.last, waits ? Cell(r.waited_ns) : Cell(),
                              waits ? Cell(r.caused_wait_ns) : Cell(), r.mean_lateness_ns});
    return table;
}

Table slowdownTable(const Summary& s) {
    Table table{"slowdown",
                "compute beside communication and alone, medians",
                {"operation", "elements", "alone_count", "beside_count", "alone_ns", "beside_ns", "slowdown"},
                {},
                shown_rows};
    for (const SlowdownRow& r : s.slowdown)
        table.rows.push_back(
            {r.operation, r.elements, r.alone_count, r.beside_count, r.alone_ns, r.beside_ns, r.slowdown});
    return table;
}

Table memoryTable(const Summary& s) {
    Table table{"memory", "peak memory", {"rank", "tier", "category", "planned_peak_bytes", "peak_bytes"}, {}};
    for (const MemoryRow& m : s.memory)
        table.rows.push_back({int64_t{m.rank}, text(toText(m.tier)), m.category, m.planned_peak_bytes, m.peak_bytes});
    return table;
}

Table trafficTable(const Summary& s) {
    Table table{"traffic", "traffic", {"rank", "step", "collective", "sent_bytes", "bytes", "count"}, {}};
    for (const TrafficRow& t : s.traffic)
        table.rows.push_back(
            {int64_t{t.rank}, int64_t{t.step}, text(toText(t.collective)), t.sent_bytes, t.bytes, t.count});
    return table;
}

Table warningTable(const Summary& s) {
    Table table{"warnings", "warnings", {"kind", "text", "count"}, {}};
    for (const WarningEvent& w : s.warnings) table.rows.push_back({w.kind, w.text, w.count});
    return table;
}

} // namespace

Report summaryReport(const Summary& s) {
    return {{rankTable(s), stepTable(s), stepRankTable(s), statisticsTable(s), communicationTable(s), stragglerTable(s),
             slowdownTable(s), memoryTable(s), trafficTable(s), warningTable(s)},
            {}};
}

std::string summaryJson(const Summary& s) {
    Json json;
    json["path"] = s.path;
    json["run"] = s.run;
    json["median_step_ns"] = s.median_step_ns;
    json["ranks"] = rowsJson(rankTable(s));
    json["steps"] = rowsJson(stepTable(s));
    const Json budgets = rowsJson(stepRankTable(s)); // those of a step lie side by side
    size_t next = 0;
    for (size_t i = 0; i < s.steps.size(); ++i) {
        Json& own = json["steps"][i]["budgets"] = Json::array();
        for (size_t r = 0; r < s.steps[i].budgets.size(); ++r) {
            own.push_back(budgets[next++]);
            own.back().erase("step");
        }
    }
    for (const Table& table : {statisticsTable(s), communicationTable(s), stragglerTable(s), slowdownTable(s)})
        json[table.name] = rowsJson(table);
    json["compute_slowdown"] = s.compute_slowdown > 0 ? Json(s.compute_slowdown) : Json();
    for (const Table& table : {memoryTable(s), trafficTable(s), warningTable(s)}) json[table.name] = rowsJson(table);
    return dumpJson(json);
}

} // namespace shardscope
