// SPDX-License-Identifier: Apache-2.0
#include "core_runtime/step_floor.h"
#include "support/catch.h"

using namespace shardscope;

TEST_CASE("the floor of a step counts what is multiplied, the optimizer's bytes and the logits") {
    ModelSpec model = *findModel("gpt2-124m");
    const MachineRates rates{.product_flops = 1e12, .attention_flops = 1e11, .stream_bytes = 1e10};
    const StepShape step{.tokens = 256, .sequence = 64, .element_bytes = 2};
    const StepFloor floor = stepFloor(model, step, rates);
    const double matrices = 50257.0 * 768 + 12 * 12.0 * 768 * 768;
    CHECK(floor.product_s == Approx(6 * matrices * 256 / 1e12));
    CHECK(floor.attention_s == Approx(12.0 * 12 * 256 * 768 * 32.5 / 1e11));
    CHECK(floor.optimizer_s == Approx(28 * static_cast<double>(parameterCount(model)) / 1e10));
    CHECK(floor.traffic_s == Approx((2 * 256 * 50257.0 + 3 * 12 * 256 * 4 * 768.0) * 2 / 1e10));
    CHECK(floor.seconds() == Approx(floor.product_s + floor.attention_s + floor.optimizer_s + floor.traffic_s));

    SECTION("every rank updates its own states at stage 0") {
        StepShape four = step;
        four.replicas = 4;
        CHECK(stepFloor(model, four, rates).optimizer_s == Approx(4 * floor.optimizer_s));
    }
    SECTION("a token table beside an untied head is read, not multiplied") {
        model.tied = false;
        CHECK(stepFloor(model, step, rates).product_s == Approx(floor.product_s));
    }
}
