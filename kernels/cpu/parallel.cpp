// SPDX-License-Identifier: Apache-2.0
#include "kernels/cpu/parallel.h"
#include "kernels/ops.h"
#include <atomic>
#include <memory>
#include <omp.h>
#include <thread>
#include <vector>

namespace shardscope::kernels {
namespace cpu {
namespace {

void pause() {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

// Looks often for a tenth of a millisecond, in which most ops follow each other, then sleeps in wait(). Looking for
// some milliseconds measured half as fast beside other programs: who spins uses up the turns of who works.
template <class Ready, class Wait> void await(const Ready& ready, const Wait& wait) {
    for (int turn = 0; turn < 4000; ++turn) {
        if (ready()) return;
        pause();
    }
    while (!ready()) wait();
}

// The helpers of one thread. A job is one word, so that whoever takes a part knows whether it is one of the present
// job: the job cannot end before that part has, and what it points to stays.
class Team {
public:
    explicit Team(int64_t helpers) {
        for (int64_t i = 0; i < helpers; ++i) m_helpers.emplace_back([this] { help(); });
    }
    ~Team() {
        m_quit = true;
        post(0);
        for (std::thread& helper : m_helpers) helper.join();
    }
    int64_t helpers() const { return static_cast<int64_t>(m_helpers.size()); }

    void run(int64_t parts, void (*work)(const void*, int64_t), const void* context) {
        m_work = work;
        m_context = context;
        m_done = 0;
        post(parts);
        takeParts();
        await([&] { return m_done.load(std::memory_order_acquire) == parts; },
              [&] {
                  const int64_t done = m_done;
                  if (done < parts) m_done.wait(done);
              });
    }

private:
    static constexpr uint64_t number_of_part = (1 << 20) - 1; // the lowest bits: the next part
    static constexpr int parts_shift = 20, job_shift = 40;    // then how many there are, then the number of the job

    void post(int64_t parts) {
        ++m_jobs;
        m_job.store(m_jobs << job_shift | static_cast<uint64_t>(parts) << parts_shift, std::memory_order_release);
        m_posted.fetch_add(1);
        m_posted.notify_all();
    }

    void takeParts() {
        for (;;) {
            const uint64_t job = m_job.fetch_add(1, std::memory_order_acq_rel);
            const auto part = static_cast<int64_t>(job & number_of_part),
                       parts = static_cast<int64_t>(job >> parts_shift & number_of_part);
            if (part >= parts) return;
            m_work(m_context, part);
            if (m_done.fetch_add(1) + 1 == parts) m_done.notify_all();
        }
    }

    void help() {
        omp_set_num_threads(1); // oneDNN's threads, which would be a team within ours
        for (uint32_t seen = 0;;) {
            await([&] { return m_posted.load(std::memory_order_acquire) != seen; }, [&] { m_posted.wait(seen); });
            seen = m_posted.load(std::memory_order_acquire);
            if (m_quit) return;
            takeParts();
        }
    }

    alignas(64) std::atomic<uint64_t> m_job = 0;
    alignas(64) std::atomic<int64_t> m_done = 0;
    alignas(64) std::atomic<uint32_t> m_posted = 0;
    std::atomic<bool> m_quit = false;
    uint64_t m_jobs = 0;
    void (*m_work)(const void*, int64_t) = nullptr;
    const void* m_context = nullptr;
    std::vector<std::thread> m_helpers;
};

// What the calling thread may use. oneDNN itself gets one thread everywhere: we divide its products.
struct Allowance {
    int64_t threads = std::max<int64_t>(std::thread::hardware_concurrency(), 1);
    std::unique_ptr<Team> team;
    Allowance() { omp_set_num_threads(1); }
};
Allowance& allowance() {
    thread_local Allowance of_thread;
    return of_thread;
}

} // namespace

int64_t threadsPerOp() { return allowance().threads; }

void runParts(int64_t parts, void (*work)(const void*, int64_t), const void* context) {
    Allowance& mine = allowance();
    if (mine.threads == 1 || parts <= 1) {
        for (int64_t part = 0; part < parts; ++part) work(context, part);
        return;
    }
    if (!mine.team || mine.team->helpers() != mine.threads - 1) {
        mine.team.reset();
        mine.team = std::make_unique<Team>(mine.threads - 1);
    }
    mine.team->run(parts, work, context);
}

} // namespace cpu

void setThreadsPerOp(int threads) { cpu::allowance().threads = std::max(threads, 1); }

} // namespace shardscope::kernels
