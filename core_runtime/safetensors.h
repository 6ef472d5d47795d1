// SPDX-License-Identifier: Apache-2.0
// Writes weights as a .safetensors file that Hugging Face's GPT-2 loads: its names, fp32, and its [in, out] order for
// the linear layers (the runtime stores [out, in]). The file appears under its name only when it is complete.
#pragma once
#include "core_runtime/model_spec.h"
#include "traces/result.h"
#include <map>
#include <string>
#include <vector>

namespace shardscope {

class SafetensorsFile {
public:
    // Opens a neighbour of `path`, so that a path that cannot be written is known before the run.
    static Result<SafetensorsFile> create(const std::string& path);
    SafetensorsFile(SafetensorsFile&&) noexcept;
    SafetensorsFile& operator=(SafetensorsFile&&) = delete;
    ~SafetensorsFile(); // without write(): leaves nothing behind

    // weights[i] belongs to parameters[i]. Renames the file to its name.
    Result<void> write(const std::vector<ParameterInfo>& parameters, const std::vector<std::vector<float>>& weights,
                       const std::map<std::string, std::string>& metadata);

private:
    SafetensorsFile(std::string path, std::string partial, int file);
    std::string m_path, m_partial;
    int m_file = -1;
};

} // namespace shardscope
