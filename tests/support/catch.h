// SPDX-License-Identifier: Apache-2.0
// One include for Catch2 versions 2 and 3. Version 3 moved Approx into its namespace.
#pragma once
#ifdef SHARDSCOPE_CATCH2_V2
#include <catch2/catch.hpp>
#else
#include <catch2/catch_all.hpp>
using Catch::Approx;
#endif
