// SPDX-License-Identifier: Apache-2.0
#include "profiler/analysis/communication.h"
#include "profiler/analysis/compare.h"
#include "profiler/analysis/step_statistics.h"
#include "support/catch.h"
#include "support/sample_trace.h"
#include "support/temporary_folder.h"
#include <numeric>
#include <random>

using namespace shardscope;

namespace {

Statistics of(std::vector<double> values) { return statisticsOf("x", std::move(values)); }

std::vector<double> oneTo(int n) {
    std::vector<double> values(static_cast<size_t>(n));
    std::iota(values.rbegin(), values.rend(), 1.0);
    return values;
}

} // namespace

TEST_CASE("the interval of the median follows the binomial distribution") {
    CHECK(of({}).count == 0);
    CHECK(of(oneTo(5)).coverage_percent == 0); // 1 - 2/32 is less than 95 %
    const Statistics six = of(oneTo(6));
    CHECK(six.low == 1);
    CHECK(six.high == 6);
    CHECK(six.coverage_percent == Approx(100 * (1 - 2.0 / 64)));
    // Tabulated ranks of 95 % intervals of the median: 10 values 2 and 9, 20 values 6 and 15, 100 values 40 and 61.
    CHECK(of(oneTo(10)).low == 2);
    CHECK(of(oneTo(10)).high == 9);
    CHECK(of(oneTo(20)).low == 6);
    CHECK(of(oneTo(20)).high == 15);
    CHECK(of(oneTo(100)).low == 40);
    CHECK(of(oneTo(100)).high == 61);
    CHECK(of(oneTo(10)).median == 5);              // the lower of the two in the middle
    CHECK(of(oneTo(5000)).coverage_percent >= 95); // where 2^-n is no number any more
}

TEST_CASE("the interval holds the true median as often as it says") {
    std::mt19937_64 random(7);
    std::exponential_distribution<double> skewed(1.0);
    int held = 0;
    for (int run = 0; run < 2000; ++run) {
        std::vector<double> values(15);
        for (double& value : values) value = skewed(random);
        const Statistics s = of(values);
        held += s.low <= std::log(2.0) && std::log(2.0) <= s.high;
    }
    CHECK(held > 1900);
}

TEST_CASE("a difference is real when the intervals do not touch") {
    const auto shifted = [](double by) {
        std::vector<double> values = oneTo(10);
        for (double& value : values) value += by;
        return of(values);
    };
    CHECK(differenceOf(shifted(0), shifted(7)) == Difference::noise); // [2,9] and [9,16]
    CHECK(differenceOf(shifted(0), shifted(7.5)) == Difference::real);
    CHECK(differenceOf(shifted(7.5), shifted(0)) == Difference::real);
    CHECK(differenceOf(shifted(0), of(oneTo(3))) == Difference::unknown);
}

TEST_CASE("shares of collectives add up to the communication of a rank, even where they overlap") {
    const TemporaryFolder folder;
    for (int stage = 0; stage < 4; ++stage) {
        SampleTraceOptions options;
        options.stage = stage;
        options.comm_slowness = 3;
        writeSampleTrace(folder / "run.shardscope", options);
        const auto trace = TraceReader::open(folder / "run.shardscope");
        REQUIRE(trace);
        const Summary s = summarize(**trace);
        int64_t comm = 0, exposed = 0, waited = 0, caused = 0;
        for (const RankBudget& b : s.ranks) {
            comm += b.comm_ns;
            exposed += b.exposed_comm_ns;
            CHECK(b.idle_host_ns + b.idle_dependency_ns + b.idle_other_ns == b.idle_ns);
        }
        REQUIRE(comm > 0);
        for (const std::string by : {"collective", "phase", "op"}) {
            int64_t comm_of = 0, exposed_of = 0;
            for (const CommunicationRow& row : s.communication) {
                if (row.by != by) continue;
                comm_of += row.comm_ns;
                exposed_of += row.exposed_ns;
                CHECK(row.exposed_wait_ns <= row.exposed_ns);
            }
            CHECK(comm_of == comm);
            CHECK(exposed_of == exposed);
        }
        for (const StragglerRow& row : s.stragglers) {
            waited += row.waited_ns;
            caused += row.caused_wait_ns;
        }
        CHECK(waited == caused); // all waiting is somebody's fault
    }
}

TEST_CASE("gates are read strictly and judge changes against the first run") {
    CHECK(parseGate("step_ns<5%")->relative);
    CHECK(parseGate(" step_ns >= -2.5 % ")->limit == -2.5);
    CHECK(parseGate("tokens_per_s>=1e3")->relation == ">=");
    CHECK_FALSE(parseGate("step_ns<=+3")->relative);
    for (const std::string wrong : {"", "step_ns", "<5", "step_ns<", "step_ns<5x", "step_ns=5%", "step_ns<%",
                                    "step_ns<nan", "step_ns<+", "step_ns<<5"})
        CHECK_FALSE(parseGate(wrong));

    Comparison c;
    c.runs.resize(3);
    c.runs[1].label = "B";
    c.runs[2].label = "C";
    c.metrics.push_back({"x", {100, 104, 90}, std::vector<Change>(3)});
    c.metrics.push_back({"zero", {0, 0, 1}, std::vector<Change>(3)});
    const auto passed = [&](const std::string& text) {
        const auto results = checkGates(c, {*parseGate(text)});
        REQUIRE(results);
        REQUIRE(results->size() == 2);
        return std::pair((*results)[0].passed, (*results)[1].passed);
    };
    CHECK(passed("x<5%") == std::pair(true, true));
    CHECK(passed("x<4%") == std::pair(false, true));
    CHECK(passed("x<=4%") == std::pair(true, true));
    CHECK(passed("x>-5%") == std::pair(true, false));
    CHECK(passed("x<100") == std::pair(false, true));
    CHECK(passed("zero<=0%") == std::pair(true, false));
    CHECK_FALSE(checkGates(c, {*parseGate("y<5%")}));
}
