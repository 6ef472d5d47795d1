// SPDX-License-Identifier: Apache-2.0
#include "core_runtime/bench.h"
#include "core_runtime/cpu/thread_communicator.h"
#include "core_runtime/step_floor.h"
#include "core_runtime/training.h"
#include "kernels/bench.h"
#include "kernels/ops.h"
#include "profiler/recorder.h"
#include <algorithm>
#include <barrier>
#include <chrono>
#include <cstring>
#include <functional>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

namespace shardscope {
namespace {

using nlohmann::ordered_json;

double seconds() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

std::string fixed(double value, int digits) {
    std::ostringstream out;
    out.setf(std::ios::fixed);
    out.precision(digits);
    out << value;
    return out.str();
}

std::string table(const std::vector<std::vector<std::string>>& rows) {
    std::vector<size_t> widths;
    for (const auto& row : rows)
        for (size_t c = 0; c < row.size(); ++c) {
            if (widths.size() <= c) widths.push_back(0);
            widths[c] = std::max(widths[c], row[c].size());
        }
    std::string text;
    for (const auto& row : rows) {
        for (size_t c = 0; c < row.size(); ++c) {
            const std::string pad(widths[c] - row[c].size(), ' ');
            text += c == 0 ? row[c] + pad : "  " + pad + row[c];
        }
        text += '\n';
    }
    return text;
}

// Floating-point operations per second of `threads` threads on one large product each, the bound of a training step.
template <class T> double matmulRate(int threads) {
    constexpr int64_t rows = 512, n = 1024, k = 1024;
    std::vector<double> rates(static_cast<size_t>(threads));
    std::vector<std::thread> workers;
    for (int t = 0; t < threads; ++t)
        workers.emplace_back([&rates, t] {
            kernels::setThreadsPerOp(1);
            std::vector<T> x(rows * k, T(0.5f)), w(n * k, T(0.25f)), out(rows * n);
            std::vector<double> times;
            for (int i = 0; i < 9; ++i) {
                const double start = seconds();
                kernels::cpu::matmulForward<T>(out.data(), x.data(), w.data(), nullptr, rows, n, k);
                times.push_back(seconds() - start);
            }
            rates[static_cast<size_t>(t)] = 2.0 * rows * n * k / median(times);
        });
    for (std::thread& w : workers) w.join();
    double sum = 0;
    for (double r : rates) sum += r;
    return sum;
}

class NullSink final : public TraceSink {
public:
    NameId intern(std::string_view) override { return static_cast<NameId>(m_names++); }
    LaneId addLane(const LaneInfo&) override { return static_cast<LaneId>(m_lanes++); }
    void append(std::span<const TraceEvent> events) override {
        for (const TraceEvent& e : events) intervals += std::holds_alternative<IntervalEvent>(e);
    }
    int64_t intervals = 0;

private:
    int32_t m_names = 0, m_lanes = 0;
};

Result<double> stepSeconds(TrainingRequest request, TraceSink* sink) {
    std::vector<double> times;
    request.on_step = [&](const StepReport& r) { times.push_back(static_cast<double>(r.step_ns) * 1e-9); };
    const Result<TrainingOutcome> outcome = train(request, sink, [] {});
    if (!outcome) return outcome.error();
    if (times.size() > 2) times.erase(times.begin()); // warm-up
    return median(times);
}

constexpr int64_t collective_ranks = 4;

// Runs `body(rank)` on all ranks at once, several times; the median of the slowest rank's time.
double timeRanks(const std::function<void(int64_t)>& body) {
    std::vector<double> times;
    std::barrier together(collective_ranks + 1);
    constexpr int repeats = 9;
    std::vector<std::thread> threads;
    for (int64_t r = 0; r < collective_ranks; ++r)
        threads.emplace_back([&, r] {
            for (int i = 0; i < repeats; ++i) {
                together.arrive_and_wait();
                body(r);
                together.arrive_and_wait();
            }
        });
    for (int i = 0; i < repeats; ++i) {
        together.arrive_and_wait();
        const double start = seconds();
        together.arrive_and_wait();
        times.push_back(seconds() - start);
    }
    for (std::thread& t : threads) t.join();
    return median(times);
}

// The textbook ring all-reduce with a barrier per hop: the peer of our direct one.
double ringAllReduceSeconds(std::vector<std::vector<float>>& data) {
    const int64_t n = collective_ranks;
    const auto chunk = static_cast<int64_t>(data[0].size()) / n;
    std::vector<std::vector<float>> inbox(static_cast<size_t>(n), std::vector<float>(static_cast<size_t>(chunk)));
    std::barrier hop(n);
    return timeRanks([&](int64_t r) {
        const int64_t next = (r + 1) % n;
        auto part = [&](int64_t c) { return data[static_cast<size_t>(r)].data() + ((c % n + n) % n) * chunk; };
        for (int64_t s = 0; s < 2 * (n - 1); ++s) {
            const bool reducing = s < n - 1;
            const int64_t sends = reducing ? r - s : r + 1 - (s - (n - 1));
            std::memcpy(inbox[static_cast<size_t>(next)].data(), part(sends),
                        static_cast<size_t>(chunk) * sizeof(float));
            hop.arrive_and_wait();
            float* to = part(sends - 1);
            const float* from = inbox[static_cast<size_t>(r)].data();
            if (reducing)
                for (int64_t i = 0; i < chunk; ++i) to[i] += from[i];
            else
                std::memcpy(to, from, static_cast<size_t>(chunk) * sizeof(float));
            hop.arrive_and_wait();
        }
    });
}

} // namespace

Result<std::string> benchStep(const BenchStepRequest& request) {
    const Result<ModelSpec> model = findModel(request.model);
    if (!model) return model.error();
    const Dataset data = Dataset::fromText(std::string(1 << 16, 'a') + "shardscope", "benchmark text");
    const int64_t sequence = request.sequence ? request.sequence : model->context;
    ordered_json rows = ordered_json::array();
    std::vector<std::vector<std::string>> lines = {
        {"step", "ms", "tokens/s", "GFLOP/s", "of matmul rate", "floor, ms", "of floor", "of 1 rank", "recording"}};
    const int threads = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
    MachineRates rates{.attention_flops = matmulRate<float>(threads), .stream_bytes = kernels::streamRate(threads)};
    for (const bool bf16 : {false, true}) {
        const double bound = bf16 ? matmulRate<bfloat16>(threads) : rates.attention_flops;
        rates.product_flops = bound;
        double one_rank = 0;
        for (const int64_t ranks : {int64_t{1}, int64_t{4}}) {
            TrainingRequest run;
            run.model = *model;
            run.ranks = ranks;
            run.steps = request.steps;
            run.data = &data;
            run.keep_weights = false;
            run.sequence = request.sequence;
            run.config.bf16_enabled = bf16;
            run.config.train_micro_batch_size_per_gpu = request.micro_batch * 4 / ranks;
            const Result<double> plain = stepSeconds(run, nullptr);
            if (!plain) return plain.error();
            NullSink sink;
            const Result<double> recorded = stepSeconds(run, &sink);
            if (!recorded) return recorded.error();
            const double tokens = static_cast<double>(request.micro_batch * 4 * sequence);
            const double flops = 6.0 * static_cast<double>(parameterCount(*model)) * tokens / *plain;
            if (ranks == 1) one_rank = *plain;
            const StepFloor floor = stepFloor(*model,
                                              {.tokens = request.micro_batch * 4 * sequence,
                                               .sequence = sequence,
                                               .element_bytes = bf16 ? 2 : 4,
                                               .replicas = ranks},
                                              rates);
            const std::string name =
                std::string(bf16 ? "bf16" : "fp32") + ", " + std::to_string(ranks) + (ranks == 1 ? " rank" : " ranks");
            rows.push_back(
                {{"name", name},
                 {"step_ms", *plain * 1e3},
                 {"tokens_per_s", tokens / *plain},
                 {"share_of_matmul_rate", flops / bound},
                 {"floor_ms", floor.seconds() * 1e3},
                 {"floor_parts_ms",
                  {{"products", floor.product_s * 1e3},
                   {"attention", floor.attention_s * 1e3},
                   {"optimizer", floor.optimizer_s * 1e3},
                   {"traffic", floor.traffic_s * 1e3}}},
                 {"share_of_floor", floor.seconds() / *plain},
                 {"throughput_of_one_rank", one_rank / *plain},
                 {"recorded_over_plain", *recorded / *plain},
                 {"intervals_per_step", static_cast<double>(sink.intervals) / static_cast<double>(request.steps)}});
            lines.push_back({name, fixed(*plain * 1e3, 1), fixed(tokens / *plain, 0), fixed(flops * 1e-9, 1),
                             fixed(flops / bound, 2), fixed(floor.seconds() * 1e3, 1),
                             fixed(floor.seconds() / *plain, 2), fixed(one_rank / *plain, 2),
                             fixed(*recorded / *plain, 3) + "x"});
        }
    }
    if (request.json) return rows.dump(2) + "\n";
    return "Training step of " + request.model + ", " + std::to_string(request.micro_batch * 4) + " x " +
           std::to_string(sequence) + " tokens, stage 0, median of " + std::to_string(request.steps - 1) +
           " steps; 6 x parameters x tokens counted.\nThe floor is products and attention at this machine's rates plus "
           "the " +
           "optimizer's and the logits' traffic at " + fixed(rates.stream_bytes * 1e-9, 1) + " GB/s.\n" + table(lines);
}

std::string benchCollectives(bool json) {
    constexpr int64_t elements = 16 << 20; // 64 MiB of fp32 per rank
    const auto bytes = static_cast<double>(elements) * sizeof(float);
    std::vector<std::vector<float>> data(collective_ranks, std::vector<float>(elements, 1.0f));
    std::vector<std::vector<float>> shards(collective_ranks, std::vector<float>(elements / collective_ranks, 1.0f));

    // The bound: what a plain copy moves per second when all ranks copy at once, reads and writes counted.
    const double copy = timeRanks([&](int64_t r) {
        auto& d = data[static_cast<size_t>(r)];
        std::memcpy(d.data(), d.data() + elements / 2, static_cast<size_t>(elements / 2) * sizeof(float));
    });
    const double bandwidth = collective_ranks * bytes / copy;

    StepProgram program{.ranks = collective_ranks};
    program.buffers = {{.name = "full", .elements = elements},
                       {.name = "shard", .elements = elements / collective_ranks}};
    ThreadCommunicator communicator(collective_ranks, LinkModel{});
    auto time = [&](OpClass op_class) {
        Op op{.kind = OpKind::collective, .lane = LaneKind::comm, .op_class = op_class};
        op.pieces = {{.full = BufferId{0},
                      .slice_stride = elements / collective_ranks,
                      .slice_elements = elements / collective_ranks,
                      .shard = op_class == OpClass::all_reduce ? BufferId::none : BufferId{1}}};
        return timeRanks([&](int64_t r) {
            const auto i = static_cast<size_t>(r);
            const std::vector<std::byte*> addresses = {reinterpret_cast<std::byte*>(data[i].data()),
                                                       reinterpret_cast<std::byte*>(shards[i].data())};
            communicator.run(program, op, r, addresses);
        });
    };
    const double ring = ringAllReduceSeconds(data);
    struct Row {
        const char* name;
        double seconds;
        double traffic; // bytes read and written by all ranks
    };
    const std::vector<Row> rows = {{"all_reduce, direct", time(OpClass::all_reduce), 2 * collective_ranks * bytes},
                                   {"all_reduce, ring with barriers", ring, 0},
                                   {"reduce_scatter", time(OpClass::reduce_scatter), (collective_ranks + 1) * bytes},
                                   {"all_gather", time(OpClass::all_gather), 2 * collective_ranks * bytes}};
    ordered_json out = ordered_json::array();
    std::vector<std::vector<std::string>> lines = {{"collective", "ms", "against ring", "of memory bound"}};
    for (const Row& row : rows) {
        const double bound = row.traffic / bandwidth;
        out.push_back({{"name", row.name}, {"ms", row.seconds * 1e3}});
        if (row.traffic > 0) out.back()["of_memory_bound"] = bound / row.seconds;
        if (std::string_view(row.name).starts_with("all_reduce")) out.back()["against_ring"] = ring / row.seconds;
        lines.push_back({row.name, fixed(row.seconds * 1e3, 2),
                         std::string_view(row.name).starts_with("all_reduce") ? fixed(ring / row.seconds, 2) + "x" : "",
                         row.traffic > 0 ? fixed(bound / row.seconds, 2) : ""});
    }
    if (json) return out.dump(2) + "\n";
    return "4 ranks x 64 MiB fp32 in one process; memory bound from copies by the same 4 threads (" +
           fixed(bandwidth * 1e-9, 1) + " GB/s).\n" + table(lines);
}

} // namespace shardscope
