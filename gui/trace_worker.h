// SPDX-License-Identifier: Apache-2.0
// Answers questions about traces on a thread of its own, with readers of its own, and carries the answers back to the
// thread that asked. By default only the latest question counts: asking again cancels what is being worked on, and an
// answer that comes late is thrown away. Questions in line are all answered, in their order.
#pragma once
#include "traces/trace_reader.h"
#include <QObject>
#include <QThreadPool>
#include <atomic>
#include <functional>
#include <map>
#include <memory>

namespace shardscope::gui {

uint64_t fileIdentity(const std::string& path); // changes when a path is given to another file; 0: there is none

// A trace file; what lies at the path now may be another one than was opened.
struct TraceSource {
    std::string path;
    uint64_t file = 0; // its identity; 0: whatever is there
};

class TraceWorker : public QObject {
    Q_OBJECT
public:
    using Cancelled = std::atomic<bool>;
    using Readers = std::vector<const TraceReader*>; // one per path asked for; null where it could not be opened
    using Answer = std::function<void()>;            // runs on the asking thread
    using Question = std::function<Answer(const Readers&, const Cancelled&)>; // runs on the worker
    enum class Order { latest, in_line };
    explicit TraceWorker(Order order = Order::latest, QObject* parent = nullptr);
    ~TraceWorker() override; // cancels and waits

    void ask(std::vector<TraceSource>, Question);
    void keepOnly(std::vector<std::string> paths); // readers of others are closed
    void cancel();
    bool pending() const { return m_current != nullptr; }

signals:
    void settled(); // the latest question was answered, or cancelled

private:
    struct Shared;
    const Order m_order;
    std::shared_ptr<Shared> m_shared;     // readers, used by the worker thread only
    std::shared_ptr<Cancelled> m_current; // of the question that was asked last
    QThreadPool m_pool;
};

} // namespace shardscope::gui
