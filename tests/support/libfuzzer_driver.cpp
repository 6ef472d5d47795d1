// SPDX-License-Identifier: Apache-2.0
// Lets libFuzzer drive a fuzz target: its seeds go into a corpus folder that is empty, and half of the mutations are
// the target's own, which know the format.
#include "support/fuzz_target.h"
#include <cstdint>
#include <cstring>

using namespace shardscope;

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t most);

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
    fuzz::useFolderInMemory();
    for (int i = 1; i < *argc; ++i) {
        const std::filesystem::path folder((*argv)[i]);
        if (!std::filesystem::is_directory(folder) || !std::filesystem::is_empty(folder)) continue;
        const std::vector<std::string> seeds = fuzz::seeds();
        for (size_t k = 0; k < seeds.size(); ++k)
            std::ofstream(folder / ("seed" + std::to_string(k)), std::ios::binary) << seeds[k];
        break;
    }
    return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    fuzz::tryInput({reinterpret_cast<const char*>(data), size});
    return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t most, unsigned seed) {
    fuzz::Random random(seed);
    if (size == 0 || random() % 2) return LLVMFuzzerMutate(data, size, most);
    static const std::vector<std::string> corpus = fuzz::seeds();
    const std::string changed = fuzz::mutated({reinterpret_cast<const char*>(data), size}, corpus, random);
    const size_t kept = std::min(changed.size(), most);
    std::memcpy(data, changed.data(), kept);
    return kept;
}
