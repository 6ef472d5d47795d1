// SPDX-License-Identifier: Apache-2.0
#include "profiler/bench.h"
#include "profiler/recorder.h"
#include "support/catch.h"
#include "support/temporary_folder.h"
#include "traces/trace_reader.h"
#include "traces/trace_writer.h"
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

using namespace shardscope;

namespace {

// Keeps everything; can be held up to let a ring fill.
class MemorySink final : public TraceSink {
public:
    NameId intern(std::string_view text) override {
        names.emplace_back(text);
        return static_cast<NameId>(names.size() - 1);
    }
    LaneId addLane(const LaneInfo& lane) override {
        lanes.push_back(lane);
        return static_cast<LaneId>(lanes.size() - 1);
    }
    void append(std::span<const TraceEvent> batch) override {
        const std::lock_guard gate(held);
        events.insert(events.end(), batch.begin(), batch.end());
    }
    std::vector<std::string> names;
    std::vector<LaneInfo> lanes;
    std::vector<TraceEvent> events;
    std::mutex held;
};

template <class T> std::vector<T> of(const MemorySink& sink) {
    std::vector<T> found;
    for (const TraceEvent& e : sink.events)
        if (const T* event = std::get_if<T>(&e)) found.push_back(*event);
    return found;
}

} // namespace

