// SPDX-License-Identifier: Apache-2.0
#include "profiler/cupti_double.h"
#include <cstring>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

namespace shardscope::cupti_double {
namespace {

using namespace cupti;

using Bytes = std::vector<uint8_t>;

std::mutex mutex;
std::map<std::string, Status> failing;
std::vector<std::string> called;
std::map<std::thread::id, std::vector<Bytes>> by_thread; // records that wait for a flush
std::deque<std::vector<Bytes>> flushes;                  // device records, those of the next flush first
Api::BufferRequested* requested = nullptr;
Api::BufferCompleted* completed = nullptr;
uint64_t (*clock_function)() = nullptr;
int clocks_registered = 0;
size_t lost = 0;
uint32_t last_correlation = 0;
bool subscribed = false;
thread_local std::vector<uint64_t> pushed;

Status answer(const char* name) {
    const std::lock_guard lock(mutex);
    called.emplace_back(name);
    const auto found = failing.find(name);
    return found == failing.end() ? Status::success : found->second;
}

// Records of the real library are longer than what is read of them.
template <class T> Bytes bytesOf(const T& record) {
    Bytes bytes((sizeof(T) + 24) / 8 * 8, 0xee);
    std::memcpy(bytes.data(), &record, sizeof(T));
    return bytes;
}

// As many buffers as the records need, filled by a thread of CUPTI's. A buffer holds: length, record, length, record.
void handOver(std::vector<Bytes> records) {
    if (records.empty()) return;
    std::thread([&] {
        uint8_t* buffer = nullptr;
        size_t size = 0, used = 0, most = 0;
        for (const Bytes& record : records) {
            const size_t needed = 8 + record.size();
            if (buffer && used + needed > size) {
                completed(nullptr, 0, buffer, size, used);
                buffer = nullptr;
            }
            if (!buffer) {
                requested(&buffer, &size, &most);
                used = 0;
                if (!buffer) {
                    const std::lock_guard lock(mutex);
                    ++lost;
                    continue;
                }
            }
            const uint64_t length = record.size();
            std::memcpy(buffer + used, &length, 8);
            std::memcpy(buffer + used + 8, record.data(), record.size());
            used += needed;
        }
        if (buffer) completed(nullptr, 0, buffer, size, used);
    }).join();
}

Status version(uint32_t* v) {
    *v = 130001;
    return Status::success;
}
Status subscribe(Subscriber* s, void*, void*) {
    const Status status = answer("cuptiSubscribe");
    if (status != Status::success) return status;
    if (subscribed) return Status::another_subscriber;
    subscribed = true;
    *s = &subscribed;
    return status;
}
Status unsubscribe(Subscriber) {
    subscribed = false;
    return answer("cuptiUnsubscribe");
}
Status setAttribute(int32_t, size_t*, void*) { return answer("cuptiActivitySetAttribute"); }
Status setThreadIdType(int32_t) { return answer("cuptiSetThreadIdType"); }
Status registerTimestamp(uint64_t (*f)()) {
    const Status status = answer("cuptiActivityRegisterTimestampCallback");
    if (status == Status::success) clock_function = f, ++clocks_registered;
    return status;
}
Status registerCallbacks(Api::BufferRequested* r, Api::BufferCompleted* c) {
    requested = r;
    completed = c;
    return answer("cuptiActivityRegisterCallbacks");
}
Status enable(Kind) { return answer("cuptiActivityEnable"); }
Status disable(Kind) { return answer("cuptiActivityDisable"); }
Status enableDriverFunction(uint32_t, uint8_t) { return Status::success; }
Status nextRecord(uint8_t* buffer, size_t valid_bytes, Record** record) {
    uint8_t* next = buffer;
    if (*record) {
        uint8_t* current = reinterpret_cast<uint8_t*>(*record);
        uint64_t length = 0;
        std::memcpy(&length, current - 8, 8);
        next = current + length;
    }
    if (next >= buffer + valid_bytes) return Status::max_limit_reached;
    *record = reinterpret_cast<Record*>(next + 8);
    return Status::success;
}
Status flush(uint32_t flags) {
    std::vector<std::vector<Bytes>> parts;
    {
        const std::lock_guard lock(mutex);
        // The device's before those of the calls: any order is allowed.
        if (!flushes.empty()) parts.push_back(std::move(flushes.front())), flushes.pop_front();
        for (auto& [thread, records] : by_thread) parts.push_back(std::move(records));
        by_thread.clear();
        for (; flags & flush_forced && !flushes.empty(); flushes.pop_front())
            parts.push_back(std::move(flushes.front()));
    }
    for (auto& part : parts) handOver(std::move(part));
    return answer("cuptiActivityFlushAll");
}
Status droppedRecords(void*, uint32_t, size_t* n) {
    const std::lock_guard lock(mutex);
    *n = std::exchange(lost, 0);
    return Status::success;
}
Status push(int32_t, uint64_t id) {
    pushed.push_back(id);
    return Status::success;
}
Status pop(int32_t, uint64_t* last) {
    *last = pushed.back();
    pushed.pop_back();
    return Status::success;
}
Status streamId(void*, void* stream, uint8_t, uint32_t* id) {
    *id = static_cast<uint32_t>(reinterpret_cast<uintptr_t>(stream)); // tests call streams by their numbers
    return Status::success;
}

template <class F> void* address(F* function) { return reinterpret_cast<void*>(function); }

const std::map<std::string, void*>& table() {
    static const std::map<std::string, void*> functions = {
        {"cuptiGetVersion", address(version)},
        {"cuptiSubscribe", address(subscribe)},
        {"cuptiUnsubscribe", address(unsubscribe)},
        {"cuptiActivitySetAttribute", address(setAttribute)},
        {"cuptiSetThreadIdType", address(setThreadIdType)},
        {"cuptiActivityRegisterTimestampCallback", address(registerTimestamp)},
        {"cuptiActivityRegisterCallbacks", address(registerCallbacks)},
        {"cuptiActivityEnable", address(enable)},
        {"cuptiActivityDisable", address(disable)},
        {"cuptiActivityEnableDriverApi", address(enableDriverFunction)},
        {"cuptiActivityGetNextRecord", address(nextRecord)},
        {"cuptiActivityFlushAll", address(flush)},
        {"cuptiActivityGetNumDroppedRecords", address(droppedRecords)},
        {"cuptiActivityPushExternalCorrelationId", address(push)},
        {"cuptiActivityPopExternalCorrelationId", address(pop)},
        {"cuptiGetStreamIdEx", address(streamId)},
    };
    return functions;
}

void keep(Bytes record) { by_thread[std::this_thread::get_id()].push_back(std::move(record)); }

void keepCall(uint32_t function, uint64_t start, uint64_t end, uint32_t correlation, uint32_t thread) {
    ApiCall call{};
    call.kind = Kind::runtime;
    call.function = function;
    call.start = start;
    call.end = end;
    call.thread = thread;
    call.correlation = correlation;
    keep(bytesOf(call));
}

} // namespace

void reset() {
    const std::lock_guard lock(mutex);
    failing.clear();
    called.clear();
    by_thread.clear();
    flushes.clear();
    lost = 0;
}

void fail(const char* function, Status status) {
    const std::lock_guard lock(mutex);
    failing[function] = status;
}

Symbols symbols() { return symbolsWithout(""); }

Symbols symbolsWithout(const char* function) {
    return [function = std::string(function)](const char* name) -> void* {
        const auto found = table().find(name);
        return found == table().end() || name == function ? nullptr : found->second;
    };
}

void launch(uint64_t call_start, const Launch& l) {
    const std::lock_guard lock(mutex);
    const uint32_t correlation = ++last_correlation;
    if (!pushed.empty())
        keep(bytesOf(ExternalCorrelation{Kind::external_correlation, custom_correlation, pushed.back(), correlation}));
    keepCall(l.kernels > 1 ? 311 : l.mangled ? 505 : 41, call_start, call_start + 1000, correlation, l.thread);
    while (static_cast<int>(flushes.size()) <= l.flushes_late) flushes.emplace_back();
    auto& records = flushes[static_cast<size_t>(l.flushes_late)];
    const auto add = [&](const auto& record) { records.insert(records.begin(), bytesOf(record)); }; // later ones first
    if (l.mangled) {
        const uint64_t each = (l.end - l.start) / static_cast<uint64_t>(l.kernels);
        for (int k = 0; k < l.kernels; ++k) {
            Kernel kernel{};
            kernel.kind = Kind::concurrent_kernel;
            kernel.start = l.start + each * static_cast<uint64_t>(k);
            kernel.end = l.kernels > 1 ? kernel.start + each : l.end;
            kernel.device = l.device;
            kernel.context = l.device + 1;
            kernel.stream = l.stream;
            kernel.correlation = correlation;
            kernel.name = l.mangled;
            add(kernel);
        }
        return;
    }
    const auto copy = [&]<class Copy>(Copy record, Kind kind, uint8_t copy_kind, uint8_t from, uint8_t to) {
        record.kind = kind;
        record.copy_kind = copy_kind;
        record.source_kind = from;
        record.destination_kind = to;
        record.bytes = l.bytes;
        record.start = l.start;
        record.end = l.end;
        record.device = l.device;
        record.context = l.device + 1;
        record.stream = l.stream;
        record.correlation = correlation;
        return record;
    };
    if (l.peer) {
        auto record = copy(MemcpyBetweenDevices{}, Kind::memcpy_between_devices, 10, device, device);
        record.destination_device = 1;
        add(record);
    } else {
        add(copy(Memcpy{}, Kind::memcpy, 2, device, pinned));
    }
}

void put(const Overhead& record) {
    const std::lock_guard lock(mutex);
    keep(bytesOf(record));
}
void put(const Memory& record) {
    const std::lock_guard lock(mutex);
    keep(bytesOf(record));
}
void put(Synchronization record, bool with_call, uint32_t thread) {
    const std::lock_guard lock(mutex);
    record.correlation = ++last_correlation;
    if (with_call) keepCall(131, record.start, record.end, record.correlation, thread);
    keep(bytesOf(record));
}
void putUnknownKind() {
    const std::lock_guard lock(mutex);
    keep(bytesOf(Record{static_cast<Kind>(54)}));
}
void drop(size_t records) {
    const std::lock_guard lock(mutex);
    lost += records;
}

std::vector<std::string> calls() {
    const std::lock_guard lock(mutex);
    return called;
}
int timestampsRegistered() { return clocks_registered; }
uint64_t timestamp() { return clock_function(); }

} // namespace shardscope::cupti_double
