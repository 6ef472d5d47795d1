// SPDX-License-Identifier: Apache-2.0
// A few threads that run tasks, and their results in the order in which the tasks were given. One thread gives and
// takes. What a task throws comes out of take().
#pragma once
#include <condition_variable>
#include <deque>
#include <future>
#include <mutex>
#include <thread>
#include <vector>

namespace shardscope {

template <class Result> class OrderedTasks {
public:
    explicit OrderedTasks(size_t threads) {
        for (size_t i = 0; i < threads; ++i) m_threads.emplace_back([this] { work(); });
    }
    ~OrderedTasks() { // finishes what was given
        {
            const std::lock_guard lock(m_mutex);
            m_ended = true;
        }
        m_changed.notify_all();
        for (std::thread& thread : m_threads) thread.join();
    }
    OrderedTasks(const OrderedTasks&) = delete;
    OrderedTasks& operator=(const OrderedTasks&) = delete;

    template <class Task> void give(Task task) {
        std::packaged_task<Result()> packaged(std::move(task));
        m_results.push_back(packaged.get_future());
        {
            const std::lock_guard lock(m_mutex);
            m_waiting.push_back(std::move(packaged));
        }
        m_changed.notify_one();
    }
    size_t pending() const { return m_results.size(); } // given and not taken
    Result take() {                                     // of the oldest; waits for it
        std::future<Result> oldest = std::move(m_results.front());
        m_results.pop_front();
        return oldest.get();
    }

private:
    void work() {
        for (;;) {
            std::packaged_task<Result()> task;
            {
                std::unique_lock lock(m_mutex);
                m_changed.wait(lock, [this] { return m_ended || !m_waiting.empty(); });
                if (m_waiting.empty()) return;
                task = std::move(m_waiting.front());
                m_waiting.pop_front();
            }
            task();
        }
    }

    std::mutex m_mutex;
    std::condition_variable m_changed;
    std::deque<std::packaged_task<Result()>> m_waiting;
    bool m_ended = false;
    std::deque<std::future<Result>> m_results;
    std::vector<std::thread> m_threads;
};

} // namespace shardscope
