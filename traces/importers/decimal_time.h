// SPDX-License-Identifier: Apache-2.0
// Numbers of JSON text as exact integers. 1712195495521131.125 us has 19 digits: through a double it would be off by
// hundreds of nanoseconds.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

namespace shardscope::importers {

// Decimal text (sign, digits, fraction, exponent) times 10^shift, rounded half away from zero. Nothing if the text is
// no number or the value does not fit.
std::optional<int64_t> decimalToInteger(std::string_view text, int shift);

inline std::optional<int64_t> microsecondsToNs(std::string_view text) { return decimalToInteger(text, 3); }

} // namespace shardscope::importers
