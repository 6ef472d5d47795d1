// SPDX-License-Identifier: Apache-2.0
// Runs that are saved and continued are the runs that were never interrupted.
#include "checkpoint_fixture.h"
#include <cmath>

using namespace shardscope;
using namespace shardscope::test;

namespace {

struct Place { // where states are
    int stage;
    OffloadDevice optimizer = OffloadDevice::none, parameters = OffloadDevice::none;
};
constexpr Place places[] = {{0},
                            {1},
                            {2},
                            {3},
                            {1, OffloadDevice::cpu},
                            {2, OffloadDevice::cpu},
                            {3, OffloadDevice::cpu},
                            {3, OffloadDevice::nvme},
                            {3, OffloadDevice::none, OffloadDevice::cpu},
                            {3, OffloadDevice::nvme, OffloadDevice::nvme}};

Change configured(const Place& place, Precision precision, const std::string& swap) {
    return [=](Config& c) {
        c.zero.offload_optimizer.device = place.optimizer;
        c.zero.offload_param.device = place.parameters;
        c.zero.offload_optimizer.nvme_path = c.zero.offload_param.nvme_path = swap;
        c.zero.offload_param.max_in_cpu = 0;
        c.zero.sub_group_size = 3000;
        c.bf16_enabled = precision == Precision::bf16;
        if (precision == Precision::fp16) // overflows before and after the checkpoint, and grows in between
            c.fp16 = {.enabled = true, .initial_scale_power = 28, .loss_scale_window = 1, .hysteresis = 1};
        c.scheduler = {.kind = SchedulerKind::warmup, .warmup_max_lr = 1e-2, .warmup_num_steps = 8};
    };
}

Variant variantOf(const Place& place) {
    return {.stage = place.stage, .reduce_bucket = 2000, .allgather_bucket = 3000, .overlap = true, .prefetch = 3000};
}

} // namespace

TEST_CASE("a run continues with the same bits, whatever held its states before and after") {
    const TemporaryFolder folder(placeInMemory()), swap;
    const std::string swap_path = swap.path().string();
    for (const Precision precision : {Precision::fp32, Precision::bf16, Precision::fp16}) {
        const auto make = [&](const Place& place, uint64_t seed = 7) {
            return engineOf(variantOf(place), 2, configured(place, precision, swap_path), seed);
        };
        const bool fp16 = precision == Precision::fp16;
        const int64_t before = fp16 ? 14 : 3, after = fp16 ? 8 : 3;
        const auto reference = make({0});
        train(*reference, before);
        const EngineState middle = reference->state();
        const std::vector<double> losses = train(*reference, after);
        const auto weights = reference->weights();
        if (fp16) { // the test is worth something
            REQUIRE(middle.skipped_steps > 0);
            REQUIRE(reference->state().skipped_steps > middle.skipped_steps);
            REQUIRE(middle.updates > 0);
        }
        for (size_t from = 0; from < std::size(places); ++from) {
            const std::string path = folder / (std::string(toText(precision)) + std::to_string(from));
            const auto saved = make(places[from]);
            train(*saved, before);
            save(*saved, path);
            for (size_t to = 0; to < std::size(places); ++to) {
                INFO(toText(precision) << " from place " << from << " to place " << to);
                const auto continued = make(places[to], 99); // takes the seed of the checkpoint
                load(*continued, path);
                CHECK(continued->state() == middle);
                CHECK(continued->seed() == 7);
                CHECK(train(*continued, after) == losses);
                CHECK(continued->weights() == weights);
                CHECK(continued->state() == reference->state());
            }
        }
    }
}

TEST_CASE("accumulation, clipping, recomputation and dropout continue with the same bits; saving disturbs nothing") {
    const TemporaryFolder folder(placeInMemory());
    for (int stage = 0; stage < 4; ++stage) {
        const Change change = [](Config& c) {
            c.gradient_accumulation_steps = 2;
            c.gradient_clipping = 0.3;
            c.activations.recompute = Recompute::full;
        };
        ModelSpec model = smallModel();
        model.dropout = 0.2f;
        const auto reference = engineOf({.stage = stage}, 3, change, 7, model);
        std::vector<double> losses = train(*reference, 6);
        const auto saved = engineOf({.stage = stage}, 3, change, 7, model);
        train(*saved, 2);
        save(*saved, folder.path().string());
        const auto continued = engineOf({.stage = stage}, 3, change, 8, model);
        load(*continued, folder.path().string());
        losses.erase(losses.begin(), losses.begin() + 2);
        CHECK(train(*continued, 4) == losses);
        CHECK(train(*saved, 4) == losses);
        CHECK(continued->weights() == reference->weights());
        CHECK(saved->weights() == reference->weights());
    }
}

