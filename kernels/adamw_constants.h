// SPDX-License-Identifier: Apache-2.0
// What AdamW needs per step rather than per element, rounded to float in one place, so that every version of the op
// does the same arithmetic: m' = beta1 m + rest1 g; v' = beta2 v + rest2 g g; p' = decay p - step_size (m' /
// (root_scale sqrt(v') + epsilon)), where g is the gradient times gradient_scale.
#pragma once
#include "kernels/ops.h"
#include <cmath>

namespace shardscope::kernels {

struct AdamWConstants {
    float beta1, rest1, beta2, rest2, root_scale, epsilon, decay, step_size, gradient_scale;
};

inline AdamWConstants adamwConstants(const AdamWStep& s) {
    return {.beta1 = s.beta1,
            .rest1 = static_cast<float>(1.0 - static_cast<double>(s.beta1)),
            .beta2 = s.beta2,
            .rest2 = static_cast<float>(1.0 - static_cast<double>(s.beta2)),
            .root_scale = static_cast<float>(1.0 / std::sqrt(static_cast<double>(s.bias_correction2))),
            .epsilon = s.epsilon,
            .decay = static_cast<float>(1.0 - static_cast<double>(s.learning_rate) * s.weight_decay),
            .step_size = static_cast<float>(static_cast<double>(s.learning_rate) / s.bias_correction1),
            .gradient_scale = s.gradient_scale};
}

} // namespace shardscope::kernels
