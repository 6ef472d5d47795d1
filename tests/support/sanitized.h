// SPDX-License-Identifier: Apache-2.0
// Sanitizers look for bad addresses and races, which few runs show, and make each five to fifteen times slower: what is
// repeated for its results is repeated less under them.
#pragma once

namespace shardscope::test {

#if defined(__SANITIZE_THREAD__)
constexpr int thinning = 10;
#elif defined(__SANITIZE_ADDRESS__)
constexpr int thinning = 4;
#else
constexpr int thinning = 1;
#endif
constexpr bool sanitized = thinning > 1;

} // namespace shardscope::test
