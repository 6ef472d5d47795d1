// SPDX-License-Identifier: Apache-2.0
#include "core_runtime/transformer_step.h"
#include "core_runtime/layer_ops.h"

namespace shardscope {
namespace {

using Role = ParameterRole;

constexpr const char* key_cpu_checkpointing = "activation_checkpointing.cpu_checkpointing";

// What the backward pass of a block reads; with recomputation only `in` is kept from the forward pass.
struct BlockActivations {
    BufferId in;
    LayerOps::Norm norm1;
    BufferId qkv;
    LayerOps::Attention attention;
    BufferId middle;
    LayerOps::Norm norm2;
    BufferId up, activated;
};

class TransformerStep {
public:
    TransformerStep(Plan& plan, ProgramBuilder& build, ZeroParameters& parameters, ZeroGradients& gradients)
        : m_plan(plan)
        , m_build(build)
        , m_parameters(parameters)
        , m_gradients(gradients)
        , m_ops(plan, build, parameters, gradients)
        , m_tied(plan.model.tied)
        , m_recompute(plan.config.activations.recompute)
        , m_to_host(plan.config.activations.cpu_checkpointing && m_recompute == Recompute::full)
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
            m_ops.embedBackward(m_ops.dropBackward("embedding dropout", {Phase::backward, embedding_layer}, dx, 0));
            m_gradients.endMicroBatch();
        }
        m_build.setMicroBatch(0, 1);
    }

private:
    // The head keeps its weights from its forward into its backward use. A tied one has the embedding's, which are
    // fetched apart from the final norm's.
    void appendUses(std::vector<ZeroParameters::LayerUse>& uses) const {
        uses.push_back({embedding_layer, Phase::forward});
        for (int32_t l = 0; l < m_final; ++l) {
            uses.push_back({l, Phase::forward});
            for (const Role role : {Role::qkv_weight, Role::projection_weight, Role::up_weight, Role::down_weight})
                m_ops.tileUses(uses, role, {Phase::forward, l});
        }
        uses.push_back({m_final, Phase::forward});
        if (m_tied) {
            uses.push_back({embedding_layer, Phase::forward});
            uses.push_back({m_final, Phase::backward});
        }
        for (int32_t l = m_final; l-- > 0;) {
            uses.push_back({l, Phase::backward});
            if (m_recompute == Recompute::full)
                for (const Role role : {Role::qkv_weight, Role::projection_weight, Role::up_weight})
                    m_ops.tileUses(uses, role, {Phase::recompute, l});
            for (const Role role : {Role::down_weight, Role::up_weight, Role::projection_weight, Role::qkv_weight})
                m_ops.tileUses(uses, role, {Phase::backward, l});
        }
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
        m_plan.ids = input("token ids", DType::i32, m_ops.rows());
        m_plan.targets = input("target ids", DType::i32, m_ops.rows());
        m_plan.losses = input("losses", DType::f32, m_ops.rows() * m_plan.accumulation());
    }

    BufferId embed(int32_t micro_batch) {
        m_ops.op(ComputeKind::load_batch, "load batch", {Phase::forward, embedding_layer},
                 {m_ops.rows() / m_plan.sequence, m_plan.sequence, micro_batch},
                 {m_ops.write(m_plan.ids), m_ops.write(m_plan.targets)});
        m_parameters.beginUse(embedding_layer);
        const BufferId x = m_ops.embed();
        m_ops.drop("embedding dropout", {Phase::forward, embedding_layer}, x, 0);
        return x;
    }

