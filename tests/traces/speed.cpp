// SPDX-License-Identifier: Apache-2.0
// Prints how fast a trace of a million events is written, opened and drawn. Nothing is asserted about times.
#include "support/sample_trace.h"
#include "support/temporary_folder.h"
#include "traces/trace_reader.h"
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

using namespace shardscope;

namespace {

double seconds(const std::function<void()>& body) {
    const auto start = std::chrono::steady_clock::now();
    body();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

std::unique_ptr<TraceReader> openTrace(const std::string& path) {
    auto reader = TraceReader::open(path);
    if (reader) return std::move(reader).value();
    std::fprintf(stderr, "%s\n", reader.error().message.c_str());
    std::exit(1);
}

void picture(const TraceReader& reader) {
    const TimeRange all = reader.span();
    for (size_t lane = 0; lane < reader.lanes().size(); ++lane)
        (void)reader.rects(static_cast<LaneId>(lane), all, static_cast<double>(all.duration()) / 1920);
}

} // namespace

int main(int argc, char** argv) {
    const TemporaryFolder folder;
    const std::string path = folder / "run.shardscope";
    SampleTraceOptions options;
    options.ranks = 4;
    options.synthetic_events = argc > 1 ? std::atoll(argv[1]) : 1'000'000;
    const auto events = static_cast<double>(options.synthetic_events);
    options.finish = false;
    const double rows = seconds([&] { writeSampleTrace(path, options); });
    std::printf("%.0f events on 8 lanes\n", events);
    std::printf("  write the rows            %8.3f s   %6.2f million/s\n", rows, events / rows * 1e-6);
    std::unique_ptr<TraceReader> reader;
    const double live = seconds([&] { reader = openTrace(path); });
    std::printf("  open live (rows)          %8.3f s   %6.2f million/s\n", live, events / live * 1e-6);
    std::printf("  picture, 1920 px          %8.3f ms\n", 1e3 * seconds([&] { picture(*reader); }));
    reader.reset();

    options.finish = true;
    const double whole = seconds([&] { writeSampleTrace(path, options); });
    const auto size = static_cast<double>(std::filesystem::file_size(path));
    std::printf("  write and finish          %8.3f s   %6.1f bytes per event in the file\n", whole, size / events);
    std::printf("  open finished             %8.3f ms\n", 1e3 * seconds([&] { reader = openTrace(path); }));
    std::printf("  first picture             %8.3f ms\n", 1e3 * seconds([&] { picture(*reader); }));
    std::printf("  the same picture again    %8.3f ms\n", 1e3 * seconds([&] { picture(*reader); }));
    const double load = seconds([&] {
        for (size_t lane = 0; lane < reader->lanes().size(); ++lane)
            (void)reader->events(static_cast<LaneId>(lane), {0, 0x7fffffff});
        (void)reader->rects(LaneId{0}, {0, 1}, 1);
    });
    std::printf("  load all columns          %8.3f s   %6.2f million/s\n", load, events / load * 1e-6);
    return 0;
}
