// SPDX-License-Identifier: Apache-2.0
#include "core_runtime/gpt2_step.h"
#include "kernels/ops.h"
#include <cassert>

namespace shardscope {
namespace {

constexpr const char* key_batch = "train_micro_batch_size_per_gpu";

struct BlockActivations {
    BufferId in, norm1, mean1, rstd1, qkv, attended, lse, middle, norm2, mean2, rstd2, up, gelu;
};

class Gpt2Emitter {
public:
    Gpt2Emitter(Plan& plan, ProgramBuilder& build, ZeroPass& zero)
        : m_plan(plan)
        , m_build(build)
        , m_zero(zero)
        , m_model(plan.model)
        , m_dtype(plan.config.bf16_enabled ? DType::bf16 : DType::f32)
        , m_batch(plan.config.train_micro_batch_size_per_gpu)
        , m_rows(m_batch * plan.sequence)
        , m_channels(plan.model.channels)
        , m_final(static_cast<int32_t>(plan.model.layers)) {}

    void emit() {
        const BufferId embedded = embed();
        BufferId x = embedded;
        for (int32_t l = 0; l < m_final; ++l) x = blockForward(l, x);
        BufferId dx = head(x);
        for (int32_t l = m_final; l-- > 0;) dx = blockBackward(l, dx);
        embedBackward(dx);
    }

private:
    using Dims = std::array<int64_t, 4>;

    int32_t parameterOf(ParameterRole role, int32_t layer) const {
        for (size_t p = 0; p < m_plan.parameters.size(); ++p)
            if (m_plan.parameters[p].role == role && m_plan.parameters[p].layer == layer)
                return static_cast<int32_t>(p);
        assert(!"the model has no such parameter");
        return -1;
    }
    Operand weight(ParameterRole role, int32_t layer) const { return m_zero.parameter(parameterOf(role, layer)); }
    Operand gradient(ParameterRole role, int32_t layer, Access access = Access::write) {
        return m_zero.gradient(parameterOf(role, layer), access);
    }
    // In the reverse of definition order, which is the order of the buckets.
    void ready(int32_t layer, ParameterRole first, ParameterRole second) {
        m_zero.gradientReady(parameterOf(first, layer));
        m_zero.gradientReady(parameterOf(second, layer));
    }
    Operand read(BufferId b) const { return m_build.all(b, Access::read); }
    Operand write(BufferId b) const { return m_build.all(b, Access::write); }
    BufferId buffer(std::string name, int64_t elements, MemoryCategory category = MemoryCategory::activations) {
        return m_build.addBuffer(
            {.name = std::move(name), .dtype = m_dtype, .elements = elements, .category = category});
    }
    BufferId floats(std::string name, int64_t elements, MemoryCategory category = MemoryCategory::activations) {
        return m_build.addBuffer(
            {.name = std::move(name), .dtype = DType::f32, .elements = elements, .category = category});
    }
    void op(ComputeKind kind, const std::string& name, Phase phase, int32_t layer, Dims dims,
            std::vector<Operand> operands) {
        m_build.addCompute(kind, name, phase, layer, dims, std::move(operands), key_batch);
    }
    std::string named(int32_t layer, const char* what) const { return "block " + std::to_string(layer) + " " + what; }

    BufferId embed() {
        auto host = [&](const char* name, DType dtype) {
            return m_build.addBuffer({.name = name,
                                      .dtype = dtype,
                                      .elements = m_rows,
                                      .category = MemoryCategory::other,
                                      .persistent = true});
        };
        m_plan.ids = host("token ids", DType::i32);
        m_plan.targets = host("target ids", DType::i32);
        m_plan.losses = host("losses", DType::f32);
        op(ComputeKind::load_batch, "load batch", Phase::forward, embedding_layer, {m_batch, m_plan.sequence, 0, 0},
           {write(m_plan.ids), write(m_plan.targets)});
        m_zero.beginUse(embedding_layer);
        const BufferId x = buffer("embedding output", m_rows * m_channels);
        op(ComputeKind::embedding_forward, "embedding", Phase::forward, embedding_layer,
           {m_batch, m_plan.sequence, m_channels, 0},
           {write(x), read(m_plan.ids), weight(ParameterRole::token_embedding, embedding_layer),
            weight(ParameterRole::position_embedding, embedding_layer)});
        return x;
    }

