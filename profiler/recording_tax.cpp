// SPDX-License-Identifier: Apache-2.0
#include "profiler/recording_tax.h"
#include "profiler/recorder.h"
#include <algorithm>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace shardscope {
namespace {

class NoSink final : public TraceSink {
public:
    NameId intern(std::string_view) override { return NameId{0}; }
    LaneId addLane(const LaneInfo&) override { return LaneId{0}; }
    void append(std::span<const TraceEvent>) override {}
};

double shareOf(double part_ns, int64_t whole_ns) {
    return whole_ns > 0 ? 100.0 * part_ns / static_cast<double>(whole_ns) : 0;
}

int64_t medianOf(std::vector<int64_t> values) {
    std::sort(values.begin(), values.end());
    return values.empty() ? 0 : values[(values.size() - 1) / 2];
}

double halfQuartileRange(std::vector<int64_t> values) {
    std::sort(values.begin(), values.end());
    const size_t n = values.size();
    return n < 2 ? 0 : static_cast<double>(values[(3 * n - 1) / 4] - values[(n - 1) / 4]) / 2;
}

// What CUPTI adds to a launch cannot be counted; of the records of lanes nothing escapes the count.
bool tellsCompared(const RecordingTax& tax) { return tax.cupti && tax.compared(); }

std::string comparedText(const RecordingTax& tax) {
    return fmt::format("{} steps without recording, made after the last one and thrown away, against the last {} "
                       "with it: {:+.2g} %, steps vary by +- {:.2g} %",
                       tax.plain_step_ns.size(), tax.recorded_step_ns.size(), tax.comparedPercent(),
                       tax.noisePercent());
}

std::string methodOf(const RecordingTax& tax) {
    if (tellsCompared(tax)) return "medians of " + comparedText(tax);
    std::string text =
        fmt::format("counted: {} records of the busiest lane at {:.0f} ns each", tax.records, tax.record_ns);
    if (tax.cupti)
        text += fmt::format(", {} named launches at {:.0f} ns, and the overhead that CUPTI recorded; what its calls "
                            "add to a launch beyond that is not in it",
                            tax.tags, tax.tag_ns);
    if (tax.compared()) text += "; medians of " + comparedText(tax);
    return text;
}

} // namespace

// On a ring of its own that nobody drains: 32 rounds fit it. The median round is that of a thread left alone.
double measureRecordNs() {
    constexpr int rounds = 32, records = 1000;
    NoSink sink;
    Recorder recorder(sink, [] {});
    LaneRecorder& lane = recorder.addLane({0, LaneKind::compute, "tax"});
    std::vector<int64_t> round_ns;
    for (int round = 0; round < rounds; ++round) {
        const int64_t start = TraceClock::now();
        for (int i = 0; i < records; ++i) {
            IntervalEvent event;
            event.step = i;
            event.start_ns = TraceClock::now();
            event.end_ns = TraceClock::now();
            lane.interval(event);
        }
        round_ns.push_back(TraceClock::now() - start);
    }
    return static_cast<double>(medianOf(std::move(round_ns))) / records;
}

double RecordingTax::countedPercent() const {
    return shareOf(static_cast<double>(records) * record_ns + static_cast<double>(tags) * tag_ns +
                       static_cast<double>(cupti_overhead_ns),
                   steps_ns);
}

double RecordingTax::writerPercent() const { return shareOf(static_cast<double>(writer_ns), steps_ns); }

double RecordingTax::comparedPercent() const {
    const int64_t plain = medianOf(plain_step_ns);
    return shareOf(static_cast<double>(medianOf(recorded_step_ns) - plain), plain);
}

double RecordingTax::noisePercent() const {
    return shareOf(std::max(halfQuartileRange(recorded_step_ns), halfQuartileRange(plain_step_ns)),
                   medianOf(plain_step_ns));
}

std::vector<TraceEvent> describe(const RecordingTax& tax) {
    nlohmann::ordered_json json = {{"counted_percent", tax.countedPercent()},
                                   {"records", tax.records},
                                   {"record_ns", tax.record_ns},
                                   {"steps_ns", tax.steps_ns},
                                   {"writer_ns", tax.writer_ns},
                                   {"writer_percent", tax.writerPercent()}};
    if (tax.cupti) {
        json["tags"] = tax.tags;
        json["tag_ns"] = tax.tag_ns;
        json["cupti_overhead_ns"] = tax.cupti_overhead_ns;
    }
    if (tax.compared()) {
        json["compared_percent"] = tax.comparedPercent();
        json["noise_percent"] = tax.noisePercent();
        json["plain_steps"] = tax.plain_step_ns.size();
        json["plain_step_ns"] = medianOf(tax.plain_step_ns);
        json["recorded_step_ns"] = medianOf(tax.recorded_step_ns);
    }
    const double percent = tellsCompared(tax) ? tax.comparedPercent() : tax.countedPercent();
    return {RunInfoEvent{"profiler_tax_percent", fmt::format("{:.3g}", percent)},
            RunInfoEvent{"profiler_tax_method", methodOf(tax)}, RunInfoEvent{"profiler_tax", json.dump()}};
}

} // namespace shardscope
