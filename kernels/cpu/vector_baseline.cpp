// SPDX-License-Identifier: Apache-2.0
#define SHARDSCOPE_ISA baseline
#include "kernels/cpu/vector_entry.h"