    void norm(const std::string& name, int32_t layer, BufferId out, BufferId mean, BufferId rstd, BufferId x,
              ParameterRole w, ParameterRole b) {
        op(ComputeKind::layernorm_forward, name, Phase::forward, layer, {m_rows, m_channels, 0, 0},
           {write(out), write(mean), write(rstd), read(x), weight(w, layer), weight(b, layer)});
    }
    void linear(const std::string& name, int32_t layer, BufferId out, BufferId x, ParameterRole w, ParameterRole b,
                int64_t n, int64_t k) {
        op(ComputeKind::matmul_forward, name, Phase::forward, layer, {m_rows, n, k, 0},
           {write(out), read(x), weight(w, layer), weight(b, layer)});
    }
    void linearBackward(const char* what, int32_t layer, BufferId dx, BufferId dout, BufferId x, ParameterRole w,
                        ParameterRole b, int64_t n, int64_t k) {
        op(ComputeKind::matmul_backward_input, named(layer, what) + " backward input", Phase::backward, layer,
           {m_rows, n, k, 0}, {write(dx), read(dout), weight(w, layer)});
        op(ComputeKind::matmul_backward_weight, named(layer, what) + " backward weight", Phase::backward, layer,
           {m_rows, n, k, 0}, {gradient(w, layer), gradient(b, layer), read(dout), read(x)});
        ready(layer, b, w);
    }
    void normBackward(const std::string& name, int32_t layer, BufferId dx, BufferId dout, BufferId dresidual,
                      BufferId x, BufferId mean, BufferId rstd, ParameterRole w, ParameterRole b) {
        op(ComputeKind::layernorm_backward, name, Phase::backward, layer, {m_rows, m_channels, 0, 0},
           {write(dx), gradient(w, layer), gradient(b, layer), read(dout),
            dresidual == BufferId::none ? Operand{} : read(dresidual), read(x), weight(w, layer), read(mean),
            read(rstd)});
        ready(layer, b, w);
    }
    Dims attentionDims() const { return {m_batch, m_plan.sequence, m_channels, m_model.heads}; }
    BufferId attentionWorkspace(int32_t layer, const char* pass) {
        const Dims d = attentionDims();
        return floats(named(layer, "attention workspace, ") + pass,
                      kernels::attentionWorkspaceElements({d[0], d[1], d[2], d[3]}), MemoryCategory::workspace);
    }

