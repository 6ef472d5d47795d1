// SPDX-License-Identifier: Apache-2.0
// Chrome trace JSON: the PyTorch profiler's (Kineto) three dialects and what other programs write. A row of a device is
// an event with a stream, or of a thread that TensorFlow or JAX call one; everything else belongs to the host. Files of
// several ranks that a tool joined have the rank in the text of their process numbers. Formats: docs/import.md.
#include "traces/importers/chrome_arguments.h"
#include "traces/importers/chrome_collective.h"
#include "traces/importers/chrome_memory.h"
#include "traces/importers/chrome_ranges.h"
#include "traces/importers/decimal_time.h"
#include "traces/importers/importer.h"
#include "traces/importers/json_damage.h"
#include "traces/importers/json_stream.h"
#include "traces/importers/kernel_class.h"
#include "traces/importers/kineto_metadata.h"
#include "traces/importers/rank_text.h"
#include "traces/importers/text_map.h"
#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <unordered_map>

namespace shardscope::importers {

namespace {

constexpr size_t most_file_ranks = 4096; // in one file

// Events come from few threads and streams by turns; the ones used last are found without hashing.
constexpr size_t recent_entries = 8;
size_t slotOf(int64_t number) { return static_cast<uint64_t>(number) % recent_entries; }

class ChromeImport {
public:
    explicit ChromeImport(ImportJob& job)
        : m_job(job)
        , m_table(job.table) {
        makeRank({});
    }
    Result<void> run();

private:
    struct Thread {
        TrackIndex track = TrackIndex::none;
        std::string pid, tid, name;
        int64_t sort_index = 0;
        ThreadRanges ranges;
        std::optional<int64_t> stream; // of a device, if the thread stands for one
        std::string device;
    };
    struct FileRank {
        ProcessIndex process;
        RankIndex rank;
        ChromeMemory memory;
        TextMap<int64_t> device_rows;                                              // by device
        std::unordered_map<int64_t, std::pair<uint32_t, OpClass>> calls_with_size; // by external id
    };
    struct DeviceRow {
        size_t rank = 0;
        std::string device; // its first 64 bytes
        int64_t stream = 0;
        bool beside = false; // along the stream
        TrackIndex track = TrackIndex::none;
        int64_t* count = nullptr; // of the device's rows
        std::string first_pid;    // that had rows of the device, if it belongs to the first rank
    };
    struct Pending { // a communication kernel whose size stands at the call that made it
        size_t rank;
        TrackIndex track;
        size_t event;
        int64_t external_id;
    };

    void take(const JsonEvent&);
    void complete(const JsonEvent&, int64_t ts);
    void deviceRow(const JsonEvent&, const ChromeArguments&, ImportedEvent);
    void hostRow(const JsonEvent&, const ChromeArguments&, ImportedEvent);
    void begin(const JsonEvent&, int64_t ts);
    void end(const JsonEvent&, int64_t ts);
    void instant(const JsonEvent&, int64_t ts);
    void counter(const JsonEvent&, int64_t ts);
    void metadata(const JsonEvent&);
    OpClass deviceClass(NameId);
    Thread& threadOf(std::string_view pid, std::string_view tid);
    TrackIndex trackOf(Thread&);
    DeviceRow& deviceRowOf(size_t rank, std::string_view device, int64_t stream, bool beside);
    TrackIndex deviceTrack(TrackKind, size_t rank, std::string_view device, int64_t stream, const char* what);
    size_t makeRank(std::optional<int32_t> number);
    size_t rankOf(std::string_view pid);
    RankIndex indexOf(size_t rank) const { return m_ranks[rank].rank; }
    void nameStream(Thread&);
    void finishThreads();
    void finishCollectives();
    void finishRanks();

