// SPDX-License-Identifier: Apache-2.0
#include "cuda_emulation.h"
#include "matrix_emulation.h"
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif

#ifndef __x86_64__
#error "fibers are switched in the instructions of x86-64, as the kernels of the processor are written for it"
#endif

// Leaves the running stack at *from and goes on where `to` was left. A switch by the C library costs system calls, or
// is taken by the address sanitizer for the end of the frames it leaves.
extern "C" void shardscopeSwitchStack(void** from, void* to);
asm(R"(
    .text
    .type shardscopeSwitchStack, @function
shardscopeSwitchStack:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
    .size shardscopeSwitchStack, .-shardscopeSwitchStack
)");

namespace shardscope::emulation {

thread_local constinit ThreadView now;

namespace {

constexpr int warp_size = 32;
constexpr size_t stack_bytes = 64 << 10, most_threads = 1024; // of a block, as on a card
constexpr std::align_val_t shared_alignment{128};

enum class State : uint8_t { runnable, at_block_barrier, at_warp_exchange, at_warp_instruction, ended };

// Runs one thread of one block after another.
struct Fiber {
    void* left_at = nullptr; // top of the stack; null before the first time
    std::unique_ptr<char[]> stack;
    State state = State::ended;
    uint64_t exchanged[2] = {}; // by parity of the exchange: a fast lane may be one ahead of a slow one
    int exchanges = 0;
};

// Those lanes of a warp that have come to an instruction.
struct Gathering {
    void (*instruction)(void* const*) = nullptr;
    void* operands[warp_size] = {};
    int arrived = 0;
};

struct SharedDeleter {
    void operator()(std::byte* start) const { ::operator delete[](start, shared_alignment); }
};

// Of one launch; one launch at a time per thread.
struct Launch {
    const std::function<void()>* body = nullptr;
    std::vector<Fiber> fibers;
    Gathering gatherings[most_threads / warp_size]; // by warp
    std::unique_ptr<std::byte[], SharedDeleter> shared;
    void* scheduler_left_at = nullptr;
    size_t running = 0;
#if defined(__SANITIZE_ADDRESS__)
    const void* scheduler_stack = nullptr;
    size_t scheduler_bytes = 0;
#endif
};

thread_local Launch launch;

void yieldTo(State state) {
    Fiber& self = launch.fibers[launch.running];
    self.state = state;
#if defined(__SANITIZE_ADDRESS__)
    void* fake_stack = nullptr;
    __sanitizer_start_switch_fiber(&fake_stack, launch.scheduler_stack, launch.scheduler_bytes);
#endif
    shardscopeSwitchStack(&self.left_at, launch.scheduler_left_at);
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(fake_stack, &launch.scheduler_stack, &launch.scheduler_bytes);
#endif
}

void fiberMain() {
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(nullptr, &launch.scheduler_stack, &launch.scheduler_bytes);
#endif
    for (;;) {
        (*launch.body)();
        yieldTo(State::ended); // until a thread of another block is to run
    }
}

// As if fiberMain() had been left at its first instruction.
void start(Fiber& fiber) {
    fiber.stack.reset(new char[stack_bytes]);
    const uintptr_t end = reinterpret_cast<uintptr_t>(fiber.stack.get() + stack_bytes) / 16 * 16;
    void** top = reinterpret_cast<void**>(end);
    *--top = nullptr; // what fiberMain() would return to
    *--top = reinterpret_cast<void*>(&fiberMain);
    for (int saved = 0; saved < 6; ++saved) *--top = nullptr;
    fiber.left_at = top;
}

void resume(size_t index) {
    Fiber& fiber = launch.fibers[index];
    launch.running = index;
    now.thread = {static_cast<unsigned>(index), 0, 0};
    if (!fiber.left_at) start(fiber);
#if defined(__SANITIZE_ADDRESS__)
    void* fake_stack = nullptr;
    __sanitizer_start_switch_fiber(&fake_stack, fiber.stack.get(), stack_bytes);
#endif
    shardscopeSwitchStack(&launch.scheduler_left_at, fiber.left_at);
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(fake_stack, nullptr, nullptr);
#endif
}

// Those that have all arrived go on: of a warp at an exchange, of the block at a barrier. Threads that have ended are
// not waited for at a barrier, as on a card.
bool release(size_t first, size_t end, State waiting) {
    bool any = false;
    for (size_t f = first; f < end; ++f) {
        const State state = launch.fibers[f].state;
        any |= state == waiting;
        if (state != waiting && (state != State::ended || waiting != State::at_block_barrier)) return false;
    }
    if (any)
        for (size_t f = first; f < end; ++f)
            if (launch.fibers[f].state == waiting) launch.fibers[f].state = State::runnable;
    return any;
}

void runBlock(const char* kernel, size_t threads) {
    for (size_t f = 0; f < threads; ++f) {
        launch.fibers[f].state = State::runnable;
        launch.fibers[f].exchanges = 0;
    }
    for (Gathering& gathering : launch.gatherings) gathering.arrived = 0;
    forgetCopies();
    for (;;) {
        bool alive = false;
        for (size_t f = 0; f < threads; ++f)
            if (launch.fibers[f].state == State::runnable) resume(f);
        for (size_t f = 0; f < threads; ++f) alive |= launch.fibers[f].state != State::ended;
        if (!alive) return;
        bool released = release(0, threads, State::at_block_barrier);
        for (size_t w = 0; w < threads; w += warp_size)
            for (const State waiting : {State::at_warp_exchange, State::at_warp_instruction})
                released |= release(w, w + warp_size, waiting);
        if (released) continue;
        std::fprintf(stderr, "kernel %s, block %u: threads wait for others that never come\n", kernel, now.block.x);
        std::abort();
    }
}

} // namespace

void* dynamicSharedBytes() { return launch.shared.get(); }
void syncBlock() { yieldTo(State::at_block_barrier); }
int lane() { return static_cast<int>(launch.running % warp_size); }

uint64_t exchange(uint64_t value, int from) {
    const size_t self = launch.running;
    const int parity = launch.fibers[self].exchanges++ % 2;
    launch.fibers[self].exchanged[parity] = value;
    yieldTo(State::at_warp_exchange);
    return launch.fibers[self / warp_size * warp_size + static_cast<size_t>(from % warp_size)].exchanged[parity];
}

void together(void* operands, void (*instruction)(void* const*)) {
    Gathering& gathering = launch.gatherings[launch.running / warp_size];
    if (gathering.arrived > 0 && gathering.instruction != instruction) {
        std::fprintf(stderr, "block %u: lanes of a warp are at different instructions\n", now.block.x);
        std::abort();
    }
    gathering.instruction = instruction;
    gathering.operands[launch.running % warp_size] = operands;
    if (++gathering.arrived == warp_size) {
        gathering.arrived = 0;
        instruction(gathering.operands);
    }
    yieldTo(State::at_warp_instruction);
}

void run(const char* kernel, int64_t blocks, int threads, int64_t shared_bytes, const std::function<void()>& body) {
    launch.body = &body;
    const auto count = static_cast<size_t>(threads);
    if (threads % warp_size != 0 || count > most_threads) {
        std::fprintf(stderr, "kernel %s: a block of %d threads is none of a card\n", kernel, threads);
        std::abort();
    }
    if (launch.fibers.size() < most_threads) launch.fibers = std::vector<Fiber>(most_threads); // they never move
    launch.shared.reset(new (shared_alignment) std::byte[static_cast<size_t>(shared_bytes)]);
    std::memset(launch.shared.get(), 0xff, static_cast<size_t>(shared_bytes)); // NaN: nothing is there at the start
    now.block_size = {static_cast<unsigned>(threads), 1, 1};
    now.grid_size = {static_cast<unsigned>(blocks), 1, 1};
    for (int64_t b = 0; b < blocks; ++b) {
        now.block = {static_cast<unsigned>(b), 0, 0};
        runBlock(kernel, count);
    }
}

} // namespace shardscope::emulation
