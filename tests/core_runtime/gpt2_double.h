// SPDX-License-Identifier: Apache-2.0
// GPT-2's loss in double precision, written straight from the definition with none of our kernels: what the trained
// model is checked against.
#pragma once
#include "core_runtime/model_spec.h"
#include <cmath>
#include <cstdint>
#include <vector>

namespace shardscope::test {

using Doubles = std::vector<double>;

class Gpt2Double {
public:
    Gpt2Double(const ModelSpec& model, const std::vector<ParameterInfo>& parameters)
        : m_model(model)
        , m_parameters(parameters) {}

    // Mean loss over all tokens of `samples` sequences.
    double loss(const std::vector<Doubles>& weights, const std::vector<int32_t>& ids,
                const std::vector<int32_t>& targets, int64_t samples, int64_t sequence) const {
        double sum = 0;
        for (int64_t s = 0; s < samples; ++s)
            sum += sequenceLoss(weights, &ids[s * sequence], &targets[s * sequence], sequence);
        return sum / static_cast<double>(samples * sequence);
    }

private:
    const Doubles& get(const std::vector<Doubles>& weights, ParameterRole role, int32_t layer) const {
        for (size_t p = 0; p < m_parameters.size(); ++p)
            if (m_parameters[p].role == role && m_parameters[p].layer == layer) return weights[p];
        std::abort();
    }
    static Doubles norm(const Doubles& x, const Doubles& w, const Doubles& b, int64_t c) {
        Doubles out(x.size());
        for (size_t row = 0; row < x.size(); row += static_cast<size_t>(c)) {
            double mean = 0, variance = 0;
            for (int64_t i = 0; i < c; ++i) mean += x[row + i] / static_cast<double>(c);
            for (int64_t i = 0; i < c; ++i)
                variance += (x[row + i] - mean) * (x[row + i] - mean) / static_cast<double>(c);
            for (int64_t i = 0; i < c; ++i)
                out[row + i] = (x[row + i] - mean) / std::sqrt(variance + 1e-5) * w[i] + b[i];
        }
        return out;
    }
    static Doubles linear(const Doubles& x, const Doubles& w, const Doubles& b, int64_t n, int64_t k) {
        const int64_t rows = static_cast<int64_t>(x.size()) / k;
        Doubles out(static_cast<size_t>(rows * n));
        for (int64_t r = 0; r < rows; ++r)
            for (int64_t j = 0; j < n; ++j) {
                double sum = b.empty() ? 0 : b[j];
                for (int64_t i = 0; i < k; ++i) sum += x[r * k + i] * w[j * k + i];
                out[r * n + j] = sum;
            }
        return out;
    }
    Doubles attention(const Doubles& qkv, int64_t sequence) const {
        const int64_t c = m_model.channels, size = c / m_model.heads;
        Doubles out(static_cast<size_t>(sequence * c), 0.0);
        for (int64_t h = 0; h < m_model.heads; ++h)
            for (int64_t t = 0; t < sequence; ++t) {
                Doubles p(static_cast<size_t>(t + 1));
                double total = 0;
                for (int64_t u = 0; u <= t; ++u) {
                    double dot = 0;
                    for (int64_t i = 0; i < size; ++i)
                        dot += qkv[t * 3 * c + h * size + i] * qkv[u * 3 * c + c + h * size + i];
                    total += p[u] = std::exp(dot / std::sqrt(static_cast<double>(size)));
                }
                for (int64_t u = 0; u <= t; ++u)
                    for (int64_t i = 0; i < size; ++i)
                        out[t * c + h * size + i] += p[u] / total * qkv[u * 3 * c + 2 * c + h * size + i];
            }
        return out;
    }
    double sequenceLoss(const std::vector<Doubles>& weights, const int32_t* ids, const int32_t* targets,
                        int64_t sequence) const {
        using R = ParameterRole;
        const int64_t c = m_model.channels, v = m_model.vocabulary;
        const Doubles& wte = get(weights, R::token_embedding, embedding_layer);
        const Doubles& wpe = get(weights, R::position_embedding, embedding_layer);
        Doubles x(static_cast<size_t>(sequence * c));
        for (int64_t t = 0; t < sequence; ++t)
            for (int64_t i = 0; i < c; ++i) x[t * c + i] = wte[ids[t] * c + i] + wpe[t * c + i];
        auto add = [&x](const Doubles& y) {
            for (size_t i = 0; i < x.size(); ++i) x[i] += y[i];
        };
        for (int32_t l = 0; l < m_model.layers; ++l) {
            const auto w = [&](R role) -> const Doubles& { return get(weights, role, l); };
            const Doubles qkv =
                linear(norm(x, w(R::norm1_weight), w(R::norm1_bias), c), w(R::qkv_weight), w(R::qkv_bias), 3 * c, c);
            add(linear(attention(qkv, sequence), w(R::projection_weight), w(R::projection_bias), c, c));
            Doubles up =
                linear(norm(x, w(R::norm2_weight), w(R::norm2_bias), c), w(R::up_weight), w(R::up_bias), 4 * c, c);
            for (double& u : up) u = 0.5 * u * (1 + std::tanh(std::sqrt(2 / M_PI) * (u + 0.044715 * u * u * u)));
            add(linear(up, w(R::down_weight), w(R::down_bias), c, 4 * c));
        }
        const auto last = static_cast<int32_t>(m_model.layers);
        x = norm(x, get(weights, R::final_norm_weight, last), get(weights, R::final_norm_bias, last), c);
        const Doubles logits = linear(x, wte, {}, v, c);
        double sum = 0;
        for (int64_t t = 0; t < sequence; ++t) {
            double total = 0;
            for (int64_t i = 0; i < v; ++i) total += std::exp(logits[t * v + i]);
            sum += std::log(total) - logits[t * v + targets[t]];
        }
        return sum;
    }

    ModelSpec m_model;
    std::vector<ParameterInfo> m_parameters;
};

} // namespace shardscope::test
