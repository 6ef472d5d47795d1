// SPDX-License-Identifier: Apache-2.0
#define SHARDSCOPE_ISA avx2
#include "kernels/cpu/vector_entry.h"
