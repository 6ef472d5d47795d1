// SPDX-License-Identifier: Apache-2.0
// CUPTI without a device: functions of its names over memory of the host. Records are put into buffers as the real one
// does: asked for and handed over on another thread, per launching thread, in no order of time, only when a flush comes
// or a buffer is full.
#pragma once
#include "profiler/cupti/api.h"
#include <vector>

namespace shardscope::cupti_double {

struct Launch { // one kernel or copy
    uint64_t start = 0, end = 0;
    uint32_t stream = 0, device = 0;
    const char* mangled = nullptr; // null: a copy
    uint64_t bytes = 0;
    int flushes_late = 0; // its record, not its correlation
    int kernels = 1;      // of a graph: one call, one after the other
    bool peer = false;    // a copy from GPU 0 to GPU 1
    uint32_t thread = 77; // that launches
};

// Every call is answered with success unless `failing` names it.
void reset();
void fail(const char* function, cupti::Status);
cupti::Symbols symbols();
cupti::Symbols symbolsWithout(const char* function);

// From a thread that launches: the API call at `call_start`, with the correlation that is pushed on this thread.
void launch(uint64_t call_start, const Launch&);
void put(const cupti::Overhead&);
void put(const cupti::Memory&);
// Waits have the number of their call, which is recorded as well.
void put(cupti::Synchronization, bool with_call = false, uint32_t thread = 77);
void putUnknownKind();
void drop(size_t records); // that CUPTI says it lost

std::vector<std::string> calls(); // the names of set-up and teardown calls in their order
int timestampsRegistered();       // since the process began
uint64_t timestamp();             // what the registered clock says

} // namespace shardscope::cupti_double