    BufferId blockForward(int32_t l, BufferId x) {
        using R = ParameterRole;
        m_zero.beginUse(l);
        const int64_t rc = m_rows * m_channels;
        BlockActivations a{};
        a.in = x;
        a.norm1 = buffer(named(l, "norm 1"), rc);
        a.mean1 = floats(named(l, "norm 1 mean"), m_rows);
        a.rstd1 = floats(named(l, "norm 1 rstd"), m_rows);
        norm(named(l, "norm 1"), l, a.norm1, a.mean1, a.rstd1, x, R::norm1_weight, R::norm1_bias);
        a.qkv = buffer(named(l, "qkv"), 3 * rc);
        linear(named(l, "qkv"), l, a.qkv, a.norm1, R::qkv_weight, R::qkv_bias, 3 * m_channels, m_channels);
        a.attended = buffer(named(l, "attention"), rc);
        a.lse = floats(named(l, "attention log sum"), m_batch * m_model.heads * m_plan.sequence);
        op(ComputeKind::attention_forward, named(l, "attention"), Phase::forward, l, attentionDims(),
           {write(a.attended), write(a.lse), read(a.qkv), write(attentionWorkspace(l, "forward"))});
        const BufferId projected = buffer(named(l, "projection"), rc);
        linear(named(l, "projection"), l, projected, a.attended, R::projection_weight, R::projection_bias, m_channels,
               m_channels);
        a.middle = buffer(named(l, "residual 1"), rc);
        op(ComputeKind::residual_forward, named(l, "residual 1"), Phase::forward, l, {rc, 0, 0, 0},
           {write(a.middle), read(x), read(projected)});
        a.norm2 = buffer(named(l, "norm 2"), rc);
        a.mean2 = floats(named(l, "norm 2 mean"), m_rows);
        a.rstd2 = floats(named(l, "norm 2 rstd"), m_rows);
        norm(named(l, "norm 2"), l, a.norm2, a.mean2, a.rstd2, a.middle, R::norm2_weight, R::norm2_bias);
        a.up = buffer(named(l, "up"), 4 * rc);
        linear(named(l, "up"), l, a.up, a.norm2, R::up_weight, R::up_bias, 4 * m_channels, m_channels);
        a.gelu = buffer(named(l, "gelu"), 4 * rc);
        op(ComputeKind::gelu_forward, named(l, "gelu"), Phase::forward, l, {4 * rc, 0, 0, 0},
           {write(a.gelu), read(a.up)});
        const BufferId down = buffer(named(l, "down"), rc);
        linear(named(l, "down"), l, down, a.gelu, R::down_weight, R::down_bias, m_channels, 4 * m_channels);
        const BufferId out = buffer(named(l, "residual 2"), rc);
        op(ComputeKind::residual_forward, named(l, "residual 2"), Phase::forward, l, {rc, 0, 0, 0},
           {write(out), read(a.middle), read(down)});
        m_blocks.push_back(a);
        return out;
    }

    // Final norm, head, loss and their backward; returns the gradient of the last block's output.
    BufferId head(BufferId x) {
        using R = ParameterRole;
        const int64_t rc = m_rows * m_channels;
        const int64_t vocabulary = m_model.vocabulary;
        const int32_t l = m_final;
        m_zero.beginUse(l);
        const BufferId normed = buffer("final norm", rc);
        const BufferId mean = floats("final norm mean", m_rows), rstd = floats("final norm rstd", m_rows);
        norm("final norm", l, normed, mean, rstd, x, R::final_norm_weight, R::final_norm_bias);

        m_zero.beginUse(embedding_layer);
        const BufferId logits = buffer("logits", m_rows * vocabulary);
        const BufferId lse = floats("logits log sum", m_rows);
        op(ComputeKind::matmul_forward, "head", Phase::forward, l, {m_rows, vocabulary, m_channels, 0},
           {write(logits), read(normed), weight(R::token_embedding, embedding_layer), Operand{}});
        op(ComputeKind::cross_entropy_forward, "loss", Phase::forward, l, {m_rows, vocabulary, 0, 0},
           {write(m_plan.losses), write(lse), read(logits), read(m_plan.targets)});
        op(ComputeKind::cross_entropy_backward, "loss backward", Phase::backward, l, {m_rows, vocabulary, 0, 0},
           {m_build.all(logits, Access::read_write), read(m_plan.targets), read(lse)});
        const BufferId dnormed = buffer("final norm gradient", rc);
        op(ComputeKind::matmul_backward_input, "head backward input", Phase::backward, l,
           {m_rows, vocabulary, m_channels, 0},
           {write(dnormed), read(logits), weight(R::token_embedding, embedding_layer)});
        op(ComputeKind::matmul_backward_weight, "head backward weight", Phase::backward, l,
           {m_rows, vocabulary, m_channels, 0},
           {gradient(R::token_embedding, embedding_layer), Operand{}, read(logits), read(normed)});

        m_zero.beginUse(l);
        const BufferId dx = buffer("gradient into last block", rc);
        normBackward("final norm backward", l, dx, dnormed, BufferId::none, x, mean, rstd, R::final_norm_weight,
                     R::final_norm_bias);
        return dx;
    }

