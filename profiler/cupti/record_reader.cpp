// SPDX-License-Identifier: Apache-2.0
#include "profiler/cupti/record_reader.h"
#include "traces/importers/kernel_class.h"
#include "traces/importers/name_table.h"
#include <array>
#include <cstdlib>
#include <cxxabi.h>

namespace shardscope::cupti {
namespace {

constexpr int64_t clock_slack_ns = 10'000'000; // times of a device are mapped to the host's by interpolation

// The words of ENUM_CUDA_MEMCPY_OPER and ENUM_CUDA_MEM_KIND, as an import of Nsight Systems spells them.
constexpr std::array<const char*, 11> copy_kinds = {"Unknown", "HtoD", "DtoH", "HtoA", "AtoH", "AtoA",
                                                    "AtoD",    "DtoA", "DtoD", "HtoH", "PtoP"};
constexpr std::array<const char*, 8> memory_kinds = {"Unknown", "Pageable", "Pinned",        "Device",
                                                     "Array",   "Managed",  "Device Static", "Managed Static"};
constexpr std::array<const char*, 5> wait_kinds = {"Synchronization", "Event Sync", "Stream Wait Event", "Stream Sync",
                                                   "Context Sync"};
constexpr std::array<const char*, 9> overhead_kinds = {
    "overhead",         "CUPTI buffer flush",  "CUPTI instrumentation", "CUPTI resources",      "module loading",
    "function loading", "full command buffer", "CUPTI buffer request",  "unified memory set-up"};

bool isOfCuda(int32_t overhead_kind) {
    return overhead_kind == driver_compiler || overhead_kind == module_loading || overhead_kind == function_loading ||
           overhead_kind == command_buffer_full;
}

// What an op launches with; the numbers are those of a call and a version of its interface.
const char* callName(Kind kind, uint32_t function) {
    if (kind == Kind::driver)
        return function == 307 ? "cuLaunchKernel" : function == 652 ? "cuLaunchKernelEx" : "CUDA driver call";
    switch (function) {
    case 41:
        return "cudaMemcpyAsync";
    case 51:
        return "cudaMemsetAsync";
    case 211:
    case 505:
        return "cudaLaunchKernel";
    case 311:
        return "cudaGraphLaunch";
    case 430:
        return "cudaLaunchKernelExC";
    case 482:
    case 509:
        return "cudaMemcpyBatchAsync";
    default:
        return "CUDA call";
    }
}

template <size_t N> std::string wordOf(const std::array<const char*, N>& words, int64_t number) {
    return number >= 0 && number < static_cast<int64_t>(N) ? words[static_cast<size_t>(number)] : words[0];
}

std::string placesOf(const Memcpy& c) {
    return wordOf(memory_kinds, c.source_kind) + " -> " + wordOf(memory_kinds, c.destination_kind);
}
std::string placesOf(const MemcpyBetweenDevices& c) {
    return "GPU " + std::to_string(c.source_device) + " -> GPU " + std::to_string(c.destination_device);
}

// Records begin at multiples of 8, but a buffer is bytes.
template <class T> const T& as(const Record* record) { return *reinterpret_cast<const T*>(record); }

} // namespace

Name RecordReader::nameOf(std::string_view text) {
    const auto known = m_name_of.find(text);
    if (known != m_name_of.end()) return known->second;
    const auto name = static_cast<Name>(m_names.size());
    m_names.emplace_back(text);
    m_name_of.emplace(text, name);
    return name;
}

Name RecordReader::kernelName(const char* mangled) {
    if (!mangled) return nameOf("kernel");
    if (const auto known = m_kernel_of.find(std::string_view(mangled)); known != m_kernel_of.end())
        return known->second;
    int status = 0;
    char* plain = abi::__cxa_demangle(mangled, nullptr, nullptr, &status);
    bool repaired = false;
    const std::string text = importers::validUtf8(status == 0 && plain ? plain : mangled, repaired);
    std::free(plain);
    return m_kernel_of[mangled] = nameOf(text);
}

bool RecordReader::believe(uint64_t start, uint64_t end, Times& times) {
    if (start == 0 || end == 0) {
        ++m_counts.without_time;
        return false;
    }
    return inSession(start, end, times);
}

bool RecordReader::inSession(uint64_t start, uint64_t end, Times& times) {
    if (start == 0 || end == 0) return false;
    times.start_ns = static_cast<int64_t>(start - static_cast<uint64_t>(m_zero));
    times.end_ns = static_cast<int64_t>(end - static_cast<uint64_t>(m_zero));
    const bool inside = times.start_ns >= m_session_start_ns - clock_slack_ns &&
                        times.end_ns <= m_now_ns + clock_slack_ns && times.end_ns >= times.start_ns;
    if (!inside) ++m_counts.outside_session;
    return inside;
}

template <class Copy> void RecordReader::readCopy(const Copy& c, RecordBatch& batch) {
    Times times{};
    if (!believe(c.start, c.end, times)) return;
    ++m_counts.copies;
    batch.work.push_back({.start_ns = times.start_ns,
                          .end_ns = times.end_ns,
                          .device = c.device,
                          .context = c.context,
                          .stream = c.stream,
                          .correlation = c.correlation,
                          .name = nameOf("Memcpy " + wordOf(copy_kinds, c.copy_kind) + " (" + placesOf(c) + ")"),
                          .op_class = OpClass::copy,
                          .bytes = static_cast<int64_t>(c.bytes)});
}

void RecordReader::readRecord(const Record* record, RecordBatch& batch) {
    Times times{};
    switch (record->kind) {
    case Kind::concurrent_kernel: {
        const auto& k = as<Kernel>(record);
        if (!believe(k.start, k.end, times)) return;
        ++m_counts.kernels;
        const Name name = kernelName(k.name);
        batch.work.push_back({.start_ns = times.start_ns,
                              .end_ns = times.end_ns,
                              .device = k.device,
                              .context = k.context,
                              .stream = k.stream,
                              .correlation = k.correlation,
                              .name = name,
                              .op_class = importers::kernelClass(m_names[static_cast<size_t>(name)])});
        return;
    }
    case Kind::memcpy:
        return readCopy(as<Memcpy>(record), batch);
    case Kind::memcpy_between_devices:
        return readCopy(as<MemcpyBetweenDevices>(record), batch);
    case Kind::memset: {
        const auto& m = as<Memset>(record);
        if (!believe(m.start, m.end, times)) return;
        ++m_counts.copies;
        batch.work.push_back({.start_ns = times.start_ns,
                              .end_ns = times.end_ns,
                              .device = m.device,
                              .context = m.context,
                              .stream = m.stream,
                              .correlation = m.correlation,
                              .name = nameOf("Memset (" + wordOf(memory_kinds, m.memory_kind) + ")"),
                              .op_class = OpClass::copy,
                              .bytes = static_cast<int64_t>(m.bytes)});
        return;
    }
    case Kind::external_correlation: {
        const auto& e = as<ExternalCorrelation>(record);
        if (e.external_kind == custom_correlation) batch.correlations.push_back({e.correlation, e.external_id});
        return;
    }
    case Kind::runtime:
    case Kind::driver: {
        const auto& c = as<ApiCall>(record);
        if (inSession(c.start, c.end, times))
            batch.launches.push_back(
                {times.start_ns, times.end_ns, c.correlation, c.thread, nameOf(callName(c.kind, c.function))});
        return;
    }
    case Kind::synchronization: {
        const auto& s = as<Synchronization>(record);
        // A stream that waits for an event keeps no thread waiting; the program says what waits for what.
        if (s.type == stream_wait_event || !inSession(s.start, s.end, times)) return;
        batch.waits.push_back(
            {times.start_ns, times.end_ns, s.context, s.stream, s.correlation, nameOf(wordOf(wait_kinds, s.type))});
        return;
    }
    case Kind::overhead: {
        const auto& o = as<Overhead>(record);
        if (o.overhead_kind == command_buffer_full) std::free(o.data);
        if (!inSession(o.start, o.end, times)) return;
        const std::string name =
            o.overhead_kind == driver_compiler ? "driver compiler" : wordOf(overhead_kinds, o.overhead_kind >> 16);
        if (!isOfCuda(o.overhead_kind)) m_counts.overhead_ns += times.end_ns - times.start_ns;
        m_counts.overhead_by_kind[name] += times.end_ns - times.start_ns;
        batch.overheads.push_back({times.start_ns, times.end_ns, nameOf(name)});
        return;
    }
    case Kind::memory: {
        const auto& m = as<Memory>(record);
        const bool release = m.operation == MemoryOperation::release;
        if (m.memory_kind != device || !believe(m.timestamp, m.timestamp, times)) return;
        const auto bytes = static_cast<int64_t>(m.bytes);
        batch.memory.push_back({times.start_ns, m.device, m.address, release ? -bytes : bytes});
        return;
    }
    }
    ++m_counts.unknown_kinds;
}

void RecordReader::read(uint8_t* buffer, size_t bytes, int64_t now_ns, RecordBatch& batch) {
    m_now_ns = now_ns;
    Record* record = nullptr;
    while (true) {
        const Status status = m_api.next_record(buffer, bytes, &record);
        if (status == Status::max_limit_reached) return;
        if (status != Status::success || !record) {
            ++m_counts.damaged_buffers;
            return;
        }
        readRecord(record, batch);
    }
}

} // namespace shardscope::cupti
