// SPDX-License-Identifier: Apache-2.0
#include "traces/importers/kineto_metadata.h"
#include "traces/importers/decimal_time.h"
#include "traces/importers/import_table.h"
#include <simdjson.h>

namespace shardscope::importers {

namespace {

namespace dom = simdjson::dom;

std::optional<int64_t> integerOf(dom::element value) {
    int64_t number = 0;
    std::string_view text;
    if (value.get(number) == simdjson::SUCCESS) return number;
    if (value.get(text) == simdjson::SUCCESS) return decimalToInteger(text, 0);
    return std::nullopt;
}

std::optional<int64_t> integerAt(dom::element object, std::string_view key) {
    dom::element value;
    if (object.at_key(key).get(value) != simdjson::SUCCESS) return std::nullopt;
    return integerOf(value);
}

} // namespace

void KinetoMetadata::take(const std::string& key, const std::string& json) {
    is_kineto = is_kineto || key == "schemaVersion" || key == "deviceProperties" || key == "distributedInfo";
    const bool is_private = key == "username" || key == "host_name" || key == "hostname";
    if (key != "distributedInfo" && key != "deviceProperties" && key != "baseTimeNanoseconds" && key != "ERROR" &&
        !is_private)
        return;
    dom::parser parser;
    dom::element value;
    if (parser.parse(json).get(value) != simdjson::SUCCESS) return;
    if (is_private) {
        environment += key + "=" + json + "\n";
    } else if (key == "baseTimeNanoseconds") {
        const int64_t base = integerOf(value).value_or(0);
        if (base >= -latest_ns && base <= latest_ns) base_ns = base;
    } else if (key == "distributedInfo") {
        if (const auto number = integerAt(value, "rank"); number && *number >= 0 && *number < 65536)
            rank = static_cast<int32_t>(*number);
        world_size = std::max<int64_t>(integerAt(value, "world_size").value_or(0), 0);
    } else if (key == "ERROR") {
        dom::array list;
        if (value.get(list) == simdjson::SUCCESS) errors = static_cast<int64_t>(list.size());
    } else {
        dom::array list;
        if (value.get(list) != simdjson::SUCCESS) return;
        for (const dom::element device : list) {
            std::string_view name;
            const auto id = integerAt(device, "id");
            if (!id || device.at_key("name").get(name) != simdjson::SUCCESS || device_names.size() > 1024) continue;
            device_names[std::to_string(*id)] = name.substr(0, 128);
        }
    }
}

std::string KinetoMetadata::deviceName(const std::string& id) const {
    const auto found = device_names.find(id);
    return found == device_names.end() ? std::string() : found->second;
}

} // namespace shardscope::importers
