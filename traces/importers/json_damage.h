// SPDX-License-Identifier: Apache-2.0
// What was wrong with a file of JSON, as warnings.
#pragma once
#include "traces/importers/import_table.h"
#include "traces/importers/json_stream.h"

namespace shardscope::importers {

void warnOfDamage(const JsonStream&, ImportTable&);

} // namespace shardscope::importers
