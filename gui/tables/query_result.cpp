// SPDX-License-Identifier: Apache-2.0
#include "gui/tables/query_result.h"
#include <algorithm>

namespace shardscope::gui {
namespace {

std::optional<size_t> find(const std::vector<std::string>& columns, std::initializer_list<std::string_view> names) {
    for (const std::string_view name : names)
        for (size_t c = 0; c < columns.size(); ++c)
            if (columns[c] == name) return c;
    return {};
}

std::optional<int64_t> integerAt(const Row& row, std::optional<size_t> column) {
    if (!column || *column >= row.size()) return {};
    const auto* value = std::get_if<int64_t>(&row[*column]);
    return value ? std::optional(*value) : std::nullopt;
}

} // namespace

TableData queryResult(const std::vector<std::string>& columns, std::vector<Row> rows) {
    TableData table = tableOf(Table{"query", {}, columns, std::move(rows), 0});
    for (size_t c = 0; c < columns.size(); ++c) // an average of times is still a time, but a ratio is a number
        table.columns[c].help = columns[c];
    table.sorted_by = SIZE_MAX; // as SQL ordered them
    const bool intervals = find(columns, {"duration_ns", "end_ns"}).has_value();
    const auto event = intervals ? find(columns, {"event_id", "id"}) : find(columns, {"event_id"});
    auto time = find(columns, {"time_ns", "start_ns"});
    for (size_t c = 0; c < columns.size() && !time; ++c)
        if (columns[c].ends_with("time_ns") || columns[c].ends_with("start_ns")) time = c;
    const auto rank = find(columns, {"rank"}), tier = find(columns, {"tier"});
    for (const Row& row : table.rows) {
        TableLink& link = table.links.emplace_back();
        if (const auto id = integerAt(row, event); id && *id >= 0) link.event = static_cast<EventId>(*id);
        link.time_ns = integerAt(row, time);
        const auto number = integerAt(row, rank);
        if (!tier || !number || *number < 0 || *number > INT32_MAX || *tier >= row.size()) continue;
        const auto* word = std::get_if<std::string>(&row[*tier]);
        const auto known = word ? fromText<MemoryTier>(*word) : std::nullopt;
        if (known) link.memory = {static_cast<int32_t>(*number), *known};
    }
    return table;
}

} // namespace shardscope::gui
