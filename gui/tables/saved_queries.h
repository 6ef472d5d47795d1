// SPDX-License-Identifier: Apache-2.0
// Statements of the SQL console with names: built-in examples, which answer questions people ask of a sharded run, and
// those of the user.
#pragma once
#include <string>
#include <vector>

namespace shardscope::gui {

struct SavedQuery {
    std::string name, sql;
    bool operator==(const SavedQuery&) const = default;
};

const std::vector<SavedQuery>& builtInQueries();

// Line and column of a byte of a text, from 1; columns count characters.
struct TextPlace {
    int line = 1, column = 1;
};
TextPlace placeOf(const std::string& utf8, int64_t byte);

} // namespace shardscope::gui
