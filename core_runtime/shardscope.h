// SPDX-License-Identifier: Apache-2.0
// The library in one header: configure, initialise an Engine, train, save, continue, listen. An Engine is used from one
// thread at a time and starts its own; everything that can go wrong comes back as a Result with a sentence.
#pragma once
#include "core_runtime/config.h"     // DeepSpeed's JSON: parseConfig, loadConfig
#include "core_runtime/dataset.h"    // any file as training text
#include "core_runtime/engine.h"     // Engine
#include "core_runtime/model_spec.h" // findModel
#include "core_runtime/training.h"   // batchesOf, and train() for a whole run
#include "traces/trace_sink.h"       // to listen
#include "traces/trace_writer.h"     // to record a *.shardscope file
