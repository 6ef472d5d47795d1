// SPDX-License-Identifier: Apache-2.0
#include "traces/importers/chrome_collective.h"
#include "traces/importers/kernel_class.h"
#include <algorithm>
#include <fmt/format.h>

namespace shardscope::importers {

uint32_t collectiveExtra(const ChromeArguments& arguments, ImportTable& table, OpClass& op_class) {
    if (arguments.collective.empty() || arguments.collective == "wait") return no_extra;
    if (const OpClass named = collectiveClass(arguments.collective); named != OpClass::communication) op_class = named;
    EventExtra extra;
    extra.elements = std::max<int64_t>({arguments.in_elements, arguments.out_elements, 0});
    const int64_t element_bytes = bytesOfDtype(arguments.dtype);
    if (element_bytes == 0 && extra.elements > 0)
        table.warn("unknown_dtype", fmt::format("Collectives of the unknown type '{}' have no size in bytes.",
                                                std::string(arguments.dtype.substr(0, 32))));
    if (__builtin_mul_overflow(extra.elements, element_bytes, &extra.bytes)) extra.bytes = 0;
    extra.sent_bytes = ringBytes(op_class, extra.bytes, arguments.group_size);
    if (!arguments.group_name.empty() || !arguments.group_ranks.empty()) {
        bool repaired = false;
        const auto text = [&](std::string_view view) { return validUtf8(view.substr(0, 4096), repaired); };
        extra.process_group = table.groupOf(text(arguments.group_name), text(arguments.group_description),
                                            std::max<int64_t>(arguments.group_size, 0), text(arguments.group_ranks));
    }
    return table.addExtra(extra);
}

} // namespace shardscope::importers
