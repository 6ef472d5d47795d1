// SPDX-License-Identifier: Apache-2.0
#include "profiler/analysis/sweep.h"
#include "support/catch.h"
#include "support/contains.h"
#include <cmath>
#include <functional>
#include <nlohmann/json.hpp>

using namespace shardscope;
using Json = nlohmann::ordered_json;

namespace {

SweepRun run(int64_t round, int64_t step_ns, int64_t peak_bytes, const std::string& bits = "00ff") {
    return {.round = round,
            .steps = 18,
            .step_ns = step_ns,
            .exposed_comm_ns = step_ns / 4,
            .comm_ns = step_ns / 2,
            .overlap_percent = 50,
            .collectives = 7,
            .peak_bytes = peak_bytes,
            .final_loss = 3.5,
            .loss_bits = bits,
            .trace = "traces/" + std::to_string(step_ns) + ".shardscope",
            .seconds = 1};
}

Sweep sweep() {
    Sweep s;
    s.status = "finished";
    s.title = "small · ZeRO-2";
    s.repeat = 3;
    s.steps = 20;
    s.warmup_steps = 2;
    s.keys = {"zero_optimization.reduce_bucket_size"};
    s.base = {{"model", "small"}, {"config", "{}"}};
    s.points = {{{"100000"}, -1, false, {run(0, 900, 10), run(1, 910, 10), run(2, 905, 10)}},
                {{"1000000"}, -1, false, {run(0, 700, 40), run(1, 704, 40), run(2, 702, 40)}},
                {{"2000000"}, -1, false, {run(0, 703, 30), run(1, 705, 30), run(2, 704, 30)}},
                {{"10000000"}, -1, false, {run(0, 1000, 90), run(1, 1004, 90), run(2, 1002, 90)}},
                {{"500000000"}, 3, true, {}}};
    return s;
}

std::string refused(const std::function<void(Json&)>& spoil) {
    Json json = Json::parse(sweepJson(sweep()));
    spoil(json);
    const auto read = sweepFromJson(json.dump(), "x/sweep.json");
    REQUIRE_FALSE(read);
    CHECK(read.error().message.starts_with("x/sweep.json "));
    return read.error().message;
}

std::string joined(const Sweep& s) {
    const auto figures = figuresOf(s);
    std::string text;
    for (const std::string& sentence : verdictSentences(s, figures, verdictOf(s, figures))) text += sentence + " ";
    return text;
}

} // namespace

TEST_CASE("an estimate is the median of the runs with the interval of Student's t") {
    const Estimate e = estimateOf({10, 14, 12});
    CHECK(e.value == 12);
    CHECK(e.has_interval);
    CHECK(e.halfWidth() == Approx(4.303 * 2 / std::sqrt(3.0)));
    CHECK_FALSE(estimateOf({7}).has_interval);
    CHECK(estimateOf({7}).value == 7);
    CHECK(estimateOf({1, 3}).value == 2);
    CHECK(estimateOf({5, 5, 5}).halfWidth() == 0);
    CHECK(estimateOf({}).value == 0);
}

TEST_CASE("of points that cannot be told apart the one with less memory is recommended") {
    const Sweep s = sweep();
    const auto figures = figuresOf(s);
    const SweepVerdict verdict = verdictOf(s, figures);
    CHECK(verdict.fastest == 1);
    CHECK(verdict.recommended == 2);
    CHECK(verdict.equal == std::vector<int32_t>{1, 2});
    CHECK(verdict.reference == 4);
    CHECK(verdict.loss == LossAgreement::equal);
    CHECK(verdict.runs == 12);
    CHECK(figures[4].step_ns.value == figures[3].step_ns.value); // the plan is the same
    CHECK(figures[1].trace == "traces/702.shardscope");
    CHECK_THAT(
        joined(s),
        Contains("30 % faster than the default 5e8 and 60 B less per rank") &&
            Contains(
                "Equal within noise: reduce_bucket_size 1e6; of those within 3 % of the fastest it needs the least") &&
            Contains("The loss did not change (bitwise, 12 runs)"));
}

TEST_CASE("a drift that meets all points does not hide a difference") {
    Sweep s = sweep();
    s.points.resize(2);
    s.points[0].runs = {run(0, 1000, 10), run(1, 1500, 10), run(2, 2000, 10)};
    s.points[1].runs = {run(0, 900, 40), run(1, 1402, 40), run(2, 1898, 40)};
    const auto figures = figuresOf(s);
    CHECK(figures[0].step_ns.low < figures[1].step_ns.high); // the intervals alone would call them equal
    CHECK(verdictOf(s, figures).equal == std::vector<int32_t>{1});
    s.points[0].runs[0].step_ns = 800; // not in every round
    CHECK(verdictOf(s, figuresOf(s)).equal == std::vector<int32_t>{0, 1});
}

