// SPDX-License-Identifier: Apache-2.0
#include "traces/bench.h"
#include "traces/sqlite_db.h"
#include "traces/trace_reader.h"
#include "traces/trace_writer.h"
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <random>
#include <sys/resource.h>
#include <unistd.h>

namespace shardscope {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;

constexpr int64_t lanes = 8; // compute and comm of four ranks
constexpr double pixels = 1920;
constexpr int views = 2000;

double secondsSince(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

class Folder {
public:
    static Result<std::unique_ptr<Folder>> create() {
        std::string pattern = (fs::temp_directory_path() / "shardscope_bench_XXXXXX").string();
        if (!mkdtemp(pattern.data()))
            return Error{fmt::format("Cannot make a folder in '{}'; set TMPDIR to a folder with room.",
                                     fs::temp_directory_path().string())};
        return std::make_unique<Folder>(pattern);
    }
    explicit Folder(std::string path)
        : m_path(std::move(path)) {}
    ~Folder() {
        std::error_code ignored;
        fs::remove_all(m_path, ignored);
    }
    std::string trace() const { return m_path + "/trace.shardscope"; }

private:
    std::string m_path;
};

} // namespace

Result<void> writeBenchTrace(const std::string& path, int64_t events) {
    auto created = TraceWriter::createSorted(path, false);
    if (!created) return created.error();
    TraceWriter& writer = **created;
    const NameId names[] = {writer.intern("matmul"), writer.intern("norm"), writer.intern("all_gather"),
                            writer.intern("reduce_scatter")};
    std::mt19937_64 random(7);
    std::vector<IntervalEvent> batch;
    for (int64_t l = 0; l < lanes; ++l) {
        const bool comm = l % 2 == 1;
        const LaneId lane = writer.addLane({.rank = static_cast<int32_t>(l / 2),
                                            .kind = comm ? LaneKind::comm : LaneKind::compute,
                                            .name = comm ? "comm" : "compute"});
        int64_t time = 0;
        for (int64_t i = l; i < events; i += lanes) {
            const uint64_t drawn = random();
            const auto which = static_cast<size_t>(drawn & 1) + (comm ? 2 : 0);
            const int64_t duration = int64_t{500} << (drawn >> 1 & 7); // 0.5 to 64 us
            IntervalEvent e;
            e.lane = lane;
            e.name = names[which];
            e.start_ns = time;
            e.end_ns = time + duration + static_cast<int64_t>(drawn >> 4 & 511);
            e.op_class = comm ? (which == 2 ? OpClass::all_gather : OpClass::reduce_scatter) : OpClass::compute;
            e.phase = (i / lanes) % 300 < 100 ? Phase::forward : Phase::backward;
            e.layer = static_cast<int32_t>((i / lanes / 10) % 48);
            time = e.end_ns + static_cast<int64_t>(drawn >> 13 & 1023);
            batch.push_back(e);
            if (batch.size() < 1024) continue;
            writer.append(std::span<const IntervalEvent>(batch));
            batch.clear();
        }
        writer.append(std::span<const IntervalEvent>(batch));
        batch.clear();
    }
    return writer.finish("finished");
}

namespace {

void dropFromCache(const std::string& path) {
    const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) return;
    fsync(file);
    posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
    close(file);
}

size_t picture(const TraceReader& reader, TimeRange range) {
    size_t rects = 0;
    for (size_t lane = 0; lane < reader.lanes().size(); ++lane)
        rects += reader.rects(static_cast<LaneId>(lane), range, static_cast<double>(range.duration()) / pixels).size();
    return rects;
}

double megabytesInUse() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return static_cast<double>(usage.ru_maxrss) * 1024e-6;
}

struct Opened {
    int64_t events;
    double write_s, open_s, first_s, again_s, bytes_per_event, rects;
};

Result<Opened> openOnce(int64_t events) {
    const auto folder = Folder::create();
    if (!folder) return folder.error();
    const std::string path = (*folder)->trace();
    Opened o{.events = events};
    auto start = Clock::now();
    if (const Result<void> written = writeBenchTrace(path, events); !written) return written.error();
    o.write_s = secondsSince(start);
    o.bytes_per_event = static_cast<double>(fs::file_size(path)) / static_cast<double>(events);
    dropFromCache(path);
    start = Clock::now();
    const auto reader = TraceReader::open(path);
    if (!reader) return reader.error();
    o.open_s = secondsSince(start);
    start = Clock::now();
    o.rects = static_cast<double>(picture(**reader, (*reader)->span()));
    o.first_s = secondsSince(start);
    start = Clock::now();
    (void)picture(**reader, (*reader)->span());
    o.again_s = secondsSince(start);
    return o;
}

