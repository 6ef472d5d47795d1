// SPDX-License-Identifier: Apache-2.0
#include "profiler/cupti/session.h"
#include "profiler/recorder.h"

namespace shardscope::cupti {
namespace {

// Runtime and driver calls carry the op's number to the kernels. The kind of the driver's calls would record each of
// them; only its launches are asked for.
constexpr Kind kinds[] = {
    Kind::concurrent_kernel, Kind::memcpy,   Kind::memcpy_between_devices, Kind::memset, Kind::memory,
    Kind::synchronization,   Kind::overhead, Kind::external_correlation,   Kind::runtime};

void ignoreCallback(void*, int32_t, uint32_t, const void*) {}

uint64_t timestamp() { return static_cast<uint64_t>(TraceClock::absolute()); }

void bufferRequested(uint8_t** buffer, size_t* bytes, size_t* most_records) {
    *buffer = Session::buffers().request();
    *bytes = *buffer ? BufferPool::buffer_bytes : 0;
    *most_records = 0; // as many as fit
}

void bufferCompleted(void*, uint32_t, uint8_t* buffer, size_t, size_t valid_bytes) {
    if (buffer) Session::buffers().complete(buffer, valid_bytes);
}

} // namespace

BufferPool& Session::buffers() {
    static auto* pool = new BufferPool(128); // 256 MiB; never deleted
    return *pool;
}

CaptureState Session::prepareProcess() {
    static const void* prepared = nullptr; // by which library: a second registration of the clock spoils records
    if (prepared == reinterpret_cast<const void*>(m_api.register_timestamp)) return {Availability::available, ""};
    uint8_t on = 1;
    size_t size = sizeof(on);
    m_api.set_attribute(per_thread_buffers, &size, &on); // these two only make it cheaper
    m_api.set_attribute(zeroed_buffers, &size, &on);
    if (const Status s = m_api.set_thread_id_type(system_thread_ids); s != Status::success)
        return refused(s, "cuptiSetThreadIdType");
    if (const Status s = m_api.register_timestamp(timestamp); s != Status::success)
        return refused(s, "cuptiActivityRegisterTimestampCallback");
    if (const Status s = m_api.register_callbacks(bufferRequested, bufferCompleted); s != Status::success)
        return refused(s, "cuptiActivityRegisterCallbacks");
    prepared = reinterpret_cast<const void*>(m_api.register_timestamp);
    return {Availability::available, ""};
}

CaptureState Session::subscribe(const Symbols& symbols) {
    if (!symbols)
        return {Availability::library_missing,
                "CUPTI was not found: times of ops are recorded, kernels are not. Install it with the CUDA toolkit, or "
                "name the library in SHARDSCOPE_CUPTI; shardscope doctor says where it was looked for."};
    if (const std::string missing = m_api.bind(symbols); !missing.empty())
        return {Availability::library_missing, "The CUPTI library has no function " + missing +
                                                   ": times of ops are recorded, kernels are not. Version 13 has it."};
    if (const Status s = m_api.subscribe(&m_subscriber, reinterpret_cast<void*>(ignoreCallback), nullptr);
        s != Status::success) {
        m_subscriber = nullptr;
        return refused(s, "cuptiSubscribe");
    }
    return available(m_api);
}

CaptureState Session::start(const Symbols& symbols) {
    if (CaptureState state = subscribe(symbols); state.availability != Availability::available) return state;
    if (CaptureState state = prepareProcess(); state.availability != Availability::available) {
        stop();
        return state;
    }
    // The one kind that nothing works without; the others are worth less each.
    if (const Status s = m_api.enable(Kind::concurrent_kernel); s != Status::success) {
        stop();
        return refused(s, "cuptiActivityEnable");
    }
    record(true);
    return available(m_api);
}

void Session::record(bool on) {
    m_recording = on;
    for (const Kind kind : kinds) {
        if (!on)
            m_api.disable(kind);
        else if (m_api.enable(kind) != Status::success)
            ++m_refused_kinds;
    }
    for (const uint32_t launch : driver_launches) m_api.enable_driver_function(launch, on);
}

void Session::stop() {
    if (!m_subscriber) return;
    if (m_recording) record(false);
    m_api.unsubscribe(m_subscriber);
    m_subscriber = nullptr;
}

} // namespace shardscope::cupti