    // A block up to what its backward pass reads; the two ops behind that make its output.
    BlockActivations blockInside(int32_t l, BufferId x, Phase phase) {
        const LayerOps::Place place{phase, l};
        BlockActivations a{};
        a.in = x;
        a.norm1 = m_ops.norm(named(l, "norm 1"), place, x, m_ops.weights(Role::norm1_weight, Role::norm1_bias, l));
        a.qkv = m_ops.linear(named(l, "qkv"), place, a.norm1.out, m_ops.weights(Role::qkv_weight, Role::qkv_bias, l));
        m_ops.rotate(named(l, "rotary positions"), place, a.qkv, false);
        a.attention = m_ops.attention(named(l, "attention"), place, a.qkv);
        const BufferId projected = m_ops.linear(named(l, "projection"), place, a.attention.out,
                                                m_ops.weights(Role::projection_weight, Role::projection_bias, l));
        m_ops.drop(named(l, "dropout 1"), place, projected, 1 + 2 * l);
        a.middle = m_ops.residual(named(l, "residual 1"), place, x, projected);
        a.norm2 =
            m_ops.norm(named(l, "norm 2"), place, a.middle, m_ops.weights(Role::norm2_weight, Role::norm2_bias, l));
        a.up = m_ops.linear(named(l, "up"), place, a.norm2.out, m_ops.weights(Role::up_weight, Role::up_bias, l));
        a.activated = m_ops.activation("block " + std::to_string(l), place, a.up);
        return a;
    }

    BufferId blockForward(int32_t l, BufferId x) {
        m_parameters.beginUse(l);
        if (m_to_host) saveInput(l, x);
        const LayerOps::Place place{Phase::forward, l};
        const BlockActivations a = blockInside(l, x, Phase::forward);
        const BufferId down =
            m_ops.linear(named(l, "down"), place, a.activated, m_ops.weights(Role::down_weight, Role::down_bias, l));
        m_ops.drop(named(l, "dropout 2"), place, down, 2 + 2 * l);
        m_blocks.push_back(a);
        return m_ops.residual(named(l, "residual 2"), place, a.middle, down);
    }

    // cpu_checkpointing: the input of every block but the last waits on the host for its recomputation.
    void saveInput(int32_t l, BufferId x) {
        if (l == 0) m_saved.assign(static_cast<size_t>(m_final), {});
        if (l + 1 == m_final) return;
        SavedInput& saved = m_saved[static_cast<size_t>(l)];
        saved.host = m_build.addBuffer({.name = named(l, "input on the host"),
                                        .dtype = m_plan.dtype(),
                                        .elements = m_ops.rows() * m_plan.model.channels,
                                        .category = MemoryCategory::activations,
                                        .tier = MemoryTier::host,
                                        .config_key = key_cpu_checkpointing});
        saved.copy = m_build.addCopy("download " + named(l, "input"), Phase::forward, l, -1, m_ops.write(saved.host),
                                     m_ops.read(x), key_cpu_checkpointing);
        if (l > 0) m_build.blockCompute(m_saved[static_cast<size_t>(l - 1)].copy); // frees that input on the device
    }
    void fetchInput(int32_t l) {
        if (!m_to_host || l < 0 || l + 1 == m_final) return;
        BufferId& in = m_blocks[static_cast<size_t>(l)].in;
        const BufferId host = m_saved[static_cast<size_t>(l)].host;
        in = m_ops.buffer(named(l, "input again"), m_ops.rows() * m_plan.model.channels);
        m_build.addCopy("upload " + named(l, "input"), Phase::recompute, l, -1, m_ops.write(in), m_ops.read(host),
                        key_cpu_checkpointing);
    }

    // Final norm, head, loss and their backward; returns the gradient of the last block's output.
    BufferId head(BufferId x, int32_t micro_batch) {
        const int64_t rows = m_ops.rows(), vocabulary = m_plan.model.vocabulary, pitch = logitsPitch(vocabulary);
        const LayerOps::Place forward{Phase::forward, m_final}, backward{Phase::backward, m_final};
        const LayerOps::Weights norm_weights = m_ops.weights(Role::final_norm_weight, Role::final_norm_bias, m_final);
        m_parameters.beginUse(m_final);
        const LayerOps::Norm norm = m_ops.norm("final norm", forward, x, norm_weights);

        if (m_tied) m_parameters.beginUse(embedding_layer);
        const BufferId logits = m_ops.linear("head", forward, norm.out, m_ops.headWeights(), pitch);
        // The gradient takes the place of the logits, in the pass that computes the loss.
        m_ops.op(
            ComputeKind::cross_entropy, "loss", forward, {rows, vocabulary, m_plan.accumulation(), pitch},
            {Operand{.buffer = m_plan.losses, .offset = micro_batch * rows, .elements = rows, .access = Access::write},
             m_ops.change(logits), m_ops.read(m_plan.targets)});
        const BufferId dnormed =
            m_ops.linearBackward("head", "final norm gradient", backward, logits, norm.out, m_ops.headWeights(), pitch);

        if (m_tied) m_parameters.beginUse(m_final);
        return m_ops.normBackward("final norm", "gradient into last block", backward, dnormed, BufferId::none, x, norm,
                                  norm_weights);
    }

