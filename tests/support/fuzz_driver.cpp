// SPDX-License-Identifier: Apache-2.0
// Drives a fuzz target without a fuzzing engine: seeded mutations of its seeds for SHARDSCOPE_FUZZ_SECONDS (4) seconds
// from SHARDSCOPE_FUZZ_SEED (1), or the files named on the command line. Whatever kills the program leaves its input in
// fuzz_crash.bin.
#include "support/fuzz_target.h"
#include <chrono>
#include <csignal>
#include <cstdio>
#include <fcntl.h>
#include <unistd.h>

using namespace shardscope;

namespace {

const std::string* current_input = nullptr;

void onCrash(int signal) { // async-signal-safe calls only
    const int file = ::open("fuzz_crash.bin", O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (file >= 0 && current_input) {
        [[maybe_unused]] const ssize_t written = ::write(file, current_input->data(), current_input->size());
        ::close(file);
    }
    std::signal(signal, SIG_DFL);
    ::raise(signal);
}

int64_t setting(const char* name, int64_t otherwise) {
    const char* text = std::getenv(name);
    return text ? std::strtoll(text, nullptr, 10) : otherwise;
}

void tryOne(const std::string& input) {
    current_input = &input;
    fuzz::tryInput(input);
    current_input = nullptr;
}

} // namespace

int main(int argc, char** argv) {
    for (const int signal : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL}) std::signal(signal, onCrash);
    fuzz::useFolderInMemory();
    for (int i = 1; i < argc; ++i) tryOne(fuzz::contentOf(argv[i]));
    if (argc > 1) return 0;

    const std::vector<std::string> corpus = fuzz::seeds();
    for (const std::string& input : corpus) tryOne(input);
    fuzz::Random random(static_cast<uint64_t>(setting("SHARDSCOPE_FUZZ_SEED", 1)));
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(setting("SHARDSCOPE_FUZZ_SECONDS", 4));
    int64_t tried = 0;
    for (; std::chrono::steady_clock::now() < end; ++tried)
        tryOne(fuzz::mutated(corpus[random() % corpus.size()], corpus, random));
    std::printf("%lld mutated inputs, no fault\n", static_cast<long long>(tried));
    return 0;
}
