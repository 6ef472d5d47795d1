// SPDX-License-Identifier: Apache-2.0
#include "core_runtime/gpt2_step.h"
#include "kernels/ops.h"
#include <cassert>

namespace shardscope {
namespace {

constexpr const char* key_batch = "train_micro_batch_size_per_gpu";
constexpr const char* key_cpu_checkpointing = "activation_checkpointing.cpu_checkpointing";

// What the backward pass of a block reads; with recomputation only `in` is kept from the forward pass.
struct BlockActivations {
    BufferId in, norm1, mean1, rstd1, qkv, attended, lse, middle, norm2, mean2, rstd2, up, gelu;
};

class Gpt2Emitter {
public:
    Gpt2Emitter(Plan& plan, ProgramBuilder& build, ZeroParameters& parameters, ZeroGradients& gradients)
        : m_plan(plan)
        , m_build(build)
        , m_parameters(parameters)
        , m_gradients(gradients)
        , m_model(plan.model)
        , m_recompute(plan.config.activations.recompute)
        , m_to_host(plan.config.activations.cpu_checkpointing && m_recompute == Recompute::full)
        , m_dtype(plan.dtype())
        , m_batch(plan.config.train_micro_batch_size_per_gpu)
        , m_rows(m_batch * plan.sequence)
        , m_channels(plan.model.channels)
        , m_final(static_cast<int32_t>(plan.model.layers)) {}

    void emit() {
        const int64_t micro_batches = m_plan.accumulation();
        std::vector<ZeroParameters::LayerUse> uses;
        for (int64_t m = 0; m < micro_batches; ++m) appendUses(uses);
        m_parameters.setUses(uses);
        addInputs();
        for (int32_t m = 0; m < micro_batches; ++m) {
            m_build.setMicroBatch(m, micro_batches);
            m_gradients.beginMicroBatch(m);
            m_blocks.clear();
            BufferId x = embed(m);
            for (int32_t l = 0; l < m_final; ++l) x = blockForward(l, x);
            BufferId dx = head(x, m);
            for (int32_t l = m_final; l-- > 0;) dx = blockBackward(l, dx);
            embedBackward(dx);
            m_gradients.endMicroBatch();
        }
        m_build.setMicroBatch(0, 1);
    }

private:
    using Dims = std::array<int64_t, 4>;

    // The head shares the embedding's weights and keeps them from its forward into its backward use.
    void appendUses(std::vector<ZeroParameters::LayerUse>& uses) const {
        uses.push_back({embedding_layer, Phase::forward});
        for (int32_t l = 0; l < m_final; ++l) uses.push_back({l, Phase::forward});
        uses.push_back({m_final, Phase::forward});
        uses.push_back({embedding_layer, Phase::forward});
        uses.push_back({m_final, Phase::backward});
        for (int32_t l = m_final; l-- > 0;) uses.push_back({l, Phase::backward});
    }

