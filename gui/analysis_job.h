// SPDX-License-Identifier: Apache-2.0
// Computes the comparison of some traces on a worker thread, with readers of its own, and posts the values back. Only
// the latest request counts: an answer to an older one is thrown away.
#pragma once
#include "profiler/analysis/compare.h"
#include <QObject>
#include <memory>

namespace shardscope::gui {

class AnalysisJob : public QObject {
    Q_OBJECT
public:
    explicit AnalysisJob(QObject* parent = nullptr);
    ~AnalysisJob() override; // waits for the worker
    void request(std::vector<std::string> paths);
    bool pending() const { return m_running || m_waiting; }

signals:
    void ready(const std::vector<std::string>& paths, const Comparison&);
    void failed(const QString& sentence);

private:
    struct Answer;
    void start();
    void take(const std::shared_ptr<Answer>&);
    std::vector<std::string> m_wanted;
    bool m_running = false; // a worker is busy, with this or an older request
    bool m_waiting = false; // the latest request has not been started
};

} // namespace shardscope::gui
