// SPDX-License-Identifier: Apache-2.0
#include "traces/exporters/json_text.h"
#include <cassert>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace shardscope {

std::string jsonString(std::string_view text) {
    return nlohmann::json(std::string(text)).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string microseconds(int64_t ns) {
    assert(ns >= 0);
    return fmt::format("{}.{:03}", ns / 1000, ns % 1000);
}

size_t NestingRows::rowFor(int64_t start_ns, int64_t end_ns) {
    for (size_t row = 0; row < m_open.size(); ++row) {
        auto& open = m_open[row];
        while (!open.empty() && open.back() <= start_ns) open.pop_back();
        if (!open.empty() && open.back() < end_ns) continue;
        open.push_back(end_ns);
        return row;
    }
    m_open.push_back({end_ns});
    return m_open.size() - 1;
}

} // namespace shardscope
