// SPDX-License-Identifier: Apache-2.0
// info: what a finished or growing trace holds.
#include "cli/command.h"
#include "traces/trace_reader.h"
#include <CLI/CLI.hpp>
#include <fmt/core.h>
#include <nlohmann/json.hpp>

namespace shardscope::cli {
namespace {

using Json = nlohmann::ordered_json;

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
        if (key == "status" || key == "memory_plan" || key.starts_with("config_")) continue; // long, or shown elsewhere
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

int info(const std::string& file, const std::string& format) {
    const auto trace = TraceReader::open(file);
    if (!trace) return fail(trace.error());
    print(format == "json" ? infoJson(**trace) : infoText(**trace));
    return success;
}

} // namespace

void addTraceCommands(CLI::App& app, Invocation& invocation) {
    struct Options {
        std::string file, format = "text";
    };
    auto options = std::make_shared<Options>();
    CLI::App* sub =
        app.add_subcommand("info", "What a trace holds: status, configuration, model, hardware, program, buckets");
    sub->add_option("file", options->file, "A trace")->required()->type_name("FILE");
    addFormatOption(*sub, options->format);
    sub->footer("Example:\n  shardscope info zero2.shardscope");
    sub->callback([options, &invocation] { invocation.exit_code = info(options->file, options->format); });
}

} // namespace shardscope::cli
