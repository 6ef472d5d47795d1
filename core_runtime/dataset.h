// SPDX-License-Identifier: Apache-2.0
// Byte-level training text. Which bytes sample i of step s sees depends on the seed, the step and the sample's place in
// the global batch only, so N ranks with micro-batch m see what one rank with micro-batch N*m sees.
#pragma once
#include "traces/result.h"
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace shardscope {

class Dataset {
public:
    // Any file of at least 2 bytes; "" = the built-in corpus, the project's own documentation.
    static Result<Dataset> open(const std::string& path);
    static Dataset fromText(std::string text, std::string name);
    const std::string& name() const { return m_name; }
    int64_t size() const { return static_cast<int64_t>(m_text.size()); }
    // ids and targets [samples, sequence] of global samples [first_sample, first_sample + samples) of `step`.
    void batch(int64_t step, int64_t first_sample, int64_t samples, int64_t samples_per_step, int64_t sequence,
               uint64_t seed, std::span<int32_t> ids, std::span<int32_t> targets) const;

private:
    std::string m_text, m_name;
};

} // namespace shardscope
