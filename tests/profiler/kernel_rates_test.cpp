// SPDX-License-Identifier: Apache-2.0
// What kernels reached and their share of the roofline, worked out on paper; and what a trace says of its recording.
#include "profiler/analysis/kernel_rates.h"
#include "profiler/analysis/outside_memory.h"
#include "profiler/analysis/summary.h"
#include "profiler/recorder.h"
#include "profiler/recording_tax.h"
#include "support/catch.h"
#include "support/contains.h"
#include "support/temporary_folder.h"
#include "traces/trace_writer.h"
#include <nlohmann/json.hpp>

using namespace shardscope;

namespace {

struct Written {
    TemporaryFolder folder;
    std::unique_ptr<TraceWriter> writer;
    std::unique_ptr<TraceReader> reader;

    Written()
        : writer(std::move(TraceWriter::create((folder.path() / "run.shardscope").string())).value()) {}
    void info(const char* key, const char* value) { append(RunInfoEvent{key, value}); }
    void append(const TraceEvent& event) { writer->append({&event, 1}); }
    const TraceReader& read() {
        REQUIRE(writer->finish("finished"));
        reader = std::move(TraceReader::open((folder.path() / "run.shardscope").string())).value();
        return *reader;
    }
};

// Two steps of one rank, 20 us each: a product that is one kernel of 4 us, and a norm of two kernels, 5 us together.
void writeKernels(Written& trace, bool peaks) {
    trace.info("precision", "fp32");
    trace.info("op_work",
               R"({"kinds": [["matmul_forward", 2e6, 1e4], ["layernorm_forward", 0, 4e4]], "ops": [0, -1, 1]})");
    if (peaks)
        trace.info("device_peaks", R"({"source": "a sheet", "f32_flops_per_s": 1e12, "half_flops_per_s": 1e13,
                                       "bytes_per_s": 1e10})");
    const LaneId stream = trace.writer->addLane({0, LaneKind::compute, "GPU 0 stream 13"});
    const NameId gemm = trace.writer->intern("nvjet_gemm"), rows = trace.writer->intern("rows"),
                 columns = trace.writer->intern("columns");
    for (const auto& [op, name] : {std::pair{0, "product"}, {2, "norm"}}) {
        ProgramOpEvent event;
        event.op = OpId{op};
        event.name = name;
        trace.append(event);
    }
    for (int32_t step = 0; step < 2; ++step) {
        const int64_t start = step * 20'000;
        const auto kernel = [&](int32_t op, NameId name, int64_t from, int64_t to) {
            trace.append(IntervalEvent{.lane = stream,
                                       .op = OpId{op},
                                       .name = name,
                                       .start_ns = start + from,
                                       .end_ns = start + to,
                                       .step = step});
        };
        kernel(0, gemm, 0, 4000);
        kernel(2, rows, 4000, 7000);
        kernel(2, columns, 7000, 9000);
        trace.append(StepEvent{.step = step, .start_ns = start, .end_ns = start + 20'000});
    }
}

nlohmann::json rowOf(const nlohmann::json& rows, const char* key, const char* name) {
    for (const auto& row : rows)
        if (row[key] == name) return row;
    return {};
}

} // namespace

TEST_CASE("kernel rates: work over time, and the least time by the device's peaks") {
    Written trace;
    writeKernels(trace, true);
    const Result<Report> report = kernelReport(trace.read(), {});
    REQUIRE(report);
    const auto json = nlohmann::json::parse(reportJson(*report));
    const auto product = rowOf(json["ops"], "kind", "matmul_forward");
    CHECK(product["calls"] == 2);
    CHECK(product["total_ns"] == 8000);
    CHECK(product["step_percent"] == Approx(20));
    CHECK(product["gflop_per_s"] == Approx(500)); // 2e6 in 4 us
    CHECK(product["bound"] == "compute");
    CHECK(product["roofline_percent"] == Approx(50)); // 2 us at least
    const auto norm = rowOf(json["ops"], "kind", "layernorm_forward");
    CHECK(norm["calls"] == 2);
    CHECK(norm["kernels"] == 4);
    CHECK(norm["gflop_per_s"].is_null());
    CHECK(norm["gb_per_s"] == Approx(8)); // 4e4 in 5 us
    CHECK(norm["bound"] == "memory");
    CHECK(norm["roofline_percent"] == Approx(80));
    // By name: the product's kernel has all of its op's work, the norm's two share theirs in a way that nobody knows.
    CHECK(rowOf(json["kernels"], "kernel", "nvjet_gemm")["roofline_percent"] == Approx(50));
    CHECK(rowOf(json["kernels"], "kernel", "rows")["gb_per_s"].is_null());
    CHECK(rowOf(json["kernels"], "kernel", "columns")["total_ns"] == 4000);
    CHECK_THAT(json["notes"].dump(), Contains("a sheet"));

    const auto one_step = nlohmann::json::parse(reportJson(*kernelReport(*trace.reader, {.step = 1, .peaks = {}})));
    CHECK(rowOf(one_step["ops"], "kind", "matmul_forward")["calls"] == 1);
    CHECK(rowOf(one_step["ops"], "kind", "matmul_forward")["step_percent"] == Approx(20));
}

TEST_CASE("kernel rates: without peaks there is no share of a roofline, unless they are given; damage is no crash") {
    Written trace;
    writeKernels(trace, false);
    const auto json = nlohmann::json::parse(reportJson(*kernelReport(trace.read(), {})));
    CHECK_FALSE(json["ops"][0].contains("roofline_percent"));
    CHECK_THAT(json["notes"].dump(), Contains("--peak-gflops"));
    const auto given =
        nlohmann::json::parse(reportJson(*kernelReport(*trace.reader, {.peaks = DevicePeaks{2e12, 1e10, "as given"}})));
    CHECK(rowOf(given["ops"], "kind", "matmul_forward")["roofline_percent"] == Approx(25));
    CHECK_THAT(given["notes"].dump(), Contains("The roofline is 2 TFLOP/s and 10 GB/s, as given."));
    CHECK_FALSE(kernelReport(*trace.reader, {.limit = -1, .peaks = {}}));

    Written damaged;
    writeKernels(damaged, false);
    damaged.info("op_work", R"({"kinds": [7, ["x", "y", 1]], "ops": [0, 1, 99, null]})");
    damaged.info("device_peaks", "[1, 2]");
    CHECK(kernelReport(damaged.read(), {}));
}

TEST_CASE("recording tax: counted for every run, compared where steps without recording were made") {
    TraceClock::start();
    CHECK(measureRecordNs() > 0);
    RecordingTax tax;
    tax.steps_ns = 1'000'000;
    tax.records = 100;
    tax.record_ns = 20;
    tax.writer_ns = 50'000;
    CHECK(tax.countedPercent() == Approx(0.2));
    CHECK(tax.writerPercent() == Approx(5));
    CHECK_FALSE(tax.compared());
    tax.recorded_step_ns = {1010, 1020, 1030};
    tax.plain_step_ns = {990, 1000, 1010};
    CHECK(tax.comparedPercent() == Approx(2));
    CHECK(tax.noisePercent() > 0);
    const auto value = [](const RecordingTax& of, const std::string& key) {
        for (const TraceEvent& event : describe(of))
            if (const auto* info = std::get_if<RunInfoEvent>(&event); info && info->key == key) return info->value;
        return std::string();
    };
    CHECK(value(tax, "profiler_tax_percent") == "0.2"); // nothing escapes the count on CPU ranks
    CHECK_THAT(value(tax, "profiler_tax_method"), Contains("counted: 100 records") && Contains("+2 %"));
    tax.cupti = true;
    tax.tags = 10;
    tax.tag_ns = 100;
    tax.cupti_overhead_ns = 7000;
    CHECK(tax.countedPercent() == Approx(1));
    CHECK(value(tax, "profiler_tax_percent") == "2"); // what CUPTI adds to a launch cannot be counted
    tax.plain_step_ns.clear();
    CHECK_THAT(value(tax, "profiler_tax_method"), Contains("overhead that CUPTI recorded"));
}

TEST_CASE("recording facts: virtual ranks, kernels that are missing and why, the tax, memory outside the arenas") {
    Written trace;
    trace.info("virtual_ranks", "4 ranks share one GPU");
    trace.info("devices", R"([{"device": 0, "name": "NVIDIA H200"}, {"device": 0, "name": "NVIDIA H200"}])");
    trace.info("gpu_capture_state", "Another profiler is attached. Run without it.");
    trace.info("gpu_capture_reason", "another_profiler");
    trace.info("profiler_tax_percent", "0.004");
    trace.info("profiler_tax_method", "counted: 9 records");
    trace.append(WarningEvent{.kind = "gpu_capture_unavailable", .text = "Another profiler is attached."});
    trace.writer->addLane({0, LaneKind::compute, "rank 0 compute"});
    const NameId outside = trace.writer->intern("GPU 0 bytes outside the arenas");
    for (const auto& [time, bytes] : {std::pair{100, 64.0}, {200, 96.0}, {300, 32.0}})
        trace.append(CounterEvent{.time_ns = time, .rank = 0, .name = outside, .value = bytes});
    const RecordingFacts facts = recordingFacts(trace.read());
    CHECK(facts.device == "NVIDIA H200");
    CHECK(facts.gpu == GpuRecording::events);
    CHECK(facts.gpu_reason == "another profiler is attached");
    CHECK(taxText(facts) == "under 0.01 % of a step");
    const std::string text = summaryText(summarize(*trace.reader));
    CHECK_THAT(text, Contains("4 ranks share one GPU and take turns") && Contains("GPU: another profiler") &&
                         Contains("recording took under 0.01 % of a step (counted: 9 records)"));
    const OutsideCurves curves = outsideCurves(*trace.reader);
    REQUIRE(curves.contains(0));
    CHECK(curves.at(0).highest == 96);
    CHECK(curves.at(0).at(99) == 0);
    CHECK(curves.at(0).at(250) == 96);

    Written lossy;
    lossy.info("gpu_capture_state", "Kernels and copies are recorded by CUPTI.");
    lossy.info("gpu_capture_reason", "available");
    lossy.append(WarningEvent{.kind = "gpu_records_dropped", .text = "Dropped. Record fewer steps.", .count = 7});
    const RecordingFacts loss = recordingFacts(lossy.read());
    CHECK(loss.gpu == GpuRecording::incomplete);
    CHECK(loss.gpu_reason == "7 records of the GPU are missing");
    CHECK_THAT(loss.gpu_sentence, Contains("Record fewer steps"));

    Written plain;
    CHECK(recordingFacts(plain.read()).gpu == GpuRecording::none);
}
