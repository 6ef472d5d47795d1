// SPDX-License-Identifier: Apache-2.0
#include "traces/importers/decimal_time.h"
#include <bit>
#include <cstring>
#include <limits>

namespace shardscope::importers {

namespace {

bool isDigit(char c) { return c >= '0' && c <= '9'; }

// Eight characters as one number, if all are digits.
bool eightDigits(const char* text, uint64_t& number) {
    static_assert(std::endian::native == std::endian::little);
    uint64_t v = 0;
    std::memcpy(&v, text, sizeof v);
    if (((v & 0xf0f0f0f0f0f0f0f0) | (((v + 0x0606060606060606) & 0xf0f0f0f0f0f0f0f0) >> 4)) != 0x3333333333333333)
        return false;
    v -= 0x3030303030303030;
    v = v * 10 + (v >> 8); // pairs in every other byte, then fours, then all
    number =
        ((v & 0x000000ff000000ff) * 0x000f424000000064 + ((v >> 16) & 0x000000ff000000ff) * 0x0000271000000001) >> 32;
    return true;
}

} // namespace

std::optional<int64_t> decimalToInteger(std::string_view text, int shift) {
    // Nearly every number: digits, perhaps a point and as many digits as the shift has.
    if (!text.empty() && text.size() <= 20) {
        uint64_t value = 0, eight = 0;
        size_t i = 0;
        for (; i + 8 <= text.size() && eightDigits(text.data() + i, eight); i += 8) value = value * 100'000'000 + eight;
        while (i < text.size() && isDigit(text[i])) value = value * 10 + static_cast<uint64_t>(text[i++] - '0');
        int missing = shift;
        if (i > 0 && i + 1 < text.size() && text[i] == '.')
            for (++i; i < text.size() && isDigit(text[i]) && missing > 0; --missing)
                value = value * 10 + static_cast<uint64_t>(text[i++] - '0');
        const size_t digits = text.size() - (missing < shift);
        if (i == text.size() && digits + static_cast<size_t>(missing) <= 19) {
            for (; missing > 0; --missing) value *= 10;
            if (value <= static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) return static_cast<int64_t>(value);
        }
    }
    size_t at = 0;
    const bool negative = at < text.size() && text[at] == '-';
    if (negative || (at < text.size() && text[at] == '+')) ++at;
    // The digits as one integer of at most 19 digits, and the power of ten that it still has to be multiplied by.
    uint64_t digits = 0;
    int power = shift, count = 0;
    bool any = false, fraction = false, round_up = false, cut = false;
    for (; at < text.size(); ++at) {
        const char c = text[at];
        if (c == '.' && !fraction) {
            fraction = true;
            continue;
        }
        if (!isDigit(c)) break;
        any = true;
        if (count < 19) {
            digits = digits * 10 + static_cast<uint64_t>(c - '0');
            count += digits != 0;
            power -= fraction;
        } else {
            if (!cut) round_up = c >= '5';
            cut = true;
            power += !fraction;
        }
    }
    if (!any) return std::nullopt;
    if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
        ++at;
        const bool down = at < text.size() && text[at] == '-';
        if (down || (at < text.size() && text[at] == '+')) ++at;
        int exponent = 0;
        if (at == text.size()) return std::nullopt;
        for (; at < text.size() && isDigit(text[at]); ++at)
            if (exponent < 10000) exponent = exponent * 10 + (text[at] - '0');
        power += down ? -exponent : exponent;
    }
    if (at != text.size()) return std::nullopt;
    for (; power > 0 && digits != 0; --power)
        if (__builtin_mul_overflow(digits, uint64_t{10}, &digits)) return std::nullopt;
    for (; power < 0 && digits != 0; ++power) {
        round_up = digits % 10 >= 5;
        digits /= 10;
    }
    if (power < 0) round_up = false; // nothing is left of it
    digits += round_up;
    if (digits > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) return std::nullopt;
    return negative ? -static_cast<int64_t>(digits) : static_cast<int64_t>(digits);
}

} // namespace shardscope::importers
