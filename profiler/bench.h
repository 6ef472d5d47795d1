// SPDX-License-Identifier: Apache-2.0
// What recording costs the recorded thread, against the floor (reading the clock) and against the obvious way (a
// mutex).
#pragma once
#include <string>

namespace shardscope {

// About two seconds. One line per way of recording, or a JSON document with the same numbers.
std::string benchRecord(bool json);

} // namespace shardscope
