// SPDX-License-Identifier: Apache-2.0
// A hash table by text that is asked with views.
#pragma once
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace shardscope::importers {

struct TextHash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
};
template <class T> using TextMap = std::unordered_map<std::string, T, TextHash, std::equal_to<>>;

} // namespace shardscope::importers
