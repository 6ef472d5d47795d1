// SPDX-License-Identifier: Apache-2.0
#include "support/sample_trace.h"
#include "traces/trace_writer.h"
#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <random>
#include <stdexcept>

namespace shardscope {

namespace {

constexpr int64_t hidden = 256, vocabulary = 8192, sequence = 256, micro_batch = 2;
constexpr int32_t embedding_layer = -2;

void check(const Result<void>& result) {
    if (!result) throw std::runtime_error(result.error().message);
}

// splitmix64: the same numbers with every standard library.
class Jitter {
public:
    explicit Jitter(uint64_t seed)
        : m_state(seed * 0x9e3779b97f4a7c15ull + 1) {}
    uint64_t next() {
        uint64_t z = (m_state += 0x9e3779b97f4a7c15ull);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
        return z ^ (z >> 31);
    }
    int64_t around(int64_t ns) { return ns + static_cast<int64_t>(next() % 101) * ns / 1000 - ns / 20; } // +-5 %

private:
    uint64_t m_state;
};

// Takes everything and keeps nothing: for the rehearsal that finds the peaks a planner would promise.
class NullSink final : public TraceSink {
public:
    NameId intern(std::string_view) override { return NameId{0}; }
    LaneId addLane(const LaneInfo&) override { return LaneId{0}; }
    void append(std::span<const TraceEvent>) override {}
};

class SampleRun {
public:
    SampleRun(TraceSink& sink, const SampleTraceOptions& options)
        : m_sink(sink)
        , m_options(options)
        , m_jitter(options.seed) {}

    void run(const std::vector<PlannedPeakEvent>& promises, const std::function<void(int step)>& after_step) {
        describe();
        for (const PlannedPeakEvent& promise : promises) emit(promise);
        for (int32_t step = 0; step < m_options.steps; ++step) {
            trainStep(step);
            if (after_step) after_step(step);
        }
    }

    std::vector<PlannedPeakEvent> peaks() {
        std::vector<PlannedPeakEvent> result;
        for (size_t r = 0; r < m_ranks.size(); ++r) {
            auto& changes = m_changes[r];
            std::stable_sort(changes.begin(), changes.end(),
                             [](const Change& a, const Change& b) { return a.time_ns < b.time_ns; });
            std::array<int64_t, all_memory_categories.size()> bytes{}, peak{};
            int64_t total = 0, total_peak = 0;
            for (const Change& change : changes) {
                const auto c = static_cast<size_t>(change.category);
                peak[c] = std::max(peak[c], bytes[c] += change.delta_bytes);
                total_peak = std::max(total_peak, total += change.delta_bytes);
            }
            const auto rank = static_cast<int32_t>(r);
            result.push_back({rank, MemoryTier::device, std::nullopt, total_peak});
            for (const MemoryCategory category : all_memory_categories)
                result.push_back({rank, MemoryTier::device, category, peak[static_cast<size_t>(category)]});
        }
        return result;
    }

private:
    struct Rank {
        LaneId compute, comm;
        int64_t compute_free = 0, comm_free = 0;
    };
    struct Change {
        int64_t time_ns;
        MemoryCategory category;
        int64_t delta_bytes;
    };

    int64_t ranks() const { return m_options.ranks; }
    int64_t layerElements(int32_t layer) const {
        if (layer == embedding_layer) return vocabulary * hidden + sequence * hidden;
        return layer == m_options.layers ? 2 * hidden : 12 * hidden * hidden + 13 * hidden;
    }
    int64_t padded(int64_t elements) const { return (elements + ranks() - 1) / ranks() * ranks(); }
    void emit(TraceEvent event) { m_sink.append({&event, 1}); }

