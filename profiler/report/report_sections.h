// SPDX-License-Identifier: Apache-2.0
// The sections of the report on a comparison, each a piece of HTML. Internal to profiler/report.
#pragma once
#include "profiler/report/step_picture.h"

namespace shardscope {

std::string reportTitle(const Comparison&);       // the title element
std::string reportHead(const Comparison&);        // which runs these are
std::string reportDifferences(const Comparison&); // of the configurations
std::string reportSentences(const Comparison&);   // what came of it, in words
std::string reportPictures(const Comparison&, const std::vector<StepPicture>&);
std::string reportTimes(const Comparison&);
std::string reportMemory(const Comparison&);
std::string reportLosses(const Comparison&);
std::string reportOps(const Comparison&);
std::string reportWarnings(const Comparison&);
std::string reportCommands(const Comparison&);
std::string reportDefinitions(const Comparison&);

} // namespace shardscope
