// SPDX-License-Identifier: Apache-2.0
// The arithmetic and the least memory traffic of each compute op, for the roofline: what a kernel reached is its work
// divided by its time. Traffic is every operand once, however often a kernel really reads it.
#pragma once
#include "core_runtime/step_program.h"

namespace shardscope {

struct OpWork {
    double flops = 0; // products and attention; 0: bounded by traffic alone
    double bytes = 0; // read and written
};

OpWork workOf(const StepProgram&, const Op&); // of one call on one rank; nothing for what is no compute op

// Run key "op_work": {"kinds": [[name, flops, bytes], ...], "ops": [index into kinds or -1, by position in the
// program]}.
std::string opWorkJson(const StepProgram&);

} // namespace shardscope
