// SPDX-License-Identifier: Apache-2.0
// A fuzz target: what one input is, what sound inputs look like and how to damage them. It is driven by fuzz_driver.cpp
// for a few seconds with the tests, or by libFuzzer (SHARDSCOPE_LIBFUZZER) through libfuzzer_driver.cpp.
#pragma once
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

namespace shardscope::fuzz {

using Random = std::mt19937_64;

// Of the target:
std::vector<std::string> seeds(); // sound inputs
std::string mutated(const std::string& input, const std::vector<std::string>& corpus, Random&);
void tryInput(const std::string&); // ends the program if it finds a fault

inline std::string contentOf(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

// Targets write many small files: memory is faster.
inline void useFolderInMemory() {
    if (std::filesystem::is_directory("/dev/shm")) setenv("TMPDIR", "/dev/shm", 0);
}

// One to eight small edits of a text: flipped bits, interesting bytes, removed, doubled or transplanted pieces, words
// of the format.
inline std::string mutatedText(std::string input, const std::vector<std::string>& corpus,
                               const std::vector<std::string>& words, Random& random) {
    const auto below = [&](size_t n) { return n == 0 ? size_t{0} : static_cast<size_t>(random() % n); };
    for (size_t edits = 1 + below(8); edits > 0; --edits) {
        const size_t at = below(input.size() + 1), length = std::min(input.size() - at, below(32));
        switch (below(7)) {
        case 0:
            if (at < input.size()) input[at] = static_cast<char>(input[at] ^ (1 << below(8)));
            break;
        case 1:
            if (at < input.size()) input[at] = "\0\xff{}[]\":,-0e."[below(13)];
            break;
        case 2:
            input.erase(at, length);
            break;
        case 3:
            input.insert(at, input.substr(at, length));
            break;
        case 4: {
            const std::string& other = corpus[below(corpus.size())];
            const size_t from = below(other.size() + 1);
            input.insert(at, other, from, below(64));
            break;
        }
        case 5:
            input.insert(at, words[below(words.size())]);
            break;
        default:
            input.replace(at, length, words[below(words.size())]);
        }
    }
    return input;
}

} // namespace shardscope::fuzz
