// SPDX-License-Identifier: Apache-2.0
#define SHARDSCOPE_ISA avx512
#include "kernels/cpu/vector_entry.h"
