// SPDX-License-Identifier: Apache-2.0
#include "core_runtime/link_model.h"
#include "core_runtime/memory_plan.h"
#include "core_runtime/planner.h"
#include "small_runs.h"
#include "support/catch.h"
#include "support/sanitized.h"

using namespace shardscope;
using test::Variant;

namespace {

Plan planOf(const Variant& v, int64_t ranks) {
    Result<Plan> made = plan(test::configOf(v, ranks), test::smallModel(), ranks, 0);
    if (!made) FAIL(test::nameOf(v, ranks) << ": " << made.error().message);
    return std::move(made).value();
}

int64_t sentPerStep(const Plan& p) {
    int64_t sent = 0;
    for (const Op& op : p.program.ops)
        if (op.kind == OpKind::collective) sent += sentBytes(op.op_class, op.bytes, p.ranks);
    return sent;
}

int64_t categoryPeak(const MemoryPlan& m, MemoryCategory c) { return m.device().category_peak[static_cast<size_t>(c)]; }

} // namespace

TEST_CASE("communication volume is 2 psi at stages 0 to 2 and 3 psi at stage 3, times (N-1)/N, exact to padding") {
    for (const bool bf16 : {false, true})
        for (const int64_t ranks : {1, 2, 3, 4}) {
            if (test::sanitized && ranks != 3) continue;
            for (const int64_t bucket : {int64_t{1}, int64_t{2000}, int64_t{1} << 40})
                for (int stage = 0; stage < 4; ++stage) {
                    const Plan p = planOf(
                        {.stage = stage, .reduce_bucket = bucket, .allgather_bucket = bucket, .bf16 = bf16}, ranks);
                    const int64_t times = stage == 3 ? 3 : 2;
                    const int64_t element = bf16 ? 2 : 4;
                    INFO("stage " << stage << ", ranks " << ranks << ", bucket " << bucket);
                    CHECK(sentPerStep(p) == times * p.layout.padded_elements / ranks * (ranks - 1) * element);
                    CHECK(p.layout.padded_elements - parameterCount(p.model) <
                          ranks * static_cast<int64_t>(p.layout.segments.size()));
                }
        }
}

TEST_CASE("rows of logits start on cache lines, which products and loss are told") {
    ModelSpec model = test::smallModel();
    model.vocabulary = 101;
    Result<Plan> made = plan(test::configOf({.stage = 1}, 2), model, 2, 0);
    REQUIRE(made);
    int products = 0;
    for (const Op& op : made.value().program.ops) {
        if (op.kind != OpKind::compute || op.dims[1] != model.vocabulary) continue;
        CHECK(op.dims[op.compute == ComputeKind::cross_entropy ? 3 : 4] == 128);
        products += op.compute != ComputeKind::cross_entropy;
    }
    CHECK(products == 3);
}

TEST_CASE("parameters that stay gathered travel twice instead of three times") {
    const Plan p = planOf({.stage = 3, .persistence = 24 * 24 * 4}, 2);
    int64_t small = 0;
    for (const GatherUnit& unit : p.layout.units)
        if (unit.stays_gathered) small += unit.padded_elements;
    REQUIRE(small > 0);
    CHECK(sentPerStep(p) == (3 * p.layout.padded_elements - small) / 2 * 4);
}

TEST_CASE("model states shrink as the ZeRO paper says") {
    for (const int64_t ranks : {2, 3, 4}) {
        for (int stage = 0; stage < 4; ++stage) {
            const Plan p = planOf({.stage = stage, .bf16 = true}, ranks);
            const MemoryPlan m = planMemory(p.program);
            const int64_t all = p.layout.padded_elements, shard = p.layout.shard_elements;
            INFO("stage " << stage << ", ranks " << ranks);
            CHECK(categoryPeak(m, MemoryCategory::optimizer) == 8 * (stage >= 1 ? shard : all));
            CHECK(categoryPeak(m, MemoryCategory::master_weights) == 4 * (stage >= 1 ? shard : all));
            CHECK(categoryPeak(m, MemoryCategory::gradients) == 2 * (stage >= 2 ? shard : all));
            if (stage < 3)
                CHECK(categoryPeak(m, MemoryCategory::parameters) == 2 * all);
            else
                CHECK(categoryPeak(m, MemoryCategory::parameters) >= 2 * shard);
        }
    }
}

