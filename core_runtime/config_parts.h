// SPDX-License-Identifier: Apache-2.0
// The parts of parseConfig: each reads one subject from the top-level object into Config and notes settings, notices
// and the first mistake in the ConfigReading. They run in the order in which they stand here; later ones use earlier
// ones.
#pragma once
#include "core_runtime/config_json.h"

namespace shardscope {

// What the text does not know and "auto" values are completed from.
struct ConfigSurroundings {
    int64_t ranks = 1;
    std::optional<int64_t> hidden_size, total_steps;
};

void readBatch(ConfigSection& top, ConfigReading&, Config&, const ConfigSurroundings&);
void readPrecision(ConfigSection& top, ConfigReading&, Config&); // bf16, fp16, data_types, communication_data_type
void readOptimizer(ConfigSection& top, ConfigReading&, Config&); // and gradient_clipping
void readScheduler(ConfigSection& top, ConfigReading&, Config&, const ConfigSurroundings&);
void readZero(ConfigSection& top, ConfigReading&, Config&, const ConfigSurroundings&);
void readActivations(ConfigSection& top, ConfigReading&, Config&); // activation_checkpointing and shardscope
void readRest(ConfigSection& top, ConfigReading&, Config&);        // what has no meaning here or is refused

} // namespace shardscope