    BufferId blockBackward(int32_t l, BufferId dout) {
        m_parameters.beginUse(l);
        fetchInput(l - 1); // arrives while this block works
        const LayerOps::Place place{Phase::backward, l}, again{Phase::recompute, l};
        BlockActivations a = m_blocks[static_cast<size_t>(l)];
        if (m_recompute == Recompute::full) a = blockInside(l, a.in, Phase::recompute);
        if (m_recompute == Recompute::selective) a.attention = m_ops.attention(named(l, "attention"), again, a.qkv);
        const BufferId ddown = m_ops.dropBackward(named(l, "dropout 2"), place, dout, 2 + 2 * l);
        const BufferId dactivated =
            m_ops.linearBackward(named(l, "down"), named(l, "activation gradient"), place, ddown, a.activated,
                                 m_ops.weights(Role::down_weight, Role::down_bias, l));
        const BufferId dup = m_ops.activationBackward("block " + std::to_string(l), place, dactivated, a.up);
        const BufferId dnorm2 = m_ops.linearBackward(named(l, "up"), named(l, "norm 2 gradient"), place, dup,
                                                     a.norm2.out, m_ops.weights(Role::up_weight, Role::up_bias, l));
        const BufferId dmiddle =
            m_ops.normBackward(named(l, "norm 2"), named(l, "residual 1 gradient"), place, dnorm2, dout, a.middle,
                               a.norm2, m_ops.weights(Role::norm2_weight, Role::norm2_bias, l));
        const BufferId dprojected = m_ops.dropBackward(named(l, "dropout 1"), place, dmiddle, 1 + 2 * l);
        const BufferId dattended =
            m_ops.linearBackward(named(l, "projection"), named(l, "attention gradient"), place, dprojected,
                                 a.attention.out, m_ops.weights(Role::projection_weight, Role::projection_bias, l));
        const BufferId dqkv = m_ops.attentionBackward(named(l, "attention"), named(l, "qkv gradient"), place, dattended,
                                                      a.qkv, a.attention);
        m_ops.rotate(named(l, "rotary positions backward"), place, dqkv, true);
        const BufferId dnorm1 = m_ops.linearBackward(named(l, "qkv"), named(l, "norm 1 gradient"), place, dqkv,
                                                     a.norm1.out, m_ops.weights(Role::qkv_weight, Role::qkv_bias, l));
        return m_ops.normBackward(named(l, "norm 1"), named(l, "input gradient"), place, dnorm1, dmiddle, a.in, a.norm1,
                                  m_ops.weights(Role::norm1_weight, Role::norm1_bias, l));
    }

    Plan& m_plan;
    ProgramBuilder& m_build;
    ZeroParameters& m_parameters;
    ZeroGradients& m_gradients;
    LayerOps m_ops;
    bool m_tied;
    Recompute m_recompute;
    bool m_to_host;
    int32_t m_final;
    struct SavedInput {
        BufferId host = BufferId::none;
        OpId copy = OpId::none;
    };
    std::vector<BlockActivations> m_blocks;
    std::vector<SavedInput> m_saved;
};

} // namespace

void emitTransformerStep(Plan& plan, ProgramBuilder& build, ZeroParameters& parameters, ZeroGradients& gradients) {
    TransformerStep(plan, build, parameters, gradients).emit();
}

} // namespace shardscope
