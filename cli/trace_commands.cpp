// SPDX-License-Identifier: Apache-2.0
// info: what a finished or growing trace holds.
#include "cli/command.h"
#include "profiler/analysis/text_table.h"
#include "traces/trace_reader.h"
#include <CLI/CLI.hpp>
#include <cstdint>
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

// What was stored as JSON, in words: members that are lists are counted, --format json has them whole.
std::string readable(const std::string& value) {
    const Json json = Json::parse(value, nullptr, false);
    if (json.is_array()) return fmt::format("{} entries", json.size());
    if (!json.is_object()) return value;
    std::string text;
    for (const auto& [name, member] : json.items())
        text += (text.empty() ? "" : ", ") + name + ' ' +
                (member.is_structured() ? fmt::format("({} entries)", member.size())
                 : member.is_string()   ? member.get<std::string>()
                                        : member.dump(-1, ' ', false, Json::error_handler_t::replace));
    return text;
}

// Every effective setting with its origin, or the plain JSON where a trace has no more.
std::string settingsText(const TraceReader& trace) {
    const Json settings = Json::parse(trace.runValue("config_settings"), nullptr, false);
    if (!settings.is_array()) return "configuration\n" + trace.runValue("config_resolved") + "\n";
    static const std::string largest = std::to_string(INT64_MAX);
    TextTable table;
    for (const size_t column : {1, 2, 3}) table.alignLeft(column);
    for (const Json& setting : settings) {
        if (!setting.is_object()) continue;
        const std::string value = setting.value("value", "");
        const bool limited = value != largest;
        table.add({setting.value("key", ""), limited ? value : "no limit", setting.value("origin", ""),
                   limited ? setting.value("unit", "") : ""});
    }
    return "configuration\n" + table.text("  ");
}

std::string infoText(const TraceReader& trace) {
    TextTable facts;
    facts.alignLeft(1);
    facts.add({"status", statusOf(trace)});
    for (const auto& [key, value] : trace.run())
        if (key != "status" && key != "memory_plan" && !key.starts_with("config_")) // long, or shown elsewhere
            facts.add({key, readable(value)});
    facts.add({"recorded", fmt::format("{} ranks, {} lanes, {} steps, {} intervals in {:.3f} s", trace.ranks(),
                                       trace.lanes().size(), trace.steps().size(), trace.eventCount(),
                                       static_cast<double>(trace.span().duration()) * 1e-9)});
    facts.add({"program", fmt::format("{} ops, {} gradient buckets", trace.program().size(), trace.buckets().size())});
    for (const WarningEvent& warning : trace.warnings())
        facts.add({"warning", fmt::format("{} ({}x)", warning.text, warning.count)});
    std::string text = trace.path() + '\n' + facts.text("  ");
    for (const BucketEvent& bucket : trace.buckets())
        text += fmt::format("    bucket {:<3} {:>12} elements (+{} padding), closed because: {}\n", bucket.bucket,
                            grouped(static_cast<double>(bucket.elements)), bucket.padded_elements - bucket.elements,
                            bucket.closed_because);
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
