// SPDX-License-Identifier: Apache-2.0
#include "core_runtime/sweep_spec.h"
#include "support/catch.h"
#include "support/contains.h"

using namespace shardscope;

namespace {

std::vector<std::string> values(const std::string& text) {
    const auto key = parseVary(text);
    INFO(text);
    REQUIRE(key);
    return key->values;
}

std::string refused(const std::string& text) {
    const auto key = parseVary(text);
    INFO(text);
    REQUIRE_FALSE(key);
    CHECK(key.error().message.starts_with("--vary "));
    return key.error().message;
}

Config config(const std::string& text = R"({"train_micro_batch_size_per_gpu": 1})") {
    const auto parsed = parseConfig(text, "test", 2);
    REQUIRE(parsed);
    return *parsed;
}

} // namespace

TEST_CASE("ranges and lists become values that are written one way") {
    using Values = std::vector<std::string>;
    CHECK(values("a=1e5:1e9:log:5") == Values{"100000", "1000000", "10000000", "100000000", "1000000000"});
    CHECK(values("a=1e5:1e6:log:3") == Values{"100000", "316000", "1000000"});
    CHECK(values("a=790528:1e6:log:2") == Values{"790528", "1000000"}); // ends are not rounded
    CHECK(values("a=0:10:lin:3") == Values{"0", "5", "10"});
    CHECK(values("a=0:1:lin:3") == Values{"0", "1"}); // whole ends make whole values, and each counts once
    CHECK(values("a=0.5:1.5:lin:3") == Values{"0.5", "1", "1.5"});
    CHECK(values("a=1e5,100000,2e5") == Values{"100000", "200000"});
    CHECK(values("a=on,off,true,false") == Values{"true", "false"});
    CHECK(values("a=cpu,nvme") == Values{"\"cpu\"", "\"nvme\""});
    CHECK(values("a=0.001") == Values{"0.001"});
}

TEST_CASE("a wrong specification is refused in a sentence") {
    CHECK_THAT(refused("reduce_bucket_size"), Contains("is not KEY=VALUES"));
    CHECK_THAT(refused("=1"), Contains("is not KEY=VALUES"));
    CHECK_THAT(refused("a="), Contains("is not KEY=VALUES"));
    CHECK_THAT(refused("a=1,,2"), Contains("empty value"));
    CHECK_THAT(refused("a=1:2"), Contains("is no range"));
    CHECK_THAT(refused("a=1:2:exp:3"), Contains("is no range"));
    CHECK_THAT(refused("a=x:2:log:3"), Contains("'x' is not a number"));
    CHECK_THAT(refused("a=1:2:log:many"), Contains("'many' is not a number"));
    CHECK_THAT(refused("a=1:2:log:1"), Contains("from 2 to 1000"));
    CHECK_THAT(refused("a=1:2:log:2.5"), Contains("from 2 to 1000"));
    CHECK_THAT(refused("a=1:2:lin:1e9"), Contains("from 2 to 1000"));
    CHECK_THAT(refused("a=2:1:log:3"), Contains("is not below"));
    CHECK_THAT(refused("a=0:1e9:log:3"), Contains("logarithmic"));
    CHECK_THAT(refused("a=1:1e300:log:3"), Contains("beyond 1e15"));
    CHECK_THAT(refused("a=1e300"), Contains("beyond 1e15"));
    CHECK_THAT(refused("a=1:nan:log:3"), Contains("not a number"));
}

TEST_CASE("a key is found by its last part, and a wrong one is explained") {
    const auto resolved = [](const std::string& name) {
        const auto key = resolveKey(name, config());
        return key ? *key : key.error().message;
    };
    CHECK(resolved("reduce_bucket_size") == "zero_optimization.reduce_bucket_size");
    CHECK(resolved("zero_optimization.overlap_comm") == "zero_optimization.overlap_comm");
    CHECK_THAT(resolved("reduce_bucketsize"), Contains("did you mean reduce_bucket_size?"));
    CHECK_THAT(resolved("zero_optimisation.stage"), Contains("did you mean zero_optimization.stage?"));
    CHECK_THAT(resolved("enabled"), Contains("bf16.enabled or fp16.enabled") && Contains("whole name"));
    CHECK_THAT(resolved("qqqqqqqqqqqqqqqqqqqqqqqqqq"), Contains("config explain"));
}

TEST_CASE("points are every combination, and not too many") {
    const auto points = sweepPoints({{"a", {"1", "2"}}, {"b", {"true", "false"}}});
    REQUIRE(points);
    CHECK(*points ==
          std::vector<std::vector<std::string>>{{"1", "true"}, {"1", "false"}, {"2", "true"}, {"2", "false"}});
    const SweepKey many{"a", std::vector<std::string>(40, "1")};
    CHECK_FALSE(sweepPoints({many, many}));
}

TEST_CASE("bucket sizes beyond the model are one and the same program") {
    const auto model = findModel("gpt2-tiny");
    REQUIRE(model);
    const auto program = [&](const char* size) {
        const Config parsed = config(R"({"train_micro_batch_size_per_gpu": 1, "zero_optimization": {"stage": 2,
            "overlap_comm": true, "reduce_bucket_size": )" +
                                     std::string(size) + "}}");
        const auto planned = plan(parsed, *model, 2, 0);
        REQUIRE(planned);
        return programText(planned->program);
    };
    const std::string whole = program("500000000");
    CHECK(program("1000000000") == whole);
    CHECK(program("100000") != whole);
    CHECK(shapesProgramOnly("zero_optimization.reduce_bucket_size"));
    CHECK_FALSE(shapesProgramOnly("optimizer.params.lr"));
}
