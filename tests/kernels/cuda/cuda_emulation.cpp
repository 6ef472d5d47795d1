// SPDX-License-Identifier: Apache-2.0
#include "cuda_emulation.h"
#include "matrix_emulation.h"
#include <csetjmp>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <ucontext.h>
#include <vector>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#define SHARDSCOPE_SWITCH_BY_CONTEXT 1 // the sanitizer takes a longjmp for the end of the frames it leaves
#else
#define SHARDSCOPE_SWITCH_BY_CONTEXT 0 // a jump costs no system call
#endif

namespace shardscope::emulation {

thread_local constinit ThreadView now;

namespace {

constexpr int warp_size = 32;
constexpr size_t stack_bytes = 64 << 10, most_threads = 1024; // of a block, as on a card
constexpr std::align_val_t shared_alignment{128};

enum class State : uint8_t { runnable, at_block_barrier, at_warp_exchange, at_warp_instruction, ended };

// Runs one thread of one block after another; created once, because that costs system calls.
struct Fiber {
    ucontext_t context{};
    jmp_buf place;
    bool started = false;
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
    ucontext_t scheduler{};
    jmp_buf scheduler_place;
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
#if SHARDSCOPE_SWITCH_BY_CONTEXT
    void* fake_stack = nullptr;
    __sanitizer_start_switch_fiber(&fake_stack, launch.scheduler_stack, launch.scheduler_bytes);
    swapcontext(&self.context, &launch.scheduler);
    __sanitizer_finish_switch_fiber(fake_stack, &launch.scheduler_stack, &launch.scheduler_bytes);
#else
    if (_setjmp(self.place) == 0) _longjmp(launch.scheduler_place, 1);
#endif
}

void fiberMain() {
#if SHARDSCOPE_SWITCH_BY_CONTEXT
    __sanitizer_finish_switch_fiber(nullptr, &launch.scheduler_stack, &launch.scheduler_bytes);
#endif
    for (;;) {
        (*launch.body)();
        yieldTo(State::ended); // until a thread of another block is to run
    }
}

void start(Fiber& fiber) {
    fiber.started = true;
    fiber.stack.reset(new char[stack_bytes]);
    getcontext(&fiber.context);
    fiber.context.uc_stack.ss_sp = fiber.stack.get();
    fiber.context.uc_stack.ss_size = stack_bytes;
    makecontext(&fiber.context, fiberMain, 0);
}

void resume(size_t index) {
    Fiber& fiber = launch.fibers[index];
    launch.running = index;
    now.thread = {static_cast<unsigned>(index), 0, 0};
#if SHARDSCOPE_SWITCH_BY_CONTEXT
    if (!fiber.started) start(fiber);
    void* fake_stack = nullptr;
    __sanitizer_start_switch_fiber(&fake_stack, fiber.stack.get(), stack_bytes);
    swapcontext(&launch.scheduler, &fiber.context);
    __sanitizer_finish_switch_fiber(fake_stack, nullptr, nullptr);
#else
    if (_setjmp(launch.scheduler_place) != 0) return;
    if (fiber.started) _longjmp(fiber.place, 1);
    start(fiber);
    setcontext(&fiber.context);
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
