// SPDX-License-Identifier: Apache-2.0
#include "core_runtime/memory_formulas.h"
#include <algorithm>
#include <cassert>
#include <cmath>

namespace shardscope {
namespace {

// Beyond what an int64_t holds nothing is told apart any more.
int64_t whole(double bytes) { return static_cast<int64_t>(std::min(bytes, 9e18)); }

// Of a stage, the bytes per parameter that every rank has and those that the ranks share.
struct Split {
    int64_t replicated, shared;
};
Split splitOf(StateWeights w, int stage) {
    assert(stage >= 0 && stage <= 3);
    const int64_t shared =
        (stage >= 1 ? w.optimizer : 0) + (stage >= 2 ? w.gradients : 0) + (stage >= 3 ? w.parameters : 0);
    return {w.sum() - shared, shared};
}

double real(int64_t value) { return static_cast<double>(value); }

double tokensTimesHidden(const ActivationShape& a) { return real(a.sequence) * real(a.micro_batch) * real(a.hidden); }

// 5as/h: scores, softmax and its dropout, relative to sbh.
double attentionTerm(const ActivationShape& a) { return 5 * real(a.heads) * real(a.sequence) / real(a.hidden); }

// 34 with its parts that tensor parallelism does not divide: 10.
double linearTerm(const ActivationShape& a) {
    return a.feed_forward == 0 ? 34 : 18 + 4 * real(a.feed_forward) / real(a.hidden);
}

} // namespace

ModelStates modelStates(StateWeights w, double parameters, int stage, int64_t ranks) {
    const auto part = [&](int64_t bytes, int first_stage) {
        return whole(std::ceil(real(bytes) * parameters / (stage >= first_stage ? real(ranks) : 1)));
    };
    return {part(w.parameters, 3), part(w.gradients, 2), part(w.optimizer, 1)};
}

double stateBytesPerParameter(StateWeights w, int stage, int64_t ranks) {
    const Split split = splitOf(w, stage);
    return real(split.replicated) + real(split.shared) / real(ranks);
}

std::string stateFormula(StateWeights w, int stage) {
    const Split split = splitOf(w, stage);
    const std::string replicated = std::to_string(split.replicated) + "Ψ",
                      shared = std::to_string(split.shared) + "Ψ/N";
    if (split.shared == 0) return replicated;
    return split.replicated == 0 ? shared : replicated + " + " + shared;
}

double largestModel(StateWeights w, int stage, int64_t ranks, double device_bytes, int64_t model_parallel) {
    return device_bytes * real(model_parallel) / stateBytesPerParameter(w, stage, ranks);
}

DeepSpeedEstimate deepspeedZero2(const DeepSpeedCase& c, DeepSpeedVersion version) {
    const double p = c.parameters, all = real(c.devices_per_node) * real(c.nodes);
    if (c.offload_optimizer)
        return {whole(2 * p), whole(p * std::max(4 * all, 16.0) * c.buffer_factor), "2P", "1.5 P max(4gn, 16)"};
    const int64_t host = whole(p * 4 * real(c.devices_per_node) * c.buffer_factor);
    if (version == DeepSpeedVersion::documented)
        return {whole(4 * p) + whole(16 * p / all), host, "4P + 16P/(gn)", "1.5 * 4gP"};
    return {whole(2 * p) + whole(18 * p / all), host, "2P + 18P/(gn)", "1.5 * 4gP"};
}

DeepSpeedEstimate deepspeedZero3(const DeepSpeedCase& c) {
    const double p = c.parameters, g = real(c.devices_per_node), all = g * real(c.nodes);
    const double largest = 4 * c.largest_layer, nodes = real(c.nodes);
    const auto host = [&](double bytes) { return whole(bytes * c.buffer_factor); };
    if (c.offload_optimizer && c.offload_param)
        return {whole(largest), host(c.zero_init ? p * 18 / nodes : p * std::max(4 * g, 18 / nodes)), "4L",
                c.zero_init ? "1.5 * 18P/n" : "1.5 P max(4g, 18/n)"};
    if (c.offload_optimizer)
        return {whole(largest) + whole(2 * p / all),
                host(c.zero_init ? p * 16 / nodes : p * std::max(4 * g, 16 / nodes)), "4L + 2P/(gn)",
                c.zero_init ? "1.5 * 16P/n" : "1.5 P max(4g, 16/n)"};
    return {whole(largest) + whole(18 * p / all), host((c.zero_init ? c.largest_layer : p) * 4 * g), "4L + 18P/(gn)",
            c.zero_init ? "1.5 * 4gL" : "1.5 * 4gP"};
}

double activationBytesPerLayer(const ActivationShape& a) {
    const double sbh = tokensTimesHidden(a), t = real(a.tensor_parallel);
    if (a.recompute == Recompute::full) return 2 * sbh / (a.partition_checkpoints ? t : 1);
    const double attention = a.recompute == Recompute::selective ? 0 : attentionTerm(a);
    if (a.sequence_parallel) return sbh / t * (linearTerm(a) + attention);
    return sbh * (10 + (linearTerm(a) - 10 + attention) / t);
}

std::string activationFormula(const ActivationShape& a) {
    const bool split = a.tensor_parallel > 1;
    if (a.recompute == Recompute::full) return a.partition_checkpoints && split ? "2sbh/t" : "2sbh";
    const bool attention = a.recompute == Recompute::none;
    const bool paper = a.feed_forward == 0;
    if (!split || a.sequence_parallel)
        return std::string(split ? "sbh/t" : "sbh") + " (" + (paper ? "34" : "18 + 4f/h") +
               (attention ? " + 5as/h)" : ")");
    return std::string("sbh (10 + ") + (paper ? "24/t" : "(8 + 4f/h)/t") + (attention ? " + 5as/(ht))" : ")");
}

double heldLayers(const ActivationShape& a) {
    const double p = real(a.pipeline_parallel), m = real(a.interleave);
    return real(a.layers) * (m > 1 ? 1 + (p - 1) / (p * m) : 1);
}

double activationBytes(const ActivationShape& a) { return activationBytesPerLayer(a) * heldLayers(a); }

double outputActivationBytes(const ActivationShape& a) {
    if (a.pipeline_parallel > 1) return 0;
    return 4 * tokensTimesHidden(a) / real(a.tensor_parallel) * (1 + real(a.vocabulary) / real(a.hidden));
}

double selectiveSaving(const ActivationShape& a) { return attentionTerm(a) / (linearTerm(a) + attentionTerm(a)); }

double selectiveExtraFlops(const ActivationShape& a) {
    const double s_over_h = real(a.sequence) / real(a.hidden);
    const double head = real(a.vocabulary) / (12 * real(a.layers) * real(a.hidden));
    return (1 + s_over_h / 3 + head) / (1 + s_over_h / 6 + head) - 1;
}

double llamaActivationBytesPerLayer(int64_t sequence, int64_t micro_batch, int64_t hidden, int64_t heads,
                                    int64_t kv_heads, int64_t feed_forward) {
    const double tokens = real(sequence) * real(micro_batch);
    return tokens * (12 * real(hidden) + 4 * real(hidden / heads) * real(kv_heads) + 6 * real(feed_forward) +
                     4 * real(heads + 2));
}

double zeroActivationElements(int64_t hidden, int64_t batch, int64_t sequence, int64_t layers) {
    return 12 * real(hidden) * real(batch) * real(sequence) * real(layers);
}

double fusedBufferBytes(double parameters) { return 4 * parameters; }

double infinityParameters(const InfinityShape& i) { return 12 * real(i.layers) * real(i.hidden) * real(i.hidden); }
double infinityModelStates(const InfinityShape& i) { return 20 * infinityParameters(i); }
double infinityCheckpoints(const InfinityShape& i) {
    return 2 * real(i.batch) * real(i.sequence) * real(i.hidden) * real(i.layers) / real(i.checkpoint_interval);
}
double infinityStateWorking(const InfinityShape& i) { return 4 * real(i.hidden) * 4 * real(i.hidden); }
double infinityActivationWorking(const InfinityShape& i) {
    return real(i.batch) * real(i.sequence) * real(i.checkpoint_interval) *
           (16 * real(i.hidden) + 2 * real(i.heads) * real(i.sequence));
}

} // namespace shardscope
