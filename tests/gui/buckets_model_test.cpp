// SPDX-License-Identifier: Apache-2.0
// What the Buckets place shows, without a window: editing JSON, curves of a sweep, rows of a step.
#include "gui/buckets/bucket_rows.h"
#include "gui/buckets/bucket_table_model.h"
#include "gui/buckets/json_edit.h"
#include "gui/buckets/recommendation.h"
#include "gui/buckets/sweep_chart.h"
#include "gui/buckets/sweep_process.h"
#include "shell_fixture.h"
#include "support/contains.h"
#include <QAbstractItemModelTester>
#include <algorithm>

namespace shardscope::gui {
namespace {

std::string edited(const std::string& text, const std::string& key, const std::string& value) {
    const auto changed = withJsonKey(text, key, value);
    return changed ? *changed : "refused: " + changed.error().message;
}

SweepRun run(int64_t step_ns, int64_t exposed_ns, double collectives, double overlap) {
    return {.steps = 18,
            .step_ns = step_ns,
            .exposed_comm_ns = exposed_ns,
            .comm_ns = 2 * exposed_ns + 1'000'000,
            .overlap_percent = overlap,
            .collectives = collectives,
            .peak_bytes = 1 << 20,
            .loss_bits = "1",
            .trace = "traces/a.shardscope"};
}

SweepPoint point(std::vector<std::string> values, int64_t step_ns, int64_t exposed_ns, double collectives,
                 double overlap) {
    return {.values = std::move(values),
            .runs = {run(step_ns, exposed_ns, collectives, overlap),
                     run(step_ns + 1'000, exposed_ns + 1'000, collectives, overlap)}};
}

Sweep sweep() {
    Sweep s;
    s.status = "finished";
    s.keys = {"zero_optimization.reduce_bucket_size"};
    s.repeat = 2;
    s.steps = 20;
    s.warmup_steps = 2;
    s.base = {{"model", "gpt2-tiny"}, {"config", R"({"zero_optimization": {"stage": 2}})"}};
    s.points = {point({"100000"}, 30'000'000, 9'000'000, 40, 30), point({"1000000"}, 20'000'000, 2'000'000, 7, 80),
                point({"10000000"}, 26'000'000, 6'000'000, 2, 0)};
    s.points.push_back({.values = {"500000000"}, .same_plan_as = 2, .is_default = true});
    return s;
}

} // namespace

TEST_CASE("a key of a JSON text changes and nothing else does") {
    const std::string text =
        "{\n    // mine\n    \"bf16\": {\"enabled\": true},\n    \"zero_optimization\": {\n"
        "        \"stage\": 2, /* two */\n        \"reduce_bucket_size\": 5e8 // the default\n    }\n}\n";
    CHECK(edited(text, "zero_optimization.reduce_bucket_size", "1000000") ==
          "{\n    // mine\n    \"bf16\": {\"enabled\": true},\n    \"zero_optimization\": {\n"
          "        \"stage\": 2, /* two */\n        \"reduce_bucket_size\": 1000000 // the default\n    }\n}\n");
    CHECK(edited(text, "zero_optimization.overlap_comm", "true") ==
          "{\n    // mine\n    \"bf16\": {\"enabled\": true},\n    \"zero_optimization\": {\n"
          "        \"stage\": 2, /* two */\n        \"reduce_bucket_size\": 5e8, // the default\n"
          "        \"overlap_comm\": true\n    }\n}\n");
    CHECK(edited("{\n  \"a\": 1\n}", "b.c.d", "2") ==
          "{\n  \"a\": 1,\n  \"b\": {\n    \"c\": {\n      \"d\": 2\n    }\n  }\n}");
    CHECK(edited("{}", "a.b", "true") == "{\n  \"a\": {\n    \"b\": true\n  }\n}");
    CHECK(edited(R"({"a": {"x": "}", "y": [1, {"b": 0}]}, "b": "\"a\": 3"})", "a.b", "7") ==
          R"({"a": {"x": "}", "y": [1, {"b": 0}], "b": 7}, "b": "\"a\": 3"})");
    CHECK(edited("{ // nothing yet\n}", "a", "1") == "{ // nothing yet\n  \"a\": 1\n}");
    CHECK_THAT(edited("[1]", "a", "1"), Contains("no JSON object"));
    CHECK_THAT(edited("{", "a", "1"), Contains("no JSON object"));
    CHECK_THAT(edited(R"({"a": 3})", "a.b", "1"), Contains("is no section"));
}

TEST_CASE("a difference shows the lines that changed and those around them") {
    const auto diff = lineDiff("a\nb\nc\nd\ne\n", "a\nb\nX\nY\nd\ne\n", 1);
    std::string text;
    for (const DiffLine& line : diff)
        text += (line.kind == DiffLine::same ? " " : line.kind == DiffLine::added ? "+" : "-") + line.text;
    CHECK(text == " b-c+X+Y d");
    CHECK(lineDiff("", "a\n", 3).size() == 1);
}

