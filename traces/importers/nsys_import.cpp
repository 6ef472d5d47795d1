// SPDX-License-Identifier: Apache-2.0
// Nsight Systems: SQLite exports of schema 2.9 to 3.25. A rank is a device of a process; kernels find their launch by
// (process, correlation id), because ids of two processes collide.
#include "traces/importers/kernel_class.h"
#include "traces/importers/nsys_facts.h"
#include "traces/importers/nsys_file.h"
#include "traces/importers/nsys_memory.h"
#include "traces/importers/nsys_words.h"
#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <set>
#include <tuple>

namespace shardscope::importers {

namespace {

constexpr std::string_view sqlite_magic{"SQLite format 3\0", 16};

uint32_t correlationOf(const Statement& row, int column) {
    const int64_t id = row.integerOr(column, -1);
    return id > 0 && id < no_correlation ? static_cast<uint32_t>(id) : no_correlation; // 0: none
}

class NsysImport {
public:
    explicit NsysImport(ImportJob& job)
        : m_job(job)
        , m_table(job.table)
        , m_file(job) {}
    Result<void> run();

private:
    using Pid = int64_t;    // high bits of globalPid and globalTid: machine and process
    using Number = int64_t; // of a device, stream ... as the file says

    struct Process {
        ProcessIndex index{};
        std::map<Number, RankIndex> devices;
        std::optional<RankIndex> host_rank; // of the threads, when there is no device
    };
    struct DeviceRow { // the columns that kernels, copies and graphs share
        Pid pid;
        Number device, context, stream;
        ImportedEvent event;
    };

    static constexpr std::array shared_columns = {"start",     "end",           "deviceId", "streamId",
                                                  "contextId", "correlationId", "globalPid"};
    Result<void> callers();
    Result<void> kernels();
    Result<void> copies(const char* table, bool set);
    Result<void> graphs();
    Result<void> calls();
    Result<void> ranges();
    Result<void> synchronizations();
    Result<void> threadNames();
    Result<void> mpiRanks();
    Result<void> clock();
    void nameTracks();
    void nameDevices();

    std::optional<DeviceRow> deviceRow(const Statement&);
    Process& processOf(Pid);
    RankIndex rankOf(Pid, Number device); // makes it
    RankIndex hostRank(Pid);
    RankIndex knownRank(Pid, Number device); // where there was no work of the device, that of the host
    TrackIndex streamTrack(const DeviceRow&);
    TrackIndex besideTrack(RankIndex, const std::string& name);
    TrackIndex threadTrack(int64_t global_tid);