    void describe() {
        const std::string stage = std::to_string(m_options.stage);
        const std::string batch = std::to_string(micro_batch * ranks());
        emit(RunInfoEvent{"stage", stage});
        emit(RunInfoEvent{"ranks", std::to_string(ranks())});
        emit(RunInfoEvent{"model", R"({"name":"gpt2-sample","layers":)" + std::to_string(m_options.layers) +
                                       R"(,"channels":256,"heads":4,"vocabulary":8192,"context":256})"});
        emit(RunInfoEvent{"link", m_options.emulated_link ? R"({"name":"pcie4","alpha_us":10,"bandwidth_gbps":6.4})"
                                                          : R"({"name":"none"})"});
        emit(RunInfoEvent{"hardware", R"({"processor":"sample data, not a measurement"})"});
        emit(RunInfoEvent{"software", "sample trace generator"});
        emit(RunInfoEvent{"command", "shardscope run --stage " + stage});
        const std::string config = R"({"train_batch_size":)" + batch +
                                   R"(,"train_micro_batch_size_per_gpu":2,"bf16":{"enabled":true},)"
                                   R"("zero_optimization":{"stage":)" +
                                   stage + R"(,"reduce_bucket_size":1600000,"overlap_comm":true}})";
        emit(RunInfoEvent{"config_given", config});
        emit(RunInfoEvent{"config_resolved", config});
        for (int32_t r = 0; r < ranks(); ++r) {
            const std::string name = "rank " + std::to_string(r);
            m_ranks.push_back({.compute = m_sink.addLane({r, LaneKind::compute, name + " compute"}),
                               .comm = m_sink.addLane({r, LaneKind::comm, name + " comm"})});
        }
        // One bucket for every two layers, from the last to the first; the embedding is the last bucket.
        int32_t bucket = -1;
        for (int32_t layer = m_options.layers; layer >= 0; --layer)
            m_bucket[layer] = (m_options.layers - layer) % 2 == 0 ? ++bucket : bucket;
        m_bucket[embedding_layer] = ++bucket;
        std::map<int32_t, BucketEvent> buckets;
        for (const auto& [layer, index] : m_bucket) {
            BucketEvent& b = buckets[index];
            b.bucket = index;
            b.elements += layerElements(layer);
            b.parameters += (b.parameters.empty() ? "" : ", ") + layerName(layer);
        }
        for (auto& [index, b] : buckets) {
            b.padded_elements = padded(b.elements);
            b.bytes = 2 * b.padded_elements;
            b.closed_because =
                index == bucket ? "last parameter" : "the next parameter would have passed reduce_bucket_size";
            m_bucket_elements[index] = b.elements;
            emit(b);
        }
        int64_t model = 0;
        for (const auto& [layer, index] : m_bucket) model += layerElements(layer);
        const int stage_number = m_options.stage;
        for (size_t r = 0; r < m_ranks.size(); ++r) {
            const auto part = [&](int from_stage) {
                return stage_number >= from_stage ? padded(model) / ranks() : model;
            };
            change(r, 0, MemoryCategory::parameters, 2 * part(3), "parameters", OpId::none, -1);
            change(r, 0, MemoryCategory::gradients, 2 * part(2), "gradients", OpId::none, -1);
            change(r, 0, MemoryCategory::master_weights, 4 * part(1), "master weights", OpId::none, -1);
            change(r, 0, MemoryCategory::optimizer, 8 * part(1), "Adam moments", OpId::none, -1);
        }
    }

    void change(size_t r, int64_t time, MemoryCategory category, int64_t delta, const std::string& buffer, OpId op,
                int32_t step) {
        m_changes[r].push_back({time, category, delta});
        emit(MemoryEvent{.time_ns = time,
                         .rank = static_cast<int32_t>(r),
                         .tier = MemoryTier::device,
                         .category = category,
                         .delta_bytes = delta,
                         .buffer = m_sink.intern(buffer),
                         .op = op,
                         .step = step});
    }

    static std::string layerName(int32_t layer) {
        return layer == embedding_layer ? "embedding" : "block " + std::to_string(layer);
    }

    OpId nextOp(const std::string& name, LaneKind lane, Phase phase, OpClass op_class, int32_t layer, int32_t bucket,
                int64_t elements, const char* key) {
        const auto op = static_cast<OpId>(m_next_op++);
        if (m_step == 0) {
            std::vector<OpId> waits;
            if (op > OpId{0}) waits.push_back(static_cast<OpId>(m_next_op - 2));
            emit(ProgramOpEvent{op, name, lane, phase, op_class, layer, bucket, elements, 2 * elements, key, waits});
        }
        return op;
    }

