// SPDX-License-Identifier: Apache-2.0
// What `shardscope doctor` says of this machine: facts that fit on a line each, nothing shortened, and what to do.
#pragma once
#include "core_runtime/machine/machine.h"
#include <string>
#include <vector>

namespace shardscope::cli {

// Sentences with a remedy each, the one that everything else waits for first. `refusal`: why the backend cuda is
// refused; empty: it can be used. Empty result: there is nothing to mend.
std::vector<std::string> machineRemedies(const Machine&, const std::string& refusal);

std::string machineText(const Machine&, const std::string& refusal);

} // namespace shardscope::cli
