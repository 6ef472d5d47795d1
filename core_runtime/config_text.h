// SPDX-License-Identifier: Apache-2.0
// The liberties people take with JSON in configurations, as DeepSpeed's Hjson parser allows them: comments that start
// with # or // or stand between /* and */, and a comma after the last member. Quotes may not be left out.
#pragma once
#include <string>

namespace shardscope {

// The same text as strict JSON: what JSON does not allow becomes blanks, so that every place keeps its line and column.
std::string strictJson(std::string text);

} // namespace shardscope