TEST_CASE("what was not measured is not claimed") {
    Sweep s = sweep();
    for (SweepPoint& point : s.points)
        if (!point.runs.empty()) point.runs.resize(1);
    SweepVerdict verdict = verdictOf(s, figuresOf(s));
    CHECK(verdict.fastest == 1);
    CHECK(verdict.recommended == 1); // nothing says that the others are equal
    CHECK_FALSE(verdict.has_intervals);
    CHECK_THAT(joined(s), Contains("One run per point"));

    s = sweep();
    s.points[0].runs[1].loss_bits = "0001";
    CHECK(verdictOf(s, figuresOf(s)).loss == LossAgreement::different);
    CHECK_THAT(joined(s), Contains("The loss is not the same"));

    s = sweep();
    s.points.erase(s.points.begin() + 3, s.points.end());
    CHECK(verdictOf(s, figuresOf(s)).reference == -1);
    CHECK_THAT(joined(s), Contains("The default was not measured"));

    s = sweep();
    s.points[1].runs = {SweepRun{.error = "no memory"}};
    CHECK(figuresOf(s)[1].runs == 0);
    CHECK(figuresOf(s)[1].error == "no memory");
    CHECK(verdictOf(s, figuresOf(s)).fastest == 2);

    for (SweepPoint& point : s.points) point.runs.clear();
    CHECK(verdictOf(s, figuresOf(s)).fastest == -1);
    CHECK_THAT(joined(s), Contains("No run of this sweep has succeeded"));
    CHECK_THAT(sweepText(s), Contains("100000") || Contains("1e5"));
}

TEST_CASE("a sweep is read back as it was written") {
    Sweep s = sweep();
    s.points[0].runs.push_back({.round = 3, .error = "killed", .seconds = 2});
    s.points[1].runs[0].final_loss = std::nan("");
    const std::string text = sweepJson(s);
    const auto read = sweepFromJson(text, "sweep.json");
    REQUIRE(read);
    CHECK(sweepJson(*read) == text);
    CHECK(read->points[0].runs.back().error == "killed");
    CHECK(read->base.at("model") == "small");
    CHECK(Json::parse(text)["recommended"] == 2);
    CHECK(Json::parse(text)["loss"] == "bitwise equal");
}

TEST_CASE("a damaged or hostile sweep is refused in one sentence") {
    CHECK_THAT(sweepFromJson("", "f").error().message, Contains("is no JSON"));
    CHECK_THAT(sweepFromJson(std::string(200'000, '['), "f").error().message, Contains("is no JSON"));
    CHECK_THAT(sweepFromJson("[]", "f").error().message, Contains("is no sweep"));
    CHECK_THAT(sweepFromJson("{}", "f").error().message, Contains("is no sweep"));
    CHECK_THAT(refused([](Json& j) { j["shardscope_sweep"] = 2; }), Contains("newer version"));
    CHECK_THAT(refused([](Json& j) { j["shardscope_sweep"] = "1"; }), Contains("is damaged"));
    CHECK_THAT(refused([](Json& j) { j["keys"] = Json::array(); }), Contains("names no key"));
    CHECK_THAT(refused([](Json& j) { j["keys"][0] = 7; }), Contains("key that is no text"));
    CHECK_THAT(refused([](Json& j) { j["repeat"] = 0; }), Contains("\"repeat\""));
    CHECK_THAT(refused([](Json& j) { j["repeat"] = UINT64_MAX; }), Contains("\"repeat\""));
    CHECK_THAT(refused([](Json& j) { j["points"] = 3; }), Contains("\"points\""));
    CHECK_THAT(refused([](Json& j) { j["points"][0] = 3; }), Contains("point 1 is no object"));
    CHECK_THAT(refused([](Json& j) { j["points"][1]["values"] = j["points"][0]["values"]; }),
               Contains("values of an earlier one"));
    CHECK_THAT(refused([](Json& j) { j["points"][1]["values"].clear(); }), Contains("has no value of"));
    CHECK_THAT(refused([](Json& j) { j["points"][1]["values"]["zero_optimization.reduce_bucket_size"] = {1}; }),
               Contains("has no value of"));
    CHECK_THAT(refused([](Json& j) { j["points"][4]["same_plan_as"] = 4; }), Contains("leads nowhere"));
    CHECK_THAT(refused([](Json& j) { j["points"][4]["same_plan_as"] = 77; }), Contains("leads nowhere"));
    CHECK_THAT(refused([](Json& j) { j["points"][0]["same_plan_as"] = 1; }), Contains("leads nowhere"));
    const auto first_run = [](Json& j) -> Json& { return j["points"][0]["runs"][0]; };
    CHECK_THAT(refused([&](Json& j) { first_run(j)["step_ns"] = -1; }),
               Contains("point 1, run 1") && Contains("step_ns"));
    CHECK_THAT(refused([&](Json& j) { first_run(j)["step_ns"] = 1.5; }), Contains("step_ns"));
    CHECK_THAT(refused([&](Json& j) { first_run(j)["overlap_percent"] = 101; }), Contains("overlap_percent"));
    CHECK_THAT(refused([&](Json& j) { first_run(j).erase("loss_bits"); }), Contains("loss_bits"));
    CHECK_THAT(refused([&](Json& j) { first_run(j)["trace"] = "../../etc/passwd"; }), Contains("outside its folder"));
    CHECK_THAT(refused([&](Json& j) { first_run(j)["trace"] = "/etc/passwd"; }), Contains("outside its folder"));
    CHECK_THAT(readSweep("/nowhere/at/all").error().message, Contains("does not exist"));
    CHECK_THAT(readSweep("/dev/null").error().message, Contains("is no file"));
}

TEST_CASE("values are labelled as people write them") {
    CHECK(valueLabel("100000") == "1e5");
    CHECK(valueLabel("316000") == "3.16e5");
    CHECK(valueLabel("790528") == "790528");
    CHECK(valueLabel("500") == "500");
    CHECK(valueLabel("true") == "on");
    CHECK(valueLabel("\"cpu\"") == "cpu");
    CHECK(valueLabel("0.5") == "0.5");
}