TEST_CASE("peak memory falls from stage to stage when buckets are small") {
    int64_t previous = INT64_MAX;
    for (int stage = 0; stage < 4; ++stage) {
        const MemoryPlan m =
            planMemory(planOf({.stage = stage, .reduce_bucket = 3000, .bf16 = true, .prefetch = 0}, 4).program);
        CHECK(m.device().peak_bytes < previous);
        CHECK(m.device().arena_bytes >= m.device().peak_bytes);
        previous = m.device().peak_bytes;
    }
}

TEST_CASE("prefetch gathers further ahead and costs memory") {
    const auto peak = [](int64_t prefetch) {
        const MemoryPlan m = planMemory(planOf({.stage = 3, .overlap = true, .prefetch = prefetch}, 2).program);
        return categoryPeak(m, MemoryCategory::parameters);
    };
    CHECK(peak(0) < peak(1));
    CHECK(peak(1) < peak(1 << 30));
}

TEST_CASE("the checker finds what is wrong with a program") {
    const Plan good = planOf({.stage = 3, .reduce_bucket = 2000, .overlap = true, .persistence = 24}, 2);
    REQUIRE_FALSE(findFault(good.program));

    SECTION("any wait left out is noticed") {
        int noticed = 0, removed = 0;
        for (size_t i = 0; i < good.program.ops.size(); ++i)
            for (size_t w = 0; w < good.program.ops[i].waits_for.size(); ++w) {
                StepProgram broken = good.program;
                broken.ops[i].waits_for.erase(broken.ops[i].waits_for.begin() + static_cast<int64_t>(w));
                ++removed;
                noticed += findFault(broken).has_value();
            }
        CHECK(removed > 20);
        CHECK(noticed == removed);
    }
    SECTION("an alloc too late, a free too early") {
        for (const OpKind kind : {OpKind::alloc, OpKind::free})
            for (size_t i = 1; i + 1 < good.program.ops.size(); ++i) {
                if (good.program.ops[i].kind != kind) continue;
                StepProgram broken = good.program;
                broken.ops.erase(broken.ops.begin() + static_cast<int64_t>(i));
                CHECK(findFault(broken).has_value());
            }
    }
    SECTION("an operand outside its buffer") {
        StepProgram broken = good.program;
        for (Op& op : broken.ops)
            if (op.kind == OpKind::compute && op.compute == ComputeKind::gelu_forward) op.operands[0].offset += 1;
        CHECK(findFault(broken)->find("outside buffer") != std::string::npos);
    }
    SECTION("a wait on a later op") {
        StepProgram broken = good.program;
        broken.ops[3].waits_for.push_back(OpId{100});
        CHECK(findFault(broken)->find("not earlier") != std::string::npos);
    }
    SECTION("a read that nothing has written") {
        StepProgram broken = good.program;
        for (Op& op : broken.ops)
            if (op.compute == ComputeKind::gelu_forward) op.operands[0].access = Access::read;
        CHECK(findFault(broken)->find("nothing has written") != std::string::npos);
    }
}

TEST_CASE("the checker notices a missing wait among many uses of one buffer") {
    for (const OffloadDevice offload : {OffloadDevice::none, OffloadDevice::cpu}) {
        Config config = test::configOf({.stage = 2, .reduce_bucket = 2000, .overlap = true}, 2);
        config.gradient_accumulation_steps = 3;
        config.train_batch_size *= 3;
        config.zero.offload_optimizer.device = offload;
        const Result<Plan> good = plan(config, test::smallModel(), 2, 0);
        REQUIRE(good);
        int noticed = 0, removed = 0;
        for (size_t i = 0; i < good->program.ops.size(); ++i)
            for (size_t w = 0; w < good->program.ops[i].waits_for.size(); ++w) {
                // Waits of the second buffer's release keep memory bounded; the data does not need all of them.
                StepProgram broken = good->program;
                broken.ops[i].waits_for.erase(broken.ops[i].waits_for.begin() + static_cast<int64_t>(w));
                ++removed;
                noticed += findFault(broken).has_value();
            }
        CHECK(removed > 50);
        CHECK(noticed > removed * 9 / 10);
    }
}

TEST_CASE("a request that cannot be planned is refused in a sentence") {
    const Config config = test::configOf({}, 2);
    CHECK(plan(config, test::smallModel(), 0, 0).error().message.find("ranks is 0") != std::string::npos);
    CHECK(plan(config, test::smallModel(), 2, 9).error().message.find("1 to 8 tokens") != std::string::npos);
    ModelSpec odd = test::smallModel();
    odd.heads = 5;
    CHECK(plan(config, odd, 2, 0).error().message.find("does not divide") != std::string::npos);
}