    ImportJob& m_job;
    ImportTable& m_table;
    NsysFile m_file;
    std::map<Pid, Process> m_processes;
    std::map<std::tuple<Pid, Number, Number, Number>, TrackIndex> m_streams; // pid, device, context, stream
    std::map<std::pair<RankIndex, std::string>, TrackIndex> m_beside;
    std::map<int64_t, TrackIndex> m_threads; // by globalTid
    std::map<int64_t, std::string> m_thread_names;
    Pid m_only_process = 0;         // of device rows that do not say: the one that made calls
    bool m_other_processes = false; // several did
    std::vector<OpClass> m_classes; // by NameId, for kernels
    std::vector<uint8_t> m_classified;
    int64_t m_earliest = std::numeric_limits<int64_t>::max();
};

NsysImport::Process& NsysImport::processOf(Pid pid) {
    const auto [process, fresh] = m_processes.try_emplace(pid);
    if (fresh) process->second.index = m_table.addProcess();
    return process->second;
}

RankIndex NsysImport::rankOf(Pid pid, Number device) {
    Process& process = processOf(pid);
    const auto known = process.devices.find(device);
    if (known != process.devices.end()) return known->second;
    return process.devices[device] = m_table.addRank(process.index);
}

// Threads belong to the first device of their process; those of a process without one to a rank of their own.
RankIndex NsysImport::hostRank(Pid pid) {
    Process& process = processOf(pid);
    if (!process.devices.empty()) return process.devices.begin()->second;
    if (!process.host_rank) process.host_rank = m_table.addRank(process.index);
    return *process.host_rank;
}

RankIndex NsysImport::knownRank(Pid pid, Number device) {
    const Process& process = processOf(pid);
    const auto known = process.devices.find(device);
    return known == process.devices.end() ? hostRank(pid) : known->second;
}

TrackIndex NsysImport::streamTrack(const DeviceRow& row) {
    const auto [track, fresh] = m_streams.try_emplace({row.pid, row.device, row.context, row.stream});
    if (fresh)
        track->second = m_table.addTrack(rankOf(row.pid, row.device), TrackKind::device,
                                         fmt::format("GPU {} stream {}", row.device, row.stream), row.stream);
    return track->second;
}

TrackIndex NsysImport::besideTrack(RankIndex rank, const std::string& name) {
    const auto [track, fresh] = m_beside.try_emplace({rank, name});
    if (fresh) track->second = m_table.addTrack(rank, TrackKind::beside_device, name, 0);
    return track->second;
}

TrackIndex NsysImport::threadTrack(int64_t global_tid) {
    const auto [track, fresh] = m_threads.try_emplace(global_tid);
    if (!fresh) return track->second;
    const int64_t tid = global_tid & 0xffffff;
    std::string name = fmt::format("thread {}", tid);
    if (const auto known = m_thread_names.find(global_tid); known != m_thread_names.end()) name += " " + known->second;
    return track->second = m_table.addTrack(hostRank(global_tid >> 24), TrackKind::host, name, tid);
}

std::optional<NsysImport::DeviceRow> NsysImport::deviceRow(const Statement& row) {
    if (!row.isNumber(0) || !row.isNumber(1)) {
        m_table.warn("incomplete_rows", "Rows whose start or end is missing or no number were left out.");
        return std::nullopt;
    }
    const int64_t start = row.integer(0);
    int64_t duration = 0;
    if (__builtin_sub_overflow(row.integer(1), start, &duration)) duration = longest_ns + 1; // refused by the table
    m_earliest = std::min(m_earliest, start);
    if (row.isNull(6) && m_other_processes)
        m_table.warn("rows_without_process", "Device rows do not say which process they belong to; they count as those "
                                             "of one process of their own, and the launches are unknown.");
    if (row.isNull(2))
        m_table.warn("rows_without_device", "Device rows do not say on which device they ran; they count as device 0.");
    return DeviceRow{.pid = row.isNull(6) ? m_only_process : row.integer(6) >> 24,
                     .device = row.integerOr(2, 0),
                     .context = row.integerOr(4, 0),
                     .stream = row.integerOr(3, 0),
                     .event = {.start_ns = start, .duration_ns = duration, .correlation = correlationOf(row, 5)}};
}

// Old exports have no process at device rows; then the process that made calls is theirs, if there is only one.
Result<void> NsysImport::callers() {
    bool all = true;
    for (const char* table : {"CUPTI_ACTIVITY_KIND_KERNEL", "CUPTI_ACTIVITY_KIND_MEMCPY", "CUPTI_ACTIVITY_KIND_MEMSET"})
        all = all && (!m_file.has(table) || m_file.has(table, "globalPid"));
    if (all) return {};
    std::set<Pid> pids;
    Result<void> read = m_file.read("CUPTI_ACTIVITY_KIND_RUNTIME", {"globalTid"}, 1, [&](const Statement& row) {
        if (pids.size() < 2) pids.insert(row.integer(0) >> 24);
    });
    m_only_process = pids.size() == 1 ? *pids.begin() : 0;
    m_other_processes = pids.size() > 1;
    return read;
}

Result<void> NsysImport::kernels() {
    std::vector<const char*> columns(shared_columns.begin(), shared_columns.end());
    columns.insert(columns.end(), {"demangledName", "shortName", "mangledName"});
    return m_file.read("CUPTI_ACTIVITY_KIND_KERNEL", columns, 2, [&](const Statement& row) {
        auto kernel = deviceRow(row);
        if (!kernel) return;
        NameId name = NameId::none;
        for (int column = 7; column < 10 && name == NameId::none; ++column)
            if (!row.isNull(column)) name = m_file.name(row.integer(column));
        if (name == NameId::none) {
            m_table.warn("unnamed_kernels", "Kernels whose name is not in the file are called 'kernel'.");
            name = m_table.names.intern("kernel");
        }
        const auto index = static_cast<size_t>(name);
        if (index >= m_classified.size()) {
            m_classified.resize(index + 64);
            m_classes.resize(index + 64);
        }
        if (!m_classified[index]) {
            m_classes[index] = kernelClass(m_table.names.text(name), m_job.options.comm_patterns);
            m_classified[index] = 1;
        }
        kernel->event.name = name;
        kernel->event.op_class = m_classes[index];
        m_table.add(streamTrack(*kernel), kernel->event);
    });
}

Result<void> NsysImport::copies(const char* table, bool set) {
    std::vector<const char*> columns(shared_columns.begin(), shared_columns.end());
    columns.insert(columns.end(), {"bytes", "copyKind", "srcKind", "dstKind", "memKind"});
    return m_file.read(table, columns, 2, [&](const Statement& row) {
        auto copy = deviceRow(row);
        if (!copy) return;
        std::string name = set ? "Memset" : std::string("Memcpy ") + copyKind(row.integerOr(8, 0));
        if (set && !row.isNull(11)) name += fmt::format(" ({})", memoryKind(row.integer(11)));
        if (!set && !row.isNull(9) && !row.isNull(10))
            name += fmt::format(" ({} -> {})", memoryKind(row.integer(9)), memoryKind(row.integer(10)));
        copy->event.name = m_table.names.intern(name);
        copy->event.op_class = OpClass::copy;
        if (!row.isNull(7)) {
            copy->event.extra = static_cast<uint32_t>(m_table.extras.size());
            m_table.extras.push_back({.bytes = row.integer(7)});
        }
        m_table.add(streamTrack(*copy), copy->event);
    });
}

// A graph that was traced as a whole: its kernels are not in the file, so what it does is not known.
Result<void> NsysImport::graphs() {
    std::vector<const char*> columns(shared_columns.begin(), shared_columns.end());
    columns.insert(columns.end(), {"graphId"});
    return m_file.read("CUPTI_ACTIVITY_KIND_GRAPH_TRACE", columns, 2, [&](const Statement& row) {
        auto graph = deviceRow(row);
        if (!graph) return;
        graph->event.name = m_table.names.intern("CUDA graph " + std::to_string(row.integerOr(7, 0)));
        graph->event.op_class = OpClass::annotation;
        const RankIndex rank = rankOf(graph->pid, graph->device);
        const TrackIndex track =
            besideTrack(rank, fmt::format("GPU {} stream {} graphs", graph->device, graph->stream));
        m_table.warn("graph_traces",
                     "CUDA graphs were recorded as a whole; the kernels in them are in no budget. Record "
                     "with --cuda-graph-trace=node to see them.");
        m_table.add(track, graph->event);
    });
}

Result<void> NsysImport::calls() {
    std::unordered_map<int64_t, NameId> names;
    return m_file.read("CUPTI_ACTIVITY_KIND_RUNTIME", {"start", "end", "nameId", "globalTid", "correlationId"}, 3,
                       [&](const Statement& row) {
                           if (!row.isNumber(0) || !row.isNumber(1)) {
                               m_table.warn("incomplete_rows",
                                            "Rows whose start or end is missing or no number were left out.");
                               return;
                           }
                           const auto [name, fresh] = names.try_emplace(row.integer(2), NameId::none);
                           if (fresh) {
                               const std::string text = m_file.string(row.integer(2));
                               name->second = m_table.names.intern(text.empty() ? "CUDA call" : withoutVersion(text));
                           }
                           int64_t duration = 0;
                           if (__builtin_sub_overflow(row.integer(1), row.integer(0), &duration))
                               duration = longest_ns + 1;
                           m_earliest = std::min(m_earliest, row.integer(0));
                           m_table.add(threadTrack(row.integerOr(3, 0)), {.start_ns = row.integer(0),
                                                                          .duration_ns = duration,
                                                                          .name = name->second,
                                                                          .correlation = correlationOf(row, 4),
                                                                          .op_class = OpClass::api_call});
                       });
}

Result<void> NsysImport::ranges() {
    enum Type { mark = 34, push_pop = 59, start_end = 60 };
    std::unordered_map<int64_t, NameId> names;
    const auto nameOf = [&](const Statement& row) {
        if (!row.text(4).empty()) return m_table.names.intern(withoutCallNumber(row.text(4)));
        if (row.isNull(5)) return m_table.names.intern("range");
        const auto [name, fresh] = names.try_emplace(row.integer(5), NameId::none);
        if (fresh) name->second = m_table.names.intern(withoutCallNumber(m_file.string(row.integer(5))));
        return name->second;
    };
    return m_file.read(
        "NVTX_EVENTS", {"start", "end", "eventType", "globalTid", "text", "textId"}, 3, [&](const Statement& row) {
            const int64_t type = row.integer(2);
            const bool is_range = type == push_pop || type == start_end;
            if (!is_range && type != mark) return; // names of domains, categories and threads
            if (!row.isNumber(0)) {
                m_table.warn("incomplete_rows", "Rows whose start or end is missing or no number were left out.");
                return;
            }
            ImportedEvent e{.start_ns = row.integer(0), .name = nameOf(row), .op_class = OpClass::annotation};
            if (is_range && row.isNull(1))
                m_table.warn("open_ranges", "Ranges that were still open when recording ended were given no length.");
            if (is_range && !row.isNull(1) && __builtin_sub_overflow(row.integer(1), e.start_ns, &e.duration_ns))
                e.duration_ns = longest_ns + 1;
            m_earliest = std::min(m_earliest, e.start_ns);
            const int64_t thread = row.integerOr(3, 0);
            // Start/end ranges overlap and may end on another thread.
            const TrackIndex track =
                type == start_end ? besideTrack(hostRank(thread >> 24), "NVTX ranges") : threadTrack(thread);
            if (m_table.add(track, e))
                m_table.noteStep(hostRank(thread >> 24), m_table.names.text(e.name), e.start_ns,
                                 e.start_ns + std::max<int64_t>(e.duration_ns, 0));
        });
}

// What the host waited for; it overlaps the kernels of the same stream and is no work.
Result<void> NsysImport::synchronizations() {
    std::vector<const char*> columns(shared_columns.begin(), shared_columns.end());
    columns.insert(columns.end(), {"syncType"});
    return m_file.read("CUPTI_ACTIVITY_KIND_SYNCHRONIZATION", columns, 2, [&](const Statement& row) {
        auto sync = deviceRow(row);
        if (!sync) return;
        sync->event.name = m_table.names.intern(syncKind(row.integerOr(7, 0)));
        sync->event.op_class = OpClass::annotation;
        m_table.add(
            besideTrack(knownRank(sync->pid, sync->device), fmt::format("GPU {} synchronization", sync->device)),
            sync->event);
    });
}

Result<void> NsysImport::threadNames() {
    std::map<int64_t, int64_t> priorities;
    return m_file.read("ThreadNames", {"nameId", "globalTid", "priority"}, 2, [&](const Statement& row) {
        const int64_t thread = row.integer(1), priority = row.integerOr(2, 0);
        const auto [known, fresh] = priorities.try_emplace(thread, priority);
        if (!fresh && priority <= known->second) return;
        known->second = priority;
        bool repaired = false;
        m_thread_names[thread] = validUtf8(m_file.string(row.integer(0)).substr(0, 64), repaired);
    });
}

Result<void> NsysImport::mpiRanks() {
    return m_file.read("MPI_RANKS", {"globalTid", "rank"}, 2, [&](const Statement& row) {
        const auto process = m_processes.find(row.integer(0) >> 24);
        const int64_t rank = row.integer(1);
        if (process == m_processes.end() || process->second.devices.size() != 1 || rank < 0 || rank >= 65536) return;
        m_table.ranks[static_cast<size_t>(process->second.devices.begin()->second)].number = static_cast<int32_t>(rank);
    });
}

// Events count from the start of the session or, with newer exports that do not normalise times, from the start of the
// machine; either way UTC is what ranks on several machines have in common.
Result<void> NsysImport::clock() {
    return m_file.read("TARGET_INFO_SESSION_START_TIME", {"utcEpochNs", "systemClockNs"}, 1, [&](const Statement& row) {
        int64_t offset = row.integer(0);
        const int64_t system_clock = row.integerOr(1, std::numeric_limits<int64_t>::max());
        if (m_earliest >= system_clock && __builtin_sub_overflow(offset, system_clock, &offset)) return;
        if (offset < -latest_ns || offset > latest_ns) return;
        for (const auto& [pid, process] : m_processes)
            m_table.processes[static_cast<size_t>(process.index)].clock_offset_ns = offset;
    });
}

// Streams of several contexts may have the same number.
void NsysImport::nameTracks() {
    std::map<std::tuple<Pid, Number, Number>, int> contexts;
    for (const auto& [key, track] : m_streams) ++contexts[{std::get<0>(key), std::get<1>(key), std::get<3>(key)}];
    for (const auto& [key, track] : m_streams)
        if (contexts[{std::get<0>(key), std::get<1>(key), std::get<3>(key)}] > 1)
            m_table.tracks[static_cast<size_t>(track)].name += fmt::format(" context {}", std::get<2>(key));
}

void NsysImport::nameDevices() {
    const NsysGpuNames names(m_file);
    for (const auto& [pid, process] : m_processes)
        for (const auto& [device, rank] : process.devices)
            m_table.ranks[static_cast<size_t>(rank)].device = names.of(pid, device);
}

Result<void> NsysImport::run() {
    if (Result<void> opened = m_file.open(); !opened) return opened;
    if (!m_file.has("StringIds") && !m_file.has("CUPTI_ACTIVITY_KIND_KERNEL"))
        return Error{
            fmt::format("'{}' is an SQLite database but no Nsight Systems export; choose another file.", m_job.path)};
    // Devices first: threads and memory belong to the ranks that they make.
    Result<void> done = callers();
    const auto then = [&](auto next) {
        if (done) done = next();
    };
    then([&] { return kernels(); });
    then([&] { return copies("CUPTI_ACTIVITY_KIND_MEMCPY", false); });
    then([&] { return copies("CUPTI_ACTIVITY_KIND_MEMSET", true); });
    then([&] { return graphs(); });
    then([&] { return threadNames(); });
    then([&] { return calls(); });
    then([&] { return ranges(); });
    then([&] { return synchronizations(); });
    then([&] {
        return readNsysMemory(
            m_file, m_table, [this](Pid pid, Number device) { return knownRank(pid, device); }, m_earliest);
    });
    then([&] { return mpiRanks(); });
    then([&] { return clock(); });
    if (!done) return done;
    nameTracks();
    nameDevices();
    readNsysFacts(m_file, m_job);

    // Numbers as people expect them: by device, then by process; a file that is one rank of several says which.
    std::vector<std::tuple<Number, Pid, RankIndex>> order;
    for (const auto& [pid, process] : m_processes)
        for (const auto& [device, rank] : process.devices) order.emplace_back(device, pid, rank);
    std::sort(order.begin(), order.end());
    if (order.size() == 1 && m_job.rank_in_name && !m_job.only_source)
        m_table.ranks[static_cast<size_t>(std::get<2>(order[0]))].number = m_job.rank_in_name;
    std::vector<RankIndex> ranks;
    for (const auto& [device, pid, rank] : order) ranks.push_back(rank);
    m_table.numberFirst(ranks);
    return {};
}

} // namespace

bool looksLikeNsys(const std::string&, std::string_view head) { return head.starts_with(sqlite_magic); }

Result<void> importNsys(ImportJob& job) { return NsysImport(job).run(); }

} // namespace shardscope::importers
