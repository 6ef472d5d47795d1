// SPDX-License-Identifier: Apache-2.0
#include "core_runtime/loss_scaler.h"
#include "support/contains.h"
#include <vector>

using namespace shardscope;

namespace {

Fp16Config dynamic(int64_t window, int64_t hysteresis) {
    Fp16Config config;
    config.enabled = true;
    config.loss_scale_window = window;
    config.hysteresis = hysteresis;
    return config;
}

// The scale after each of the updates; 1 is an overflow.
std::vector<double> scales(LossScaler& scaler, const std::vector<int>& overflows) {
    std::vector<double> result;
    for (const int overflow : overflows) {
        REQUIRE(scaler.update(overflow != 0));
        result.push_back(scaler.scale());
    }
    return result;
}

} // namespace

TEST_CASE("the dynamic loss scale follows DeepSpeed's rule") {
    LossScaler scaler(dynamic(2, 2));
    CHECK(scaler.scale() == 65536);
    CHECK(scales(scaler, {0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 1, 0}) == std::vector<double>{65536, 65536, 131072, 131072,
                                                                                      262144, 262144, 131072, 131072,
                                                                                      131072, 262144, 262144, 262144});
}

TEST_CASE("the first growth comes one step after the window") {
    LossScaler scaler(dynamic(1000, 2));
    for (int i = 0; i < 1000; ++i) REQUIRE(scaler.update(false));
    CHECK(scaler.scale() == 65536);
    REQUIRE(scaler.update(false));
    CHECK(scaler.scale() == 131072);
    for (int i = 0; i < 999; ++i) REQUIRE(scaler.update(false));
    CHECK(scaler.scale() == 131072);
    REQUIRE(scaler.update(false));
    CHECK(scaler.scale() == 262144);
}

TEST_CASE("hysteresis is refilled by growth only, or by every clean step when it counts consecutive overflows") {
    LossScaler once(dynamic(100, 2));
    CHECK(scales(once, {1, 0, 1, 0, 1}) == std::vector<double>{65536, 65536, 32768, 32768, 16384});
    Fp16Config config = dynamic(100, 2);
    config.consecutive_hysteresis = true;
    LossScaler consecutive(config);
    CHECK(scales(consecutive, {1, 0, 1, 0, 1, 1}) == std::vector<double>{65536, 65536, 65536, 65536, 65536, 32768});
    LossScaler first(dynamic(100, 1));
    CHECK(scales(first, {1, 1}) == std::vector<double>{32768, 16384});
}

TEST_CASE("an overflow at the smallest scale is an error that changes nothing") {
    Fp16Config config = dynamic(2, 1);
    config.initial_scale_power = 3;
    config.min_loss_scale = 3;
    LossScaler scaler(config);
    CHECK(scales(scaler, {1, 1}) == std::vector<double>{4, 3}); // 4 / 2 is below the minimum
    const LossScalerState before = scaler.state();
    const auto refused = scaler.update(true);
    REQUIRE_FALSE(refused);
    CHECK_THAT(refused.error().message, Contains("fp16.min_loss_scale 3") && Contains("bf16.enabled"));
    CHECK(scaler.state() == before);
}

TEST_CASE("a static scale and a disabled scaler never change") {
    Fp16Config config = dynamic(1, 1);
    config.loss_scale = 128;
    LossScaler fixed(config);
    CHECK_FALSE(fixed.dynamic());
    CHECK(scales(fixed, {0, 0, 0, 1, 1, 1}) == std::vector<double>(6, 128));
    LossScaler off{Fp16Config{}};
    CHECK(scales(off, {0, 1, 0}) == std::vector<double>(3, 1));
}

TEST_CASE("a restored scaler goes on as the saved one would have") {
    LossScaler saved(dynamic(3, 2));
    scales(saved, {0, 0, 1, 0, 0});
    LossScaler restored(dynamic(3, 2));
    restored.restore(saved.state());
    const std::vector<int> rest = {0, 0, 0, 1, 1, 0, 0, 0, 0};
    CHECK(scales(restored, rest) == scales(saved, rest));
    CHECK(restored.state() == saved.state());
}
