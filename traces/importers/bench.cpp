// SPDX-License-Identifier: Apache-2.0
#include "traces/importers/bench.h"
#include "traces/importers/import.h"
#include "traces/trace_file.h"
#include <array>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <memory>
#include <simdjson.h>
#include <sys/resource.h>
#include <vector>

namespace shardscope {

namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr std::array kernels = {
    "void at::native::vectorized_elementwise_kernel<4, at::native::AddFunctor<float>>",
    "sm90_xmma_gemm_bf16bf16_bf16f32_f32_tn_n_tilesize128x128x64",
    "ncclDevKernel_AllReduce_Sum_bf16_RING_LL",
    "Memcpy HtoD (Pinned -> Device)",
};
constexpr std::array calls = {"cudaLaunchKernel", "cudaMemcpyAsync", "aten::add_", "aten::mm"};

double secondsSince(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// Two streams of kernels and two threads that launch them, as the PyTorch profiler would write them.
bool generate(const std::string& path, int64_t events) {
    std::ofstream file(path, std::ios::binary);
    std::string out =
        "{\"schemaVersion\": 1, \"distributedInfo\": {\"backend\": \"nccl\", \"rank\": 0, \"world_size\": 1},\n"
        "\"traceEvents\": [\n";
    uint64_t state = 1;
    const auto random = [&](uint64_t n) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        return static_cast<int64_t>((state >> 33) % n);
    };
    std::array<int64_t, 4> free_ns{};
    for (int64_t i = 0; i < events; ++i) {
        const auto lane = static_cast<size_t>(i % 4);
        const int64_t start = free_ns[lane] + random(2000), duration = 500 + random(20000);
        free_ns[lane] = start + duration;
        const bool device = lane < 2;
        const auto which = static_cast<size_t>(random(4));
        const auto time = [](int64_t ns) {
            return fmt::format("{}.{:03}", 1'700'000'000'000'000 + ns / 1000, ns % 1000);
        };
        if (device)
            fmt::format_to(
                std::back_inserter(out),
                "{{\"ph\":\"X\",\"cat\":\"kernel\",\"name\":\"{}\",\"pid\":0,\"tid\":{},\"ts\":{},\"dur\":{}.{:03},"
                "\"args\":{{\"stream\":{},\"correlation\":{},\"device\":0}}}}",
                kernels[which], 7 + lane, time(start), duration / 1000, duration % 1000, 7 + lane, i / 4 + 1);
        else
            fmt::format_to(std::back_inserter(out),
                           "{{\"ph\":\"X\",\"cat\":\"cuda_runtime\",\"name\":\"{}\",\"pid\":4037,\"tid\":{},\"ts\":{},"
                           "\"dur\":{}.{:03},\"args\":{{\"External id\":{},\"correlation\":{}}}}}",
                           calls[which], 4037 + lane, time(start), duration / 1000, duration % 1000, i, i / 4 + 1);
        out += i + 1 < events ? ",\n" : "\n";
        if (out.size() > (1 << 20)) {
            file.write(out.data(), static_cast<std::streamsize>(out.size()));
            out.clear();
        }
    }
    out += "]}\n";
    file.write(out.data(), static_cast<std::streamsize>(out.size()));
    return bool(file.flush());
}

// The bound: all events through simdjson's own batches into plain structs, from memory, with one thread. One event per
// line, the commas between them blanked beforehand.
double bareSeconds(const std::string& path, int64_t& events) {
    struct Row {
        double ts, dur;
        int64_t pid, tid;
        size_t name_bytes;
    };
    std::ifstream file(path, std::ios::binary);
    std::string text(static_cast<size_t>(fileSize(path)), '\0');
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    const size_t first = text.find("[\n") + 2, last = text.rfind(']');
    for (size_t at = first; (at = text.find("},\n", at)) != std::string::npos; at += 3) text[at + 1] = ' ';
    simdjson::padded_string events_text(text.data() + first, last - first);
    text = {};
    simdjson::ondemand::parser parser;
    const auto start = Clock::now();
    std::vector<Row> rows;
    simdjson::ondemand::document_stream stream;
    if (parser.iterate_many(events_text, 1 << 20).get(stream)) return 0;
    for (auto document : stream) {
        Row row{};
        simdjson::ondemand::object object;
        if (document.get_object().get(object)) continue;
        std::string_view name;
        if (object["name"].get(name) || object["pid"].get(row.pid) || object["tid"].get(row.tid) ||
            object["ts"].get(row.ts) || object["dur"].get(row.dur))
            continue;
        row.name_bytes = name.size();
        rows.push_back(row);
    }
    events = static_cast<int64_t>(rows.size());
    return secondsSince(start);
}

int64_t peakBytes() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss * 1024;
}

} // namespace

