// SPDX-License-Identifier: Apache-2.0
// What an importer gathers before anything is written: events by track in any order, in 32 bytes each. Ranks, clocks
// and launches are often known only at the end of a file, so they are settled when the table is written
// (write_table.h). Times are int64 ns on the clock of the event's process.
#pragma once
#include "traces/importers/name_table.h"
#include "traces/trace_event.h"
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace shardscope::importers {

enum class ProcessIndex : int32_t {};
enum class RankIndex : int32_t {}; // not the number of the rank, which may come later
enum class TrackIndex : int32_t { none = -1 };

inline constexpr uint32_t no_correlation = std::numeric_limits<uint32_t>::max();
inline constexpr uint32_t no_extra = std::numeric_limits<uint32_t>::max();
inline constexpr int64_t longest_ns = int64_t{7} * 86400 * 1'000'000'000; // longer durations are overflows of a counter
inline constexpr int64_t latest_ns = int64_t{1} << 61;                    // |time|, as in the trace file

struct ImportedEvent {
    int64_t start_ns = 0;
    int64_t duration_ns = 0;
    NameId name = NameId::none;
    uint32_t correlation = no_correlation;
    uint32_t extra = no_extra; // of ImportTable::extras
    OpClass op_class = OpClass::compute;
    uint8_t depth = 0;
};
static_assert(sizeof(ImportedEvent) == 32);

// What few events have.
struct EventExtra {
    int64_t elements = 0, bytes = 0, sent_bytes = 0;
    int32_t process_group = -1;
};

// Events in blocks, so that growing neither copies nor doubles; only the first, which is all that most tracks have,
// starts small.
class EventBlocks {
public:
    void add(const ImportedEvent&);
    size_t size() const { return m_size; }
    int64_t earliestStart() const { return m_earliest; } // of all that were added
    ImportedEvent& at(size_t i) { return m_blocks[i / block_events][i % block_events]; }
    std::vector<ImportedEvent> take(); // frees the blocks on the way

private:
    static constexpr size_t block_events = 4096;
    std::vector<std::vector<ImportedEvent>> m_blocks;
    size_t m_size = 0;
    int64_t m_earliest = std::numeric_limits<int64_t>::max();
};

// Processes have a clock and a space of correlation ids; a process may drive several devices, each a rank.
struct ImportedProcess {
    int64_t clock_offset_ns = 0; // added to its times to get a common clock
};

struct ImportedRank {
    ProcessIndex process{};
    std::optional<int32_t> number;     // as the file says; else numbered in order
    std::string device;                // "NVIDIA H100 80GB HBM3", if known
    std::pair<int64_t, int64_t> order; // of numbering, when there is no number: source, place
};

// device: kernels and copies of one stream. beside_device: what a profiler shows along a stream, such as annotations.
enum class TrackKind : uint8_t { device, beside_device, host };

struct ImportedTrack {
    RankIndex rank{};
    TrackKind kind = TrackKind::host;
    std::string name;       // "GPU 0 stream 7", "thread 4037 python"; lanes add the rank
    int64_t sort_index = 0; // among tracks of the same rank and kind
    EventBlocks events;
};

struct ImportedStep {
    RankIndex rank{};
    int32_t step = 0;
    int64_t start_ns = 0, end_ns = 0;
};

class ImportTable {
public:
    static constexpr size_t most_tracks = 8192;

    NameTable names;
    std::vector<ImportedProcess> processes;
    std::vector<ImportedRank> ranks;
    std::vector<ImportedTrack> tracks;
    std::vector<EventExtra> extras;
    std::vector<ProcessGroupEvent> groups;
    std::vector<MemoryEvent> memory;    // rank: RankIndex
    std::vector<CounterEvent> counters; // rank: RankIndex
    std::vector<ImportedStep> steps;
    std::map<std::string, std::string> run; // facts for the table `run`

    ProcessIndex addProcess();
    RankIndex addRank(ProcessIndex);
    void beginSource() { ++m_source; }
    // Ranks without a number get theirs source after source, these first.
    void numberFirst(const std::vector<RankIndex>&);
    // Beyond most_tracks the threads of a rank share a track, and so do its streams, with a warning.
    TrackIndex addTrack(RankIndex, TrackKind, const std::string& name, int64_t sort_index);
    // Refuses impossible times and forces durations into limits, with a warning; false: not taken.
    bool add(TrackIndex, ImportedEvent);
    int64_t events() const { return m_events; }

    uint32_t addExtra(const EventExtra& extra) {
        extras.push_back(extra);
        return static_cast<uint32_t>(extras.size() - 1);
    }
    int32_t groupOf(const std::string& name, const std::string& description, int64_t size, const std::string& ranks);
    // If `name` is that of a step annotation ("ProfilerStep#12"), notes the step.
    void noteStep(RankIndex, std::string_view name, int64_t start_ns, int64_t end_ns);

    // Warnings are counted by kind; the first sentence of a kind stays.
    void warn(const std::string& kind, const std::string& sentence, int64_t count = 1);
    const std::map<std::string, WarningEvent>& warnings() const { return m_warnings; }

private:
    std::map<std::string, WarningEvent> m_warnings;
    std::map<std::pair<std::string, std::string>, int32_t> m_groups;
    std::map<std::pair<RankIndex, bool>, TrackIndex> m_overflow; // of streams or threads
    int64_t m_events = 0, m_source = 0;
};

} // namespace shardscope::importers
