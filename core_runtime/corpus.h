// SPDX-License-Identifier: Apache-2.0
// The text that is trained on when no file is named: the project's own documentation, put into the program by
// cmake/embed_text.cmake.
#pragma once
#include <string_view>

namespace shardscope {

std::string_view builtinCorpus();

} // namespace shardscope
