// SPDX-License-Identifier: Apache-2.0
// forward, backward and step are trainBatch in pieces.
#include "checkpoint_fixture.h"
#include "support/contains.h"

using namespace shardscope;
using namespace shardscope::test;

TEST_CASE("forward, backward and step give the bits of trainBatch") {
    const TemporaryFolder folder;
    struct Case {
        int stage;
        int64_t accumulation;
        Change change;
    };
    const auto offload = [&](OffloadDevice optimizer, OffloadDevice parameters, bool delayed) {
        return [=, path = folder.path().string()](Config& c) {
            c.zero.offload_optimizer.device = optimizer;
            c.zero.offload_param.device = parameters;
            c.zero.offload_optimizer.nvme_path = c.zero.offload_param.nvme_path = path;
            c.delayed_update = delayed;
            c.gradient_clipping = 0.5;
        };
    };
    const OffloadDevice none = OffloadDevice::none, cpu = OffloadDevice::cpu, nvme = OffloadDevice::nvme;
    const std::vector<Case> cases = {{0, 1, {}},
                                     {1, 3, {}},
                                     {2, 2, {}},
                                     {3, 2, {}},
                                     {2, 2, offload(cpu, none, false)},
                                     {2, 1, offload(cpu, none, true)},
                                     {3, 2, offload(nvme, nvme, false)}};
    for (const Case& c : cases) {
        INFO("stage " << c.stage << ", accumulation " << c.accumulation);
        const Variant v{.stage = c.stage, .reduce_bucket = 2000, .overlap = true, .prefetch = 3000};
        const Change change = [&](Config& config) {
            if (c.change) c.change(config);
            config.gradient_accumulation_steps = c.accumulation;
            config.activations.recompute = Recompute::full;
        };
        const auto whole = engineOf(v, 2, change), pieces = engineOf(v, 2, change);
        const BatchSource batches = batchesOf(smallData(), *pieces);
        for (int step = 0; step < 3; ++step) {
            const double loss = train(*whole, 1).front();
            double sum = 0;
            for (int64_t m = 0; m < c.accumulation; ++m) {
                const Result<double> part = pieces->forward(batches);
                REQUIRE(part);
                sum += *part;
                REQUIRE(pieces->backward());
                const auto report = pieces->step();
                REQUIRE(report);
                CHECK(report->has_value() == (m + 1 == c.accumulation));
                if (report->has_value()) CHECK((*report)->loss == loss);
            }
            CHECK(sum / static_cast<double>(c.accumulation) == Approx(loss).epsilon(1e-12));
        }
        REQUIRE(whole->drain());
        REQUIRE(pieces->drain());
        CHECK(pieces->weights() == whole->weights());
        CHECK(pieces->state() == whole->state());
        CHECK(train(*pieces, 1) == train(*whole, 1)); // and back to whole steps
    }
}

TEST_CASE("pieces that are called out of order are refused and change nothing") {
    const TemporaryFolder folder;
    const Change change = [](Config& c) { c.gradient_accumulation_steps = 2; };
    const auto engine = engineOf({.stage = 2}, 2, change), other = engineOf({.stage = 2}, 2, change);
    const BatchSource batches = batchesOf(smallData(), *engine);
    const auto refused = [](const auto& result, const char* next) {
        REQUIRE_FALSE(result);
        CHECK_THAT(result.error().message, Contains(std::string("where ") + next));
    };
    refused(engine->backward(), "forward() or trainBatch() is next");
    refused(engine->step(), "forward() or trainBatch() is next");
    REQUIRE(engine->forward(batches));
    refused(engine->forward(batches), "backward()");
    refused(engine->step(), "backward()");
    refused(engine->trainBatch(batches), "backward()");
    refused(engine->saveCheckpoint(folder.path().string()), "backward()");
    REQUIRE(engine->backward());
    refused(engine->backward(), "step()");
    refused(engine->forward(batches), "step()");
    REQUIRE(engine->step());
    refused(engine->step(), "forward()");
    refused(engine->loadCheckpoint(folder.path().string()), "forward()");
    REQUIRE(engine->forward(batches));
    REQUIRE(engine->backward());
    const auto report = engine->step();
    REQUIRE(report);
    REQUIRE(report->has_value());
    CHECK((*report)->loss == train(*other, 1).front());
    CHECK(engine->weights() == other->weights());
}
