// SPDX-License-Identifier: Apache-2.0
// Brings what a device did and the ops that caused it together. Records and ops come in any order, a flush apart: an op
// leaves when a whole flush has passed since it was told of, and later where it has no record yet. Work that comes
// after that is given all that is known of its op, and only the step is its own. Used by one thread.
#pragma once
#include "profiler/cupti/record_reader.h"
#include "traces/trace_event.h"
#include <unordered_map>

namespace shardscope::cupti {

// Of one op in one step on one rank: what CUPTI carries from the launch to the record.
uint64_t opInstance(int32_t step, int32_t rank, OpId);

enum class Row : uint8_t { stream, parts, calls, waits, overhead, ops }; // what a lane of the trace shows
struct LaneKey {
    Row row = Row::stream;
    int32_t rank = 0;
    LaneKind kind = LaneKind::compute;
    uint32_t device = 0, number = 0; // of the stream or thread
    LaneKind of = LaneKind::compute; // calls: of the streams that the thread launches on
    auto operator<=>(const LaneKey&) const = default;
};

struct JoinedEvent {
    LaneKey lane;
    Name name = -1; // else that of the event
    IntervalEvent event;
};

struct JoinCounts {
    int64_t work_without_op = 0;     // on the device, but launched by no op of the program
    int64_t late_work = 0;           // came after its op had left, and stands beside it
    int64_t ops_without_records = 0; // shown with the times of their events
};

class OpJoin {
public:
    // Streams that are not named belong to the lowest rank of their device.
    void nameStream(uint32_t device, uint32_t stream, int32_t rank, LaneKind);
    void addOp(int32_t rank, const IntervalEvent&);
    void add(const RecordBatch&);
    // What is complete after a flush; everything, if it was the last one.
    std::vector<JoinedEvent> take(bool last);
    const JoinCounts& counts() const { return m_counts; }
    int32_t rankOfDevice(uint32_t device) const;

private:
    template <class T> struct Aged {
        T value;
        int age = 0; // flushes since it came
    };
    struct RunningOp {
        IntervalEvent event;
        int32_t rank = 0;
        std::vector<DeviceWork> work;
    };
    struct StreamOwner {
        int32_t rank = 0;
        LaneKind kind = LaneKind::compute;
    };
    StreamOwner ownerOf(const DeviceWork&) const;
    void emitOp(RunningOp&, std::vector<JoinedEvent>&);
    void emitCollective(const RunningOp&, std::vector<JoinedEvent>&);
    void emitLaunch(int32_t rank, const DeviceWork&, const IntervalEvent&, std::vector<JoinedEvent>&);
    void emitWork(int32_t rank, IntervalEvent, const DeviceWork&, std::vector<JoinedEvent>&);
    void emitPart(int32_t rank, const IntervalEvent& whole, const DeviceWork&, std::vector<JoinedEvent>&);
    void emitLate(uint64_t instance, const DeviceWork&, std::vector<JoinedEvent>&);
    void emitLoose(const DeviceWork&, std::vector<JoinedEvent>&);
    LaneKey waitLane(const HostWait&);
    LaneKey callLane(int32_t rank, uint32_t thread, LaneKind of); // the first kind that a thread is seen with stays
    LaneKey opLane(const RunningOp&) const;
    void giveWorkToOps(bool last, std::vector<JoinedEvent>&);
    void emitBeside(std::vector<JoinedEvent>&);
    template <class Map> void age(Map&, int most); // forgets what is too old

    std::map<std::pair<uint32_t, uint32_t>, StreamOwner> m_streams; // by device and stream
    std::unordered_map<uint64_t, Aged<RunningOp>> m_ops;
    std::unordered_map<uint64_t, IntervalEvent> m_known; // every op of every rank, as it was told of last
    std::vector<Aged<DeviceWork>> m_work;                // its op is not known yet
    std::unordered_map<uint32_t, Aged<uint64_t>> m_instances;
    std::unordered_map<uint32_t, Aged<Launch>> m_launches;
    std::map<uint32_t, uint32_t> m_device_of_context;
    std::map<uint32_t, LaneKind> m_kind_of_thread;
    std::vector<HostWait> m_waits;
    std::vector<OverheadSpan> m_overheads;
    JoinCounts m_counts;
};

} // namespace shardscope::cupti
