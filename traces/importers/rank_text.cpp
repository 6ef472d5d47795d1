// SPDX-License-Identifier: Apache-2.0
#include "traces/importers/rank_text.h"
#include "traces/importers/decimal_time.h"

namespace shardscope::importers {

RankText rankInPid(std::string_view pid) {
    constexpr std::string_view digits = "0123456789";
    const auto numberAt = [&](size_t at) { return pid.substr(at, pid.find_first_not_of(digits, at) - at); };
    size_t count = 0, first = 0, last = 0;
    for (size_t at = pid.find_first_of(digits); at != pid.npos;
         at = pid.find_first_of(digits, at + numberAt(at).size())) {
        if (count++ == 0) first = at;
        last = at;
    }
    const bool ends_in_number = count > 0 && last + numberAt(last).size() == pid.size();
    const size_t of_rank = ends_in_number && count > 1 ? count - 1 : count; // the rest is the process
    std::string_view name =
        ends_in_number && count > 1 ? pid.substr(0, last) : pid.substr(0, last + numberAt(last).size());
    while (!name.empty() && std::string_view(" :_-.,/|()[]#").find(name.back()) != name.npos) name.remove_suffix(1);
    if (count == 0 || name.find_first_not_of("0123456789-+.eE") == name.npos) return {};
    const auto number = decimalToInteger(numberAt(first), 0);
    const bool fits = of_rank == 1 && number && *number >= 0 && *number < 65536;
    return {name, fits ? std::optional(static_cast<int32_t>(*number)) : std::nullopt};
}

} // namespace shardscope::importers
