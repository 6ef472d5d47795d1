// SPDX-License-Identifier: Apache-2.0
// Answers questions about traces on a thread of its own, with readers of its own, and carries the answers back to the
// thread that asked. Only the latest question counts: asking again cancels what is being worked on, and an answer that
// comes late is thrown away.
#pragma once
#include "traces/trace_reader.h"
#include <QObject>
#include <QThreadPool>
#include <atomic>
#include <functional>
#include <map>
#include <memory>

namespace shardscope::gui {

class TraceWorker : public QObject {
    Q_OBJECT
public:
    using Cancelled = std::atomic<bool>;
    using Readers = std::vector<const TraceReader*>; // one per path asked for; null where it could not be opened
    using Answer = std::function<void()>;            // runs on the asking thread
    using Question = std::function<Answer(const Readers&, const Cancelled&)>; // runs on the worker
    explicit TraceWorker(QObject* parent = nullptr);
    ~TraceWorker() override; // cancels and waits

    void ask(std::vector<std::string> paths, Question);
    void cancel();
    bool pending() const { return m_current != nullptr; }

signals:
    void settled(); // the latest question was answered, or cancelled

private:
    struct Shared;
    std::shared_ptr<Shared> m_shared; // readers, used by the worker thread only
    std::shared_ptr<Cancelled> m_current;
    QThreadPool m_pool;
};

} // namespace shardscope::gui
