// SPDX-License-Identifier: Apache-2.0
// Set arithmetic against a plain list of booleans, one per nanosecond.
#include "profiler/analysis/interval_set.h"
#include "support/catch.h"
#include <algorithm>
#include <bitset>
#include <random>

using namespace shardscope;

namespace {

constexpr int64_t width = 200;
using Bitmap = std::bitset<width>;

struct Sample {
    std::vector<TimeRange> ranges;
    Bitmap bits;
};

Sample randomSample(std::mt19937& random) {
    Sample sample;
    const size_t count = random() % 12;
    for (size_t i = 0; i < count; ++i) {
        const auto a = static_cast<int64_t>(random() % width), b = static_cast<int64_t>(random() % (width + 1));
        // One in eight stays reversed, which means empty.
        const TimeRange range = random() % 8 == 0 ? TimeRange{a, b} : TimeRange{std::min(a, b), std::max(a, b)};
        sample.ranges.push_back(range);
        for (int64_t t = range.start_ns; t < range.end_ns; ++t) sample.bits.set(static_cast<size_t>(t));
    }
    return sample;
}

int64_t count(const Bitmap& bits) { return static_cast<int64_t>(bits.count()); }

} // namespace

TEST_CASE("lengths of sets agree with a bitmap") {
    std::mt19937 random(7);
    for (int round = 0; round < 3000; ++round) {
        const Sample a = randomSample(random), b = randomSample(random);
        const IntervalSet set_a(a.ranges), set_b(b.ranges);
        REQUIRE(set_a.length() == count(a.bits));
        REQUIRE(unionOf(set_a, set_b).length() == count(a.bits | b.bits));
        REQUIRE(intersectionLength(set_a, set_b) == count(a.bits & b.bits));
        REQUIRE(differenceLength(set_a, set_b) == count(a.bits & ~b.bits));
        const auto start = static_cast<int64_t>(random() % width), end = static_cast<int64_t>(random() % width);
        Bitmap window;
        for (int64_t t = start; t < end; ++t) window.set(static_cast<size_t>(t));
        REQUIRE(set_a.clipped({start, end}).length() == count(a.bits & window));
        for (size_t i = 1; i < set_a.ranges().size(); ++i)
            REQUIRE(set_a.ranges()[i - 1].end_ns < set_a.ranges()[i].start_ns);
    }
}

TEST_CASE("sets are exact where doubles are not") {
    const int64_t base = (int64_t{1} << 60) + 1;
    const IntervalSet a({{base, base + 3}, {base + 3, base + 5}}), b({{base + 4, base + 9}});
    CHECK(a.ranges().size() == 1);
    CHECK(a.length() == 5);
    CHECK(intersectionLength(a, b) == 1);
    CHECK(differenceLength(a, b) == 4);
    CHECK(IntervalSet().length() == 0);
    CHECK(intersectionLength(IntervalSet(), b) == 0);
}
