// SPDX-License-Identifier: Apache-2.0
// Runs a fuzz target without a fuzzing engine: seeded mutations of a corpus for a few seconds, or the files named on
// the command line. Whatever kills the program leaves its input in fuzz_crash.bin.
#pragma once
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <fstream>
#include <functional>
#include <iterator>
#include <random>
#include <string>
#include <unistd.h>
#include <vector>

namespace shardscope::fuzz {

inline const std::string* current_input = nullptr;

inline void onCrash(int signal) { // async-signal-safe calls only
    const int file = ::open("fuzz_crash.bin", O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (file >= 0 && current_input) {
        [[maybe_unused]] const ssize_t written = ::write(file, current_input->data(), current_input->size());
        ::close(file);
    }
    std::signal(signal, SIG_DFL);
    ::raise(signal);
}

// One to eight small edits: flipped bits, interesting bytes, removed, doubled or transplanted pieces, words of the
// format.
inline std::string mutate(std::string input, const std::vector<std::string>& corpus,
                          const std::vector<std::string>& words, std::mt19937_64& random) {
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
            if (!words.empty()) input.insert(at, words[below(words.size())]);
            break;
        default:
            if (!words.empty()) input.replace(at, length, words[below(words.size())]);
        }
    }
    return input;
}

// SHARDSCOPE_FUZZ_SECONDS and SHARDSCOPE_FUZZ_SEED change the defaults. The target ends the program if it finds a
// fault.
inline int runFuzz(const std::vector<std::string>& corpus, const std::vector<std::string>& words,
                   const std::function<void(const std::string&)>& target, int argc, char** argv) {
    for (const int signal : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL}) std::signal(signal, onCrash);
    const auto tryInput = [&](const std::string& input) {
        current_input = &input;
        target(input);
        current_input = nullptr;
    };
    for (int i = 1; i < argc; ++i) {
        std::ifstream file(argv[i], std::ios::binary);
        tryInput(std::string(std::istreambuf_iterator<char>(file), {}));
    }
    if (argc > 1) return 0;

    const auto setting = [](const char* name, int64_t fallback) {
        const char* text = std::getenv(name);
        return text ? std::strtoll(text, nullptr, 10) : fallback;
    };
    std::mt19937_64 random(static_cast<uint64_t>(setting("SHARDSCOPE_FUZZ_SEED", 1)));
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(setting("SHARDSCOPE_FUZZ_SECONDS", 3));
    size_t tried = 0;
    for (const std::string& input : corpus) tryInput(input);
    while (std::chrono::steady_clock::now() < end) {
        for (int i = 0; i < 64; ++i, ++tried) tryInput(mutate(corpus[random() % corpus.size()], corpus, words, random));
    }
    std::printf("%zu mutated inputs, no fault\n", tried);
    return 0;
}

} // namespace shardscope::fuzz
