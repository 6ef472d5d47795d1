// SPDX-License-Identifier: Apache-2.0
// What a collective moved, from the arguments that PyTorch's process groups leave.
#pragma once
#include "traces/importers/chrome_arguments.h"
#include "traces/importers/import_table.h"

namespace shardscope::importers {

// The place in ImportTable::extras, or no_extra; the class becomes more precise.
uint32_t collectiveExtra(const ChromeArguments&, ImportTable&, OpClass&);

} // namespace shardscope::importers
