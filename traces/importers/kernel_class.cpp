// SPDX-License-Identifier: Apache-2.0
#include "traces/importers/kernel_class.h"
#include <algorithm>
#include <array>
#include <fnmatch.h>
#include <utility>

namespace shardscope::importers {

namespace {

bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

bool startsWithAny(std::string_view text, std::span<const std::string_view> prefixes) {
    return std::any_of(prefixes.begin(), prefixes.end(), [&](std::string_view p) { return text.starts_with(p); });
}

bool isCommunication(std::string_view name) {
    static constexpr std::array<std::string_view, 3> prefixes = {"nccl", "hip", "hccl"};
    return startsWithAny(name, prefixes) || contains(name, "ncclKernel");
}

bool isCopy(std::string_view name) {
    static constexpr std::array<std::string_view, 3> prefixes = {"Memcpy", "Memset", "dma"};
    return startsWithAny(name, prefixes);
}

bool isExcludedFromCompute(std::string_view name) {
    static constexpr std::array<std::string_view, 6> prefixes = {
        "runFunction", "job_exe", "packet", "pe_exe", "cpum_exe_subgraph", "collective_subgraph_execution"};
    const size_t cuda = name.find("cuda");
    return startsWithAny(name, prefixes) || contains(name, "Memcpy") || contains(name, "Memset") ||
           contains(name, "dma") || contains(name, "Sync") || name.starts_with("Stream Wait Event") ||
           (cuda != std::string_view::npos && contains(name.substr(cuda), "LaunchKernel"));
}

} // namespace

OpClass collectiveClass(std::string_view text) {
    // "_allgather_base", "AllGather" and "all_gather_into_tensor" all become "allgather...".
    std::string word;
    for (const char c : text)
        if (c != '_' && c != ' ') word += static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    // The first that is found; reduce comes after the words that contain it.
    static constexpr std::array<std::pair<std::string_view, OpClass>, 9> words = {{
        {"allreduce", OpClass::all_reduce},
        {"reducescatter", OpClass::reduce_scatter},
        {"allgather", OpClass::all_gather},
        {"alltoall", OpClass::all_to_all},
        {"broadcast", OpClass::broadcast},
        {"sendrecv", OpClass::send_recv},
        {"send", OpClass::send_recv},
        {"recv", OpClass::send_recv},
        {"reduce", OpClass::reduce},
    }};
    for (const auto& [part, op_class] : words)
        if (contains(word, part)) return op_class;
    return OpClass::communication;
}

OpClass kernelClass(std::string_view name, std::span<const std::string> comm_patterns) {
    for (const std::string& pattern : comm_patterns)
        if (fnmatch(pattern.c_str(), std::string(name).c_str(), 0) == 0) return collectiveClass(name);
    if (isCommunication(name)) {
        // Only up to the arguments: types of a template may contain any word.
        return collectiveClass(name.substr(0, name.find_first_of("(<")));
    }
    if (isCopy(name)) return OpClass::copy;
    return isExcludedFromCompute(name) ? OpClass::synchronize : OpClass::compute;
}

int64_t bytesOfDtype(std::string_view dtype) {
    static constexpr std::array<std::pair<std::string_view, int64_t>, 19> sizes = {{{"Float", 4},
                                                                                    {"BFloat16", 2},
                                                                                    {"Half", 2},
                                                                                    {"Double", 8},
                                                                                    {"Int", 4},
                                                                                    {"Long", 8},
                                                                                    {"Short", 2},
                                                                                    {"Char", 1},
                                                                                    {"Byte", 1},
                                                                                    {"Bool", 1},
                                                                                    {"UInt16", 2},
                                                                                    {"UInt32", 4},
                                                                                    {"UInt64", 8},
                                                                                    {"ComplexFloat", 8},
                                                                                    {"ComplexDouble", 16},
                                                                                    {"Float8_e4m3fn", 1},
                                                                                    {"Float8_e5m2", 1},
                                                                                    {"Float8_e4m3fnuz", 1},
                                                                                    {"Float8_e5m2fnuz", 1}}};
    for (const auto& [name, bytes] : sizes)
        if (name == dtype) return bytes;
    return 0;
}

int64_t ringBytes(OpClass op_class, int64_t bytes, int64_t ranks) {
    if (ranks <= 1) return 0;
    const int64_t share = bytes / ranks * (ranks - 1) + bytes % ranks * (ranks - 1) / ranks;
    switch (op_class) {
    case OpClass::all_gather:
    case OpClass::reduce_scatter:
    case OpClass::all_to_all:
        return share;
    case OpClass::all_reduce:
        return 2 * share;
    case OpClass::broadcast:
    case OpClass::reduce:
    case OpClass::send_recv:
        return bytes;
    default:
        return 0;
    }
}

} // namespace shardscope::importers
