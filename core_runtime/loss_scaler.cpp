// SPDX-License-Identifier: Apache-2.0
#include "core_runtime/loss_scaler.h"
#include <algorithm>
#include <cmath>

namespace shardscope {

LossScaler::LossScaler(const Fp16Config& config)
    : m_config(config) {
    if (dynamic())
        m_state.scale = std::ldexp(1.0, static_cast<int>(config.initial_scale_power));
    else if (config.enabled)
        m_state.scale = config.loss_scale;
    m_state.hysteresis = config.hysteresis;
}

Result<void> LossScaler::update(bool overflow) {
    if (!dynamic()) return {};
    if (overflow && m_state.hysteresis > 1) {
        --m_state.hysteresis;
        m_state.last_overflow = m_state.updates;
    } else if (overflow) {
        if (m_state.scale <= m_config.min_loss_scale)
            return Error{"the gradients overflow fp16 even at the smallest loss scale, fp16.min_loss_scale " +
                         std::to_string(static_cast<int64_t>(m_config.min_loss_scale)) +
                         "; lower optimizer.params.lr, set gradient_clipping, or train with bf16.enabled instead"};
        m_state.scale = std::max(m_state.scale / 2, m_config.min_loss_scale);
        m_state.last_overflow = m_state.updates;
    } else {
        if (m_config.consecutive_hysteresis) m_state.hysteresis = m_config.hysteresis;
        const int64_t clean = m_state.updates - m_state.last_overflow - 1;
        if (clean > 0 && clean % m_config.loss_scale_window == 0) {
            m_state.hysteresis = m_config.hysteresis;
            m_state.scale *= 2;
        }
    }
    ++m_state.updates;
    return {};
}

} // namespace shardscope