// What rows cost at their plainest: one prepared statement of ten integers in one transaction.
double insertsPerSecond(const std::string& path) {
    constexpr int64_t rows = 500'000;
    Database db;
    Statement insert;
    if (!db.open(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE) ||
        !db.exec(
            "PRAGMA synchronous=OFF; CREATE TABLE event(id INTEGER PRIMARY KEY, a, b, c, d, e, f, g, h, i); BEGIN") ||
        !insert.prepare(db, "INSERT INTO event VALUES (?,?,?,?,?,?,?,?,?,?)"))
        return 0;
    const auto start = Clock::now();
    for (int64_t row = 1; row <= rows; ++row) {
        for (int column = 0; column < 10; ++column) insert.bind(column, column < 3 ? row * 1000 : row % 100);
        if (!insert.run()) return 0;
    }
    if (!db.exec("COMMIT")) return 0;
    return static_cast<double>(rows) / secondsSince(start);
}

} // namespace

Result<std::string> benchOpen(const BenchTraceRequest& request) {
    ordered_json rows = ordered_json::array();
    std::string text =
        "Traces of 8 lanes, columns only, file not in the page cache; a picture is all lanes at 1920 pixels.\n"
        "     events  bytes/event  written, million/s  open, ms  first picture, ms  again, ms  rectangles\n";
    for (int64_t events = 100'000; events <= request.events; events *= 10) {
        const Result<Opened> o = openOnce(events);
        if (!o) return o.error();
        const double rate = static_cast<double>(events) / o->write_s;
        rows.push_back({{"events", events},
                        {"bytes_per_event", o->bytes_per_event},
                        {"written_events_per_s", rate},
                        {"open_ms", o->open_s * 1e3},
                        {"first_picture_ms", o->first_s * 1e3},
                        {"again_ms", o->again_s * 1e3},
                        {"rectangles", o->rects}});
        text += fmt::format("{:11} {:12.2f} {:19.2f} {:9.2f} {:18.2f} {:10.2f} {:11.0f}\n", events, o->bytes_per_event,
                            rate * 1e-6, o->open_s * 1e3, o->first_s * 1e3, o->again_s * 1e3, o->rects);
    }
    const auto folder = Folder::create();
    if (!folder) return folder.error();
    const double inserts = insertsPerSecond((*folder)->trace());
    if (request.json) return ordered_json{{"traces", rows}, {"inserts_per_s", inserts}}.dump(2) + "\n";
    if (inserts > 0)
        text += fmt::format("SQLite inserts rows of ten integers at {:.2f} million/s; columns are written {:.1f} times "
                            "as fast.\n",
                            inserts * 1e-6, rows.back()["written_events_per_s"].get<double>() / inserts);
    return text;
}

Result<std::string> benchZoom(const BenchTraceRequest& request) {
    const auto folder = Folder::create();
    if (!folder) return folder.error();
    if (const Result<void> written = writeBenchTrace((*folder)->trace(), request.events); !written)
        return written.error();
    const auto reader = TraceReader::open((*folder)->trace());
    if (!reader) return reader.error();
    const TimeRange all = (*reader)->span();
    const double before = megabytesInUse();
    std::mt19937_64 random(11);
    std::uniform_real_distribution<double> uniform(0, 1);
    double centre = 0.5, width = 1; // of the whole
    std::vector<double> times;
    for (int v = 0; v < views; ++v) {
        const double move = uniform(random);
        if (move < 0.6) // zoom about a point of the view
            width = std::clamp(width * std::exp2(3 * (uniform(random) - 0.5)),
                               2e4 / static_cast<double>(all.duration()), 1.0);
        else if (move < 0.95) // pan
            centre += width * (uniform(random) - 0.5);
        else // jump
            centre = uniform(random), width = std::exp(std::log(1e-6) * uniform(random));
        centre = std::clamp(centre, width / 2, 1 - width / 2);
        const auto duration = static_cast<double>(all.duration());
        const TimeRange range{all.start_ns + static_cast<int64_t>((centre - width / 2) * duration),
                              all.start_ns + static_cast<int64_t>((centre + width / 2) * duration) + 1};
        const auto start = Clock::now();
        (void)picture(**reader, range);
        times.push_back(secondsSince(start) * 1e3);
    }
    std::sort(times.begin(), times.end());
    const auto at = [&](double share) { return times[static_cast<size_t>(share * (views - 1))]; };
    const double grown = megabytesInUse() - before;
    if (request.json)
        return ordered_json{{"events", request.events}, {"views", views},  {"p50_ms", at(0.5)},
                            {"p99_ms", at(0.99)},       {"max_ms", at(1)}, {"memory_mb", grown}}
                   .dump(2) +
               "\n";
    return fmt::format(
        "{} views of {} events, 8 lanes at 1920 pixels: median {:.3f} ms, 99 % within {:.2f} ms, longest "
        "{:.2f} ms; {:.0f} MB of memory\n",
        views, request.events, at(0.5), at(0.99), at(1), grown);
}

} // namespace shardscope
