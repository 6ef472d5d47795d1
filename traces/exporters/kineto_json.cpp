// SPDX-License-Identifier: Apache-2.0
// The dialect of PyTorch's profiler. Tools tell work of the device by `stream` in the arguments, its kind by the name,
// and its step by the launch with the same correlation, so intervals of ours get a launch at their start and, where the
// name does not say so, a prefix: "ncclDevKernel_" for communication, "Memcpy" for copies. Computing on the host is
// work in every budget of ours, so it has a stream, too.
#include "traces/exporters/json_text.h"
#include "traces/exporters/lane_stream.h"
#include "traces/exporters/output_file.h"
#include "traces/importers/kernel_class.h"
#include <algorithm>
#include <fmt/format.h>
#include <set>
#include <unordered_map>

namespace shardscope {

namespace {

constexpr int first_stream = 7;         // where PyTorch's streams usually start
constexpr int host_process_base = 1000; // process ids of the hosts; devices have the rank's number

std::string_view ncclWord(OpClass c) {
    switch (c) {
    case OpClass::all_gather:
        return "AllGather";
    case OpClass::reduce_scatter:
        return "ReduceScatter";
    case OpClass::all_reduce:
        return "AllReduce";
    case OpClass::broadcast:
        return "Broadcast";
    case OpClass::reduce:
        return "Reduce";
    case OpClass::send_recv:
        return "SendRecv";
    case OpClass::all_to_all:
        return "AllToAll";
    default:
        return "Communication";
    }
}

std::string_view collectiveName(OpClass c) { // as record_param_comms says
    switch (c) {
    case OpClass::all_gather:
        return "_allgather_base";
    case OpClass::reduce_scatter:
        return "_reduce_scatter_base";
    case OpClass::all_reduce:
        return "allreduce";
    case OpClass::broadcast:
        return "broadcast";
    default:
        return "";
    }
}

class KinetoFile {
public:
    KinetoFile(const TraceReader& trace, int32_t rank, TimeRange range, OutputFile& out)
        : m_trace(trace)
        , m_rank(rank)
        , m_range(range)
        , m_base(std::min<int64_t>(range.start_ns, 0))
        , m_imported(!trace.runValue("source").empty())
        , m_out(out) {}

    void begin() {
        // Holistic Trace Analysis looks for `"rank": ` with the space.
        m_out.write(
            fmt::format("{{\n\"schemaVersion\": 1,\n\"deviceProperties\": [{{\"id\": {}, \"name\": \"rank {}\"}}],\n"
                        "\"distributedInfo\": {{\"backend\": \"nccl\", \"rank\": {}, \"world_size\": {}}},\n"
                        "\"displayTimeUnit\": \"ms\",\n\"baseTimeNanoseconds\": {},\n\"traceEvents\": [",
                        m_rank, m_rank, m_rank, m_trace.ranks(), m_base));
        name("process_name", m_rank, 0, fmt::format("rank {}", m_rank));
        name("process_labels", m_rank, 0, fmt::format("GPU {}", m_rank), "labels");
        name("process_name", host(), 0, "host");
        name("process_labels", host(), 0, "CPU", "labels");
        name("thread_name", host(), 1, "launches");
        for (const StepEvent& step : m_trace.steps()) {
            if (m_imported) break;
            const int64_t start = std::max(step.start_ns, m_range.start_ns),
                          end = std::min(step.end_ns, m_range.end_ns);
            if (end > start)
                slice("user_annotation", fmt::format("\"ProfilerStep#{}\"", step.step), host(), 1, start, end - start,
                      "");
        }
    }
    void end() { m_out.write("\n]}\n"); }
    int64_t events() const { return m_events; }

    Result<void> lanes(const std::string& path) {
        const auto all = m_trace.lanes();
        for (size_t i = 0; i < all.size(); ++i) {
            if (all[i].rank != m_rank) continue;
            NestingRows rows;
            std::vector<int> streams;
            const auto streamed =
                forEachOfLane(path, static_cast<LaneId>(i), m_range, [&](const IntervalEvent& e, bool) {
                    const size_t row = rows.rowFor(e.start_ns, e.end_ns);
                    while (streams.size() <= row) {
                        streams.push_back(m_next_stream++);
                        name("thread_name", isHost(e) ? host() : m_rank, streams.back(),
                             isHost(e) ? all[i].name : fmt::format("stream {} {}", streams.back(), all[i].name));
                    }
                    isHost(e) ? hostWork(e, streams[row]) : deviceWork(e, streams[row]);
                    ++m_events;
                });
            if (!streamed) return streamed.error();
        }
        return {};
    }

private:
    int host() const { return host_process_base + m_rank; }
    static bool isHost(const IntervalEvent& e) { return !isWork(e.op_class); }

    void put(const std::string& event) {
        m_out.write(m_first ? "\n" : ",\n");
        m_out.write(event);
        m_first = false;
    }
    void name(const char* what, int pid, int tid, const std::string& text, const char* key = "name") {
        put(fmt::format(
            "{{\"ph\": \"M\", \"name\": \"{}\", \"pid\": {}, \"tid\": {}, \"ts\": 0, \"args\": {{\"{}\": {}}}}}", what,
            pid, tid, key, jsonString(text)));
    }
    void slice(const char* category, const std::string& quoted, int pid, int tid, int64_t start, int64_t duration,
               const std::string& args) {
        put(fmt::format(
            "{{\"ph\": \"X\", \"cat\": \"{}\", \"name\": {}, \"pid\": {}, \"tid\": {}, \"ts\": {}, \"dur\": {}, "
            "\"args\": {{{}}}}}",
            category, quoted, pid, tid, microseconds(std::max<int64_t>(start - m_base, 0)), microseconds(duration),
            args));
    }

