// SPDX-License-Identifier: Apache-2.0
// The sections that say which runs are compared: names, configuration, warnings, commands, definitions.
#include "profiler/report/report_sections.h"
#include "profiler/report/report_words.h"
#include <algorithm>
#include <fmt/format.h>

namespace shardscope {

namespace {

std::string valueWithOrigin(const ConfigDifference& d, size_t run) {
    const std::string origin = run < d.origins.size() ? d.origins[run] : std::string();
    std::string cell = "<code>" + escapedHtml(d.values[run]) + "</code>";
    if (!origin.empty()) cell += " <span class=\"origin\">" + escapedHtml(origin) + "</span>";
    return cell;
}

std::string orDash(const std::string& text) { return text.empty() ? "–" : escapedHtml(text); }

std::string differenceTable(const Comparison& c, const std::vector<ConfigDifference>& differences, const char* head,
                            bool keys) {
    std::vector<std::vector<std::string>> rows;
    for (const ConfigDifference& d : differences) {
        std::string name = escapedHtml(d.key);
        if (keys) name = "<span class=\"key\">" + name + "</span>";
        if (!d.unit.empty()) name += " <span class=\"origin\">" + escapedHtml(d.unit) + "</span>";
        std::vector<std::string> row{name};
        for (size_t i = 0; i < c.runs.size(); ++i)
            row.push_back(keys ? valueWithOrigin(d, i) : escapedHtml(d.values[i]));
        rows.push_back(std::move(row));
    }
    return htmlTable(runColumns(c, head, false), rows);
}

std::string ranksOf(const RunIdentity& id) {
    return std::to_string(id.world_size) + (id.recording.virtual_ranks.empty() ? "" : " virtual");
}

// What is to be known before the times are believed, run by run.
std::string recordingNotes(const Comparison& c) {
    std::string items;
    const auto add = [&](const RunFigures& run, const std::string& sentence) {
        items += fmt::format("<li><strong>{}</strong> {}</li>\n", escapedHtml(run.label + "  " + run.title),
                             escapedHtml(sentence));
    };
    for (const RunFigures& run : c.runs) {
        const RecordingFacts& facts = run.identity.recording;
        if (!facts.virtual_ranks.empty() && c.runs.size() < 2) // of several runs the notes say it
            add(run, facts.virtual_ranks + " and take turns: memory, volume and order are those of real ranks, times "
                                           "are not.");
        if (facts.gpu == GpuRecording::events || facts.gpu == GpuRecording::incomplete) add(run, facts.gpu_sentence);
        if (facts.tax_percent) add(run, "Recording took " + taxText(facts) + " (" + facts.tax_method + ").");
    }
    return items.empty() ? std::string() : "<ul class=\"dim\">\n" + items + "</ul>\n";
}

} // namespace

std::string reportTitle(const Comparison& c) {
    return "<title>" + escapedHtml(runNames(c)) + " – Shardscope comparison</title>\n";
}

std::string reportHead(const Comparison& c) {
    std::string html =
        fmt::format("<h1>{}</h1>\n<p class=\"dim\">What differs between {} recorded {}, and what came of "
                    "it. Changes are told against {}, the baseline.</p>\n",
                    escapedHtml(runNames(c)), c.runs.size(), c.runs.size() == 1 ? "run" : "runs",
                    c.runs.empty() ? "" : escapedHtml(baselineOf(c).label));
    std::vector<std::vector<std::string>> rows;
    for (const RunFigures& run : c.runs) {
        const RunIdentity& id = run.identity;
        rows.push_back({escapedHtml(run.label + "  " + run.title), orDash(id.model),
                        id.world_size > 0 ? ranksOf(id) : "–", orDash(id.precision),
                        orDash(id.link + (id.link_emulated ? ", emulated" : "")), orDash(id.device), orDash(id.tool),
                        run.whole_trace ? "none" : std::to_string(id.steps), orDash(id.file)});
    }
    return html +
           htmlTable({{"run", false},
                      {"model", false},
                      {"ranks", true},
                      {"precision", false},
                      {"link", false},
                      {"device", false},
                      {"recorded by", false},
                      {"steps", true},
                      {"file", false}},
                     rows) +
           recordingNotes(c);
}

std::string reportDifferences(const Comparison& c) {
    std::string html = "<h2>What differs</h2>\n";
    if (!c.differences.empty()) html += differenceTable(c, c.differences, "key", true);
    if (c.equal_keys > 0)
        html += fmt::format("<p>{} equal ({} {}).</p>\n",
                            c.differences.empty() ? "Everything that was chosen is" : "Everything else is",
                            c.equal_keys, c.equal_keys == 1 ? "key" : "keys");
    if (!c.known.empty())
        html += "<h3>What is known of the runs themselves</h3>\n" + differenceTable(c, c.known, "fact", false);
    for (const std::string& note : c.notes) html += "<p class=\"attention\">" + escapedHtml(note) + "</p>\n";
    return html;
}

std::string reportWarnings(const Comparison& c) {
    std::vector<std::vector<std::string>> rows;
    for (const RunFigures& run : c.runs)
        for (const WarningEvent& warning : run.identity.warnings)
            rows.push_back({escapedHtml(run.label), escapedHtml(warning.kind), escapedHtml(warning.text),
                            std::to_string(warning.count)});
    if (rows.empty()) return "<h2>Warnings</h2>\n<p class=\"dim\">The traces hold none.</p>\n";
    return "<h2>Warnings</h2>\n" +
           htmlTable({{"run", false}, {"kind", false}, {"what happened", false}, {"times", true}}, rows);
}

std::string reportCommands(const Comparison& c) {
    std::string commands;
    for (const RunFigures& run : c.runs)
        if (!run.identity.command.empty())
            commands += escapedHtml("# " + run.label + "\n" + run.identity.command + "\n");
    return commands.empty() ? std::string() : "<h2>How the traces were made</h2>\n<pre>" + commands + "</pre>\n";
}

std::string reportDefinitions(const Comparison&) {
    return "<h2>How the numbers are defined</h2>\n"
           "<p>The step whose duration is the median one stands for its run; the first step is warm-up and left out "
           "when "
           "there are more than two. Its parts are means over the ranks and add up to it: compute, communication that "
           "no "
           "compute of the same rank covers (exposed), copies that neither covers, synchronisation of imported traces, "
           "and idle time.</p>\n"
           "<p>± is half of the distance between the quartiles over the steps. A whisker is the interval that holds "
           "the "
           "true median with at least 95 %, from order statistics, whatever the distribution; fewer than six steps "
           "have "
           "none. A change is called real when two such intervals do not touch, and within noise when they do.</p>\n"
           "<p>Overlap is the part of communication during which the same rank computes. Peak memory is that of the "
           "rank "
           "that needs most, split at the moment of its peak. Losses are means over the global batch and are compared "
           "bit by bit; they are called equal to rounding when no step differs by more than 1e-5 of its value.</p>\n"
           "<p class=\"dim\">The formulas are in docs/metrics.md of Shardscope; every number here can be had as JSON "
           "or "
           "CSV with <code>shardscope compare --format json</code>.</p>\n";
}

} // namespace shardscope
