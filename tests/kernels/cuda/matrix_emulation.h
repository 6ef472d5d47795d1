// SPDX-License-Identifier: Apache-2.0
// What kernels/cuda/matrix_instructions.h names, for the fibers of a warp, by the fragment layouts of the PTX ISA. A
// copy that was asked for makes its destination NaN at once and brings the bytes when the thread awaits it: neither an
// await that is missing nor a copy into what others still read goes unnoticed.
#pragma once
#include <cstdint>

namespace shardscope::emulation {

// Of four matrices, whose rows must start on 16 bytes.
void loadMatrices(uint32_t (&to)[4], const void* row, bool transposed);
void multiplyAdd(float (&c)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1, float (*widen)(uint16_t));
void copyLater(void* to, const void* from, int bytes, int existing);
void commitCopies();
void awaitCopies(int still_pending);

void forgetCopies(); // of all threads: a block starts

// How often rows of one matrix that loadMatrices() read at once lay in the same banks, since the calling thread asked
// last.
int64_t takeBankConflicts();

} // namespace shardscope::emulation
