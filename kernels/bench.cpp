// SPDX-License-Identifier: Apache-2.0
#include "kernels/bench.h"
#include "kernels/op_table.h"
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <thread>
#include <time.h>

namespace shardscope::kernels {
namespace {

using Json = nlohmann::ordered_json;

double seconds() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

// Processor time of the calling thread, for what runs on one thread: other programs disturb it less than they do the
// clock.
double threadSeconds() {
    timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

// The fastest of several calls: other programs can only make a call slower.
template <class Call> double fastest(double budget_s, const Call& call, double (*clock)() = seconds) {
    double best = std::numeric_limits<double>::infinity();
    const double end = seconds() + budget_s;
    do {
        const double start = clock();
        call();
        best = std::min(best, clock() - start);
    } while (seconds() < end);
    return best;
}

// body(part) on `threads` threads, each restricted to one thread per op.
template <class Body> void onThreads(int threads, const Body& body) {
    std::vector<std::thread> team;
    for (int part = 0; part < threads; ++part)
        team.emplace_back([&body, part] {
            setThreadsPerOp(1);
            body(part);
        });
    for (std::thread& t : team) t.join();
}

double productBound() {
    constexpr int64_t size = 1024;
    const std::vector<float> x(size * size, 0.5f), w(size * size, 0.25f);
    std::vector<float> out(size * size);
    const double time = fastest(
        0.4, [&] { cpu::matmulForward<float>(out.data(), x.data(), w.data(), nullptr, size, size, size); },
        threadSeconds);
    return 2.0 * size * size * size / time;
}

std::string line(const char* format, auto... values) {
    char text[256];
    std::snprintf(text, sizeof text, format, values...);
    return text;
}

// Four tensors of AdamW, and master weights for bf16, cut among threads.
template <class T> struct AdamWState {
    int64_t elements;
    std::vector<T> param, grad;
    std::vector<float> master, exp_avg, exp_avg_sq;
    explicit AdamWState(int64_t n)
        : elements(n)
        , param(static_cast<size_t>(n), T(0.5f))
        , grad(static_cast<size_t>(n), T(0.01f))
        , master(sizeof(T) == 2 ? static_cast<size_t>(n) : 0, 0.5f)
        , exp_avg(static_cast<size_t>(n), 0.0f)
        , exp_avg_sq(static_cast<size_t>(n), 0.0f) {}

    void step(decltype(&cpu::adamw<T>) update, int part, int parts) {
        const AdamWStep s = {.learning_rate = 1e-3f,
                             .beta1 = 0.9f,
                             .beta2 = 0.999f,
                             .epsilon = 1e-8f,
                             .weight_decay = 0.1f,
                             .bias_correction1 = 0.1f,
                             .bias_correction2 = 0.001f};
        const int64_t first = elements * part / parts, last = elements * (part + 1) / parts;
        update(param.data() + first, master.empty() ? nullptr : master.data() + first, grad.data() + first,
               exp_avg.data() + first, exp_avg_sq.data() + first, last - first, s);
    }
};

template <class T> void addAdamW(Json& rows, const char* type, const double (&bounds)[2]) {
    constexpr int64_t elements = 16 << 20;
    constexpr double bytes = 28; // per element, in both types; see the op table
    AdamWState<T> state(elements);
    state.step(cpu::adamw<T>, 0, 1);
    const double reference = fastest(0.3, [&] { state.step(reference::adamw<T>, 0, 1); });
    for (const int threads : {1, 2}) {
        const double time =
            fastest(0.6, [&] { onThreads(threads, [&](int part) { state.step(cpu::adamw<T>, part, threads); }); });
        const double rate = elements / time, bandwidth = rate * bytes;
        rows.push_back({{"type", type},
                        {"threads", threads},
                        {"elements", elements},
                        {"elements_per_s", rate},
                        {"bytes_per_element", bytes},
                        {"bytes_per_s", bandwidth},
                        {"times_reference", reference / time},
                        {"share_of_stream_bound", bandwidth / bounds[threads - 1]}});
    }
}

} // namespace

double streamRate(int threads) {
    constexpr size_t elements = 1 << 24;
    std::vector<std::vector<float>> operands(static_cast<size_t>(threads) * 4);
    auto timed = [&](auto loop) {
        return fastest(0.3, [&] {
            onThreads(threads, [&](int part) {
                std::vector<float>* mine = operands.data() + part * 4;
                loop(mine[0].data(), mine[1].data(), mine[2].data(), mine[3].data());
            });
        });
    };
    onThreads(threads, [&](int part) {
        for (int i = 0; i < 4; ++i) operands[static_cast<size_t>(part * 4 + i)].assign(elements, 1.0f);
    });
    const double copy =
        timed([](float* a, const float* in, float*, float*) { std::memcpy(a, in, elements * sizeof(float)); });
    const double add = timed([](float* __restrict a, const float* __restrict in, float*, float*) {
        for (size_t i = 0; i < elements; ++i) a[i] += in[i];
    });
    const double three =
        timed([](float* __restrict a, const float* __restrict in, float* __restrict b, float* __restrict c) {
            for (size_t i = 0; i < elements; ++i) {
                a[i] += in[i];
                b[i] -= in[i];
                c[i] += in[i];
            }
        });
    return static_cast<double>(threads) * elements * sizeof(float) * std::max({2 / copy, 3 / add, 7 / three});
}

std::string benchOps(bool json) {
    setThreadsPerOp(1);
    Json result;
    const double stream = streamRate(1), product = productBound();
    result["stream_bytes_per_s"] = stream;
    result["matmul_f32_flops_per_s"] = product;
    result["threads"] = 1;
    Json& rows = result["ops"] = Json::array();
    for (const OpCase& c : opCases(CaseSet::bench))
        for (const DType type : {DType::f32, DType::bf16, DType::f16}) {
            OpData data(c.tensors, type, 1);
            const double reference = fastest(
                0.01, [&] { c.runAlone(Implementation::reference, data); }, threadSeconds);
            c.runAlone(Implementation::cpu, data);
            const double time = fastest(
                0.08, [&] { c.runAlone(Implementation::cpu, data); }, threadSeconds);
            const bool counts_flops = c.flops > 0;
            const double rate = (counts_flops ? c.flops : static_cast<double>(c.bytes(type))) / time;
            rows.push_back({{"op", c.op},
                            {"shape", c.shape},
                            {"type", toText(type)},
                            {"reference_s", reference},
                            {"cpu_s", time},
                            {"times_reference", reference / time},
                            {counts_flops ? "flops_per_s" : "bytes_per_s", rate},
                            {"share_of_bound", rate / (counts_flops ? product : stream)}});
        }
    if (json) return result.dump(2) + "\n";
    std::string text =
        line("1 thread. Bounds measured now: streaming %.1f GB/s (read + written), 1024^3 f32 matmul %.1f "
             "GFLOP/s.\nTimes are processor times of the fastest call. Operands that fit a cache can exceed the "
             "streaming bound.\n",
             stream / 1e9, product / 1e9);
    text += line("%-23s %-48s %-4s %11s %9s %7s %8s %-8s %6s\n", "op", "shape", "type", "reference", "cpu", "ratio",
                 "rate", "", "bound");
    for (const Json& row : rows) {
        const bool counts_flops = row.contains("flops_per_s");
        text +=
            line("%-23s %-48s %-4s %8.2f ms %6.3f ms %6.1fx %8.1f %-8s %4.0f %%\n",
                 row["op"].get_ref<const std::string&>().c_str(), row["shape"].get_ref<const std::string&>().c_str(),
                 row["type"].get_ref<const std::string&>().c_str(), row["reference_s"].get<double>() * 1e3,
                 row["cpu_s"].get<double>() * 1e3, row["times_reference"].get<double>(),
                 row[counts_flops ? "flops_per_s" : "bytes_per_s"].get<double>() / 1e9,
                 counts_flops ? "GFLOP/s" : "GB/s", row["share_of_bound"].get<double>() * 100);
    }
    return text;
}

std::string benchAdamW(bool json) {
    setThreadsPerOp(1);
    Json result;
    const double bounds[] = {streamRate(1), streamRate(2)};
    result["stream_bytes_per_s_1_thread"] = bounds[0];
    result["stream_bytes_per_s_2_threads"] = bounds[1];
    Json& rows = result["adamw"] = Json::array();
    addAdamW<float>(rows, "f32", bounds);
    addAdamW<bfloat16>(rows, "bf16 + f32 master", bounds);
    if (json) return result.dump(2) + "\n";
    std::string text = line("Bounds measured now: streaming %.1f GB/s on 1 thread, %.1f GB/s on 2 (read + written).\n",
                            bounds[0] / 1e9, bounds[1] / 1e9);
    text += line("%-18s %7s %12s %10s %10s %12s %10s\n", "type", "threads", "Melements/s", "B/element", "GB/s",
                 "x reference", "of bound");
    for (const Json& row : rows)
        text +=
            line("%-18s %7d %12.0f %10.0f %10.1f %11.1fx %8.0f %%\n", row["type"].get_ref<const std::string&>().c_str(),
                 row["threads"].get<int>(), row["elements_per_s"].get<double>() / 1e6,
                 row["bytes_per_element"].get<double>(), row["bytes_per_s"].get<double>() / 1e9,
                 row["times_reference"].get<double>(), row["share_of_stream_bound"].get<double>() * 100);
    return text;
}

} // namespace shardscope::kernels