Result<std::string> benchImport(const BenchImportRequest& request) {
    std::string pattern = (fs::temp_directory_path() / "shardscope_bench_XXXXXX").string();
    if (!mkdtemp(pattern.data()))
        return Error{fmt::format("Cannot make a folder in '{}'; set TMPDIR to a folder with room.",
                                 fs::temp_directory_path().string())};
    const struct Cleanup {
        fs::path folder;
        ~Cleanup() {
            std::error_code ignored;
            fs::remove_all(folder, ignored);
        }
    } cleanup{pattern};
    const std::string source = pattern + "/events.json", trace = pattern + "/events.shardscope";
    if (!generate(source, request.events))
        return Error{fmt::format("Cannot write {} MB into '{}'; set TMPDIR to a folder with room.",
                                 request.events * 140 / 1'000'000, pattern)};
    const double megabytes = static_cast<double>(fileSize(source)) * 1e-6;

    // The import first: the peak of memory is the process's, and the bare pass holds the whole file.
    double reading = 0;
    const auto start = Clock::now();
    const auto imported = importTrace(std::vector{source}, trace, {.rows = false}, [&](const ImportProgress& p) {
        if (p.stage == ImportProgress::Stage::reading) reading = secondsSince(start);
        return true;
    });
    const double seconds = secondsSince(start);
    if (!imported) return imported.error();
    const int64_t peak = peakBytes();
    int64_t bare_events = 0;
    const double bare = bareSeconds(source, bare_events);
    if (imported->events != request.events || bare_events != request.events)
        return Error{fmt::format("The import took {} events and simdjson {} of {}; the bench is wrong.",
                                 imported->events, bare_events, request.events)};

    const auto count = static_cast<double>(request.events);
    const double bytes_per_event = static_cast<double>(fileSize(trace)) / count;
    if (request.json)
        return fmt::format("{{\n  \"events\": {},\n  \"megabytes\": {:.1f},\n  \"import_events_per_s\": {:.0f},\n"
                           "  \"import_megabytes_per_s\": {:.1f},\n  \"reading_s\": {:.3f},\n  \"writing_s\": {:.3f},\n"
                           "  \"simdjson_events_per_s\": {:.0f},\n  \"simdjson_megabytes_per_s\": {:.1f},\n"
                           "  \"import_to_simdjson\": {:.3f},\n  \"peak_megabytes\": {:.1f},\n"
                           "  \"bytes_per_event\": {:.2f}\n}}\n",
                           request.events, megabytes, count / seconds, megabytes / seconds, reading, seconds - reading,
                           count / bare, megabytes / bare, bare / seconds, static_cast<double>(peak) * 1e-6,
                           bytes_per_event);
    return fmt::format("import of {} events, {:.1f} MB of Chrome JSON, columns only\n"
                       "  reading                 {:8.3f} s\n"
                       "  sorting and writing     {:8.3f} s\n"
                       "  import                  {:8.2f} million events/s {:8.1f} MB/s\n"
                       "  bare simdjson batches   {:8.2f} million events/s {:8.1f} MB/s   import is {:.2f} of it\n"
                       "  {:.2f} bytes per event in the trace, {:.0f} MB of memory at the peak\n",
                       request.events, megabytes, reading, seconds - reading, count / seconds * 1e-6,
                       megabytes / seconds, count / bare * 1e-6, megabytes / bare, bare / seconds, bytes_per_event,
                       static_cast<double>(peak) * 1e-6);
}

} // namespace shardscope