    ImportJob& m_job;
    ImportTable& m_table;
    std::vector<FileRank> m_ranks; // the first is that of plain process numbers
    TextMap<size_t> m_rank_of;     // by the rank's name in process numbers
    std::string m_last_pid;
    size_t m_last_rank = 0;
    KinetoMetadata m_metadata;
    TextMap<Thread> m_threads;
    TextMap<std::string> m_process_names;
    TextMap<TrackIndex> m_device_tracks;
    AsyncRanges m_async{m_table};
    TextMap<std::string> m_pid_of_device; // of the first row
    std::array<Thread*, recent_entries> m_recent_threads{};
    std::array<DeviceRow, recent_entries> m_recent_rows;
    bool m_threads_are_streams = false;
    std::vector<uint8_t> m_classified; // by NameId: class + 1
    std::vector<Pending> m_pending;
    int64_t m_latest = std::numeric_limits<int64_t>::min();
    int64_t m_flows = 0, m_mixed = 0;
    std::string m_key;
};

uint32_t correlationOf(std::optional<int64_t> id) {
    return id && *id >= 0 && *id < no_correlation ? static_cast<uint32_t>(*id) : no_correlation;
}

size_t ChromeImport::makeRank(std::optional<int32_t> number) {
    const ProcessIndex process = m_table.addProcess();
    m_ranks.push_back({process, m_table.addRank(process), ChromeMemory(m_table), {}, {}});
    m_table.ranks[static_cast<size_t>(m_ranks.back().rank)].number = number;
    return m_ranks.size() - 1;
}

size_t ChromeImport::rankOf(std::string_view pid) {
    if (pid.empty() || (pid[0] >= '0' && pid[0] <= '9')) return 0;
    if (pid == m_last_pid) return m_last_rank;
    const RankText text = rankInPid(pid);
    size_t rank = 0;
    if (!text.name.empty()) {
        const auto known = m_rank_of.find(text.name);
        if (known != m_rank_of.end())
            rank = known->second;
        else if (m_rank_of.size() < most_file_ranks)
            m_rank_of.emplace(text.name, rank = makeRank(text.number));
    }
    m_last_pid = pid;
    return m_last_rank = rank;
}

ChromeImport::Thread& ChromeImport::threadOf(std::string_view pid, std::string_view tid) {
    Thread*& recent = m_recent_threads[slotOf(tid.empty() ? 0 : tid.back())];
    if (recent && recent->pid == pid && recent->tid == tid) return *recent;
    m_key.assign(pid).append(1, '\0').append(tid);
    auto found = m_threads.find(std::string_view(m_key));
    if (found == m_threads.end()) {
        if (m_threads.size() >= ImportTable::most_tracks) { // the table gives the rest one track
            m_key.assign(1, '\0');
            pid = tid = "";
        }
        found = m_threads.try_emplace(m_key).first;
        found->second.pid = pid.substr(0, 256);
        found->second.tid = tid.substr(0, 256);
    }
    return *(recent = &found->second);
}

TrackIndex ChromeImport::trackOf(Thread& thread) {
    if (thread.track == TrackIndex::none)
        thread.track = m_table.addTrack(indexOf(rankOf(thread.pid)), TrackKind::host, "", 0); // named at the end
    return thread.track;
}

TrackIndex ChromeImport::deviceTrack(TrackKind kind, size_t rank, std::string_view device, int64_t stream,
                                     const char* what) {
    m_key = fmt::format("{} {} {} {}", rank, device.substr(0, 64), stream, what);
    const auto found = m_device_tracks.find(std::string_view(m_key));
    if (found != m_device_tracks.end()) return found->second;
    bool repaired = false;
    std::string name = "GPU " + validUtf8(device.substr(0, 64), repaired);
    if (stream >= 0 && stream < 0xffffffff) name += fmt::format(" stream {}", stream);
    return m_device_tracks[m_key] = m_table.addTrack(indexOf(rank), kind, name + what, stream);
}

// Where the rows of a stream go.
ChromeImport::DeviceRow& ChromeImport::deviceRowOf(size_t rank, std::string_view device, int64_t stream, bool beside) {
    DeviceRow& row = m_recent_rows[slotOf(stream)];
    if (row.track != TrackIndex::none && row.rank == rank && row.stream == stream && row.beside == beside &&
        row.device == device)
        return row;
    row = {.rank = rank, .device = std::string(device.substr(0, 64)), .stream = stream, .beside = beside};
    row.track = deviceTrack(beside ? TrackKind::beside_device : TrackKind::device, rank, device, stream,
                            beside ? " synchronization" : "");
    return row;
}

OpClass ChromeImport::deviceClass(NameId name) {
    const auto index = static_cast<size_t>(name);
    if (index >= m_classified.size()) m_classified.resize(index * 2 + 64);
    if (m_classified[index] == 0)
        m_classified[index] =
            static_cast<uint8_t>(kernelClass(m_table.names.text(name), m_job.options.comm_patterns)) + 1;
    return static_cast<OpClass>(m_classified[index] - 1);
}

void ChromeImport::deviceRow(const JsonEvent& event, const ChromeArguments& arguments, ImportedEvent row) {
    row.op_class = deviceClass(row.name);
    const std::string_view device = arguments.device.empty() ? event.pid : arguments.device;
    if (isCollective(row.op_class)) {
        row.extra = collectiveExtra(arguments, m_table, row.op_class);
    } else if (row.op_class == OpClass::copy && arguments.bytes > 0) {
        row.extra = m_table.addExtra({.bytes = arguments.bytes});
    }
    const size_t rank = rankOf(event.pid);
    // Synchronization rows lie over the kernels of their stream.
    DeviceRow& place = deviceRowOf(rank, device, *arguments.stream, row.op_class == OpClass::synchronize);
    if (!m_table.add(place.track, row)) return;
    if (isCollective(row.op_class) && row.extra == no_extra && arguments.external_id)
        m_pending.push_back({rank, place.track, m_table.tracks[static_cast<size_t>(place.track)].events.size() - 1,
                             *arguments.external_id});
    if (!place.count) {
        place.count = &m_ranks[rank].device_rows[place.device];
        if (rank == 0)
            place.first_pid = m_pid_of_device.try_emplace(place.device, event.pid.substr(0, 64)).first->second;
    }
    ++*place.count;
    if (rank == 0 && device != event.pid) m_mixed += place.first_pid != event.pid;
}

bool isCall(std::string_view cat) {
    return cat.find("runtime") != std::string_view::npos || cat.find("driver") != std::string_view::npos ||
           cat == "Runtime";
}

bool isAnnotation(std::string_view cat) {
    return cat == "user_annotation" || cat == "Trace" || cat == "gpu_user_annotation" || cat == "overhead";
}

void ChromeImport::hostRow(const JsonEvent& event, const ChromeArguments& arguments, ImportedEvent row) {
    row.correlation = correlationOf(arguments.correlation);
    const bool call = isCall(event.cat) || (event.cat.empty() && arguments.correlation);
    row.op_class = call ? OpClass::api_call : isAnnotation(event.cat) ? OpClass::annotation : OpClass::cpu_op;
    const size_t rank = rankOf(event.pid);
    if (arguments.external_id && !arguments.collective.empty()) {
        OpClass op_class = OpClass::communication;
        const uint32_t extra = collectiveExtra(arguments, m_table, op_class);
        m_ranks[rank].calls_with_size.try_emplace(*arguments.external_id, extra, op_class);
    }
    if (event.cat == "gpu_user_annotation") {
        const auto stream = decimalToInteger(event.tid, 0);
        const TrackIndex track =
            deviceTrack(TrackKind::beside_device, rank, event.pid, stream.value_or(-1), " annotations");
        m_table.add(track, row);
        return;
    }
    const bool named_step = event.name.starts_with("ProfilerStep#");
    if (named_step) row.op_class = OpClass::annotation;
    if (m_table.add(trackOf(threadOf(event.pid, event.tid)), row) && named_step)
        m_table.noteStep(indexOf(rank), event.name, row.start_ns, row.start_ns + std::max<int64_t>(row.duration_ns, 0));
}

void ChromeImport::complete(const JsonEvent& event, int64_t ts) {
    if (event.dur.empty()) {
        m_table.warn("incomplete_events", "Events without a time, duration or name were left out.");
        return;
    }
    const auto duration = microsecondsToNs(event.dur);
    if (!duration) {
        m_table.warn("bad_numbers", "Events whose time or duration is no number, or too great, were left out.");
        return;
    }
    m_latest = std::max(m_latest, ts);
    ChromeArguments arguments(event);
    if (m_threads_are_streams && !arguments.stream) {
        const Thread& thread = threadOf(event.pid, event.tid);
        arguments.stream = thread.stream;
        if (thread.stream) arguments.device = thread.device;
    }
    const ImportedEvent row{.start_ns = ts,
                            .duration_ns = *duration,
                            .name = m_table.names.intern(event.name),
                            .correlation = correlationOf(arguments.correlation)};
    if (arguments.stream && *arguments.stream != -1) return deviceRow(event, arguments, row);
    hostRow(event, arguments, row);
}

void ChromeImport::begin(const JsonEvent& event, int64_t ts) {
    Thread& thread = threadOf(event.pid, event.tid);
    trackOf(thread);
    m_latest = std::max(m_latest, ts);
    thread.ranges.begin(ts, m_table.names.intern(event.name),
                        isCall(event.cat)         ? OpClass::api_call
                        : isAnnotation(event.cat) ? OpClass::annotation
                                                  : OpClass::cpu_op);
}

void ChromeImport::end(const JsonEvent& event, int64_t ts) {
    m_latest = std::max(m_latest, ts);
    threadOf(event.pid, event.tid).ranges.end(ts);
}

void ChromeImport::instant(const JsonEvent& event, int64_t ts) {
    m_latest = std::max(m_latest, ts);
    if (event.name == "[memory]" && m_ranks[rankOf(event.pid)].memory.take(ChromeArguments(event), ts)) return;
    m_table.add(trackOf(threadOf(event.pid, event.tid)),
                {.start_ns = ts, .name = m_table.names.intern(event.name), .op_class = OpClass::annotation});
}

void ChromeImport::counter(const JsonEvent& event, int64_t ts) {
    if (ts > latest_ns || ts < -latest_ns) {
        m_table.warn("impossible_times", "Events with times beyond 73 years were left out.");
        return;
    }
    m_latest = std::max(m_latest, ts);
    for (const JsonField& series : event.arguments) {
        const auto value = decimalToDouble(series.value);
        if (!value) {
            m_table.warn("bad_counters", "Values of counters that are no numbers were left out.");
            continue;
        }
        std::string name(event.name);
        if (!event.id.empty()) name += " " + std::string(event.id);
        if (series.key != "value") name += " " + std::string(series.key);
        m_table.counters.push_back({.time_ns = ts,
                                    .rank = static_cast<int32_t>(indexOf(rankOf(event.pid))),
                                    .name = m_table.names.intern(name),
                                    .value = *value});
    }
    if (event.arguments_left_out)
        m_table.warn("many_arguments", "Of events with more than 64 arguments the rest was left out.");
}

void ChromeImport::metadata(const JsonEvent& event) {
    const auto valueOf = [&](std::string_view key) -> std::string_view {
        for (const JsonField& argument : event.arguments)
            if (argument.key == key) return argument.value;
        return {};
    };
    bool repaired = false;
    const auto text = [&](std::string_view view) { return validUtf8(view.substr(0, 128), repaired); };
    if (event.name == "thread_name") {
        Thread& thread = threadOf(event.pid, event.tid);
        thread.name = text(valueOf("name"));
        nameStream(thread);
    } else if (event.name == "thread_sort_index") {
        threadOf(event.pid, event.tid).sort_index = decimalToInteger(valueOf("sort_index"), 0).value_or(0);
    } else if (event.name == "process_name" && m_process_names.size() < ImportTable::most_tracks) {
        m_process_names[std::string(event.pid.substr(0, 256))] = text(valueOf("name"));
    }
}

// TensorFlow and JAX have no stream in their events; a process "/device:GPU:0" has threads "Stream #14(Compute)".
void ChromeImport::nameStream(Thread& thread) {
    constexpr std::string_view process = "/device:GPU:", stream = "Stream #";
    const auto name = m_process_names.find(thread.pid);
    const size_t at = name == m_process_names.end() ? std::string::npos : name->second.find(process);
    if (at == std::string::npos || !thread.name.starts_with(stream)) return;
    const auto numberAt = [](const std::string& text, size_t from) {
        return text.substr(from, text.find_first_not_of("0123456789", from) - from);
    };
    thread.stream = decimalToInteger(numberAt(thread.name, stream.size()), 0);
    thread.device = numberAt(name->second, at + process.size());
    m_threads_are_streams = m_threads_are_streams || thread.stream;
}

void ChromeImport::take(const JsonEvent& event) {
    if (event.ph.size() != 1) {
        m_table.warn("incomplete_events", "Events without a time, duration or name were left out.");
        return;
    }
    const char ph = event.ph[0];
    if (ph == 'M') return metadata(event);
    if (ph == 's' || ph == 't' || ph == 'f') {
        ++m_flows;
        return;
    }
    if (event.ts.empty() || (event.name.empty() && ph != 'E')) {
        m_table.warn("incomplete_events", "Events without a time, duration or name were left out.");
        return;
    }
    const auto ts = microsecondsToNs(event.ts);
    if (!ts) {
        m_table.warn("bad_numbers", "Events whose time or duration is no number, or too great, were left out.");
        return;
    }
    switch (ph) {
    case 'X':
        return complete(event, *ts);
    case 'B':
        return begin(event, *ts);
    case 'E':
        return end(event, *ts);
    case 'b':
    case 'e':
    case 'n':
    case 'S':
    case 'F':
    case 'T':
    case 'p':
        m_latest = std::max(m_latest, *ts);
        return m_async.take(event, *ts, [&] { return indexOf(rankOf(event.pid)); });
    case 'i':
    case 'I':
    case 'R':
        return instant(event, *ts);
    case 'C':
        return counter(event, *ts);
    default:
        m_table.warn("unknown_events", "Events of kinds that Shardscope has no place for were left out.");
    }
}

void ChromeImport::finishThreads() {
    for (auto& [key, thread] : m_threads) thread.ranges.finish(m_table, thread.track, m_latest);
    m_async.finish();
    std::map<std::string, int> threads_of;
    for (const auto& [key, thread] : m_threads)
        // "Spans", "Traces" and "" are where profilers put notes about themselves.
        if (thread.track != TrackIndex::none && decimalToInteger(thread.pid, 0)) ++threads_of[thread.pid];
    bool repaired = false;
    for (auto& [key, thread] : m_threads) {
        if (thread.track == TrackIndex::none) continue;
        ImportedTrack& track = m_table.tracks[static_cast<size_t>(thread.track)];
        if (track.name == "other threads") continue;
        track.name = thread.name.empty() ? "thread " + validUtf8(thread.tid, repaired) : thread.name;
        if (!thread.name.empty() && thread.name.find(thread.tid) == std::string::npos)
            track.name += " (" + validUtf8(thread.tid, repaired) + ")";
        if (!decimalToInteger(thread.pid, 0)) { // a text names itself
            const std::string own = thread.name.empty() ? validUtf8(thread.tid, repaired) : track.name;
            track.name =
                validUtf8(thread.pid.empty() ? "profiler" : thread.pid, repaired) + (own.empty() ? "" : " ") + own;
        } else if (threads_of.size() > 1) {
            const auto name = m_process_names.find(thread.pid);
            const bool named = name != m_process_names.end() && !name->second.empty();
            track.name =
                "process " + validUtf8(thread.pid, repaired) + (named ? " " + name->second : "") + " " + track.name;
        }
        track.sort_index = thread.sort_index;
    }
}

void ChromeImport::finishCollectives() {
    for (const Pending& pending : m_pending) {
        const auto& calls_with_size = m_ranks[pending.rank].calls_with_size;
        const auto call = calls_with_size.find(pending.external_id);
        if (call == calls_with_size.end()) continue;
        ImportedEvent& kernel = m_table.tracks[static_cast<size_t>(pending.track)].events.at(pending.event);
        kernel.extra = call->second.first;
        if (kernel.op_class == OpClass::communication) kernel.op_class = call->second.second;
    }
}

// What has no device of its own, such as a process that only says how the file was made, goes to the first rank that
// has one.
void ChromeImport::finishRanks() {
    const auto with_device = [](const FileRank& rank) { return !rank.device_rows.empty(); };
    const auto first = std::find_if(m_ranks.begin(), m_ranks.end(), with_device);
    const RankIndex home = (first == m_ranks.end() ? m_ranks.front() : *first).rank;
    std::map<RankIndex, RankIndex> moved;
    for (const FileRank& rank : m_ranks)
        if (!with_device(rank) && rank.rank != home) moved[rank.rank] = home;
    const auto target = [&](RankIndex rank) {
        const auto found = moved.find(rank);
        return found == moved.end() ? rank : found->second;
    };
    for (ImportedTrack& track : m_table.tracks) track.rank = target(track.rank);
    for (ImportedStep& step : m_table.steps) step.rank = target(step.rank);
    for (CounterEvent& counter : m_table.counters)
        counter.rank = static_cast<int32_t>(target(static_cast<RankIndex>(counter.rank)));
    const bool several = std::count_if(m_ranks.begin(), m_ranks.end(), with_device) > 1;
    for (FileRank& file_rank : m_ranks) {
        file_rank.memory.finish(target(file_rank.rank));
        ImportedRank& rank = m_table.ranks[static_cast<size_t>(file_rank.rank)];
        if (moved.contains(file_rank.rank)) { // numbered after all that have something
            rank.number.reset();
            rank.order.first = std::numeric_limits<int64_t>::max();
        }
        const auto device = std::max_element(file_rank.device_rows.begin(), file_rank.device_rows.end(),
                                             [](const auto& a, const auto& b) { return a.second < b.second; });
        if (device != file_rank.device_rows.end()) rank.device = m_metadata.deviceName(device->first);
        m_table.processes[static_cast<size_t>(file_rank.process)].clock_offset_ns = m_metadata.base_ns;
    }
    if (several) {
        m_table.warn(
            "ranks_in_one_file",
            "Ranks were told apart by the text of their process numbers; their clocks were taken as they are.");
        return;
    }
    ImportedRank& rank = m_table.ranks[static_cast<size_t>(home)];
    if (m_metadata.rank) rank.number = m_metadata.rank;
    if (!rank.number && !m_job.only_source) rank.number = m_job.rank_in_name;
}

Result<void> ChromeImport::run() {
    JsonStream stream;
    Result<void> read = stream.read(
        m_job.path, {.event = [this](const JsonEvent& event) { take(event); },
                     .member = [this](const std::string& key, const std::string& json) { m_metadata.take(key, json); },
                     .proceed = m_job.proceed});
    if (!read) return read;
    finishThreads();
    finishCollectives();
    finishRanks();
    warnOfDamage(stream, m_table);
    m_table.warn("mixed_processes",
                 "Work of one device comes from several processes, as when files of several ranks were joined, and is "
                 "added up as one rank; import the file of each rank instead.",
                 m_mixed);
    m_table.warn("flows_not_imported",
                 "Flow arrows were left out; kernels are linked to their launches by correlation "
                 "id instead.",
                 m_flows);
    m_table.run["software"] = m_metadata.is_kineto ? "PyTorch profiler" : "unknown (Chrome trace)";
    if (m_metadata.world_size > 0) m_table.run["world_size"] = std::to_string(m_metadata.world_size);
    if (m_job.options.with_environment && !m_metadata.environment.empty())
        m_table.run["environment"] += m_metadata.environment;
    m_table.warn("profiler_diagnostics", "The profiler reported errors while recording.", m_metadata.errors);
    return {};
}

char firstCharacter(std::string_view head) {
    if (head.starts_with("\xef\xbb\xbf")) head.remove_prefix(3);
    const size_t first = head.find_first_not_of(" \t\r\n");
    return first == std::string_view::npos ? '\0' : head[first];
}

} // namespace

bool looksLikeChrome(const std::string&, std::string_view head) {
    const char first = firstCharacter(head);
    return first == '{' || first == '[';
}

bool looksLikeKineto(const std::string& path, std::string_view head) {
    return looksLikeChrome(path, head) && (head.find("\"schemaVersion\"") != std::string_view::npos ||
                                           head.find("\"deviceProperties\"") != std::string_view::npos ||
                                           head.find("\"distributedInfo\"") != std::string_view::npos);
}

Result<void> importChrome(ImportJob& job) { return ChromeImport(job).run(); }

} // namespace shardscope::importers