    const std::string& quotedName(const IntervalEvent& e) {
        std::string& text = m_names[e.name];
        if (!text.empty()) return text;
        std::string plain = m_trace.name(e.name);
        const OpClass by_name = importers::kernelClass(plain); // what a reader of the file will take it for
        if (!isWork(e.op_class) && !plain.empty()) return text = jsonString(plain);
        if (isCollective(e.op_class) && !isCollective(by_name))
            plain = fmt::format("ncclDevKernel_{}: {}", ncclWord(e.op_class), plain);
        else if ((e.op_class == OpClass::copy || e.op_class == OpClass::storage) && by_name != OpClass::copy)
            plain = "Memcpy " + plain;
        else if (plain.empty())
            plain = toText(e.op_class);
        return text = jsonString(plain);
    }

    void hostWork(const IntervalEvent& e, int tid) {
        const bool call = e.op_class == OpClass::api_call;
        const char* category = call ? "cuda_runtime" : e.op_class == OpClass::annotation ? "user_annotation" : "cpu_op";
        slice(category, quotedName(e), host(), tid, e.start_ns, e.end_ns - e.start_ns,
              e.correlation >= 0 ? fmt::format("\"correlation\": {}", e.correlation) : "");
    }

    void deviceWork(const IntervalEvent& e, int stream) {
        const int64_t correlation = m_imported ? e.correlation : ++m_correlation;
        const bool copy = e.op_class == OpClass::copy || e.op_class == OpClass::storage;
        std::string args =
            fmt::format("\"device\": {}, \"stream\": {}, \"correlation\": {}", m_rank, stream, correlation);
        if (copy && e.bytes > 0) args += fmt::format(", \"bytes\": {}", e.bytes);
        if (!collectiveName(e.op_class).empty() && e.elements > 0) {
            // Gathers are counted by what goes in on one rank, as PyTorch does.
            const int64_t ranks = std::max<int64_t>(m_trace.ranks(), 1);
            const bool gather = e.op_class == OpClass::all_gather, scatter = e.op_class == OpClass::reduce_scatter;
            args += fmt::format(", \"Collective name\": \"{}\", \"In msg nelems\": {}, \"Out msg nelems\": {}, "
                                "\"Group size\": {}, \"dtype\": \"{}\"",
                                collectiveName(e.op_class), gather ? e.elements / ranks : e.elements,
                                scatter ? e.elements / ranks : e.elements, ranks, dtype(e));
        }
        if (!m_imported)
            slice("cuda_runtime", copy ? "\"cudaMemcpyAsync\"" : "\"cudaLaunchKernel\"", host(), 1, e.start_ns, 0,
                  fmt::format("\"correlation\": {}", correlation));
        slice(copy                                 ? "gpu_memcpy"
              : e.op_class == OpClass::synchronize ? "cuda_sync"
                                                   : "kernel",
              quotedName(e), m_rank, stream, e.start_ns, e.end_ns - e.start_ns, args);
    }

    std::string dtype(const IntervalEvent& e) const {
        switch (e.bytes / e.elements) {
        case 2:
            return m_trace.runValue("precision") == "fp16" ? "Half" : "BFloat16";
        case 8:
            return "Double";
        default:
            return "Float";
        }
    }

    const TraceReader& m_trace;
    int32_t m_rank;
    TimeRange m_range;
    int64_t m_base;
    bool m_imported; // brings launches and steps of its own
    OutputFile& m_out;
    bool m_first = true;
    int m_next_stream = first_stream;
    int64_t m_events = 0, m_correlation = 0;
    std::unordered_map<NameId, std::string> m_names;
};

// out.json.gz -> out.rank3.json.gz
std::string nameOfRank(const std::string& output, int32_t rank, bool several) {
    const std::string number = std::to_string(rank);
    if (const size_t at = output.find("{rank}"); at != std::string::npos)
        return output.substr(0, at) + number + output.substr(at + 6);
    if (!several) return output;
    const size_t folder = output.find_last_of('/') + 1; // 0 without one
    const size_t ending = std::min(output.find('.', folder + 1), output.size());
    return output.substr(0, ending) + ".rank" + number + output.substr(ending);
}

} // namespace

Result<ExportEnd> exportKineto(const std::string& path, const std::string& output, const ExportOptions& options) {
    const auto trace = TraceReader::open(path);
    if (!trace) return trace.error();
    const auto range = exportedRange(**trace, options);
    if (!range) return range.error();
    std::set<int32_t> ranks;
    for (const LaneInfo& lane : (*trace)->lanes()) ranks.insert(lane.rank);
    ExportEnd end;
    for (const int32_t rank : ranks) {
        const std::string name = nameOfRank(output, rank, ranks.size() > 1);
        auto out = OutputFile::create(name);
        if (!out) return out.error();
        KinetoFile file(**trace, rank, *range, **out);
        file.begin();
        if (const auto lanes = file.lanes(path); !lanes) return lanes.error();
        file.end();
        if (const auto finished = (*out)->finish(); !finished) return finished.error();
        end.files.push_back(name);
        end.events += file.events();
    }
    return end;
}

} // namespace shardscope
