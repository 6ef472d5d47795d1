// SPDX-License-Identifier: Apache-2.0
// Lines of comma-separated values as RFC 4180 quotes them, with '\n' as line end. Nothing and not-a-number are empty
// fields; real numbers carry as many digits as reading them back needs.
#pragma once
#include "traces/cell.h"

namespace shardscope {

void appendCsv(std::string& out, const Row&);
void appendCsvHeader(std::string& out, const std::vector<std::string>& columns);

} // namespace shardscope
