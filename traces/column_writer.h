// SPDX-License-Identifier: Apache-2.0
// What is added to a trace when its run ends: the index of the event rows, and every lane as compressed columns with
// its coarser levels, so that a picture of any zoom reads a bounded part of the file.
#pragma once
#include <cstdint>

namespace shardscope {

class Database;

// Inside the caller's transaction; false leaves the reason in the database.
bool writeColumns(Database&, int64_t lanes);

} // namespace shardscope
