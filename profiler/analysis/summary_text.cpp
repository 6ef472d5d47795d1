// SPDX-License-Identifier: Apache-2.0
#include "profiler/analysis/summary.h"
#include "profiler/analysis/text_table.h"
#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace shardscope {

namespace {

constexpr size_t longest_list = 12; // steps and ranks shown before the middle is left out

std::string valueOf(const Summary& s, const std::string& key) {
    const auto found = s.run.find(key);
    return found == s.run.end() ? std::string() : found->second;
}

// Values such as {"name":"gpt2-tiny", ...} are known by their name.
std::string nameIn(const std::string& json_text) {
    const auto json = nlohmann::json::parse(json_text, nullptr, false);
    return json.is_object() && json.contains("name") && json["name"].is_string() ? json["name"].get<std::string>()
                                                                                 : json_text;
}

std::string headline(const Summary& s) {
    std::string line = s.path;
    const auto add = [&](const std::string& text) { line += "  |  " + text; };
    if (!valueOf(s, "stage").empty()) add("ZeRO-" + valueOf(s, "stage"));
    const bool one_gpu = !s.recording.virtual_ranks.empty();
    if (!s.ranks.empty())
        add(fmt::format("{} {}rank{}", s.ranks.size(), one_gpu ? "virtual " : "", s.ranks.size() == 1 ? "" : "s"));
    if (!valueOf(s, "model").empty()) add(nameIn(valueOf(s, "model")));
    const std::string link = nameIn(valueOf(s, "link"));
    if (!link.empty() && link != "none") add("emulated link " + link);
    if (!valueOf(s, "status").empty()) add(valueOf(s, "status"));
    return line + "\n";
}

// Calls row(i), or gap() once where the middle of a long list is left out.
template <class Row, class Gap> void shortened(size_t count, Row row, Gap gap) {
    for (size_t i = 0; i < count; ++i) {
        if (count > longest_list && i == longest_list / 2) {
            gap();
            i = count - longest_list / 2;
        }
        row(i);
    }
}

std::string timeTable(const Summary& s) {
    int64_t largest = 0;
    bool copies = false, emulated = false;
    for (const RankBudget& b : s.ranks) {
        largest = std::max(largest, b.span_ns);
        copies = copies || b.copy_ns > 0;
        emulated = emulated || b.emulated_ns > 0;
    }
    const TimeUnit unit = TimeUnit::fitting(largest);
    TextTable table;
    std::vector<std::string> head = {"rank", "span", "= compute", "+ exposed comm"};
    if (copies) head.emplace_back("+ exposed copy");
    head.insert(head.end(), {"+ idle", "comm", "overlap"});
    if (emulated) head.emplace_back("emulated");
    table.add(head);
    shortened(
        s.ranks.size(),
        [&](size_t i) {
            const RankBudget& b = s.ranks[i];
            std::vector<std::string> row = {std::to_string(b.rank), unit.text(b.span_ns), unit.text(b.compute_ns),
                                            unit.text(b.exposed_comm_ns)};
            if (copies) row.push_back(unit.text(b.exposed_copy_ns));
            row.insert(row.end(),
                       {unit.text(b.idle_ns), unit.text(b.comm_ns), fmt::format("{:.1f} %", b.overlap_percent)});
            if (emulated) row.push_back(unit.text(b.emulated_ns));
            table.add(row);
        },
        [&] { table.add({"..."}); });
    return fmt::format("\ntime, {}\n{}", unit.name, table.text("  "));
}

std::string stepTable(const Summary& s) {
    const TimeUnit unit = TimeUnit::fitting(s.median_step_ns);
    const auto skipped = std::ranges::count_if(s.steps, [](const StepSummary& step) { return step.skipped; });
    const bool trains = std::ranges::any_of( // imported traces know neither tokens nor losses
        s.steps, [](const StepSummary& step) { return step.tokens_per_s > 0 || !std::isnan(step.loss); });
    TextTable table;
    const auto add = [&](std::vector<std::string> row) { // the last columns only where they say something
        row.resize(skipped > 0 ? 5 : trains ? 4 : 2);
        table.add(std::move(row));
    };
    add({"step", unit.name, "tokens/s", "loss", "loss scale"});
    shortened(
        s.steps.size(),
        [&](size_t i) {
            const StepSummary& step = s.steps[i];
            add({std::to_string(step.step), unit.text(step.step_ns), grouped(step.tokens_per_s),
                 fmt::format("{:.6f}", step.loss),
                 fmt::format("{:g}{}", step.loss_scale, step.skipped ? " skipped" : "")});
        },
        [&] { table.add({"..."}); });
    return fmt::format("\n{} steps, median {} {}{}{}\n{}", s.steps.size(), unit.text(s.median_step_ns), unit.name,
                       s.steps.size() > 2 ? " (the first is warm-up and left out)" : "",
                       skipped > 0 ? fmt::format("; {} skipped, because a gradient overflowed fp16", skipped) : "",
                       table.text("  "));
}

std::string memoryTable(const Summary& s, MemoryTier tier) {
    std::vector<std::string> categories; // that occur
    for (const MemoryCategory c : all_memory_categories)
        if (std::any_of(s.memory.begin(), s.memory.end(),
                        [&](const MemoryRow& row) { return row.tier == tier && row.category == toText(c); }))
            categories.emplace_back(toText(c));
    std::map<int32_t, std::map<std::string, MemoryRow>> ranks;
    for (const MemoryRow& row : s.memory)
        if (row.tier == tier) ranks[row.rank][row.category] = row;
    if (ranks.empty()) return {};
    TextTable table;
    std::vector<std::string> head = {"rank", "total", "planned"};
    for (const std::string& c : categories) head.push_back(c == "master_weights" ? "master" : c);
    table.add(head);
    std::vector<std::vector<std::string>> rows;
    for (const auto& [rank, row] : ranks) {
        const auto peak = [&row = row](const std::string& category) {
            const auto found = row.find(category);
            return found == row.end() ? int64_t{0} : found->second.peak_bytes;
        };
        const auto total = row.find("total");
        const int64_t planned = total == row.end() ? 0 : total->second.planned_peak_bytes;
        std::vector<std::string> line = {std::to_string(rank), mebibytes(peak("total")),
                                         planned == peak("total") ? "equal"
                                         : planned == 0           ? "-"
                                                                  : mebibytes(planned)};
        for (const std::string& c : categories) line.push_back(mebibytes(peak(c)));
        rows.push_back(std::move(line));
    }
    shortened(
        rows.size(), [&](size_t i) { table.add(rows[i]); }, [&] { table.add({"..."}); });
    return fmt::format("\npeak {} memory, MiB (each category at its own peak)\n{}", toText(tier), table.text("  "));
}

std::string trafficTable(const Summary& s) {
    if (s.traffic.empty()) return {};
    struct Sum {
        double calls = 0, bytes = 0, sent_bytes = 0;
    };
    std::map<OpClass, Sum> sums;
    for (const TrafficRow& row : s.traffic) {
        Sum& sum = sums[row.collective];
        sum.calls += static_cast<double>(row.count);
        sum.bytes += static_cast<double>(row.bytes);
        sum.sent_bytes += static_cast<double>(row.sent_bytes);
    }
    const double shares = static_cast<double>(std::max<size_t>(s.ranks.size(), 1)) *
                          static_cast<double>(std::max<size_t>(s.steps.size(), 1));
    TextTable table;
    table.add({"collective", "calls", "MiB whole", "MiB sent"});
    const auto mebi = [&](double bytes) { // a collective without bytes is one whose size the source does not say
        return bytes > 0 ? fmt::format("{:.2f}", bytes / shares / (1 << 20)) : std::string("-");
    };
    for (const auto& [collective, sum] : sums)
        table.add({std::string(toText(collective)), fmt::format("{:.1f}", sum.calls / shares), mebi(sum.bytes),
                   mebi(sum.sent_bytes)});
    return fmt::format("\ntraffic, per rank{}\n{}", s.steps.empty() ? "" : " and step", table.text("  "));
}

// Where the idle time and the noise are: what the table of times has no room for.
std::string idleTable(const Summary& s) {
    int64_t largest = 0, other = 0;
    for (const RankBudget& b : s.ranks) {
        largest = std::max(largest, b.idle_ns);
        other += b.other_ns;
    }
    if (largest == 0 && other == 0) return {};
    const TimeUnit unit = TimeUnit::fitting(largest);
    TextTable table;
    std::vector<std::string> head = {"rank", "idle", "= host", "+ other ranks", "+ unexplained"};
    if (other > 0) head.emplace_back("synchronising");
    table.add(head);
    shortened(
        s.ranks.size(),
        [&](size_t i) {
            const RankBudget& b = s.ranks[i];
            std::vector<std::string> row = {std::to_string(b.rank), unit.text(b.idle_ns), unit.text(b.idle_host_ns),
                                            unit.text(b.idle_dependency_ns), unit.text(b.idle_other_ns)};
            if (other > 0) row.push_back(unit.text(b.other_ns));
            table.add(row);
        },
        [&] { table.add({"..."}); });
    return fmt::format("\nidle, {}: waiting for the host, for other ranks at the end of a step, without a record\n{}",
                       unit.name, table.text("  "));
}

std::string confidenceText(const Summary& s) {
    for (const Statistics& m : s.statistics) {
        if (m.metric != "step_ns" || m.count < 2) continue;
        const TimeUnit unit = TimeUnit::fitting(static_cast<int64_t>(m.median));
        const auto text = [&](double ns) { return unit.text(static_cast<int64_t>(ns)); };
        if (m.coverage_percent == 0)
            return fmt::format("  {} steps are too few for a confidence interval; six are needed\n", m.count);
        return fmt::format("  median {} {}, between {} and {} with {:.1f} % confidence; quartiles +- {}\n",
                           text(m.median), unit.name, text(m.low), text(m.high), m.coverage_percent, text(m.spread));
    }
    return {};
}

// What matters of the communication table: sums per rank and step, and no single ops.
std::string communicationTable(const Summary& s) {
    double largest = 0;
    const double shares = static_cast<double>(std::max<size_t>(s.ranks.size(), 1)) *
                          static_cast<double>(std::max<size_t>(s.steps.size(), 1));
    for (const CommunicationRow& r : s.communication)
        largest = std::max(largest, static_cast<double>(r.comm_ns) / shares);
    const TimeUnit unit = TimeUnit::fitting(static_cast<int64_t>(largest));
    const bool waits = std::ranges::any_of(s.communication, [](const CommunicationRow& r) { return r.wait_ns > 0; });
    const auto time = [&](int64_t ns) { return unit.text(static_cast<int64_t>(static_cast<double>(ns) / shares)); };
    TextTable table;
    table.alignLeft(1);
    table.add({"by", "", "comm", "exposed", "waiting", "hidden", "alg GB/s", "bus GB/s"});
    std::string previous;
    size_t of_kind = 0;
    for (const CommunicationRow& r : s.communication) {
        if (r.by == "op") continue;
        of_kind = r.by == previous ? of_kind + 1 : 0;
        if (of_kind == longest_list) table.add({"", "..."});
        if (of_kind >= longest_list) continue;
        const double hidden =
            r.comm_ns ? 100.0 * static_cast<double>(r.comm_ns - r.exposed_ns) / static_cast<double>(r.comm_ns) : 0;
        const auto rate = [](double value) { return value > 0 ? fmt::format("{:.2f}", value) : std::string("-"); };
        const std::string section = "zero_optimization."; // of most keys; the other formats have it
        table.add({r.by == previous ? "" : r.by,
                   printable(r.key.starts_with(section) ? r.key.substr(section.size()) : r.key), time(r.comm_ns),
                   time(r.exposed_ns), waits ? time(r.exposed_wait_ns) : "-", fmt::format("{:.1f} %", hidden),
                   rate(r.algorithm_gb_per_s), rate(r.bus_gb_per_s)});
        previous = r.by;
    }
    return previous.empty()
               ? std::string()
               : fmt::format("\ncommunication per rank{}, {} (waiting: the exposed part before the last rank came)\n{}",
                             s.steps.empty() ? "" : " and step", unit.name, table.text("  "));
}

// What is to be known before the times are believed.
std::string recordingText(const Summary& s) {
    const RecordingFacts& facts = s.recording;
    std::string text;
    if (!facts.device.empty()) text += "  device: " + printable(facts.device) + "\n";
    if (!facts.virtual_ranks.empty())
        text += "  " + printable(facts.virtual_ranks) +
                " and take turns: memory, volume and order are those of real ranks, times are not\n";
    if (!facts.gpu_reason.empty()) text += "  GPU: " + facts.gpu_reason + "\n";
    if (facts.tax_percent)
        text += fmt::format(
            "  recording took {}{} ({})\n", taxText(facts),
            facts.writer_percent ? fmt::format(", writing it {:.2g} % of a core beside it", *facts.writer_percent) : "",
            printable(facts.tax_method));
    return text;
}

} // namespace

std::string summaryText(const Summary& s) {
    std::string text = headline(s) + recordingText(s);
    if (s.ranks.empty())
        text += "\nNothing was recorded yet.\n";
    else
        text += timeTable(s) + idleTable(s);
    if (!s.steps.empty()) text += stepTable(s) + confidenceText(s);
    for (const MemoryTier tier : {MemoryTier::device, MemoryTier::host, MemoryTier::nvme}) text += memoryTable(s, tier);
    text += trafficTable(s) + communicationTable(s);
    for (const Table& table : summaryReport(s).tables)
        if ((table.name == "stragglers" || table.name == "slowdown") && !table.rows.empty())
            text += "\n" + tableText(table);
    for (const WarningEvent& w : s.warnings) text += fmt::format("\nwarning ({}x): {}\n", w.count, printable(w.text));
    return text;
}

} // namespace shardscope