TEST_CASE("what lanes record arrives complete, in order, with every field") {
    MemorySink sink;
    std::atomic<int> commits = 0;
    Recorder recorder(sink, [&] { ++commits; });
    constexpr int lanes = 4, records = 50'000;
    std::vector<LaneRecorder*> recorders;
    for (int32_t i = 0; i < lanes; ++i) recorders.push_back(&recorder.addLane({i, LaneKind::comm, "lane"}));
    const NameId name = recorder.intern("op");
    recorder.start();
    std::vector<std::thread> threads;
    for (int t = 0; t < lanes; ++t) {
        threads.emplace_back([&, t] {
            for (int i = 0; i < records; ++i) {
                IntervalEvent e{.op = OpId{i},
                                .name = name,
                                .start_ns = 10 * i,
                                .end_ns = 10 * i + 7,
                                .step = i / 100,
                                .phase = Phase::backward,
                                .op_class = OpClass::all_gather,
                                .layer = -2,
                                .bucket = t,
                                .elements = i,
                                .bytes = 4 * int64_t{i},
                                .sent_bytes = 3 * int64_t{i}};
                if (i % 3 == 0) e.wait_ns = 5; // these take two slots
                if (i % 5 == 0) e.emulated_ns = 6;
                recorders[static_cast<size_t>(t)]->interval(e);
                if (i % 1000 == 0)
                    recorders[static_cast<size_t>(t)]->memory({.time_ns = i,
                                                               .rank = t,
                                                               .tier = MemoryTier::host,
                                                               .category = MemoryCategory::workspace,
                                                               .delta_bytes = -i,
                                                               .buffer = name,
                                                               .op = OpId{i},
                                                               .step = 3});
                if (i % 10'000 == 9'999) recorder.flush(); // a flush from any thread keeps the rings from filling
            }
        });
    }
    for (auto& thread : threads) thread.join();
    recorder.stop();

    CHECK(recorder.dropped() == 0);
    CHECK(commits > 0);
    CHECK(of<MemoryEvent>(sink).size() == lanes * records / 1000);
    const auto intervals = of<IntervalEvent>(sink);
    REQUIRE(intervals.size() == lanes * records);
    std::map<LaneId, int> next;
    int wrong = 0;
    for (const IntervalEvent& e : intervals) {
        const int i = next[e.lane]++;
        const bool right = e.op == OpId{i} && e.name == name && e.start_ns == 10 * i && e.end_ns == 10 * i + 7 &&
                           e.step == i / 100 && e.phase == Phase::backward && e.op_class == OpClass::all_gather &&
                           e.layer == -2 && e.bucket == static_cast<int32_t>(e.lane) && e.elements == i &&
                           e.bytes == 4 * int64_t{i} && e.sent_bytes == 3 * int64_t{i} &&
                           e.wait_ns == (i % 3 == 0 ? 5 : 0) && e.emulated_ns == (i % 5 == 0 ? 6 : 0);
        wrong += !right;
    }
    CHECK(wrong == 0);
    const MemoryEvent m = of<MemoryEvent>(sink).back();
    CHECK(m.time_ns == 49'000);
    CHECK(m.tier == MemoryTier::host);
    CHECK(m.category == MemoryCategory::workspace);
    CHECK(m.delta_bytes == -49'000);
    CHECK(m.op == OpId{49'000});
    CHECK(m.step == 3);
}

TEST_CASE("a full ring drops, counts and says so in the trace") {
    MemorySink sink;
    Recorder recorder(sink, [] {});
    LaneRecorder& lane = recorder.addLane({0, LaneKind::compute, "rank 0 compute"});
    recorder.start();
    constexpr int64_t sent = 200'000;
    {
        const std::lock_guard hold(sink.held); // the writer thread gets stuck with its first batch
        for (int64_t i = 0; i < sent; ++i) lane.interval({.start_ns = i, .end_ns = i});
    }
    recorder.stop();
    const int64_t lost = recorder.dropped();
    CHECK(lost > 0);
    const auto kept = of<IntervalEvent>(sink);
    CHECK(static_cast<int64_t>(kept.size()) + lost == sent);
    const auto warnings = of<WarningEvent>(sink);
    REQUIRE(warnings.size() == 1);
    CHECK(warnings[0].kind == "dropped_records");
    CHECK(warnings[0].count == lost);
    CHECK(warnings[0].text.find("rank 0 compute") != std::string::npos);
}

TEST_CASE("posts come after what was recorded before them, and flush waits for both") {
    MemorySink sink;
    Recorder recorder(sink, [] {});
    LaneRecorder& lane = recorder.addLane({0, LaneKind::compute, "lane"});
    recorder.post(RunInfoEvent{"status", "running"});
    recorder.flush(); // before start: on this thread
    CHECK(sink.events.size() == 1);
    recorder.start();
    for (int32_t step = 0; step < 50; ++step) {
        lane.interval({.start_ns = step, .end_ns = step + 1, .step = step});
        recorder.post(StepEvent{.step = step});
        if (step % 10 != 9) continue;
        recorder.flush();
        CHECK(sink.events.size() == static_cast<size_t>(1 + 2 * (step + 1)));
    }
    recorder.stop();
    recorder.stop(); // harmless
    int32_t seen = -1;
    for (const TraceEvent& event : sink.events) {
        if (const auto* interval = std::get_if<IntervalEvent>(&event)) seen = std::max(seen, interval->step);
        if (const auto* step = std::get_if<StepEvent>(&event)) CHECK(step->step <= seen);
    }
    CHECK(seen == 49);
}

TEST_CASE("recorder and writer together make a trace that a reader can follow") {
    const TemporaryFolder folder;
    auto writer = std::move(TraceWriter::create(folder / "run.shardscope")).value();
    std::atomic<int> failures = 0;
    Recorder recorder(*writer, [&] { failures += !writer->commit(); });
    LaneRecorder& lane = recorder.addLane({0, LaneKind::compute, "rank 0 compute"});
    const NameId name = recorder.intern("forward");
    TraceClock::start();
    recorder.start();
    const auto record = [&](int count) {
        for (int i = 0; i < count; ++i) {
            const int64_t start = TraceClock::now();
            lane.interval({.name = name, .start_ns = start, .end_ns = TraceClock::now()});
        }
        recorder.flush();
    };
    record(1000);
    auto reader = std::move(TraceReader::open(folder / "run.shardscope")).value();
    CHECK(reader->live());
    CHECK(reader->eventCount() == 1000);
    record(500);
    auto refreshed = reader->refresh();
    REQUIRE(refreshed);
    CHECK(*refreshed);
    CHECK(reader->eventCount() == 1500);
    recorder.stop();
    CHECK(failures == 0);
    REQUIRE(writer->finish("finished"));
    REQUIRE(reader->refresh());
    CHECK_FALSE(reader->live());
    CHECK(reader->warnings().empty());
}

TEST_CASE("the trace clock runs forward at the rate of the system's clock, in all threads") {
    TraceClock::start();
    const auto system_start = std::chrono::steady_clock::now();
    const int64_t start = TraceClock::now();
    CHECK(start >= 0);
    CHECK(start < 1'000'000'000);
    std::atomic<int64_t> latest = 0;
    std::atomic<int> backwards = 0;
    std::vector<std::thread> threads;
    std::mutex turn;
    for (int t = 0; t < 3; ++t) {
        threads.emplace_back([&] {
            for (int i = 0; i < 20'000; ++i) {
                // A later turn must not see an earlier time, but for what a processor reads ahead.
                const std::lock_guard lock(turn);
                const int64_t now = TraceClock::now();
                backwards += now < latest - 200;
                latest = std::max(now, latest.load());
            }
        });
    }
    for (auto& thread : threads) thread.join();
    CHECK(backwards == 0);
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    const int64_t elapsed = TraceClock::now() - start;
    const int64_t system_elapsed = std::chrono::nanoseconds(std::chrono::steady_clock::now() - system_start).count();
    // The system's interval encloses ours; a wrong unit or rate would miss by far more than scheduling can.
    CHECK(elapsed <= system_elapsed + system_elapsed / 1000);
    CHECK(elapsed >= 49'500'000);
    CHECK((std::string(TraceClock::source()) == "tsc" || std::string(TraceClock::source()) == "clock_monotonic"));
}

TEST_CASE("the benchmark reports what it recorded") {
    const auto json = nlohmann::json::parse(benchRecord(true));
    CHECK(json["dropped"] == 0);
    CHECK(json["intervals"].get<int64_t>() > 1'000'000);
    CHECK(json["recorded_interval_ns"].get<double>() > 0);
    WARN("one interval: " << json["recorded_interval_ns"].get<double>()
                          << " ns, two bare stamps: " << json["two_bare_stamps_ns"].get<double>()
                          << " ns, with a mutex: " << json["mutex_and_vector_ns"].get<double>() << " ns");
}