    // Compute of all ranks; may not start before `ready` of each. Returns the ends.
    std::vector<int64_t> compute(const std::string& name, Phase phase, int32_t layer, int64_t ns,
                                 const std::vector<int64_t>& ready, int64_t keeps_bytes) {
        const OpId op = nextOp(name, LaneKind::compute, phase, OpClass::compute, layer, -1, keeps_bytes / 2, "");
        std::vector<int64_t> ends(m_ranks.size());
        for (size_t r = 0; r < m_ranks.size(); ++r) {
            const int64_t start = std::max(m_ranks[r].compute_free, ready.empty() ? 0 : ready[r]);
            ends[r] = m_ranks[r].compute_free = start + m_jitter.around(ns);
            const int64_t workspace = sequence * micro_batch * hidden * 8;
            change(r, start, MemoryCategory::workspace, workspace, "workspace", op, m_step);
            if (keeps_bytes) {
                const int64_t at = keeps_bytes > 0 ? start : ends[r];
                change(r, at, MemoryCategory::activations, keeps_bytes, layerName(layer) + " activations", op, m_step);
            }
            change(r, ends[r], MemoryCategory::workspace, -workspace, "workspace", op, m_step);
            emit(IntervalEvent{.lane = m_ranks[r].compute,
                               .op = op,
                               .name = m_sink.intern(name),
                               .start_ns = start,
                               .end_ns = ends[r],
                               .step = m_step,
                               .phase = phase,
                               .op_class = OpClass::compute,
                               .layer = layer,
                               .elements = std::abs(keeps_bytes) / 2,
                               .bytes = std::abs(keeps_bytes)});
        }
        return ends;
    }

