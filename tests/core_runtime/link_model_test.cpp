// SPDX-License-Identifier: Apache-2.0
#include "core_runtime/link_model.h"
#include "support/contains.h"

using namespace shardscope;

TEST_CASE("ring times follow alpha, beta and the number of ranks") {
    const auto link = findLink("10:6.4"); // 10 us per hop, 6.4 bytes per ns
    REQUIRE(link);
    const int64_t bytes = 64'000'000;
    CHECK(collectiveTimeNs(*link, OpClass::all_gather, bytes, 4) == 3 * 10'000 + 48'000'000 * 10 / 64);
    CHECK(collectiveTimeNs(*link, OpClass::reduce_scatter, bytes, 4) ==
          collectiveTimeNs(*link, OpClass::all_gather, bytes, 4));
    CHECK(collectiveTimeNs(*link, OpClass::all_reduce, bytes, 4) ==
          2 * collectiveTimeNs(*link, OpClass::all_gather, bytes, 4));
    CHECK(collectiveTimeNs(*link, OpClass::all_gather, 0, 4) == 30'000);
    for (const auto op : {OpClass::all_gather, OpClass::reduce_scatter, OpClass::all_reduce, OpClass::broadcast}) {
        CHECK(collectiveTimeNs(*link, op, bytes, 1) == 0);
        CHECK(sentBytes(op, bytes, 1) == 0);
    }
    CHECK(collectiveTimeNs(*link, OpClass::compute, bytes, 4) == 0);
    CHECK(collectiveTimeNs(LinkModel{}, OpClass::all_reduce, bytes, 4) == 0);
}

TEST_CASE("sent bytes are the ring convention's") {
    CHECK(sentBytes(OpClass::all_gather, 4000, 4) == 3000);
    CHECK(sentBytes(OpClass::reduce_scatter, 4000, 4) == 3000);
    CHECK(sentBytes(OpClass::all_reduce, 4000, 4) == 6000);
    CHECK(sentBytes(OpClass::copy, 4000, 4) == 0);
    const int64_t large = int64_t{1} << 55; // no overflow on the way
    CHECK(sentBytes(OpClass::all_gather, large, 1024) == large / 1024 * 1023);
}

TEST_CASE("the built-in links are complete and found by name") {
    for (const LinkModel& link : builtinLinks()) {
        INFO(link.name);
        const auto found = findLink(link.name);
        REQUIRE(found);
        CHECK(*found == link);
        CHECK(link.description.size() > 20);
        CHECK(link.emulates() == (link.name != "none"));
    }
    CHECK(findLink("pcie4")->bandwidth_gbps == 6.4);
    CHECK(findLink("pcie4")->alpha_us == 10);
}

TEST_CASE("links that make no sense are refused in words") {
    for (const std::string text :
         {"", "10:", ":5", "10:0", "10:-1", "-1:5", "nan:5", "inf:5", "10:6.4x", "10:6:4", "1e9:1"}) {
        INFO(text);
        CHECK_FALSE(findLink(text));
    }
    const auto near_miss = findLink("nvlink5");
    REQUIRE_FALSE(near_miss);
    CHECK_THAT(near_miss.error().message, Contains("did you mean nvlink") && Contains("ib-ndr") && Contains("10:6.4"));
}
