// SPDX-License-Identifier: Apache-2.0
// Text of unknown origin as part of an HTML or SVG document: names of files, ops and keys come from files that anybody
// may have written.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace shardscope {

// For text and for quoted attribute values. What is no UTF-8, and characters that steer rather than show (controls,
// changes of direction), become U+FFFD.
std::string escapedHtml(std::string_view);

struct HtmlColumn {
    std::string head;     // plain text
    bool numbers = false; // aligned at the right
};
// Cells are HTML already.
std::string htmlTable(const std::vector<HtmlColumn>&, const std::vector<std::vector<std::string>>& rows,
                      std::string_view css_class = {});

} // namespace shardscope
