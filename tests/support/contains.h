// SPDX-License-Identifier: Apache-2.0
// The substring matcher under one name: Catch2 version 3 renamed it.
#pragma once
#include "support/catch.h"
#include <string>

#ifdef SHARDSCOPE_CATCH2_V2
inline auto Contains(const std::string& text) { return Catch::Matchers::Contains(text); }
#else
inline auto Contains(const std::string& text) { return Catch::Matchers::ContainsSubstring(text); }
#endif
