// SPDX-License-Identifier: Apache-2.0
// CUPTI switched on and off, in the order that its documentation asks for. What may be registered only once in a
// process is, and stays: the buffers outlive every session, because CUPTI may hand one over at any time.
#pragma once
#include "profiler/cupti/api.h"
#include "profiler/cupti/buffer_pool.h"

namespace shardscope::cupti {

class Session {
public:
    CaptureState start(const Symbols&);     // a failure leaves nothing behind
    CaptureState subscribe(const Symbols&); // only the first of its steps: whether CUPTI serves this process
    void record(bool);                      // enables or disables the kinds; a kind that is refused is counted
    void stop();
    ~Session() { stop(); }

    const Api& api() const { return m_api; }
    static BufferPool& buffers();
    int64_t refusedKinds() const { return m_refused_kinds; }

private:
    CaptureState prepareProcess();

    Api m_api;
    Subscriber m_subscriber = nullptr;
    bool m_recording = false;
    int64_t m_refused_kinds = 0;
};

} // namespace shardscope::cupti
