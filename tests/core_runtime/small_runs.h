// SPDX-License-Identifier: Apache-2.0
// Small models, configurations and a sink in memory, for tests that train for real.
#pragma once
#include "core_runtime/planner.h"
#include "core_runtime/training.h"
#include <map>
#include <string>

namespace shardscope::test {

inline ModelSpec smallModel() {
    return {.name = "test", .layers = 2, .channels = 24, .heads = 3, .vocabulary = 256, .context = 8};
}

inline ModelSpec smallLlama() { // grouped-query attention, untied
    return {.name = "test llama",
            .layers = 2,
            .channels = 24,
            .heads = 4,
            .vocabulary = 256,
            .context = 8,
            .family = ModelFamily::llama,
            .kv_heads = 2,
            .feed_forward = 40,
            .tied = false};
}

inline const Dataset& smallData() {
    static const Dataset data = Dataset::fromText(
        "ZeRO removes the memory redundancies across data-parallel processes by partitioning the model states instead "
        "of "
        "replicating them, and keeps the computational granularity and the communication volume of data parallelism.",
        "test text");
    return data;
}

struct Variant {
    int stage = 0;
    int64_t reduce_bucket = 500'000'000;
    int64_t allgather_bucket = 500'000'000;
    bool overlap = false;
    bool bf16 = false;
    int64_t prefetch = 50'000'000;
    int64_t persistence = 0;
    int64_t micro_batch = 2;
};

inline Config configOf(const Variant& v, int64_t ranks) {
    Config config;
    config.zero.stage = v.stage;
    config.zero.reduce_bucket_size = v.reduce_bucket;
    config.zero.allgather_bucket_size = v.allgather_bucket;
    config.zero.overlap_comm = v.overlap;
    config.zero.stage3_prefetch_bucket_size = v.prefetch;
    config.zero.stage3_param_persistence_threshold = v.persistence;
    config.bf16_enabled = v.bf16;
    config.train_micro_batch_size_per_gpu = v.micro_batch;
    config.train_batch_size = v.micro_batch * ranks;
    config.optimizer.weight_decay = 0.01;
    return config;
}

inline std::string nameOf(const Variant& v, int64_t ranks) {
    return "stage " + std::to_string(v.stage) + ", " + std::to_string(ranks) + " ranks, reduce bucket " +
           std::to_string(v.reduce_bucket) + ", allgather bucket " + std::to_string(v.allgather_bucket) +
           (v.overlap ? ", overlap" : "") + (v.bf16 ? ", bf16" : "") + ", prefetch " + std::to_string(v.prefetch) +
           ", persistence " + std::to_string(v.persistence);
}

class MemorySink final : public TraceSink {
public:
    NameId intern(std::string_view text) override {
        return m_names.try_emplace(std::string(text), static_cast<NameId>(m_names.size())).first->second;
    }
    LaneId addLane(const LaneInfo& lane) override {
        lanes.push_back(lane);
        return static_cast<LaneId>(lanes.size() - 1);
    }
    void append(std::span<const TraceEvent> more) override { events.insert(events.end(), more.begin(), more.end()); }
    template <class T> std::vector<T> all() const {
        std::vector<T> found;
        for (const TraceEvent& e : events)
            if (const T* value = std::get_if<T>(&e)) found.push_back(*value);
        return found;
    }
    std::vector<LaneInfo> lanes;
    std::vector<TraceEvent> events;

private:
    std::map<std::string, NameId> m_names;
};

inline TrainingRequest requestOf(const Variant& v, int64_t ranks, int64_t steps,
                                 const ModelSpec& model = smallModel()) {
    TrainingRequest request;
    request.config = configOf(v, ranks);
    request.model = model;
    request.ranks = ranks;
    request.steps = steps;
    request.seed = 7;
    request.data = &smallData();
    return request;
}

} // namespace shardscope::test
