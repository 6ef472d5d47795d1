// SPDX-License-Identifier: Apache-2.0
// The loss scale of fp16 training: the loss is multiplied by it before backward, so that small gradients survive fp16,
// and gradients are divided by it before the update (Micikevicius et al. 2018, section 3.2). Dynamic scales halve when
// a gradient overflows and double after a clean window; the rule is DeepSpeed's.
#pragma once
#include "core_runtime/config.h"

namespace shardscope {

// What a checkpoint keeps of a scaler.
struct LossScalerState {
    double scale = 1;
    int64_t updates = 0;        // how often update() was called
    int64_t last_overflow = -1; // the number of that update; -1: none yet
    int64_t hysteresis = 1;     // overflows left that do not lower the scale, plus one
    bool operator==(const LossScalerState&) const = default;
};

class LossScaler {
public:
    explicit LossScaler(const Fp16Config&); // not enabled: the scale is 1 and stays 1

    // The scale of the next backward. Gradients are divided by the scale their own backward used, not by a later one.
    double scale() const { return m_state.scale; }
    bool dynamic() const { return m_config.enabled && m_config.loss_scale == 0; }

    // Once per optimizer step, after its overflow check; a step that overflowed is skipped whatever the scaler does.
    //   overflow: one of `hysteresis` lives is lost, or, with the last one, the scale is halved, not below the minimum.
    //   clean:    after loss_scale_window + 1 clean steps in a row, and then after every window, the scale doubles and
    //             the lives are refilled; with consecutive_hysteresis every clean step refills them.
    // An overflow at the smallest scale is an error, because training cannot go on; the state stays as it was.
    Result<void> update(bool overflow);

    const LossScalerState& state() const { return m_state; }
    void restore(const LossScalerState& state) { m_state = state; }

private:
    Fp16Config m_config;
    LossScalerState m_state;
};

} // namespace shardscope
