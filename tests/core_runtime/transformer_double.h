// SPDX-License-Identifier: Apache-2.0
// The loss of a GPT-2 or LLaMA in double precision, written straight from the definitions with none of our kernels:
// what the trained model is checked against.
#pragma once
#include "core_runtime/model_spec.h"
#include "core_runtime/random.h"
#include <cmath>
#include <cstdint>
#include <vector>

namespace shardscope::test {

using Doubles = std::vector<double>;

class TransformerDouble {
public:
    uint64_t seed = 1; // of dropout
    TransformerDouble(const ModelSpec& model, const std::vector<ParameterInfo>& parameters)
        : m_model(model)
        , m_parameters(parameters) {}

    // Mean loss over all tokens of `samples` sequences, which are the samples of the first step.
    double loss(const std::vector<Doubles>& weights, const std::vector<int32_t>& ids,
                const std::vector<int32_t>& targets, int64_t samples, int64_t sequence) const {
        double sum = 0;
        for (int64_t s = 0; s < samples; ++s)
            sum += sequenceLoss(weights, &ids[s * sequence], &targets[s * sequence], sequence, s);
        return sum / static_cast<double>(samples * sequence);
    }

private:
    bool llama() const { return m_model.family == ModelFamily::llama; }
    // Empty where the model has no such parameter.
    const Doubles& get(const std::vector<Doubles>& weights, ParameterRole role, int32_t layer) const {
        static const Doubles none;
        for (size_t p = 0; p < m_parameters.size(); ++p)
            if (m_parameters[p].role == role && m_parameters[p].layer == layer) return weights[p];
        return none;
    }
    // Zhang & Sennrich 2019
    Doubles rmsNorm(const Doubles& x, const Doubles& w) const {
        const size_t c = w.size();
        Doubles out(x.size());
        for (size_t row = 0; row < x.size(); row += c) {
            double squares = 0;
            for (size_t i = 0; i < c; ++i) squares += x[row + i] * x[row + i];
            const double epsilon = static_cast<double>(m_model.norm_epsilon);
            for (size_t i = 0; i < c; ++i)
                out[row + i] = x[row + i] / std::sqrt(squares / static_cast<double>(c) + epsilon) * w[i];
        }
        return out;
    }
    // Su et al. 2021: the pair (i, i + D/2) of a head as a complex number, times e^(i position theta^(-2i/D)).
    void rotate(Doubles& qkv, int64_t sequence) const {
        const int64_t size = m_model.channels / m_model.heads, width = static_cast<int64_t>(qkv.size()) / sequence;
        for (int64_t t = 0; t < sequence; ++t)
            for (int64_t h = 0; h < m_model.heads + m_model.keyHeads(); ++h)
                for (int64_t i = 0; i < size / 2; ++i) {
                    double& re = qkv[t * width + h * size + i];
                    double& im = qkv[t * width + h * size + i + size / 2];
                    const double angle =
                        static_cast<double>(t) / std::pow(static_cast<double>(m_model.rope_theta),
                                                          2 * static_cast<double>(i) / static_cast<double>(size));
                    const double turned = re * std::cos(angle) - im * std::sin(angle);
                    im = re * std::sin(angle) + im * std::cos(angle);
                    re = turned;
                }
    }
    Doubles norm(const Doubles& x, const Doubles& w, const Doubles& b) const {
        return llama() ? rmsNorm(x, w) : layerNorm(x, w, b, m_model.channels);
    }
    static Doubles layerNorm(const Doubles& x, const Doubles& w, const Doubles& b, int64_t c) {
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
        const int64_t c = m_model.channels, heads = m_model.heads, size = c / heads, keys = m_model.keyHeads();
        const int64_t width = (heads + 2 * keys) * size;
        Doubles out(static_cast<size_t>(sequence * c), 0.0);
        for (int64_t h = 0; h < heads; ++h)
            for (int64_t t = 0; t < sequence; ++t) {
                const int64_t key = (heads + h * keys / heads) * size, value = key + keys * size;
                Doubles p(static_cast<size_t>(t + 1));
                double total = 0;
                for (int64_t u = 0; u <= t; ++u) {
                    double dot = 0;
                    for (int64_t i = 0; i < size; ++i) dot += qkv[t * width + h * size + i] * qkv[u * width + key + i];
                    total += p[u] = std::exp(dot / std::sqrt(static_cast<double>(size)));
                }
                for (int64_t u = 0; u <= t; ++u)
                    for (int64_t i = 0; i < size; ++i)
                        out[t * c + h * size + i] += p[u] / total * qkv[u * width + value + i];
            }
        return out;
    }
    Doubles activate(const Doubles& up) const {
        const auto f = static_cast<size_t>(m_model.feedForward());
        if (!llama()) {
            Doubles out = up;
            for (double& u : out) u = 0.5 * u * (1 + std::tanh(std::sqrt(2 / M_PI) * (u + 0.044715 * u * u * u)));
            return out;
        }
        Doubles out(up.size() / 2); // Shazeer 2020: gate * sigmoid(gate) * up
        for (size_t i = 0; i < out.size(); ++i) {
            const size_t gate = i / f * 2 * f + i % f;
            out[i] = up[gate] / (1 + std::exp(-up[gate])) * up[gate + f];
        }
        return out;
    }
    // Srivastava et al. 2014, scaled while training; the mask is the runtime's own.
    void drop(Doubles& x, int64_t place, int64_t sample) const {
        if (m_model.dropout == 0) return;
        const double scale = 1 / (1 - static_cast<double>(m_model.dropout));
        const uint64_t key = dropoutKey(seed, 0, place, sample);
        for (size_t i = 0; i < x.size(); ++i) {
            const bool keeps =
                kernels::dropoutKeeps(key, static_cast<int64_t>(i), kernels::dropoutThreshold(m_model.dropout));
            x[i] = keeps ? x[i] * scale : 0;
        }
    }
    double sequenceLoss(const std::vector<Doubles>& weights, const int32_t* ids, const int32_t* targets,
                        int64_t sequence, int64_t sample) const {
        using R = ParameterRole;
        const int64_t c = m_model.channels, v = m_model.vocabulary, f = m_model.feedForward();
        const Doubles& wte = get(weights, R::token_embedding, embedding_layer);
        const Doubles& wpe = get(weights, R::position_embedding, embedding_layer);
        Doubles x(static_cast<size_t>(sequence * c));
        for (int64_t t = 0; t < sequence; ++t)
            for (int64_t i = 0; i < c; ++i) x[t * c + i] = wte[ids[t] * c + i] + (llama() ? 0.0 : wpe[t * c + i]);
        drop(x, 0, sample);
        auto add = [&x](const Doubles& y) {
            for (size_t i = 0; i < x.size(); ++i) x[i] += y[i];
        };
        for (int32_t l = 0; l < m_model.layers; ++l) {
            const auto w = [&](R role) -> const Doubles& { return get(weights, role, l); };
            Doubles qkv = linear(norm(x, w(R::norm1_weight), w(R::norm1_bias)), w(R::qkv_weight), w(R::qkv_bias),
                                 m_model.qkvChannels(), c);
            if (llama()) rotate(qkv, sequence);
            Doubles branch = linear(attention(qkv, sequence), w(R::projection_weight), w(R::projection_bias), c, c);
            drop(branch, 1 + 2 * l, sample);
            add(branch);
            const Doubles up = linear(norm(x, w(R::norm2_weight), w(R::norm2_bias)), w(R::up_weight), w(R::up_bias),
                                      llama() ? 2 * f : f, c);
            branch = linear(activate(up), w(R::down_weight), w(R::down_bias), c, f);
            drop(branch, 2 + 2 * l, sample);
            add(branch);
        }
        const auto last = static_cast<int32_t>(m_model.layers);
        x = norm(x, get(weights, R::final_norm_weight, last), get(weights, R::final_norm_bias, last));
        const Doubles& head = m_model.tied ? wte : get(weights, R::head_weight, last);
        const Doubles logits = linear(x, head, {}, v, c);
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
