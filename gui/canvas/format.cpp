// SPDX-License-Identifier: Apache-2.0
#include "gui/canvas/format.h"
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace shardscope::gui {

namespace {

struct Unit {
    double size;
    std::string_view name;
};
constexpr std::array time_units = {Unit{1, "ns"}, Unit{1e3, "µs"}, Unit{1e6, "ms"}, Unit{1e9, "s"}};
// Of what takes longer than people count in seconds.
constexpr std::array long_units = {Unit{3'600e9, "h"}, Unit{86'400e9, "d"}, Unit{365 * 86'400e9, "y"}};
constexpr double longest_in_seconds = 10'000e9, longest_in_a_unit = 2; // of the next one
constexpr std::array byte_units = {Unit{1, "B"}, Unit{1024.0, "KiB"}, Unit{1048576.0, "MiB"}, Unit{1073741824.0, "GiB"},
                                   Unit{1099511627776.0, "TiB"}};

std::string decimal(double value, int decimals) {
    std::array<char, 64> text{};
    const int length = std::snprintf(text.data(), text.size(), "%.*f", decimals, value);
    return {text.data(), static_cast<size_t>(length)};
}

// Two decimals below 100, one below 1000: never more than four significant digits.
int decimalsFor(double value) { return value < 99.995 ? 2 : value < 999.95 ? 1 : 0; }

template <size_t N> std::string withUnit(int64_t count, const std::array<Unit, N>& units) {
    const double value = std::abs(static_cast<double>(count));
    size_t u = 0;
    // What would round up to the next unit is shown in it: 999.96 µs reads "1.00 ms".
    while (u + 1 < N && value / units[u].size >= (u == 0 ? 1.0 : 0.99995) * units[u + 1].size / units[u].size) ++u;
    const std::string sign = count < 0 ? "-" : "";
    if (u == 0) return sign + std::to_string(std::llabs(count)) + " " + std::string(units[0].name);
    const double scaled = value / units[u].size;
    const int decimals = decimalsFor(scaled);
    const std::string number =
        decimals == 0 ? formatCount(static_cast<int64_t>(std::llround(scaled))) : decimal(scaled, decimals);
    return sign + number + " " + std::string(units[u].name);
}

} // namespace

namespace {

// The unit of times up to `ns` if that is longer than seconds, else null.
const Unit* longUnit(double ns) {
    if (std::abs(ns) < longest_in_seconds) return nullptr;
    size_t u = 0;
    while (u + 1 < long_units.size() && std::abs(ns) >= longest_in_a_unit * long_units[u + 1].size) ++u;
    return &long_units[u];
}

} // namespace

std::string formatDuration(int64_t ns) {
    const Unit* unit = longUnit(static_cast<double>(ns));
    if (!unit) return withUnit(ns, time_units);
    const double value = static_cast<double>(ns) / unit->size;
    return decimal(value, decimalsFor(std::abs(value))) + " " + std::string(unit->name);
}

int64_t axisUnit(int64_t reach_ns) {
    const Unit* unit = longUnit(static_cast<double>(reach_ns));
    return unit ? static_cast<int64_t>(unit->size) : 1;
}

std::string formatBytes(int64_t bytes) { return withUnit(bytes, byte_units); }

std::string formatCount(int64_t count) {
    std::string digits = std::to_string(count);
    const size_t first = count < 0 ? 1 : 0;
    for (size_t at = digits.size(); at > first + 3;) digits.insert(at -= 3, 1, ',');
    return digits;
}

std::string formatPercent(double percent) {
    return decimal(percent, std::abs(percent) < 9.95 && percent != 0 ? 1 : 0) + " %";
}

std::string formatTime(int64_t ns, int64_t reach_ns, int64_t resolution_ns) {
    size_t u = 0;
    while (u + 1 < time_units.size() && static_cast<double>(reach_ns) >= 2 * time_units[u + 1].size) ++u;
    const Unit* long_unit = longUnit(static_cast<double>(reach_ns));
    const Unit& unit = long_unit ? *long_unit : time_units[u];
    int decimals = 0;
    for (double step = static_cast<double>(resolution_ns) / unit.size; step < 0.999 && decimals < 9; step *= 10)
        ++decimals;
    return decimal(static_cast<double>(ns) / unit.size, decimals) + " " + std::string(unit.name);
}

namespace {

// Removes `word` and the number behind it from the start: "GPU 0 stream 7" is "stream 7".
void dropNumbered(std::string_view& text, std::string_view word) {
    if (!text.starts_with(word)) return;
    const size_t end = text.find_first_not_of("-0123456789", word.size());
    if (end > word.size() && end != std::string_view::npos && text[end] == ' ') text.remove_prefix(end + 1);
}

constexpr std::string_view of_cuda = ", CUDA "; // "api comm, CUDA thread 4711"
bool isPart(const LaneInfo& lane) { return lane.name.ends_with(" kernels of collectives"); }

} // namespace

bool isBesideWork(const LaneInfo& lane) { return lane.name.find(of_cuda) != std::string::npos || isPart(lane); }

std::string laneLabel(const LaneInfo& lane, std::span<const LaneInfo> lanes) {
    if (const size_t rest = lane.name.find(of_cuda); rest != std::string::npos) return lane.name.substr(0, rest);
    if (isPart(lane)) return "kernels";
    const auto alike = std::count_if(lanes.begin(), lanes.end(), [&](const LaneInfo& other) {
        return other.rank == lane.rank && other.kind == lane.kind && !isPart(other);
    });
    if (alike < 2) return std::string(toText(lane.kind));
    std::string_view name = lane.name;
    if (const size_t depth = name.rfind(", depth "); depth != std::string_view::npos) name.remove_prefix(depth + 2);
    for (const std::string_view word : {"rank ", "GPU ", "thread "}) dropNumbered(name, word);
    return std::string(name);
}

} // namespace shardscope::gui
