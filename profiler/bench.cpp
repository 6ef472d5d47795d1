// SPDX-License-Identifier: Apache-2.0
#include "profiler/bench.h"
#include "profiler/recorder.h"
#include <algorithm>
#include <chrono>
#include <fmt/format.h>
#include <mutex>
#include <nlohmann/json.hpp>
#include <vector>
#if defined(__x86_64__)
#include <x86intrin.h>
#endif

namespace shardscope {

namespace {

constexpr int rounds = 201;
constexpr int64_t intervals_per_round = 30'000; // fits the ring, so that nothing is dropped between two flushes

// Takes the events without writing them: the bench is about the lane's thread, not about the disk.
class CountingSink final : public TraceSink {
public:
    NameId intern(std::string_view) override { return NameId{0}; }
    LaneId addLane(const LaneInfo&) override { return LaneId{0}; }
    void append(std::span<const TraceEvent> events) override { m_count += static_cast<int64_t>(events.size()); }
    int64_t count() const { return m_count; }

private:
    int64_t m_count = 0;
};

int64_t bareStamp() {
#if defined(__x86_64__)
    return static_cast<int64_t>(__rdtsc());
#else
    return TraceClock::now();
#endif
}

template <class Body> double nsPerInterval(Body body) {
    const auto start = std::chrono::steady_clock::now();
    for (int64_t i = 0; i < intervals_per_round; ++i) body(i);
    const std::chrono::duration<double, std::nano> elapsed = std::chrono::steady_clock::now() - start;
    return elapsed.count() / static_cast<double>(intervals_per_round);
}

double median(std::vector<double> values) {
    std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
    return values[values.size() / 2];
}

} // namespace

std::string benchRecord(bool as_json) {
    TraceClock::start();
    CountingSink sink;
    Recorder recorder(sink, [] {});
    LaneRecorder& lane = recorder.addLane({0, LaneKind::compute, "bench"});
    recorder.start();
    std::mutex mutex;
    std::vector<IntervalEvent> events;
    events.reserve(intervals_per_round);
    volatile int64_t keep = 0; // the compiler may not drop the bare stamps

    std::vector<double> stamps, clock, ring, locked;
    for (int round = 0; round < rounds; ++round) { // in turns, so that a busy machine disturbs all alike
        stamps.push_back(nsPerInterval([&](int64_t) {
            const int64_t start = bareStamp();
            keep = bareStamp() - start;
        }));
        clock.push_back(nsPerInterval([&](int64_t) {
            const int64_t start = TraceClock::now();
            keep = TraceClock::now() - start;
        }));
        ring.push_back(nsPerInterval([&](int64_t i) {
            IntervalEvent e;
            e.step = static_cast<int32_t>(i);
            e.start_ns = TraceClock::now();
            e.end_ns = TraceClock::now();
            lane.interval(e);
        }));
        recorder.flush();
        events.clear();
        locked.push_back(nsPerInterval([&](int64_t i) {
            IntervalEvent e;
            e.step = static_cast<int32_t>(i);
            e.start_ns = TraceClock::now();
            e.end_ns = TraceClock::now();
            const std::lock_guard lock(mutex);
            events.push_back(e);
        }));
    }
    recorder.stop();

    const double floor = median(stamps), ours = median(ring), mutexed = median(locked), clocks = median(clock);
    const int64_t lost = recorder.dropped();
    if (as_json) {
        const nlohmann::ordered_json json = {
            {"clock", TraceClock::source()},    {"intervals", sink.count()},          {"dropped", lost},
            {"two_bare_stamps_ns", floor},      {"recorded_interval_ns", ours},       {"mutex_and_vector_ns", mutexed},
            {"recorded_to_bare", ours / floor}, {"recorded_to_mutex", ours / mutexed}};
        return json.dump(2) + "\n";
    }
    return fmt::format("cost of one interval to the recorded thread, median of {} rounds, clock {}\n"
                       "  two bare time stamps       {:7.1f} ns\n"
                       "  two stamps of the clock    {:7.1f} ns   {:.2f} x two bare stamps\n"
                       "  recorded interval          {:7.1f} ns   {:.2f} x two bare stamps\n"
                       "  stamps, mutex and vector   {:7.1f} ns   {:.2f} x two bare stamps\n"
                       "  {} intervals recorded, {} dropped\n",
                       rounds, TraceClock::source(), floor, clocks, clocks / floor, ours, ours / floor, mutexed,
                       mutexed / floor, sink.count(), lost);
}

} // namespace shardscope
