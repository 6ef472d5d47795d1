// SPDX-License-Identifier: Apache-2.0
#include "cli/run_output.h"
#include "cli/training_curves.h"
#include "core_runtime/storage/durable_file.h"
#include "profiler/analysis/summary.h"
#include "profiler/analysis/training_metrics.h"
#include <array>
#include <filesystem>
#include <fmt/core.h>

namespace shardscope::cli {
namespace {

constexpr std::array names = {"run.shardscope", "training_metrics.csv", "training_curves.png", "summary.json",
                              "deepspeed_config_auto.json"};

} // namespace

Result<RunOutput> RunOutput::prepare(const std::string& folder, bool overwrite) {
    std::error_code problem;
    std::filesystem::create_directories(folder, problem);
    if (problem)
        return Error{
            fmt::format("cannot make the output folder {}: {}; choose a writable folder", folder, problem.message())};
    for (const char* name : names)
        if (!overwrite && std::filesystem::exists(std::filesystem::path(folder) / name, problem))
            return Error{fmt::format("--output {} already holds a run ({}); name another folder, or give --overwrite",
                                     folder, name)};
    return RunOutput(folder);
}

void RunOutput::clear() const {
    std::error_code ignored;
    for (const char* name : names) std::filesystem::remove(std::filesystem::path(m_folder) / name, ignored);
}

Result<void> RunOutput::write(const std::string& title, const Config& config) const {
    const auto reader = TraceReader::open(trace());
    if (!reader) return reader.error();
    const std::vector<StepMetrics> metrics = trainingMetrics(**reader);
    const Result<std::string> curves = trainingCurvesPng(title, metrics);
    if (!curves) return curves.error();
    const std::array<std::string, 4> contents = {metricsCsv(metrics), *curves, summaryJson(summarize(**reader)) + "\n",
                                                 resolvedJson(config) + "\n"};
    for (size_t i = 0; i < contents.size(); ++i)
        if (auto written = writeDurably(m_folder + "/" + names[i + 1], "the output of the run", contents[i]); !written)
            return written;
    return {};
}

} // namespace shardscope::cli
