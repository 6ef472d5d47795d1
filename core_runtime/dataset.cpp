// SPDX-License-Identifier: Apache-2.0
#include "core_runtime/dataset.h"
#include "core_runtime/corpus.h"
#include "core_runtime/random.h"
#include <cassert>
#include <filesystem>
#include <fstream>

namespace shardscope {
namespace {

constexpr uintmax_t max_file_bytes = uintmax_t{4} << 30; // the text is kept in memory

} // namespace

Result<Dataset> Dataset::open(const std::string& path) {
    if (path.empty()) return fromText(std::string(builtinCorpus()), "built-in documentation");
    const Error unreadable{"cannot read the data file " + path + "; name a readable file of at least 2 bytes"};
    std::error_code problem;
    const uintmax_t size =
        std::filesystem::is_regular_file(path, problem) ? std::filesystem::file_size(path, problem) : 0;
    std::ifstream file(path, std::ios::binary);
    if (problem || !file || std::filesystem::is_directory(path, problem)) return unreadable;
    if (size < 2)
        return Error{"the data file " + path + " holds " + std::to_string(size) +
                     " bytes; at least 2 are needed, a token and its successor"};
    if (size > max_file_bytes) return Error{"the data file " + path + " is larger than 4 GiB; use a part of it"};
    std::string text(size, '\0');
    file.read(text.data(), static_cast<std::streamsize>(size));
    if (file.gcount() != static_cast<std::streamsize>(size)) return unreadable;
    return fromText(std::move(text), path);
}

Dataset Dataset::fromText(std::string text, std::string name) {
    assert(text.size() >= 2);
    Dataset data;
    data.m_text = std::move(text);
    data.m_name = std::move(name);
    return data;
}

void Dataset::batch(int64_t step, int64_t first_sample, int64_t samples, int64_t samples_per_step, int64_t sequence,
                    uint64_t seed, std::span<int32_t> ids, std::span<int32_t> targets) const {
    assert(first_sample >= 0 && first_sample + samples <= samples_per_step);
    assert(static_cast<int64_t>(ids.size()) == samples * sequence && targets.size() == ids.size());
    const auto size = static_cast<uint64_t>(m_text.size());
    size_t out = 0;
    for (int64_t sample = first_sample; sample < first_sample + samples; ++sample) {
        const auto counter = static_cast<uint64_t>(step * samples_per_step + sample);
        uint64_t at = randomBits(seed, counter) % size; // a sample that passes the end of the text goes on at its start
        for (int64_t i = 0; i < sequence; ++i, ++out) {
            ids[out] = static_cast<unsigned char>(m_text[at]);
            at = at + 1 == size ? 0 : at + 1;
            targets[out] = static_cast<unsigned char>(m_text[at]);
        }
    }
}

} // namespace shardscope
