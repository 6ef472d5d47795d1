// SPDX-License-Identifier: Apache-2.0
// The layers of a block as ops, forward and backward. What the families do differently is here and nowhere else:
// LayerNorm or RMSNorm, learned or rotary positions, GELU or SwiGLU, with or without biases.
#pragma once
#include "core_runtime/zero_gradients.h"
#include "core_runtime/zero_parameters.h"
#include <map>
#include <span>

namespace shardscope {

// Elements from row to row of the logits: rows start on cache lines and as libraries of matrix products want them,
// which a vocabulary of 50,257 would not give.
constexpr int64_t logitsPitch(int64_t vocabulary) { return (vocabulary + 63) / 64 * 64; }

class LayerOps {
public:
    LayerOps(Plan&, ProgramBuilder&, ZeroParameters&, ZeroGradients&);

    struct Place { // of an op in the step
        Phase phase = Phase::forward;
        int32_t layer = 0;
    };
    struct Weights { // parameters of one layer, by index, the first of tiles; -1: the model has none
        int32_t weight = -1, bias = -1;
    };
    Weights weights(ParameterRole weight, ParameterRole bias, int32_t layer) const {
        return {find(weight, layer), find(bias, layer)};
    }
    Weights headWeights() const;
    int64_t rows() const { return m_rows; } // tokens of a micro-batch

    BufferId buffer(std::string name, int64_t elements); // of activations, in the model's type
    BufferId floats(std::string name, int64_t elements, MemoryCategory category = MemoryCategory::activations);
    Operand read(BufferId b) const { return b == BufferId::none ? Operand{} : m_build.all(b, Access::read); }
    Operand write(BufferId b) const { return b == BufferId::none ? Operand{} : m_build.all(b, Access::write); }
    Operand change(BufferId b) const { return m_build.all(b, Access::read_write); }
    void op(ComputeKind, const std::string& name, Place, OpDims, std::vector<Operand>, float value = 0);

    // All outputs are new buffers: those of forward ops are called like the op, gradients as `gradient_name` says.
    BufferId embed();
    void embedBackward(BufferId dx);

    struct Norm {
        BufferId out, mean, rstd;
    };
    Norm norm(const std::string& name, Place, BufferId x, Weights);
    // The gradient of x plus `dresidual` (or none).
    BufferId normBackward(const std::string& name, const std::string& gradient_name, Place, BufferId dout,
                          BufferId dresidual, BufferId x, const Norm&, Weights);

    // A tiled weight is gathered tile by tile inside these, in the order that tileUses() tells.
    // `pitch`: elements from row to row of the result (of dout), 0 for dense ones; not for tiled weights.
    BufferId linear(const std::string& name, Place, BufferId x, Weights, int64_t pitch = 0);
    BufferId linearBackward(const std::string& name, const std::string& gradient_name, Place, BufferId dout, BufferId x,
                            Weights, int64_t pitch = 0);
    void tileUses(std::vector<ZeroParameters::LayerUse>&, ParameterRole, Place) const;

    struct Attention {
        BufferId out, lse;
    };
    void rotate(const std::string& name, Place, BufferId qkv, bool inverse); // where positions are rotary, in place
    Attention attention(const std::string& name, Place, BufferId qkv);
    BufferId attentionBackward(const std::string& name, const std::string& gradient_name, Place, BufferId dout,
                               BufferId qkv, const Attention&);

    // `block` is the start of the names.
    BufferId activation(const std::string& block, Place, BufferId up);
    BufferId activationBackward(const std::string& block, Place, BufferId dout, BufferId up);
    // Without dropout in the model neither emits anything. `drop` works in place; the gradient is a new buffer, because
    // it goes another way undropped. `place_in_model`: see dropoutKey().
    void drop(const std::string& name, Place, BufferId x, int64_t place_in_model);
    BufferId dropBackward(const std::string& name, Place, BufferId dout, int64_t place_in_model);
    BufferId residual(const std::string& name, Place, BufferId a, BufferId b);

private:
    int32_t find(ParameterRole role, int32_t layer) const;
    Operand parameter(int32_t p) const { return p < 0 ? Operand{} : m_parameters.parameter(p); }
    Operand gradient(int32_t p, Access access = Access::write) {
        return p < 0 ? Operand{} : m_gradients.gradient(p, access);
    }
    void ready(Weights);
    std::span<const ParameterInfo> tilesOf(Weights) const;
    void linearByTiles(const std::string& name, Place, BufferId out, BufferId x, Weights);
    void linearBackwardByTiles(const std::string& name, Place, BufferId dx, BufferId dout, BufferId x, Weights);
    OpDims attentionDims() const;
    OpDims dropDims(int64_t place_in_model) const;
    BufferId attentionWorkspace(const std::string& name);

    Plan& m_plan;
    ProgramBuilder& m_build;
    ZeroParameters& m_parameters;
    ZeroGradients& m_gradients;
    const ModelSpec& m_model;
    bool m_llama;
    int64_t m_rows, m_channels, m_feed_forward;
    std::map<std::pair<ParameterRole, int32_t>, int32_t> m_index;
};

} // namespace shardscope
