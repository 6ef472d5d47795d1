// SPDX-License-Identifier: Apache-2.0
#include "profiler/analysis/recording_facts.h"
#include <charconv>
#include <cmath>
#include <fmt/format.h>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

namespace shardscope {
namespace {

using Json = nlohmann::json;

std::optional<double> numberIn(const std::string& text) {
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
    return value;
}

// Ranks of a run mostly have devices of one name.
std::string deviceOf(const std::string& devices) {
    const Json json = Json::parse(devices, nullptr, false);
    if (!json.is_array()) return {};
    std::map<std::string, std::set<int64_t>> ordinals;
    for (const Json& device : json)
        if (device.is_object() && device.contains("name") && device["name"].is_string())
            ordinals[device["name"].get<std::string>()].insert(
                device.contains("device") && device["device"].is_number_integer() ? device["device"].get<int64_t>()
                                                                                  : 0);
    std::string text;
    for (const auto& [name, of_name] : ordinals)
        text += (text.empty() ? "" : ", ") + (of_name.size() > 1 ? fmt::format("{} x ", of_name.size()) : "") + name;
    return text;
}

const char* reasonOf(const std::string& word) {
    if (word == "another_profiler") return "another profiler is attached";
    if (word == "no_permission") return "no permission to record kernels";
    if (word == "library_missing") return "CUPTI was not found";
    if (word == "no_driver") return "CUPTI finds no driver";
    return "CUPTI does not start";
}

// What was lost although CUPTI recorded; the greatest count speaks.
const WarningEvent* lossOf(const TraceReader& trace) {
    const WarningEvent* worst = nullptr;
    for (const WarningEvent& w : trace.warnings()) {
        const bool lost = w.kind == "gpu_records_dropped" || w.kind == "gpu_buffers_refused" ||
                          w.kind == "gpu_records_without_time" || w.kind == "gpu_buffers_damaged";
        if (lost && (!worst || w.count > worst->count)) worst = &w;
    }
    return worst;
}

} // namespace

RecordingFacts recordingFacts(const TraceReader& trace) {
    RecordingFacts facts;
    facts.virtual_ranks = trace.runValue("virtual_ranks");
    facts.backend = trace.runValue("backend");
    facts.device = deviceOf(trace.runValue("devices"));
    facts.tax_percent = numberIn(trace.runValue("profiler_tax_percent"));
    facts.tax_method = trace.runValue("profiler_tax_method");
    if (const Json tax = Json::parse(trace.runValue("profiler_tax"), nullptr, false);
        tax.is_object() && tax.contains("writer_percent") && tax["writer_percent"].is_number())
        facts.writer_percent = tax["writer_percent"].get<double>();
    const std::string state = trace.runValue("gpu_capture_state"), reason = trace.runValue("gpu_capture_reason");
    if (state.empty()) return facts;
    facts.gpu_sentence = state;
    bool unavailable = false;
    for (const WarningEvent& w : trace.warnings()) unavailable |= w.kind == "gpu_capture_unavailable";
    if (unavailable) {
        facts.gpu = GpuRecording::events;
        facts.gpu_reason = reasonOf(reason);
    } else if (const WarningEvent* loss = lossOf(trace)) {
        facts.gpu = GpuRecording::incomplete;
        facts.gpu_reason = fmt::format("{} records of the GPU are missing", loss->count);
        facts.gpu_sentence = loss->text;
    } else {
        facts.gpu = GpuRecording::kernels;
    }
    return facts;
}

std::string taxText(const RecordingFacts& facts) {
    if (!facts.tax_percent) return {};
    const double percent = *facts.tax_percent;
    return (std::abs(percent) < 0.01 ? "under 0.01" : fmt::format("{:.2g}", percent)) + " % of a step";
}

} // namespace shardscope
