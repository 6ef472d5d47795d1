// SPDX-License-Identifier: Apache-2.0
// Finds the known name closest to a mistyped one, for error messages that teach.
#pragma once
#include <span>
#include <string>
#include <string_view>

namespace shardscope {

// The known name with the smallest edit distance (insert, delete, replace, swap of neighbours); empty if none is known.
std::string nearestName(std::string_view name, std::span<const std::string_view> known);
// The same, but empty when even the nearest is no likely slip: more than a third of its letters differ.
std::string closeName(std::string_view name, std::span<const std::string_view> known);

} // namespace shardscope
