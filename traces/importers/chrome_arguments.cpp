// SPDX-License-Identifier: Apache-2.0
#include "traces/importers/chrome_arguments.h"
#include "traces/importers/decimal_time.h"
#include <charconv>
#include <cmath>

namespace shardscope::importers {

ChromeArguments::ChromeArguments(const JsonEvent& event) {
    for (const auto& [key, value, is_string] : event.arguments) {
        const auto number = [text = value] { return decimalToInteger(text, 0); }; // clang 14 cannot capture bindings
        switch (key.size()) {                                                     // most arguments are none of these
        case 4:
            if (key == "Addr") address = number().value_or(0);
            break;
        case 5:
            if (key == "bytes" || key == "Bytes") {
                const auto given = number();
                bytes = given.value_or(0);
                has_bytes = given.has_value();
            } else if (key == "dtype") {
                dtype = value;
            }
            break;
        case 6:
            if (key == "stream")
                stream = number();
            else if (key == "device")
                device = value;
            break;
        case 9:
            if (key == "Device Id") device_id = value;
            break;
        case 10:
            if (key == "Group size") group_size = number().value_or(0);
            break;
        case 11:
            if (key == "correlation")
                correlation = number();
            else if (key == "External id" || key == "external id")
                external_id = number();
            else if (key == "Device Type")
                device_type = number();
            break;
        case 13:
            if (key == "In msg nelems") in_elements = number().value_or(0);
            break;
        case 14:
            if (key == "Out msg nelems")
                out_elements = number().value_or(0);
            else if (key == "correlation_id") // TensorFlow and JAX
                correlation = number();
            break;
        case 15:
            if (key == "Collective name")
                collective = value;
            else if (key == "Total Allocated")
                total_allocated = number();
            break;
        case 18:
            if (key == "Process Group Name") group_name = value;
            break;
        case 19:
            if (key == "Process Group Ranks") group_ranks = value;
            break;
        case 25:
            if (key == "Process Group Description") group_description = value;
            break;
        default:
            break;
        }
    }
}

std::optional<double> decimalToDouble(std::string_view text) {
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
    return value;
}

} // namespace shardscope::importers
