// SPDX-License-Identifier: Apache-2.0
#include "core_runtime/layer_ops.h"
#include "core_runtime/zero_keys.h"
#include "kernels/ops.h"
#include <algorithm>
#include <cassert>

namespace shardscope {
namespace {

constexpr const char* key_batch = "train_micro_batch_size_per_gpu";

} // namespace

LayerOps::LayerOps(Plan& plan, ProgramBuilder& build, ZeroParameters& parameters, ZeroGradients& gradients)
    : m_plan(plan)
    , m_build(build)
    , m_parameters(parameters)
    , m_gradients(gradients)
    , m_model(plan.model)
    , m_llama(plan.model.family == ModelFamily::llama)
    , m_rows(plan.config.train_micro_batch_size_per_gpu * plan.sequence)
    , m_channels(plan.model.channels)
    , m_feed_forward(plan.model.feedForward()) {
    for (size_t p = 0; p < plan.parameters.size(); ++p)
        m_index.try_emplace({plan.parameters[p].role, plan.parameters[p].layer}, static_cast<int32_t>(p));
}

int32_t LayerOps::find(ParameterRole role, int32_t layer) const {
    const auto found = m_index.find({role, layer});
    return found == m_index.end() ? -1 : found->second;
}

LayerOps::Weights LayerOps::headWeights() const {
    return {m_model.tied ? find(ParameterRole::token_embedding, embedding_layer)
                         : find(ParameterRole::head_weight, static_cast<int32_t>(m_model.layers))};
}

// In the reverse of definition order, which is the order of the buckets.
void LayerOps::ready(Weights w) {
    if (w.bias >= 0) m_gradients.ready(w.bias);
    m_gradients.ready(w.weight);
}

BufferId LayerOps::buffer(std::string name, int64_t elements) {
    return m_build.addBuffer({.name = std::move(name),
                              .dtype = m_plan.dtype(),
                              .elements = elements,
                              .category = MemoryCategory::activations});
}

BufferId LayerOps::floats(std::string name, int64_t elements, MemoryCategory category) {
    return m_build.addBuffer(
        {.name = std::move(name), .dtype = DType::f32, .elements = elements, .category = category});
}

void LayerOps::op(ComputeKind kind, const std::string& name, Place place, OpDims dims, std::vector<Operand> operands,
                  float value) {
    const OpId id = m_build.addCompute(kind, name, place.phase, place.layer, dims, std::move(operands), key_batch);
    m_build.op(id).value = value;
}

BufferId LayerOps::embed() {
    const Weights w = weights(ParameterRole::token_embedding, ParameterRole::position_embedding, embedding_layer);
    const BufferId x = buffer("embedding output", m_rows * m_channels);
    op(ComputeKind::embedding_forward, "embedding", {Phase::forward, embedding_layer},
       {m_rows / m_plan.sequence, m_plan.sequence, m_channels},
       {write(x), read(m_plan.ids), parameter(w.weight), parameter(w.bias)});
    return x;
}

void LayerOps::embedBackward(BufferId dx) {
    const Weights w = weights(ParameterRole::token_embedding, ParameterRole::position_embedding, embedding_layer);
    const Place place{Phase::backward, embedding_layer};
    if (!m_model.tied) // else the head has written the gradient already; the lookup adds to it
        op(ComputeKind::zero, "clear embedding gradient", place, {at(m_plan.parameters, w.weight).elements},
           {gradient(w.weight)});
    op(ComputeKind::embedding_backward, "embedding backward", place,
       {m_rows / m_plan.sequence, m_plan.sequence, m_channels, m_model.context},
       {gradient(w.weight, Access::read_write), gradient(w.bias), read(dx), read(m_plan.ids)});
    ready(w);
}

LayerOps::Norm LayerOps::norm(const std::string& name, Place place, BufferId x, Weights w) {
    Norm n{buffer(name, m_rows * m_channels), BufferId::none, BufferId::none};
    if (!m_llama) n.mean = floats(name + " mean", m_rows);
    n.rstd = floats(name + " rstd", m_rows);
    if (m_llama)
        op(ComputeKind::rmsnorm_forward, name, place, {m_rows, m_channels},
           {write(n.out), write(n.rstd), read(x), parameter(w.weight)}, m_model.norm_epsilon);
    else
        op(ComputeKind::layernorm_forward, name, place, {m_rows, m_channels},
           {write(n.out), write(n.mean), write(n.rstd), read(x), parameter(w.weight), parameter(w.bias)});
    return n;
}

BufferId LayerOps::normBackward(const std::string& name, const std::string& gradient_name, Place place, BufferId dout,
                                BufferId dresidual, BufferId x, const Norm& n, Weights w) {
    const BufferId dx = buffer(gradient_name, m_rows * m_channels);
    if (m_llama)
        op(ComputeKind::rmsnorm_backward, name + " backward", place, {m_rows, m_channels},
           {write(dx), gradient(w.weight), read(dout), read(dresidual), read(x), parameter(w.weight), read(n.rstd)});
    else
        op(ComputeKind::layernorm_backward, name + " backward", place, {m_rows, m_channels},
           {write(dx), gradient(w.weight), gradient(w.bias), read(dout), read(dresidual), read(x), parameter(w.weight),
            read(n.mean), read(n.rstd)});
    ready(w);
    return dx;
}

std::span<const ParameterInfo> LayerOps::tilesOf(Weights w) const {
    const auto first = static_cast<size_t>(w.weight);
    if (!m_plan.parameters[first].tile) return {&m_plan.parameters[first], 1};
    return {&m_plan.parameters[first], static_cast<size_t>(m_model.tile_out * m_model.tile_in)};
}

BufferId LayerOps::linear(const std::string& name, Place place, BufferId x, Weights w, int64_t pitch) {
    const ParameterInfo& last = tilesOf(w).back();
    const int64_t n = last.shape[0] + (last.tile ? last.tile->row : 0);
    assert(pitch == 0 || !last.tile);
    const BufferId out = buffer(name, m_rows * std::max(n, pitch));
    if (last.tile)
        linearByTiles(name, place, out, x, w);
    else
        op(ComputeKind::matmul_forward, name, place, {m_rows, n, last.shape[1], 0, pitch},
           {write(out), read(x), parameter(w.weight), parameter(w.bias)});
    return out;
}

BufferId LayerOps::linearBackward(const std::string& name, const std::string& gradient_name, Place place, BufferId dout,
                                  BufferId x, Weights w, int64_t pitch) {
    const ParameterInfo& last = tilesOf(w).back();
    const int64_t k = last.tile ? last.tile->whole_columns : last.shape[1];
    const BufferId dx = buffer(gradient_name, m_rows * k);
    if (last.tile) {
        linearBackwardByTiles(name, place, dx, dout, x, w);
        return dx;
    }
    const OpDims dims = {m_rows, last.shape[0], k, 0, pitch};
    op(ComputeKind::matmul_backward_input, name + " backward input", place, dims,
       {write(dx), read(dout), parameter(w.weight)});
    op(ComputeKind::matmul_backward_weight, name + " backward weight", place, dims,
       {gradient(w.weight), gradient(w.bias), read(dout), read(x)});
    if (last.role != ParameterRole::token_embedding) ready(w); // the lookup adds to a tied head's gradient
    return dx;
}

void LayerOps::tileUses(std::vector<ZeroParameters::LayerUse>& uses, ParameterRole role, Place place) const {
    const std::span<const ParameterInfo> tiles = tilesOf({.weight = find(role, place.layer)});
    if (!tiles.front().tile) return;
    for (size_t t = 0; t < tiles.size(); ++t) {
        const ParameterInfo& tile = place.phase == Phase::backward ? tiles[tiles.size() - 1 - t] : tiles[t];
        uses.push_back({place.layer, place.phase, tile.tile->number});
    }
}

namespace {

// Columns [column, column + columns) of a matrix of `rows` rows.
Operand columnsOf(Operand matrix, int64_t rows, int64_t column, int64_t columns) {
    const int64_t stride = matrix.elements / rows;
    matrix.offset += column;
    matrix.elements = (rows - 1) * stride + columns;
    return matrix;
}

} // namespace

void LayerOps::linearByTiles(const std::string& name, Place place, BufferId out, BufferId x, Weights w) {
    int32_t p = w.weight;
    const ParameterInfo& last = tilesOf(w).back();
    const int64_t n = last.tile->row + last.shape[0], k = last.tile->whole_columns;
    for (const ParameterInfo& info : tilesOf(w)) {
        const TileInfo& tile = *info.tile;
        m_parameters.beginUse(place.layer, tile.number);
        const bool first = tile.column == 0; // of the tiles that make these outputs
        Operand bias = first ? parameter(w.bias) : Operand{};
        if (bias.buffer != BufferId::none) bias = columnsOf(bias, 1, tile.row, info.shape[0]);
        op(ComputeKind::matmul_forward, name + " tile " + std::to_string(tile.number), place,
           {m_rows, info.shape[0], info.shape[1], k, n, !first},
           {columnsOf(first ? write(out) : change(out), m_rows, tile.row, info.shape[0]),
            columnsOf(read(x), m_rows, tile.column, info.shape[1]), parameter(p++), bias});
    }
}

// In the reverse of definition order, as gradients are to become ready: the bias behind the tiles comes first.
void LayerOps::linearBackwardByTiles(const std::string& name, Place place, BufferId dx, BufferId dout, BufferId x,
                                     Weights w) {
    const std::span<const ParameterInfo> tiles = tilesOf(w);
    const int64_t n = tiles.back().tile->row + tiles.back().shape[0], k = tiles.back().tile->whole_columns;
    const int64_t last_row = tiles.back().tile->row;
    if (w.bias >= 0) {
        op(ComputeKind::matmul_backward_weight, name + " backward bias", place, {m_rows, n, k},
           {Operand{}, gradient(w.bias), read(dout), Operand{}});
        m_gradients.ready(w.bias);
    }
    for (size_t t = tiles.size(); t-- > 0;) {
        const TileInfo& tile = *tiles[t].tile;
        const int64_t outputs = tiles[t].shape[0], inputs = tiles[t].shape[1];
        const int32_t p = w.weight + static_cast<int32_t>(t);
        const std::string suffix = " tile " + std::to_string(tile.number);
        m_parameters.beginUse(place.layer, tile.number);
        const bool first = tile.row == last_row;
        op(ComputeKind::matmul_backward_input, name + " backward input" + suffix, place,
           {m_rows, outputs, inputs, k, n, !first},
           {columnsOf(first ? write(dx) : change(dx), m_rows, tile.column, inputs),
            columnsOf(read(dout), m_rows, tile.row, outputs), parameter(p)});
        op(ComputeKind::matmul_backward_weight, name + " backward weight" + suffix, place,
           {m_rows, outputs, inputs, k, n, false},
           {gradient(p), Operand{}, columnsOf(read(dout), m_rows, tile.row, outputs),
            columnsOf(read(x), m_rows, tile.column, inputs)});
        m_gradients.ready(p);
    }
}

void LayerOps::rotate(const std::string& name, Place place, BufferId qkv, bool inverse) {
    if (!m_llama) return;
    op(inverse ? ComputeKind::rope_backward : ComputeKind::rope_forward, name, place,
       {m_rows / m_plan.sequence, m_plan.sequence, m_model.heads, m_model.keyHeads(), m_model.headSize()},
       {change(qkv)}, m_model.rope_theta);
}

OpDims LayerOps::attentionDims() const {
    return {m_rows / m_plan.sequence, m_plan.sequence, m_channels, m_model.heads, m_model.keyHeads()};
}

BufferId LayerOps::attentionWorkspace(const std::string& name) {
    const OpDims d = attentionDims();
    return floats(name, kernels::attentionWorkspaceElements({d[0], d[1], d[2], d[3], d[4]}), MemoryCategory::workspace);
}

LayerOps::Attention LayerOps::attention(const std::string& name, Place place, BufferId qkv) {
    const Attention a{buffer(name, m_rows * m_channels), floats(name + " log sum", m_rows * m_model.heads)};
    op(ComputeKind::attention_forward, name, place, attentionDims(),
       {write(a.out), write(a.lse), read(qkv), write(attentionWorkspace(name + " workspace, forward"))});
    return a;
}

BufferId LayerOps::attentionBackward(const std::string& name, const std::string& gradient_name, Place place,
                                     BufferId dout, BufferId qkv, const Attention& a) {
    const BufferId dqkv = buffer(gradient_name, m_rows * m_model.qkvChannels());
    op(ComputeKind::attention_backward, name + " backward", place, attentionDims(),
       {write(dqkv), read(dout), read(a.out), read(qkv), read(a.lse),
        write(attentionWorkspace(name + " workspace, backward"))});
    return dqkv;
}

BufferId LayerOps::activation(const std::string& block, Place place, BufferId up) {
    const std::string name = block + (m_llama ? " swiglu" : " gelu");
    const BufferId out = buffer(name, m_rows * m_feed_forward);
    if (m_llama)
        op(ComputeKind::swiglu_forward, name, place, {m_rows, m_feed_forward}, {write(out), read(up)});
    else
        op(ComputeKind::gelu_forward, name, place, {m_rows * m_feed_forward}, {write(out), read(up)});
    return out;
}

BufferId LayerOps::activationBackward(const std::string& block, Place place, BufferId dout, BufferId up) {
    const BufferId dup = buffer(block + " up gradient", m_rows * m_feed_forward * (m_llama ? 2 : 1));
    if (m_llama)
        op(ComputeKind::swiglu_backward, block + " swiglu backward", place, {m_rows, m_feed_forward},
           {write(dup), read(up), read(dout)});
    else
        op(ComputeKind::gelu_backward, block + " gelu backward", place, {m_rows * m_feed_forward},
           {write(dup), read(up), read(dout)});
    return dup;
}

OpDims LayerOps::dropDims(int64_t place_in_model) const {
    return {m_rows / m_plan.sequence, m_plan.sequence * m_channels, place_in_model, m_plan.ranks};
}

void LayerOps::drop(const std::string& name, Place place, BufferId x, int64_t place_in_model) {
    if (m_model.dropout == 0) return;
    op(ComputeKind::dropout, name, place, dropDims(place_in_model), {change(x), read(x)}, m_model.dropout);
}

BufferId LayerOps::dropBackward(const std::string& name, Place place, BufferId dout, int64_t place_in_model) {
    if (m_model.dropout == 0) return dout;
    const BufferId dx = buffer(name + " gradient", m_rows * m_channels);
    op(ComputeKind::dropout, name + " backward", place, dropDims(place_in_model), {write(dx), read(dout)},
       m_model.dropout);
    return dx;
}

BufferId LayerOps::residual(const std::string& name, Place place, BufferId a, BufferId b) {
    const BufferId out = buffer(name, m_rows * m_channels);
    op(ComputeKind::residual_forward, name, place, {m_rows * m_channels}, {write(out), read(a), read(b)});
    return out;
}

} // namespace shardscope
