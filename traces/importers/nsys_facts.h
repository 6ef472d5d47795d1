// SPDX-License-Identifier: Apache-2.0
// What an export of Nsight Systems says about the recording: the program that made it, its GPUs, what was recorded and
// has no place in a trace. Host names and environment variables stay in the file unless asked for.
#pragma once
#include "traces/importers/importer.h"
#include "traces/importers/nsys_file.h"
#include <map>
#include <string>
#include <utility>

namespace shardscope::importers {

class NsysGpuNames {
public:
    explicit NsysGpuNames(NsysFile&);
    // `pid` are the high bits of a globalPid, `device` is the ordinal within the process; empty if unknown.
    std::string of(int64_t pid, int64_t device) const;

private:
    std::map<int64_t, std::string> m_by_id, m_by_ordinal;
    std::map<std::pair<int64_t, int64_t>, int64_t> m_ids; // by process and device, in newer exports
};

void readNsysFacts(NsysFile&, ImportJob&);

} // namespace shardscope::importers
