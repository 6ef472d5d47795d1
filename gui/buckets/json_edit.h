// SPDX-License-Identifier: Apache-2.0
// Sets one key of a JSON text and leaves every other character as it is: comments, order, spacing and the way numbers
// are written stay the user's own.
#pragma once
#include "traces/result.h"
#include <string>
#include <vector>

namespace shardscope::gui {

// `value` is a JSON text. Sections that are missing are added at the end of their parent, indented as it is. Fails with
// a sentence when the text is no JSON object, or when a part of the key is there but no object.
Result<std::string> withJsonKey(const std::string& text, const std::string& dotted_key, const std::string& value);

struct DiffLine {
    enum Kind { same, removed, added } kind = same;
    std::string text;
};
// The lines that changed, with `context` lines around them; what is further away is left out.
std::vector<DiffLine> lineDiff(const std::string& before, const std::string& after, size_t context);

} // namespace shardscope::gui
