// SPDX-License-Identifier: Apache-2.0
// info, summary, compare: what finished or growing traces say.
#include "cli/command.h"
#include "profiler/analysis/compare.h"
#include "profiler/analysis/summary.h"
#include "traces/trace_reader.h"
#include <CLI/CLI.hpp>
#include <fmt/core.h>
#include <nlohmann/json.hpp>

namespace shardscope::cli {
namespace {

using Json = nlohmann::ordered_json;

struct TraceCommand {
    std::vector<std::string> files;
    std::string format = "text";
};

std::string statusOf(const TraceReader& trace) {
    const std::string status = trace.runValue("status");
    return status == "running" ? "running, or killed before it could end" : status;
}

std::string infoJson(const TraceReader& trace) {
    Json run = Json::object();
    for (const auto& [key, value] : trace.run()) { // what was stored as JSON is shown as JSON
        Json parsed = Json::parse(value, nullptr, false);
        run[key] = parsed.is_object() || parsed.is_array() ? parsed : Json(value);
    }
    Json lanes = Json::array(), buckets = Json::array(), warnings = Json::array();
    for (const LaneInfo& lane : trace.lanes())
        lanes.push_back({{"rank", lane.rank}, {"kind", toText(lane.kind)}, {"name", lane.name}});
    for (const BucketEvent& bucket : trace.buckets())
        buckets.push_back({{"bucket", bucket.bucket},
                           {"elements", bucket.elements},
                           {"padded_elements", bucket.padded_elements},
                           {"bytes", bucket.bytes},
                           {"closed_because", bucket.closed_because}});
    for (const WarningEvent& warning : trace.warnings())
        warnings.push_back({{"kind", warning.kind}, {"text", warning.text}, {"count", warning.count}});
    const Json info = {{"path", trace.path()},
                       {"run", run},
                       {"ranks", trace.ranks()},
                       {"span_ns", trace.span().duration()},
                       {"events", trace.eventCount()},
                       {"steps", trace.steps().size()},
                       {"program_ops", trace.program().size()},
                       {"lanes", lanes},
                       {"buckets", buckets},
                       {"warnings", warnings}};
    return info.dump(2, ' ', false, Json::error_handler_t::replace);
}

// Every effective setting with its origin, or the plain JSON where a trace has no more.
std::string settingsText(const TraceReader& trace) {
    const Json settings = Json::parse(trace.runValue("config_settings"), nullptr, false);
    if (!settings.is_array()) return "configuration\n" + trace.runValue("config_resolved") + "\n";
    std::string text = "configuration\n";
    for (const Json& setting : settings) {
        if (!setting.is_object()) continue;
        text += fmt::format("  {:<56} {:<14} {:<9} {}\n", setting.value("key", ""), setting.value("value", ""),
                            setting.value("origin", ""), setting.value("unit", ""));
    }
    return text;
}

std::string infoText(const TraceReader& trace) {
    std::string text = fmt::format("{}\n  status    {}\n", trace.path(), statusOf(trace));
    for (const auto& [key, value] : trace.run()) {
        if (key == "status" || key.starts_with("config_")) continue;
        text += fmt::format("  {:<9} {}\n", key, value);
    }
    text += fmt::format("  recorded  {} ranks, {} lanes, {} steps, {} intervals in {:.3f} s\n", trace.ranks(),
                        trace.lanes().size(), trace.steps().size(), trace.eventCount(),
                        static_cast<double>(trace.span().duration()) * 1e-9);
    text += fmt::format("  program   {} ops, {} gradient buckets\n", trace.program().size(), trace.buckets().size());
    for (const BucketEvent& bucket : trace.buckets())
        text += fmt::format("    bucket {:<3} {:>12} elements (+{} padding), closed because: {}\n", bucket.bucket,
                            bucket.elements, bucket.padded_elements - bucket.elements, bucket.closed_because);
    for (const WarningEvent& warning : trace.warnings())
        text += fmt::format("  warning   {} ({}x)\n", warning.text, warning.count);
    return text + settingsText(trace);
}

int info(const TraceCommand& command) {
    const auto trace = TraceReader::open(command.files.front());
    if (!trace) return fail(trace.error());
    print(command.format == "json" ? infoJson(**trace) : infoText(**trace));
    return success;
}

int summary(const TraceCommand& command) {
    const auto trace = TraceReader::open(command.files.front());
    if (!trace) return fail(trace.error());
    const Summary figures = summarize(**trace);
    print(command.format == "json" ? summaryJson(figures) : summaryText(figures));
    return success;
}

int compareTraces(const TraceCommand& command) {
    std::vector<std::unique_ptr<TraceReader>> traces;
    std::vector<const TraceReader*> pointers;
    for (const std::string& file : command.files) {
        auto trace = TraceReader::open(file);
        if (!trace) return fail(trace.error());
        pointers.push_back(traces.emplace_back(*std::move(trace)).get());
    }
    const Comparison comparison = compare(pointers);
    print(command.format == "json" ? comparisonJson(comparison) : comparisonText(comparison));
    return success;
}

void add(CLI::App& app, Invocation& invocation, const char* name, const char* description, const char* footer,
         int least, int most, int (*action)(const TraceCommand&)) {
    auto command = std::make_shared<TraceCommand>();
    CLI::App* sub = app.add_subcommand(name, description);
    sub->add_option("files", command->files, most == 1 ? "A trace" : "Two to four traces")
        ->required()
        ->type_name("FILE")
        ->expected(least, most);
    addFormatOption(*sub, command->format);
    sub->footer(footer);
    sub->callback([command, action, &invocation] { invocation.exit_code = action(*command); });
}

} // namespace

void addTraceCommands(CLI::App& app, Invocation& invocation) {
    add(app, invocation, "info", "What a trace holds: status, configuration, model, hardware, program, buckets",
        "Example:\n  shardscope info zero2.shardscope", 1, 1, info);
    add(app, invocation, "summary", "Step budget, overlap, memory and traffic of a trace",
        "In every budget compute + exposed communication + exposed copy + idle = span, to the nanosecond.\n"
        "Example:\n  shardscope summary zero2.shardscope --format json",
        1, 1, summary);
    add(app, invocation, "compare", "Two to four traces side by side",
        "Example:\n  shardscope compare zero1.shardscope zero2.shardscope zero3.shardscope", 2, 4, compareTraces);
}

} // namespace shardscope::cli
