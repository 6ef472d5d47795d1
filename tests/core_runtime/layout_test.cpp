// SPDX-License-Identifier: Apache-2.0
#include "core_runtime/layout.h"
#include "small_runs.h"
#include "support/catch.h"
#include <algorithm>
#include <random>
#include <set>

using namespace shardscope;

namespace {

std::vector<ParameterInfo> parametersWith(std::vector<int64_t> sizes) {
    std::vector<ParameterInfo> parameters;
    for (size_t i = 0; i < sizes.size(); ++i)
        parameters.push_back({.name = "p" + std::to_string(i),
                              .role = ParameterRole::token_embedding,
                              .layer = static_cast<int32_t>(i / 2),
                              .shape = {sizes[i]},
                              .elements = sizes[i]});
    return parameters;
}

std::vector<int64_t> bucketSizes(const Layout& layout) {
    std::vector<int64_t> sizes;
    for (const Bucket& b : layout.buckets) sizes.push_back(b.elements);
    return sizes;
}

} // namespace

TEST_CASE("buckets fill in the reverse of definition order and close before the limit is passed") {
    const auto parameters = parametersWith({10, 20, 30, 40});
    ZeroConfig zero{.stage = 2, .reduce_bucket_size = 70};
    CHECK(bucketSizes(makeLayout(parameters, zero, 1)) ==
          std::vector<int64_t>{70, 30}); // 40+30 fits exactly, then 20+10
    zero.reduce_bucket_size = 69;
    CHECK(bucketSizes(makeLayout(parameters, zero, 1)) == std::vector<int64_t>{40, 60});
    zero.reduce_bucket_size = 1;
    CHECK(bucketSizes(makeLayout(parameters, zero, 1)) == std::vector<int64_t>{40, 30, 20, 10});
    zero.reduce_bucket_size = 1000;
    CHECK(bucketSizes(makeLayout(parameters, zero, 1)) == std::vector<int64_t>{100});
}

TEST_CASE("padding is what the ranks need and no more") {
    ZeroConfig zero{.stage = 2};
    const Layout ten = makeLayout(parametersWith({10}), zero, 4);
    CHECK(ten.padded_elements == 12);
    CHECK(ten.shard_elements == 3);
    const Layout million = makeLayout(parametersWith({1000003}), zero, 8);
    CHECK(million.shard_elements == 125001);
    CHECK(million.padded_elements - 1000003 == 5);
}

TEST_CASE("every element of every parameter has exactly one owner, at any stage") {
    std::mt19937 random(3);
    for (int trial = 0; trial < 200; ++trial) {
        std::vector<int64_t> sizes(1 + random() % 12);
        for (int64_t& s : sizes) s = 1 + static_cast<int64_t>(random() % 50);
        const auto parameters = parametersWith(sizes);
        ZeroConfig zero{.stage = static_cast<int>(random() % 4),
                        .reduce_bucket_size = 1 + static_cast<int64_t>(random() % 120),
                        .stage3_param_persistence_threshold = static_cast<int64_t>(random() % 40)};
        const int64_t ranks = 1 + static_cast<int64_t>(random() % 5);
        const Layout layout = makeLayout(parameters, zero, ranks);
        std::set<std::pair<int64_t, int64_t>> places; // (rank, position in its shard)
        int64_t elements = 0;
        for (size_t p = 0; p < parameters.size(); ++p) {
            const Segment& segment = layout.segments[static_cast<size_t>(layout.places[p].segment)];
            for (int64_t e = 0; e < parameters[p].elements; ++e) {
                const int64_t at = layout.places[p].offset + e;
                REQUIRE(at < segment.elements);
                places.insert({at / segment.slice_elements, segment.shard_offset + at % segment.slice_elements});
                ++elements;
            }
        }
        CHECK(static_cast<int64_t>(places.size()) == elements);
        CHECK(layout.padded_elements == layout.shard_elements * ranks);
        CHECK(layout.padded_elements - elements < ranks * static_cast<int64_t>(layout.segments.size()));
        for (const Bucket& b : layout.buckets)
            CHECK((b.elements <= zero.reduce_bucket_size || b.parameters.size() == 1));
        if (zero.stage < 3) CHECK(layout.units.size() == 1);
    }
}

TEST_CASE("stage 3 gathers per layer and keeps small parameters gathered") {
    const auto parameters = parametersOf(test::smallModel());
    ZeroConfig zero{.stage = 3, .stage3_param_persistence_threshold = 24};
    const Layout layout = makeLayout(parameters, zero, 2);
    std::set<std::string> names;
    for (const GatherUnit& unit : layout.units) {
        names.insert(unit.name);
        for (int32_t s : unit.segments)
            for (int32_t p : layout.segments[static_cast<size_t>(s)].parameters)
                CHECK((parameters[static_cast<size_t>(p)].elements <= 24) == unit.stays_gathered);
    }
    CHECK(names ==
          std::set<std::string>{"embedding", "small parameters", "block 0", "block 1"}); // the final norm is small
}