    BufferId blockBackward(int32_t l, BufferId dout) {
        using R = ParameterRole;
        m_zero.beginUse(l);
        const BlockActivations& a = m_blocks[static_cast<size_t>(l)];
        const int64_t rc = m_rows * m_channels, c = m_channels;
        const BufferId dgelu = buffer(named(l, "gelu gradient"), 4 * rc);
        linearBackward("down", l, dgelu, dout, a.gelu, R::down_weight, R::down_bias, c, 4 * c);
        const BufferId dup = buffer(named(l, "up gradient"), 4 * rc);
        op(ComputeKind::gelu_backward, named(l, "gelu backward"), Phase::backward, l, {4 * rc, 0, 0, 0},
           {write(dup), read(a.up), read(dgelu)});
        const BufferId dnorm2 = buffer(named(l, "norm 2 gradient"), rc);
        linearBackward("up", l, dnorm2, dup, a.norm2, R::up_weight, R::up_bias, 4 * c, c);
        const BufferId dmiddle = buffer(named(l, "residual 1 gradient"), rc);
        normBackward(named(l, "norm 2 backward"), l, dmiddle, dnorm2, dout, a.middle, a.mean2, a.rstd2, R::norm2_weight,
                     R::norm2_bias);
        const BufferId dattended = buffer(named(l, "attention gradient"), rc);
        linearBackward("projection", l, dattended, dmiddle, a.attended, R::projection_weight, R::projection_bias, c, c);
        const BufferId dqkv = buffer(named(l, "qkv gradient"), 3 * rc);
        op(ComputeKind::attention_backward, named(l, "attention backward"), Phase::backward, l, attentionDims(),
           {write(dqkv), read(dattended), read(a.attended), read(a.qkv), read(a.lse),
            write(attentionWorkspace(l, "backward"))});
        const BufferId dnorm1 = buffer(named(l, "norm 1 gradient"), rc);
        linearBackward("qkv", l, dnorm1, dqkv, a.norm1, R::qkv_weight, R::qkv_bias, 3 * c, c);
        const BufferId dx = buffer(named(l, "input gradient"), rc);
        normBackward(named(l, "norm 1 backward"), l, dx, dnorm1, dmiddle, a.in, a.mean1, a.rstd1, R::norm1_weight,
                     R::norm1_bias);
        return dx;
    }

    // The head has written the token embedding's gradient already; the lookup adds to it.
    void embedBackward(BufferId dx) {
        op(ComputeKind::embedding_backward, "embedding backward", Phase::backward, embedding_layer,
           {m_batch, m_plan.sequence, m_channels, m_model.context},
           {gradient(ParameterRole::token_embedding, embedding_layer, Access::read_write),
            gradient(ParameterRole::position_embedding, embedding_layer), read(dx), read(m_plan.ids)});
        ready(embedding_layer, ParameterRole::position_embedding, ParameterRole::token_embedding);
    }

    Plan& m_plan;
    ProgramBuilder& m_build;
    ZeroPass& m_zero;
    const ModelSpec& m_model;
    DType m_dtype;
    int64_t m_batch, m_rows, m_channels;
    int32_t m_final;
    std::vector<BlockActivations> m_blocks;
};

} // namespace

LayerUses gpt2Uses(const ModelSpec& model) {
    const auto layers = static_cast<int32_t>(model.layers);
    LayerUses uses;
    uses.layers.push_back(embedding_layer);
    for (int32_t l = 0; l < layers; ++l) uses.layers.push_back(l);
    uses.layers.push_back(layers);
    uses.layers.push_back(embedding_layer);
    uses.first_backward_use = uses.layers.size();
    uses.layers.push_back(layers);
    for (int32_t l = layers; l-- > 0;) uses.layers.push_back(l);
    return uses;
}

void emitGpt2Step(Plan& plan, ProgramBuilder& build, ZeroPass& zero) {
    LayerUses uses = gpt2Uses(plan.model);
    zero.setUses(std::move(uses.layers), uses.first_backward_use);
    Gpt2Emitter(plan, build, zero).emit();
}

} // namespace shardscope