TEST_CASE("a delayed update is made before the checkpoint") {
    const TemporaryFolder folder(placeInMemory());
    const Change delayed = [](Config& c) {
        c.zero.offload_optimizer.device = OffloadDevice::cpu;
        c.delayed_update = true;
    };
    const auto saved = engineOf({.stage = 2}, 2, delayed);
    train(*saved, 3);
    CHECK(saved->state().updates == 2);
    save(*saved, folder.path().string());
    CHECK(saved->state().updates == 3);
    const auto continued = engineOf({.stage = 3}, 2, delayed);
    train(*continued, 1); // an update that is to come is forgotten
    load(*continued, folder.path().string());
    CHECK(train(*continued, 3) == train(*saved, 3));
    REQUIRE(saved->drain());
    REQUIRE(continued->drain());
    CHECK(continued->weights() == saved->weights());
}

TEST_CASE("another world size, stage or precision restores every state exactly") {
    const TemporaryFolder folder(placeInMemory());
    const std::string first = folder / "first", second = folder / "second";
    const auto saved = engineOf({.stage = 2, .reduce_bucket = 2000, .micro_batch = 6}, 2);
    train(*saved, 4);
    save(*saved, first);
    const auto states = statesIn(first);
    const std::vector<double> losses = train(*saved, 4);
    for (const int64_t ranks : {1, 3, 4, 5})
        for (int stage = 0; stage < 4; ++stage)
            for (const bool bf16 : {false, true}) {
                INFO(ranks << " ranks, stage " << stage << (bf16 ? ", bf16" : ""));
                const Variant v{.stage = stage, .reduce_bucket = 700, .bf16 = bf16, .micro_batch = 12 / ranks};
                const auto continued = engineOf(v, ranks);
                load(*continued, first);
                const auto weights = continued->weights();
                CHECK(std::equal(weights.begin(), weights.end(), states.begin()));
                save(*continued, second);
                CHECK(statesIn(second) == states);
                if (ranks == 5) continue; // another global batch
                const std::vector<double> others = train(*continued, 4);
                for (size_t s = 0; s < losses.size(); ++s)
                    CHECK(others[s] == Approx(losses[s]).epsilon(bf16 ? 1e-2 : 1e-5));
            }
}

TEST_CASE("tiles and model families: what one run cut, another reads whole") {
    const TemporaryFolder folder(placeInMemory());
    for (const ModelFamily family : {ModelFamily::gpt2, ModelFamily::llama}) {
        ModelSpec whole = smallModel(), tiled = smallModel();
        whole.family = tiled.family = family;
        whole.heads = tiled.heads = 2; // rotary positions turn pairs
        whole.tied = tiled.tied = family == ModelFamily::gpt2;
        tiled.tile_out = 2;
        tiled.tile_in = 3;
        const std::string first = folder / toText(family), second = folder / (std::string(toText(family)) + "2");
        const auto saved = engineOf({.stage = 3, .reduce_bucket = 2000}, 3, {}, 7, tiled);
        train(*saved, 2);
        save(*saved, first);
        const auto continued = engineOf({.stage = 2, .reduce_bucket = 700}, 2, {}, 7, whole);
        load(*continued, first);
        CHECK(continued->weights() == saved->weights());
        save(*continued, second);
        CHECK(statesIn(second) == statesIn(first));
        const auto again = engineOf({.stage = 3}, 3, {}, 7, tiled);
        load(*again, second);
        CHECK(train(*again, 2) == train(*saved, 2));
        CHECK(again->weights() == saved->weights());
    }
}

TEST_CASE("the loss scale of a checkpoint is for runs that have one") {
    const TemporaryFolder folder(placeInMemory());
    const auto fp16 = [](int64_t power) {
        return [=](Config& c) { c.fp16 = {.enabled = true, .initial_scale_power = power}; };
    };
    const auto plain = engineOf({.stage = 1}, 2);
    save(*plain, folder.path().string(), "fp32");
    const auto half = engineOf({.stage = 1}, 2, fp16(10));
    load(*half, folder.path().string(), "fp32");
    CHECK(half->state().loss_scale == 1024);
    save(*half, folder.path().string(), "fp16");
    const auto other = engineOf({.stage = 1}, 2, fp16(20));
    load(*other, folder.path().string(), "fp16");
    CHECK(other->state().loss_scale == 1024);
    load(*plain, folder.path().string(), "fp16");
    CHECK(plain->state().loss_scale == 1);
}
