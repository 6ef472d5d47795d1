// SPDX-License-Identifier: Apache-2.0
#include "traces/importers/nsys_words.h"
#include <array>

namespace shardscope::importers {

namespace {

// "Memcpy HtoD", as in ENUM_CUDA_MEMCPY_OPER, which old exports lack.
constexpr std::array<const char*, 14> copy_kinds = {"Unknown", "HtoD",         "DtoH",         "HtoA",        "AtoH",
                                                    "AtoA",    "AtoD",         "DtoA",         "DtoD",        "HtoH",
                                                    "PtoP",    "Unified HtoD", "Unified DtoH", "Unified DtoD"};
constexpr std::array<const char*, 8> memory_kinds = {"Pageable", "Pinned",        "Device",         "Array",
                                                     "Managed",  "Device Static", "Managed Static", "Unknown"};
constexpr std::array<const char*, 5> sync_kinds = {"Synchronization", "Event Sync", "Stream Wait Event", "Stream Sync",
                                                   "Context Sync"};

template <size_t N> const char* wordOf(const std::array<const char*, N>& words, int64_t number, const char* otherwise) {
    return number >= 0 && number < static_cast<int64_t>(N) ? words[static_cast<size_t>(number)] : otherwise;
}

} // namespace

const char* copyKind(int64_t number) { return wordOf(copy_kinds, number, copy_kinds[0]); }
const char* memoryKind(int64_t number) { return wordOf(memory_kinds, number, "Unknown"); }
const char* syncKind(int64_t number) { return wordOf(sync_kinds, number, sync_kinds[0]); }

// "cudaLaunchKernel_v7000" is the function; the suffix is the version of its interface.
std::string_view withoutVersion(std::string_view name) {
    const size_t digits = name.find_last_not_of("0123456789");
    return digits != std::string_view::npos && digits + 1 < name.size() && digits > 1 &&
                   name.substr(digits - 1, 2) == "_v"
               ? name.substr(0, digits - 1)
               : name;
}

// "aten::view, op_id = 314290" is one call of aten::view; a name of its own for each call could not be summed up.
std::string_view withoutCallNumber(std::string_view name) {
    for (const std::string_view mark : {", seq = ", ", op_id = "})
        if (const size_t at = name.find(mark); at != std::string_view::npos) name = name.substr(0, at);
    return name;
}

} // namespace shardscope::importers