TEST_CASE("a sweep becomes a curve of measured points, and notes rest on measurements") {
    const SweepModel model = sweepModel(sweep(), 0);
    CHECK(model.logarithmic);
    REQUIRE(model.curves.size() == 1);
    REQUIRE(model.curves[0].points.size() == 4);
    CHECK(model.curves[0].points[3].same_plan);
    CHECK(model.verdict.fastest == 1);
    REQUIRE(model.notes.size() == 2);
    CHECK_THAT(model.notes[0].text, Contains("too small: 40 collectives a step"));
    CHECK_THAT(model.notes[1].text, Contains("too large: compute hides 0"));
    CHECK(nearestPoint(model, 2e6, -1) == 1);
    CHECK(nearestPoint(model, 4e6, -1) == 2);
    CHECK(nearestPoint(model, 1, -1) == 0);

    Sweep noisy = sweep(); // where intervals overlap nothing is claimed
    for (SweepPoint& p : noisy.points)
        if (!p.runs.empty()) p.runs[1].step_ns *= 2;
    CHECK(sweepModel(noisy, 0).notes.empty());

    Sweep two = sweep();
    two.keys.emplace_back("zero_optimization.overlap_comm");
    for (size_t p = 0; p < two.points.size(); ++p) two.points[p].values.emplace_back(p % 2 ? "true" : "false");
    CHECK(sweepModel(two, 0).curves.size() == 2);
    const SweepModel by_word = sweepModel(two, 1);
    CHECK(by_word.words);
    CHECK(by_word.categories == std::vector<std::string>{"off", "on"});
    CHECK(sweepModel(Sweep{.keys = {"a"}}, 0).curves.empty());
}

TEST_CASE("the first point of a sweep stands in the middle of its chart") {
    Sweep first = sweep();
    first.points.resize(1);
    const SweepModel model = sweepModel(first, 0);
    REQUIRE(model.curves.size() == 1);
    SweepChart chart;
    chart.setModel(&model);
    CHECK_FALSE(chart.picture({800, 300}).isNull());
    CHECK(chart.positionOf(0).x() > 300);
    CHECK(chart.positionOf(0).x() < 500);
    CHECK(chart.positionOf(0).y() < 200);
}

TEST_CASE("the recommendation names the value and the line of the JSON") {
    const SweepModel model = sweepModel(sweep(), 0);
    const Recommendation best = recommendationFor(model, 1);
    CHECK(best.recommended);
    CHECK(best.title == "reduce_bucket_size 1e6");
    CHECK(best.values ==
          std::vector<std::pair<std::string, std::string>>{{"zero_optimization.reduce_bucket_size", "1000000"}});
    const auto changed =
        std::find_if(best.snippet.begin(), best.snippet.end(), [](const auto& l) { return l.changed; });
    REQUIRE(changed != best.snippet.end());
    CHECK_THAT(changed->text, Contains("\"reduce_bucket_size\": 1000000"));
    const Recommendation other = recommendationFor(model, 3);
    CHECK_FALSE(other.recommended);
    CHECK_THAT(other.sentences.at(1), Contains("30 % slower than the recommended reduce_bucket_size 1e6"));
}

TEST_CASE("a sweep that was stopped goes on with the command that began it") {
    Sweep s = sweep();
    s.folder = "/somewhere";
    s.base["link"] = "pcie4";
    s.base["ranks"] = "4";
    const auto arguments = sweepArguments(requestOf(s), "ds.json");
    const auto follows = [&](const char* flag) {
        const auto at = std::find(arguments.begin(), arguments.end(), flag);
        return at == arguments.end() || at + 1 == arguments.end() ? std::string() : *(at + 1);
    };
    CHECK(follows("--vary") == "zero_optimization.reduce_bucket_size=1e5,1e6,1e7"); // the default comes by itself
    CHECK(follows("--link") == "pcie4");
    CHECK(follows("--ranks") == "4");
    CHECK(follows("--repeat") == "2");
    CHECK(follows("--output") == "/somewhere");
}

TEST_CASE("every collective of a step is a row with its key and why it ends") {
    Samples samples;
    const auto trace = TraceReader::open(samples.stage(2));
    REQUIRE(trace);
    const auto view = bucketView(**trace, 2);
    REQUIRE(view);
    CHECK(view->step == 2);
    CHECK(view->step_ns > 0);
    REQUIRE_FALSE(view->rows.empty());
    CHECK(view->rows.size() == view->comm.size());
    const auto bucket =
        std::find_if(view->rows.begin(), view->rows.end(), [](const CollectiveRow& r) { return r.bucket == 0; });
    REQUIRE(bucket != view->rows.end());
    CHECK(bucket->name == "bucket 0");
    CHECK_FALSE(bucket->config_key.empty());
    CHECK_FALSE(bucket->reason.empty());
    CHECK(bucket->transfer_ns > 0);
    for (const CollectiveRow& row : view->rows) {
        CHECK(row.exposed_ns <= row.time.duration());
        if (row.ready_ns) CHECK(*row.ready_ns <= row.sent_ns);
    }
    CHECK(bucketView(**trace, 99)->step >= 0); // no such step: the median one

    BucketView same = *view;
    markChanges(same, *view);
    for (const CollectiveRow& row : same.rows) CHECK(row.change == "same");
    same.rows[0].exposed_ns += 5'000'000;
    markChanges(same, *view);
    CHECK_THAT(same.rows[0].change, Contains("exposed +5"));

    BucketTableModel model;
    const QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::Fatal);
    model.setView(&*view);
    CHECK(model.rowCount() == static_cast<int>(view->rows.size()));
    CHECK(model.headerData(BucketTableModel::exposed, Qt::Horizontal, Qt::DisplayRole)
              .toString()
              .startsWith("exposed, "));
    CHECK(tableCsv(model).count('\n') == model.rowCount() + 1);
    model.setView(nullptr);
    CHECK(model.rowCount() == 0);
}

TEST_CASE("layers of a bucket are read from its parameters") {
    CHECK(layersOf("transformer.ln_f.bias,transformer.h.5.mlp.c_proj.bias,transformer.h.4.ln_1.weight") == "head 5 4");
    CHECK(layersOf("model.layers.11.mlp.up_proj.weight,model.embed_tokens.weight") == "11 embedding");
    CHECK(layersOf("") == "");
}

} // namespace shardscope::gui
