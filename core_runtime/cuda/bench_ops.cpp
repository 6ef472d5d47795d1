// SPDX-License-Identifier: Apache-2.0
#include "core_runtime/cuda/bench_ops.h"
#include "core_runtime/machine/device_peaks.h"
#include "kernels/cuda/ops.h"
#include "kernels/op_cases.h"
#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

namespace shardscope::kernels::cuda {
namespace {

double*& benchedSums() { // of the thread that times: one, and the partial ones
    static thread_local double* place = nullptr;
    return place;
}

} // namespace

// The table's form of it returns the sum, which only the host can; this one leaves it in the thread's scratch.
template <class T> double squaredSum(const T* x, int64_t elements) {
    double* place = benchedSums();
    squaredSumInto(place, place + 1, x, elements);
    return 0;
}
template double squaredSum(const float*, int64_t);
template double squaredSum(const bfloat16*, int64_t);
template double squaredSum(const float16*, int64_t);

} // namespace shardscope::kernels::cuda

namespace shardscope::cuda {
namespace {

using kernels::Implementation;
using kernels::OpCase;
using kernels::OpData;
using kernels::Ops;
using Json = nlohmann::ordered_json;

template <class T> void useDeviceOps() {
    kernels::cudaOps<T> = [] { return SHARDSCOPE_OPS(kernels::cuda); };
}

std::byte* allocate(int64_t bytes) {
    void* start = nullptr;
    SHARDSCOPE_CUDA_CALL(cudaMalloc, &start, static_cast<size_t>(std::max<int64_t>(bytes, 1)));
    return static_cast<std::byte*>(start);
}

int64_t scratchBytes(const std::vector<OpCase>& cases) {
    int64_t bytes = kernels::cuda::most_column_scratch;
    for (const OpCase& c : cases)
        for (const kernels::OpTensor& t : c.tensors)
            if (t.type == DType::i32) bytes = std::max(bytes, kernels::cuda::scratchBytes(t.elements, 1));
    return bytes;
}

class Timer {
public:
    explicit Timer(cudaStream_t stream)
        : m_stream(stream) {}
    // Seconds of one call: `repeats` of them between two events.
    template <class Call> double seconds(int repeats, const Call& call) {
        call();
        SHARDSCOPE_CUDA_CALL(cudaEventRecord, m_begin.get(), m_stream);
        for (int i = 0; i < repeats; ++i) call();
        SHARDSCOPE_CUDA_CALL(cudaEventRecord, m_end.get(), m_stream);
        SHARDSCOPE_CUDA_CALL(cudaEventSynchronize, m_end.get());
        float elapsed_ms = 0;
        SHARDSCOPE_CUDA_CALL(cudaEventElapsedTime, &elapsed_ms, m_begin.get(), m_end.get());
        return static_cast<double>(elapsed_ms) * 1e-3 / repeats;
    }

private:
    cudaStream_t m_stream;
    Event m_begin = makeEvent(), m_end = makeEvent();
};

double rate(double work, double seconds) { return seconds > 0 ? work / seconds : 0; }

double copyRate(Timer& timer, cudaStream_t stream, const OpBench& bench) {
    const DeviceMemory from(allocate(bench.copy_bytes)), to(allocate(bench.copy_bytes));
    const double time = timer.seconds(bench.repeats, [&] {
        SHARDSCOPE_CUDA_CALL(cudaMemcpyAsync, to.get(), from.get(), static_cast<size_t>(bench.copy_bytes),
                             cudaMemcpyDefault, stream);
    });
    return rate(2 * static_cast<double>(bench.copy_bytes), time);
}

template <class T> double productRate(Timer& timer, const OpBench& bench) {
    const int64_t n = bench.product;
    const auto bytes = n * n * static_cast<int64_t>(sizeof(T));
    const DeviceMemory x(allocate(bytes)), w(allocate(bytes)), out(allocate(bytes));
    for (const DeviceMemory* m : {&x, &w}) SHARDSCOPE_CUDA_CALL(cudaMemset, m->get(), 0, static_cast<size_t>(bytes));
    const auto at = [](const DeviceMemory& m) { return reinterpret_cast<T*>(m.get()); };
    const double time = timer.seconds(bench.repeats, [&] {
        kernels::cuda::matmulForward<T>(at(out), at(x), at(w), static_cast<const T*>(nullptr), n, n, n, {});
    });
    return rate(2.0 * static_cast<double>(n) * static_cast<double>(n) * static_cast<double>(n), time);
}

// The tensors of one case on the device.
class DeviceData {
public:
    DeviceData(const OpCase& c, DType type)
        : m_data(c.tensors, type, 1) {
        m_data.place([this](std::span<const std::byte> bytes) {
            std::byte* start = m_memory.emplace_back(allocate(std::ssize(bytes))).get();
            SHARDSCOPE_CUDA_CALL(cudaMemcpy, start, bytes.data(), bytes.size(), cudaMemcpyDefault);
            return start;
        });
        SHARDSCOPE_CUDA_CALL(cudaDeviceSynchronize); // the stream of the ops does not wait for these copies
    }
    OpData& data() { return m_data; }

private:
    std::vector<DeviceMemory> m_memory;
    OpData m_data;
};

std::string line(const char* format, auto... values) {
    char text[320];
    std::snprintf(text, sizeof text, format, values...);
    return text;
}

std::string tableText(const Json& result) {
    const auto number = [&](const char* key) { return result[key].get<double>(); };
    std::string text =
        line("%s, products by %s. Bounds measured now: copies %.1f GB/s (read + written), a large product "
             "%.0f GFLOP/s in fp32, %.0f in bf16.\n",
             result["device"].get_ref<const std::string&>().c_str(),
             result["matrix_products"].get_ref<const std::string&>().c_str(), number("copy_bytes_per_s") * 1e-9,
             number("f32_flops_per_s") * 1e-9, number("half_flops_per_s") * 1e-9);
    const bool sheet = result.contains("sheet");
    text += sheet ? "MB: what one call has to read and write at least. roofline: the least time by the data sheet "
                    "(arithmetic without sparsity, memory) as a share of the "
                    "time taken.\n"
                  : "No data sheet of this device is known here: only measured bounds are told.\n";
    text += line("%-23s %-58s %-4s %10s %10s %10s %-8s %8s %9s\n", "op", "shape", "type", "MB", "us", "rate", "",
                 "of bound", sheet ? "roofline" : "");
    for (const Json& row : result["ops"]) {
        const bool flops = row.contains("flops_per_s");
        text +=
            line("%-23s %-58s %-4s %10.1f %10.1f %10.1f %-8s %6.0f %%", row["op"].get_ref<const std::string&>().c_str(),
                 row["shape"].get_ref<const std::string&>().c_str(), row["type"].get_ref<const std::string&>().c_str(),
                 row["bytes"].get<double>() * 1e-6, row["device_s"].get<double>() * 1e6,
                 row[flops ? "flops_per_s" : "bytes_per_s"].get<double>() * 1e-9, flops ? "GFLOP/s" : "GB/s",
                 row["share_of_bound"].get<double>() * 100);
        if (sheet) text += line(" %7.0f %%", row["roofline"].get<double>() * 100);
        text += "\n";
    }
    return text;
}

Json measure(const OpBench& bench) {
    useDeviceOps<float>();
    useDeviceOps<bfloat16>();
    useDeviceOps<float16>();
    SHARDSCOPE_CUDA_CALL(cudaSetDevice, 0);
    const Stream stream = makeStream(0);
    std::unique_ptr<CublasLtProducts> products;
    if (bench.products) {
        Result<std::unique_ptr<CublasLtProducts>> made = CublasLtProducts::create(*bench.products);
        if (!made) throw std::runtime_error(made.error().message);
        products = *std::move(made);
    }
    const std::vector<OpCase> cases = kernels::opCases(bench.cases);
    const int64_t scratch_bytes = scratchBytes(cases);
    const DeviceMemory scratch(allocate(scratch_bytes));
    const DeviceMemory sums(allocate((1 + kernels::cuda::squared_sum_partials) * int64_t{sizeof(double)}));
    // What the thread uses is taken back however this ends.
    struct Use {
        Use(cudaStream_t s, kernels::cuda::ProductLibrary* p, std::byte* scratch_start, int64_t bytes,
            std::byte* sums) {
            kernels::cuda::useStream(s);
            kernels::cuda::useProducts(p);
            kernels::cuda::useScratch(scratch_start, bytes);
            kernels::cuda::benchedSums() = reinterpret_cast<double*>(sums);
        }
        ~Use() {
            kernels::cuda::useStream(nullptr);
            kernels::cuda::useProducts(nullptr);
            kernels::cuda::useScratch(nullptr, 0);
            kernels::cuda::benchedSums() = nullptr;
        }
    } const use(stream.get(), products.get(), scratch.get(), scratch_bytes, sums.get());
    Timer timer(stream.get());
    Json result;
    result["device"] = bench.device_name;
    result["matrix_products"] = bench.products ? "cuBLASLt " + bench.products->version : std::string("own kernels");
    const double copies = copyRate(timer, stream.get(), bench);
    const double f32 = productRate<float>(timer, bench), half = productRate<bfloat16>(timer, bench);
    result["copy_bytes_per_s"] = copies;
    result["f32_flops_per_s"] = f32;
    result["half_flops_per_s"] = half;
    const std::optional<SheetPeaks> sheet = sheetPeaks(bench.device_name);
    if (sheet)
        result["sheet"] = {{"f32_flops_per_s", sheet->f32_flops_per_s},
                           {"half_flops_per_s", sheet->half_flops_per_s},
                           {"bytes_per_s", sheet->bytes_per_s}};
    Json& rows = result["ops"] = Json::array();
    for (const OpCase& c : cases)
        for (const DType type : bench.types) {
            DeviceData device(c, type);
            const double time = timer.seconds(bench.repeats, [&] { c.runAlone(Implementation::cuda, device.data()); });
            const double bytes = static_cast<double>(c.bytes(type));
            const bool is_half = type != DType::f32, counts_flops = c.flops > 0;
            rows.push_back(
                {{"op", c.op},
                 {"shape", c.shape},
                 {"type", toText(type)},
                 {"bytes", c.bytes(type)},
                 {"device_s", time},
                 {counts_flops ? "flops_per_s" : "bytes_per_s", rate(counts_flops ? c.flops : bytes, time)},
                 {"share_of_bound", rate(counts_flops ? c.flops / (is_half ? half : f32) : bytes / copies, time)}});
            if (!sheet) continue;
            const double least_s = std::max(c.flops / (is_half ? sheet->half_flops_per_s : sheet->f32_flops_per_s),
                                            bytes / sheet->bytes_per_s);
            rows.back()["roofline"] = rate(least_s, time);
        }
    return result;
}

} // namespace

Result<std::string> benchOps(const OpBench& bench, bool json) {
    try {
        const Json result = measure(bench);
        return json ? result.dump(2) + "\n" : tableText(result);
    } catch (const std::exception& e) {
        return Error{std::string("the kernels could not be timed: ") + e.what()};
    }
}

} // namespace shardscope::cuda
