// SPDX-License-Identifier: Apache-2.0
#include "traces/vocabulary.h"

namespace shardscope {

namespace {

// Texts in the order of the enumerators; the array's length is the number of valid values.
constexpr std::array<std::string_view, 5> lane_kinds = {"compute", "comm", "copy", "storage", "host"};
constexpr std::array<std::string_view, 6> phases = {"initialize", "forward",   "backward",
                                                    "recompute",  "optimizer", "unknown"};
constexpr std::array<std::string_view, 16> op_classes = {
    "compute", "all_gather", "reduce_scatter", "all_reduce",    "broadcast",   "copy",   "storage",  "host",
    "reduce",  "all_to_all", "send_recv",      "communication", "synchronize", "cpu_op", "api_call", "annotation"};
constexpr std::array<std::string_view, 8> categories = {"parameters",  "gradients",    "optimizer", "master_weights",
                                                        "activations", "comm_buffers", "workspace", "other"};
constexpr std::array<std::string_view, 3> tiers = {"device", "host", "nvme"};

template <class E, size_t N> std::string_view textOf(const std::array<std::string_view, N>& texts, E value) {
    const auto index = static_cast<size_t>(value);
    return index < N ? texts[index] : "invalid";
}

template <class E, size_t N>
std::optional<E> valueOf(const std::array<std::string_view, N>& texts, std::string_view text) {
    for (size_t i = 0; i < N; ++i)
        if (texts[i] == text) return static_cast<E>(i);
    return std::nullopt;
}

} // namespace

std::string_view toText(LaneKind v) { return textOf(lane_kinds, v); }
std::string_view toText(Phase v) { return textOf(phases, v); }
std::string_view toText(OpClass v) { return textOf(op_classes, v); }
std::string_view toText(MemoryCategory v) { return textOf(categories, v); }
std::string_view toText(MemoryTier v) { return textOf(tiers, v); }

template <> std::optional<LaneKind> fromText<LaneKind>(std::string_view text) {
    return valueOf<LaneKind>(lane_kinds, text);
}
template <> std::optional<Phase> fromText<Phase>(std::string_view text) { return valueOf<Phase>(phases, text); }
template <> std::optional<OpClass> fromText<OpClass>(std::string_view text) {
    return valueOf<OpClass>(op_classes, text);
}
template <> std::optional<MemoryCategory> fromText<MemoryCategory>(std::string_view text) {
    return valueOf<MemoryCategory>(categories, text);
}
template <> std::optional<MemoryTier> fromText<MemoryTier>(std::string_view text) {
    return valueOf<MemoryTier>(tiers, text);
}

} // namespace shardscope