    int32_t parameterOf(ParameterRole role, int32_t layer) const {
        for (size_t p = 0; p < m_plan.parameters.size(); ++p)
            if (m_plan.parameters[p].role == role && m_plan.parameters[p].layer == layer)
                return static_cast<int32_t>(p);
        assert(!"the model has no such parameter");
        return -1;
    }
    Operand weight(ParameterRole role, int32_t layer) const { return m_parameters.parameter(parameterOf(role, layer)); }
    Operand gradient(ParameterRole role, int32_t layer, Access access = Access::write) {
        return m_gradients.gradient(parameterOf(role, layer), access);
    }
    // In the reverse of definition order, which is the order of the buckets.
    void ready(int32_t layer, ParameterRole first, ParameterRole second) {
        m_gradients.ready(parameterOf(first, layer));
        m_gradients.ready(parameterOf(second, layer));
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

    void addInputs() {
        auto input = [&](const char* name, DType dtype, int64_t elements) {
            return m_build.addBuffer({.name = name,
                                      .dtype = dtype,
                                      .elements = elements,
                                      .category = MemoryCategory::other,
                                      .persistent = true});
        };
        m_plan.ids = input("token ids", DType::i32, m_rows);
        m_plan.targets = input("target ids", DType::i32, m_rows);
        m_plan.losses = input("losses", DType::f32, m_rows * m_plan.accumulation());
    }

    BufferId embed(int32_t micro_batch) {
        op(ComputeKind::load_batch, "load batch", Phase::forward, embedding_layer,
           {m_batch, m_plan.sequence, micro_batch, 0}, {write(m_plan.ids), write(m_plan.targets)});
        m_parameters.beginUse(embedding_layer);
        const BufferId x = buffer("embedding output", m_rows * m_channels);
        op(ComputeKind::embedding_forward, "embedding", Phase::forward, embedding_layer,
           {m_batch, m_plan.sequence, m_channels, 0},
           {write(x), read(m_plan.ids), weight(ParameterRole::token_embedding, embedding_layer),
            weight(ParameterRole::position_embedding, embedding_layer)});
        return x;
    }

    void norm(const std::string& name, Phase phase, int32_t layer, BufferId out, BufferId mean, BufferId rstd,
              BufferId x, ParameterRole w, ParameterRole b) {
        op(ComputeKind::layernorm_forward, name, phase, layer, {m_rows, m_channels, 0, 0},
           {write(out), write(mean), write(rstd), read(x), weight(w, layer), weight(b, layer)});
    }
    void linear(const std::string& name, Phase phase, int32_t layer, BufferId out, BufferId x, ParameterRole w,
                ParameterRole b, int64_t n, int64_t k) {
        op(ComputeKind::matmul_forward, name, phase, layer, {m_rows, n, k, 0},
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

    void attention(int32_t l, Phase phase, BlockActivations& a) {
        a.attended = buffer(named(l, "attention"), m_rows * m_channels);
        a.lse = floats(named(l, "attention log sum"), m_batch * m_model.heads * m_plan.sequence);
        op(ComputeKind::attention_forward, named(l, "attention"), phase, l, attentionDims(),
           {write(a.attended), write(a.lse), read(a.qkv), write(attentionWorkspace(l, "forward"))});
    }

    // A block up to what its backward pass reads; the two ops behind that make its output.
    BlockActivations blockInside(int32_t l, BufferId x, Phase phase) {
        using R = ParameterRole;
        const int64_t rc = m_rows * m_channels;
        BlockActivations a{};
        a.in = x;
        a.norm1 = buffer(named(l, "norm 1"), rc);
        a.mean1 = floats(named(l, "norm 1 mean"), m_rows);
        a.rstd1 = floats(named(l, "norm 1 rstd"), m_rows);
        norm(named(l, "norm 1"), phase, l, a.norm1, a.mean1, a.rstd1, x, R::norm1_weight, R::norm1_bias);
        a.qkv = buffer(named(l, "qkv"), 3 * rc);
        linear(named(l, "qkv"), phase, l, a.qkv, a.norm1, R::qkv_weight, R::qkv_bias, 3 * m_channels, m_channels);
        attention(l, phase, a);
        const BufferId projected = buffer(named(l, "projection"), rc);
        linear(named(l, "projection"), phase, l, projected, a.attended, R::projection_weight, R::projection_bias,
               m_channels, m_channels);
        a.middle = buffer(named(l, "residual 1"), rc);
        op(ComputeKind::residual_forward, named(l, "residual 1"), phase, l, {rc, 0, 0, 0},
           {write(a.middle), read(x), read(projected)});
        a.norm2 = buffer(named(l, "norm 2"), rc);
        a.mean2 = floats(named(l, "norm 2 mean"), m_rows);
        a.rstd2 = floats(named(l, "norm 2 rstd"), m_rows);
        norm(named(l, "norm 2"), phase, l, a.norm2, a.mean2, a.rstd2, a.middle, R::norm2_weight, R::norm2_bias);
        a.up = buffer(named(l, "up"), 4 * rc);
        linear(named(l, "up"), phase, l, a.up, a.norm2, R::up_weight, R::up_bias, 4 * m_channels, m_channels);
        a.gelu = buffer(named(l, "gelu"), 4 * rc);
        op(ComputeKind::gelu_forward, named(l, "gelu"), phase, l, {4 * rc, 0, 0, 0}, {write(a.gelu), read(a.up)});
        return a;
    }

    BufferId blockForward(int32_t l, BufferId x) {
        using R = ParameterRole;
        m_parameters.beginUse(l);
        if (m_to_host) saveInput(l, x);
        const int64_t rc = m_rows * m_channels;
        const BlockActivations a = blockInside(l, x, Phase::forward);
        const BufferId down = buffer(named(l, "down"), rc);
        linear(named(l, "down"), Phase::forward, l, down, a.gelu, R::down_weight, R::down_bias, m_channels,
               4 * m_channels);
        const BufferId out = buffer(named(l, "residual 2"), rc);
        op(ComputeKind::residual_forward, named(l, "residual 2"), Phase::forward, l, {rc, 0, 0, 0},
           {write(out), read(a.middle), read(down)});
        m_blocks.push_back(a);
        return out;
    }

    // cpu_checkpointing: the input of every block but the last waits on the host for its recomputation.
    void saveInput(int32_t l, BufferId x) {
        if (l == 0) m_saved.assign(static_cast<size_t>(m_final), {});
        if (l + 1 == m_final) return;
        SavedInput& saved = m_saved[static_cast<size_t>(l)];
        saved.host = m_build.addBuffer({.name = named(l, "input on the host"),
                                        .dtype = m_dtype,
                                        .elements = m_rows * m_channels,
                                        .category = MemoryCategory::activations,
                                        .tier = MemoryTier::host});
        saved.copy = m_build.addCopy("download " + named(l, "input"), Phase::forward, l, -1, write(saved.host), read(x),
                                     key_cpu_checkpointing);
        if (l > 0) m_build.blockCompute(m_saved[static_cast<size_t>(l - 1)].copy); // frees that input on the device
    }
    void fetchInput(int32_t l) {
        if (!m_to_host || l < 0 || l + 1 == m_final) return;
        BufferId& in = m_blocks[static_cast<size_t>(l)].in;
        const BufferId host = m_saved[static_cast<size_t>(l)].host;
        in = buffer(named(l, "input again"), m_rows * m_channels);
        m_build.addCopy("upload " + named(l, "input"), Phase::recompute, l, -1, write(in), read(host),
                        key_cpu_checkpointing);
    }

    // Final norm, head, loss and their backward; returns the gradient of the last block's output.
    BufferId head(BufferId x, int32_t micro_batch) {
        using R = ParameterRole;
        const int64_t rc = m_rows * m_channels;
        const int64_t vocabulary = m_model.vocabulary;
        const int32_t l = m_final;
        m_parameters.beginUse(l);
        const BufferId normed = buffer("final norm", rc);
        const BufferId mean = floats("final norm mean", m_rows), rstd = floats("final norm rstd", m_rows);
        norm("final norm", Phase::forward, l, normed, mean, rstd, x, R::final_norm_weight, R::final_norm_bias);

        m_parameters.beginUse(embedding_layer);
        const BufferId logits = buffer("logits", m_rows * vocabulary);
        const BufferId lse = floats("logits log sum", m_rows);
        op(ComputeKind::matmul_forward, "head", Phase::forward, l, {m_rows, vocabulary, m_channels, 0},
           {write(logits), read(normed), weight(R::token_embedding, embedding_layer), Operand{}});
        op(ComputeKind::cross_entropy_forward, "loss", Phase::forward, l, {m_rows, vocabulary, 0, 0},
           {Operand{
                .buffer = m_plan.losses, .offset = micro_batch * m_rows, .elements = m_rows, .access = Access::write},
            write(lse), read(logits), read(m_plan.targets)});
        op(ComputeKind::cross_entropy_backward, "loss backward", Phase::backward, l,
           {m_rows, vocabulary, m_plan.accumulation(), 0},
           {m_build.all(logits, Access::read_write), read(m_plan.targets), read(lse)});
        const BufferId dnormed = buffer("final norm gradient", rc);
        op(ComputeKind::matmul_backward_input, "head backward input", Phase::backward, l,
           {m_rows, vocabulary, m_channels, 0},
           {write(dnormed), read(logits), weight(R::token_embedding, embedding_layer)});
        op(ComputeKind::matmul_backward_weight, "head backward weight", Phase::backward, l,
           {m_rows, vocabulary, m_channels, 0},
           {gradient(R::token_embedding, embedding_layer), Operand{}, read(logits), read(normed)});

        m_parameters.beginUse(l);
        const BufferId dx = buffer("gradient into last block", rc);
        normBackward("final norm backward", l, dx, dnormed, BufferId::none, x, mean, rstd, R::final_norm_weight,
                     R::final_norm_bias);
        return dx;
    }

    BufferId blockBackward(int32_t l, BufferId dout) {
        using R = ParameterRole;
        m_parameters.beginUse(l);
        fetchInput(l - 1); // arrives while this block works
        BlockActivations a = m_blocks[static_cast<size_t>(l)];
        if (m_recompute == Recompute::full) a = blockInside(l, a.in, Phase::recompute);
        if (m_recompute == Recompute::selective) attention(l, Phase::recompute, a);
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
    ZeroParameters& m_parameters;
    ZeroGradients& m_gradients;
    const ModelSpec& m_model;
    Recompute m_recompute;
    bool m_to_host;
    DType m_dtype;
    int64_t m_batch, m_rows, m_channels;
    int32_t m_final;
    struct SavedInput {
        BufferId host = BufferId::none;
        OpId copy = OpId::none;
    };
    std::vector<BlockActivations> m_blocks;
    std::vector<SavedInput> m_saved;
};

} // namespace

void emitGpt2Step(Plan& plan, ProgramBuilder& build, ZeroParameters& parameters, ZeroGradients& gradients) {
    Gpt2Emitter(plan, build, parameters, gradients).emit();
}

} // namespace shardscope
