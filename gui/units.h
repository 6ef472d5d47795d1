// SPDX-License-Identifier: Apache-2.0
// Numbers as people read them where one unit serves a whole column: the unit is chosen for the largest value, then
// every value is written in it. Single values use canvas/format.h.
#pragma once
#include <cstdint>
#include <string>

namespace shardscope::gui {

struct Unit {
    double size = 1; // in ns or bytes
    const char* name = "";
};

Unit timeUnit(int64_t largest_ns);    // ns, µs, ms, s
Unit byteUnit(int64_t largest_bytes); // B, KiB, MiB, GiB, TiB
std::string inUnit(int64_t value, const Unit&, int significant_digits = 3);
std::string spreadInUnit(int64_t value, const Unit&); // "0.3"; more digits only where it would read as zero
std::string significant(double value, int digits);    // fixed notation, never more than `digits` significant ones
// "5e8", "500,000,000", "500000000": an integer as DeepSpeed users write it.
bool parseInteger(const std::string& text, int64_t& value);
bool parseReal(const std::string& text, double& value);
// "5e8" for round powers, else with thousands separators.
std::string shortInteger(int64_t value);
// A value of a configuration beside others: integers of five digits and more as shortInteger, all else as it is.
std::string shortValue(const std::string& value);

} // namespace shardscope::gui
