// SPDX-License-Identifier: Apache-2.0
#include "matrix_emulation.h"
#include "cuda_emulation.h"
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace shardscope::emulation {
namespace {

constexpr int warp_size = 32, matrix_rows = 8, bank_groups = 8; // of 16 bytes

struct Copy {
    char* to;
    const char* from;
    int bytes, existing;
};
struct CopiesOfThread {
    std::vector<Copy> open;                   // of no group yet
    std::vector<std::vector<Copy>> committed; // oldest first
};
thread_local std::vector<CopiesOfThread> copies;
thread_local int64_t bank_conflicts = 0;

CopiesOfThread& mine() {
    if (copies.size() <= now.thread.x) copies.resize(now.thread.x + 1);
    return copies[now.thread.x];
}

[[noreturn]] void misaligned(const char* what, const void* at) {
    std::fprintf(stderr, "block %u, thread %u: %s at %p, which is no multiple of its size\n", now.block.x, now.thread.x,
                 what, at);
    std::abort();
}

struct Load {
    const char* row;
    uint32_t* to;
    bool transposed;
};

void loadOfWarp(void* const* lanes) {
    const Load* load[warp_size];
    for (int l = 0; l < warp_size; ++l) load[l] = static_cast<const Load*>(lanes[l]);
    for (int m = 0; m < 4; ++m) {
        uint16_t matrix[matrix_rows][8];
        unsigned groups = 0;
        for (int r = 0; r < matrix_rows; ++r) {
            const char* row = load[m * matrix_rows + r]->row;
            std::memcpy(matrix[r], row, sizeof matrix[r]);
            const unsigned group = 1u << reinterpret_cast<uintptr_t>(row) / 16 % bank_groups;
            bank_conflicts += (groups & group) != 0;
            groups |= group;
        }
        for (int l = 0; l < warp_size; ++l) {
            const int g = l / 4, t = l % 4;
            const bool turn = load[l]->transposed;
            const uint32_t low = turn ? matrix[2 * t][g] : matrix[g][2 * t];
            const uint32_t high = turn ? matrix[2 * t + 1][g] : matrix[g][2 * t + 1];
            load[l]->to[m] = high << 16 | low;
        }
    }
}

struct Multiplication {
    float* c;
    const uint32_t* a;
    uint32_t b[2];
    float (*widen)(uint16_t);
};

void multiplyOfWarp(void* const* lanes) {
    float a[16][16], b[16][8], c[16][8];
    for (int l = 0; l < warp_size; ++l) {
        const auto& m = *static_cast<const Multiplication*>(lanes[l]);
        const int g = l / 4, t = l % 4;
        for (int half = 0; half < 2; ++half) { // of a register
            auto element = [&](uint32_t both) { return m.widen(static_cast<uint16_t>(both >> (16 * half))); };
            for (int r = 0; r < 4; ++r) a[g + r % 2 * 8][2 * t + r / 2 * 8 + half] = element(m.a[r]);
            for (int r = 0; r < 2; ++r) b[2 * t + r * 8 + half][g] = element(m.b[r]);
            for (int r = 0; r < 2; ++r) c[g + r * 8][2 * t + half] = m.c[2 * r + half];
        }
    }
    for (int row = 0; row < 16; ++row)
        for (int k = 0; k < 16; ++k)
            for (int column = 0; column < 8; ++column) c[row][column] += a[row][k] * b[k][column];
    for (int l = 0; l < warp_size; ++l)
        for (int r = 0; r < 4; ++r)
            static_cast<Multiplication*>(lanes[l])->c[r] = c[l / 4 + r / 2 * 8][2 * (l % 4) + r % 2];
}

} // namespace

void loadMatrices(uint32_t (&to)[4], const void* row, bool transposed) {
    if (reinterpret_cast<uintptr_t>(row) % 16) misaligned("a row of a matrix is read", row);
    Load load{static_cast<const char*>(row), to, transposed};
    together(&load, loadOfWarp);
}

void multiplyAdd(float (&c)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1, float (*widen)(uint16_t)) {
    Multiplication multiplication{c, a, {b0, b1}, widen};
    together(&multiplication, multiplyOfWarp);
}

void copyLater(void* to, const void* from, int bytes, int existing) {
    if (reinterpret_cast<uintptr_t>(to) % static_cast<size_t>(bytes)) misaligned("a copy to", to);
    if (existing > 0 && reinterpret_cast<uintptr_t>(from) % static_cast<size_t>(bytes)) misaligned("a copy from", from);
    auto* start = static_cast<char*>(to);
    std::memset(start, 0xff, static_cast<size_t>(bytes));
    mine().open.push_back({start, static_cast<const char*>(from), bytes, existing});
}

void commitCopies() {
    mine().committed.push_back(std::move(mine().open));
    mine().open.clear();
}

void awaitCopies(int still_pending) {
    auto& groups = mine().committed;
    const auto done = std::max<ptrdiff_t>(std::ssize(groups) - still_pending, 0);
    for (auto group = groups.begin(); group != groups.begin() + done; ++group)
        for (const Copy& copy : *group) {
            std::memset(copy.to, 0, static_cast<size_t>(copy.bytes));
            if (copy.existing > 0) std::memcpy(copy.to, copy.from, static_cast<size_t>(copy.existing));
        }
    groups.erase(groups.begin(), groups.begin() + done);
}

void forgetCopies() {
    for (CopiesOfThread& of_thread : copies) {
        of_thread.open.clear();
        of_thread.committed.clear();
    }
}

int64_t takeBankConflicts() { return std::exchange(bank_conflicts, 0); }

} // namespace shardscope::emulation
