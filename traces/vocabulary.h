// SPDX-License-Identifier: Apache-2.0
// The words that mean one thing everywhere: in code, in SQL columns, in menus and in the docs. Each enum has exactly
// one text form, `toText`, which is what the trace file stores; `fromText` is its inverse.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace shardscope {

enum class OpId : int32_t { none = -1 };    // index of an op in the step program
enum class LaneId : int32_t { none = -1 };  // a lane of one rank, as registered with the sink
enum class NameId : int32_t { none = -1 };  // an interned string
enum class EventId : int64_t { none = -1 }; // a recorded interval

enum class LaneKind : uint8_t { compute, comm, copy, storage, host };
// unknown: an imported trace does not say.
enum class Phase : uint8_t { initialize, forward, backward, recompute, optimizer, unknown };
// From `reduce` on the classes come from imported traces. `communication` is a kernel whose kind its name does not
// tell; `synchronize` keeps a device busy and computes nothing; the last three are what the CPU did or a program said
// about it, and no work of the device.
enum class OpClass : uint8_t {
    compute,
    all_gather,
    reduce_scatter,
    all_reduce,
    broadcast,
    copy,
    storage,
    host,
    reduce,
    all_to_all,
    send_recv,
    communication,
    synchronize,
    cpu_op,
    api_call,
    annotation
};
enum class MemoryCategory : uint8_t {
    parameters,
    gradients,
    optimizer,
    master_weights,
    activations,
    comm_buffers,
    workspace,
    other
};
enum class MemoryTier : uint8_t { device, host, nvme };

inline constexpr std::array all_lane_kinds = {LaneKind::compute, LaneKind::comm, LaneKind::copy, LaneKind::storage,
                                              LaneKind::host};
inline constexpr std::array all_memory_categories = {MemoryCategory::parameters,  MemoryCategory::gradients,
                                                     MemoryCategory::optimizer,   MemoryCategory::master_weights,
                                                     MemoryCategory::activations, MemoryCategory::comm_buffers,
                                                     MemoryCategory::workspace,   MemoryCategory::other};

inline constexpr std::array all_memory_tiers = {MemoryTier::device, MemoryTier::host, MemoryTier::nvme};

std::string_view toText(LaneKind);
std::string_view toText(Phase);
std::string_view toText(OpClass);
std::string_view toText(MemoryCategory);
std::string_view toText(MemoryTier);

template <class E> std::optional<E> fromText(std::string_view); // LaneKind, Phase, OpClass, MemoryCategory, MemoryTier

// Any communication between ranks; what `comm` means in budgets.
inline bool isCollective(OpClass c) {
    return (c >= OpClass::all_gather && c <= OpClass::broadcast) ||
           (c >= OpClass::reduce && c <= OpClass::communication);
}

// Whether a rank is busy during it: false for what only describes or causes work.
inline bool isWork(OpClass c) { return c < OpClass::cpu_op; }

} // namespace shardscope
