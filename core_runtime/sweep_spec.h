// SPDX-License-Identifier: Apache-2.0
// What a sweep varies: "--vary reduce_bucket_size=1e5:1e9:log:9" as keys and values, the points they make together, and
// which points are one and the same step program, so that it need not be measured twice. Values are JSON texts, written
// one way only: "100000", never "1e5".
#pragma once
#include "core_runtime/planner.h"
#include <string>
#include <vector>

namespace shardscope {

struct SweepKey {
    std::string key; // as typed; dotted after resolveKey
    std::vector<std::string> values;
    bool operator==(const SweepKey&) const = default;
};

inline constexpr size_t max_sweep_points = 1'000;

// "KEY=a:b:log:n", "KEY=a:b:lin:n" or "KEY=x,y,z". Numbers may be written 1e5; on and off are true and false; other
// words are texts. Steps of a logarithmic range are rounded to three significant digits, its ends are not. A value that
// appears twice counts once.
Result<SweepKey> parseVary(const std::string& text);

// The dotted name of a key, whole or by its last part: reduce_bucket_size is zero_optimization.reduce_bucket_size.
// Refuses what this configuration does not know, what several sections have, and what has no effect here.
Result<std::string> resolveKey(const std::string& name, const Config&);

// A scalar written the one way: whole numbers without exponent and fraction.
std::string canonicalValue(const std::string& json);

// Every combination of values, one text per key; the last key changes fastest.
Result<std::vector<std::vector<std::string>>> sweepPoints(const std::vector<SweepKey>&);

// Whether a key does nothing but shape the step program, so that equal programs are equal runs.
bool shapesProgramOnly(const std::string& dotted_key);
// A text that is equal for two plans of one model exactly when their programs are.
std::string programText(const StepProgram&);

} // namespace shardscope