    std::vector<int64_t> collective(OpClass kind, Phase phase, int32_t layer, int32_t bucket, int64_t elements,
                                    const std::vector<int64_t>& ready, const char* key, bool keeps_buffer = false) {
        const std::string subject = bucket >= 0 ? "bucket " + std::to_string(bucket) : layerName(layer);
        const std::string name = std::string(toText(kind)) + " " + subject;
        const int64_t whole = padded(elements);
        const OpId op = nextOp(name, LaneKind::comm, phase, kind, layer, bucket, whole, key);
        const int64_t bytes = 2 * whole, rounds = kind == OpClass::all_reduce ? 2 : 1;
        const int64_t sent = rounds * (bytes - bytes / ranks());
        const auto transfer =
            static_cast<int64_t>(static_cast<double>(m_jitter.around(20'000 + sent / 6)) * m_options.comm_slowness);
        std::vector<int64_t> arrivals(m_ranks.size());
        for (size_t r = 0; r < m_ranks.size(); ++r) arrivals[r] = std::max(m_ranks[r].comm_free, ready[r]);
        const int64_t last = *std::max_element(arrivals.begin(), arrivals.end());
        for (size_t r = 0; r < m_ranks.size(); ++r) {
            m_ranks[r].comm_free = last + transfer;
            change(r, arrivals[r], MemoryCategory::comm_buffers, bytes, name, op, m_step);
            if (!keeps_buffer) change(r, last + transfer, MemoryCategory::comm_buffers, -bytes, name, op, m_step);
            emit(IntervalEvent{.lane = m_ranks[r].comm,
                               .op = op,
                               .name = m_sink.intern(name),
                               .start_ns = arrivals[r],
                               .end_ns = last + transfer,
                               .step = m_step,
                               .phase = phase,
                               .op_class = kind,
                               .layer = layer,
                               .bucket = bucket,
                               .elements = whole,
                               .bytes = bytes,
                               .sent_bytes = sent,
                               .wait_ns = last - arrivals[r],
                               .emulated_ns = m_options.emulated_link ? transfer * 4 / 5 : 0});
        }
        return std::vector<int64_t>(m_ranks.size(), last + transfer);
    }

    // Stage 3: the unit's parameters are gathered before use and dropped after it.
    std::vector<int64_t> gather(Phase phase, int32_t layer, const std::vector<int64_t>& ready) {
        if (m_options.stage < 3) return ready;
        return collective(OpClass::all_gather, phase, layer, -1, layerElements(layer), ready,
                          "zero_optimization.stage3_prefetch_bucket_size", true);
    }
    void dropGathered(int32_t layer) {
        if (m_options.stage < 3) return;
        for (size_t r = 0; r < m_ranks.size(); ++r)
            change(r, m_ranks[r].compute_free, MemoryCategory::comm_buffers, -2 * padded(layerElements(layer)),
                   layerName(layer), static_cast<OpId>(m_next_op - 1), m_step);
    }

    void trainStep(int32_t step) {
        m_step = step;
        m_next_op = 0;
        int64_t begin = 0;
        for (const Rank& rank : m_ranks) begin = std::max({begin, rank.compute_free, rank.comm_free});
        for (Rank& rank : m_ranks) rank.compute_free = rank.comm_free = begin;
        const std::vector<int64_t> start(m_ranks.size(), begin);
        const int64_t activation = sequence * micro_batch * hidden * 2;

        // Forward, with the next unit gathered while this one computes.
        std::vector<int32_t> order{embedding_layer};
        for (int32_t layer = 0; layer <= m_options.layers; ++layer) order.push_back(layer);
        std::vector<int64_t> gathered = gather(Phase::forward, order[0], start);
        for (size_t i = 0; i < order.size(); ++i) {
            const int32_t layer = order[i];
            const bool block = layer >= 0 && layer < m_options.layers;
            const std::vector<int64_t> ready = gathered;
            const std::vector<int64_t> now = computeFree();
            if (i + 1 < order.size()) gathered = gather(Phase::forward, order[i + 1], now);
            if (block) {
                compute(layerName(layer) + " attention forward", Phase::forward, layer, 260'000, ready, 6 * activation);
                compute(layerName(layer) + " mlp forward", Phase::forward, layer, 340'000, ready, 9 * activation);
            } else {
                const bool head = layer == m_options.layers;
                compute(head ? "head forward" : "embedding forward", Phase::forward, layer, head ? 420'000 : 60'000,
                        ready, activation);
            }
            dropGathered(layer);
        }
        // Backward; a bucket is reduced as soon as its last gradient is there.
        std::reverse(order.begin(), order.end());
        gathered = gather(Phase::backward, order[0], computeFree());
        const bool scatter = m_options.stage >= 1;
        for (size_t i = 0; i < order.size(); ++i) {
            const int32_t layer = order[i];
            const bool block = layer >= 0 && layer < m_options.layers;
            const std::vector<int64_t> ready = gathered;
            const std::vector<int64_t> now = computeFree();
            if (i + 1 < order.size()) gathered = gather(Phase::backward, order[i + 1], now);
            std::vector<int64_t> done;
            if (block) {
                compute(layerName(layer) + " mlp backward", Phase::backward, layer, 690'000, ready, -9 * activation);
                done = compute(layerName(layer) + " attention backward", Phase::backward, layer, 540'000, ready,
                               -6 * activation);
            } else {
                const bool head = layer == m_options.layers;
                done = compute(head ? "head backward" : "embedding backward", Phase::backward, layer,
                               head ? 800'000 : 120'000, ready, -activation);
            }
            dropGathered(layer);
            const bool bucket_full = i + 1 == order.size() || m_bucket[order[i + 1]] != m_bucket[layer];
            if (bucket_full)
                collective(scatter ? OpClass::reduce_scatter : OpClass::all_reduce, Phase::backward, -1,
                           m_bucket[layer], m_bucket_elements[m_bucket[layer]], done,
                           "zero_optimization.reduce_bucket_size");
        }
        // Optimizer, then the updated parameters where they are replicated.
        std::vector<int64_t> reduced(m_ranks.size());
        for (size_t r = 0; r < m_ranks.size(); ++r) reduced[r] = m_ranks[r].comm_free;
        const int64_t adam = m_options.stage >= 1 ? 900'000 / ranks() : 900'000;
        std::vector<int64_t> updated;
        for (const auto& [bucket, elements] : m_bucket_elements) {
            updated = compute("adamw bucket " + std::to_string(bucket), Phase::optimizer, -1, adam, reduced, 0);
            if (m_options.stage == 1 || m_options.stage == 2)
                collective(OpClass::all_gather, Phase::optimizer, -1, bucket, elements, updated,
                           "zero_optimization.allgather_bucket_size");
        }
        int64_t end = 0;
        for (const Rank& rank : m_ranks) end = std::max({end, rank.compute_free, rank.comm_free});
        emit(StepEvent{.step = step,
                       .start_ns = begin,
                       .end_ns = end,
                       .loss = 2.0 + 7.0 * std::exp2(-0.25 * step),
                       .learning_rate = 1e-3,
                       .tokens = micro_batch * sequence * ranks()});
    }

    std::vector<int64_t> computeFree() const {
        std::vector<int64_t> free;
        for (const Rank& rank : m_ranks) free.push_back(rank.compute_free);
        return free;
    }

    TraceSink& m_sink;
    const SampleTraceOptions& m_options;
    Jitter m_jitter;
    std::vector<Rank> m_ranks;
    std::map<int32_t, int32_t> m_bucket;          // layer -> bucket
    std::map<int32_t, int64_t> m_bucket_elements; // bucket -> elements
    std::map<size_t, std::vector<Change>> m_changes;
    int32_t m_step = 0, m_next_op = 0;
};

// Bursts of short events with gaps of very different lengths, as the worst case for drawing.
void writeSynthetic(TraceWriter& writer, const SampleTraceOptions& options) {
    Jitter jitter(options.seed);
    std::vector<LaneId> lanes;
    std::vector<int64_t> free;
    for (int32_t r = 0; r < options.ranks; ++r) {
        for (const LaneKind kind : {LaneKind::compute, LaneKind::comm}) {
            lanes.push_back(writer.addLane({r, kind, "rank " + std::to_string(r) + " " + std::string(toText(kind))}));
            free.push_back(0);
        }
    }
    std::vector<NameId> names;
    for (int i = 0; i < 100; ++i) names.push_back(writer.intern("synthetic op " + std::to_string(i)));
    std::vector<TraceEvent> batch;
    for (int64_t i = 0; i < options.synthetic_events; ++i) {
        const size_t lane = static_cast<size_t>(i) % lanes.size();
        const uint64_t random = jitter.next();
        free[lane] += random % 1000 == 0 ? static_cast<int64_t>(random >> 40) : static_cast<int64_t>(random % 700);
        IntervalEvent e;
        e.lane = lanes[lane];
        e.name = names[(random >> 20) % names.size()];
        e.start_ns = free[lane];
        e.end_ns = free[lane] += 200 + static_cast<int64_t>((random >> 30) % 20'000);
        e.step = static_cast<int32_t>(i * 10 / options.synthetic_events);
        e.phase = static_cast<Phase>((random >> 10) % 5);
        e.op_class = lane % 2 == 0 ? OpClass::compute : OpClass::all_gather;
        e.layer = static_cast<int32_t>((random >> 12) % 24);
        e.bytes = static_cast<int64_t>((random >> 16) % 100'000);
        batch.push_back(e);
        if (batch.size() == 10'000) {
            writer.append(batch);
            check(writer.commit());
            batch.clear();
        }
    }
    writer.append(batch);
}

} // namespace

void writeSampleTrace(const std::string& path, const SampleTraceOptions& options) {
    auto writer = TraceWriter::create(path);
    if (!writer) throw std::runtime_error(writer.error().message);
    if (options.synthetic_events > 0) {
        writeSynthetic(**writer, options);
    } else {
        NullSink nowhere;
        SampleRun rehearsal(nowhere, options);
        rehearsal.run({}, {});
        SampleRun(**writer, options).run(rehearsal.peaks(), [&](int step) {
            check((*writer)->commit());
            if (options.after_step) options.after_step(step);
        });
    }
    check(options.finish ? (*writer)->finish("finished") : (*writer)->commit());
}

} // namespace shardscope
