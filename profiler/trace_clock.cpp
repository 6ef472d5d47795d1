// SPDX-License-Identifier: Apache-2.0
#include "profiler/recorder.h"
#include <chrono>
#include <limits>
#include <thread>
#include <time.h>
#if defined(__x86_64__)
#include <cpuid.h>
#include <x86intrin.h>
#endif

namespace shardscope {

namespace {

int64_t monotonicNs() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * int64_t{1'000'000'000} + now.tv_nsec;
}

#if defined(__x86_64__)

int64_t ticks() { return static_cast<int64_t>(__rdtsc()); }

// "Invariant TSC": one rate in all power states (constant_tsc and nonstop_tsc in /proc/cpuinfo), and Linux starts the
// counters of all cores together.
bool counterIsInvariant() {
    unsigned a = 0, b = 0, c = 0, d = 0;
    return __get_cpuid(0x80000007u, &a, &b, &c, &d) != 0 && (d & (1u << 8)) != 0;
}

struct Pair {
    int64_t ns, ticks;
};

// Both clocks at one moment: of several readings of the one between two of the other, the tightest.
Pair bothClocks() {
    Pair best{};
    int64_t tightest = std::numeric_limits<int64_t>::max();
    for (int i = 0; i < 64; ++i) {
        const int64_t before = ticks(), ns = monotonicNs(), after = ticks();
        if (after - before >= tightest) continue;
        tightest = after - before;
        best = {ns, before + (after - before) / 2};
    }
    return best;
}

} // namespace

// The error of the rate is at most the two brackets over the distance: about 2 * 20 ns / 10 ms = 4 millionths of any
// duration. It is the same for all threads, so it never reorders events nor changes a ratio.
int64_t TraceClock::calibrate() {
    if (!counterIsInvariant()) return 0;
    const Pair first = bothClocks();
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    const Pair second = bothClocks();
    if (second.ticks <= first.ticks || second.ns <= first.ns) return 0;
    return static_cast<int64_t>((static_cast<Wide>(second.ns - first.ns) << fraction_bits) /
                                (second.ticks - first.ticks));
}

#else

int64_t ticks() { return 0; }

} // namespace

int64_t TraceClock::calibrate() { return 0; }

#endif

int64_t TraceClock::systemNow() { return monotonicNs() - zero_ns.load(std::memory_order_relaxed); }

void TraceClock::start() {
    static const int64_t calibrated = calibrate();
    multiplier.store(calibrated, std::memory_order_relaxed);
    zero_ns.store(monotonicNs(), std::memory_order_relaxed);
    zero_ticks.store(ticks(), std::memory_order_relaxed);
}

int64_t TraceClock::absolute() {
    if (const int64_t scale = multiplier.load(std::memory_order_relaxed))
        return static_cast<int64_t>((static_cast<Wide>(ticks()) * scale) >> fraction_bits);
    return monotonicNs();
}

int64_t TraceClock::zero() {
    if (const int64_t scale = multiplier.load(std::memory_order_relaxed))
        return static_cast<int64_t>((static_cast<Wide>(zero_ticks.load(std::memory_order_relaxed)) * scale) >>
                                    fraction_bits);
    return zero_ns.load(std::memory_order_relaxed);
}

const char* TraceClock::source() { return multiplier.load(std::memory_order_relaxed) != 0 ? "tsc" : "clock_monotonic"; }

} // namespace shardscope
