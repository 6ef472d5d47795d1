// SPDX-License-Identifier: Apache-2.0
// Turns buffers of activity records into flat values on the trace's clock, and counts what has no place in a trace. A
// kernel's name is demangled once, however often it runs.
#pragma once
#include "profiler/cupti/api.h"
#include "traces/vocabulary.h"
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace shardscope::cupti {

using Name = int32_t; // index into RecordReader::names()

struct DeviceWork { // a kernel, copy or fill
    int64_t start_ns = 0, end_ns = 0;
    uint32_t device = 0, context = 0, stream = 0, correlation = 0;
    Name name = -1;
    OpClass op_class = OpClass::compute;
    int64_t bytes = 0; // copies
};

struct Launch {
    int64_t start_ns = 0, end_ns = 0;
    uint32_t correlation = 0, thread = 0;
    Name name = -1;
};

struct HostWait { // of a thread, for the device
    int64_t start_ns = 0, end_ns = 0;
    uint32_t context = 0, stream = 0, correlation = 0;
    Name name = -1;
};

struct OverheadSpan {
    int64_t start_ns = 0, end_ns = 0;
    Name name = -1;
};

struct MemoryChange { // of a device
    int64_t time_ns = 0;
    uint32_t device = 0;
    uint64_t address = 0;
    int64_t bytes = 0; // negative: released
};

struct Correlation {
    uint32_t correlation = 0;
    uint64_t op_instance = 0;
};

struct RecordBatch {
    std::vector<DeviceWork> work;
    std::vector<Launch> launches;
    std::vector<HostWait> waits;
    std::vector<OverheadSpan> overheads;
    std::vector<MemoryChange> memory;
    std::vector<Correlation> correlations;
};

struct RecordCounts {
    int64_t kernels = 0, copies = 0; // kept
    int64_t without_time = 0;        // CUPTI had no room to take the time
    int64_t outside_session = 0;
    int64_t unknown_kinds = 0;
    int64_t damaged_buffers = 0;                     // a record could not be stepped over
    int64_t overhead_ns = 0;                         // of CUPTI itself
    std::map<std::string, int64_t> overhead_by_kind; // ns, of CUDA's as well
};

class RecordReader {
public:
    // `zero`: the trace's zero on the clock of the records, which is also the earliest time that is believed.
    RecordReader(const Api& api, int64_t zero, int64_t session_start_ns)
        : m_api(api)
        , m_zero(zero)
        , m_session_start_ns(session_start_ns) {}

    void read(uint8_t* buffer, size_t bytes, int64_t now_ns, RecordBatch&);
    const RecordCounts& counts() const { return m_counts; }
    const std::vector<std::string>& names() const { return m_names; }

private:
    struct Times {
        int64_t start_ns, end_ns;
    };
    void readRecord(const Record*, RecordBatch&);
    bool believe(uint64_t start, uint64_t end, Times&);   // of work; false: counted instead
    bool inSession(uint64_t start, uint64_t end, Times&); // of what a record without times says nothing of
    Name nameOf(std::string_view text);
    Name kernelName(const char* mangled);
    template <class Copy> void readCopy(const Copy&, RecordBatch&);

    const Api& m_api;
    int64_t m_zero, m_session_start_ns, m_now_ns = 0;
    RecordCounts m_counts;
    std::vector<std::string> m_names;
    std::map<std::string, Name, std::less<>> m_name_of, m_kernel_of; // by text; by mangled name
};

} // namespace shardscope::cupti
