// SPDX-License-Identifier: Apache-2.0
// The folder that `run --output` fills: run.shardscope (the trace), training_metrics.csv, training_curves.png,
// summary.json, deepspeed_config_auto.json. Each file appears when it is complete.
#pragma once
#include "core_runtime/config.h"
#include "traces/result.h"
#include <string>

namespace shardscope::cli {

class RunOutput {
public:
    // Makes the folder. Refuses one that holds another run, unless `overwrite`.
    static Result<RunOutput> prepare(const std::string& folder, bool overwrite);
    std::string trace() const { return m_folder + "/run.shardscope"; }
    void clear() const; // removes what another run left, so that files of two runs never lie side by side
    // Everything but the trace, from the trace.
    Result<void> write(const std::string& title, const Config&) const;

private:
    explicit RunOutput(std::string folder)
        : m_folder(std::move(folder)) {}
    std::string m_folder;
};

} // namespace shardscope::cli
