// SPDX-License-Identifier: Apache-2.0
// Reads sweeps and works out bucket views on a worker thread with readers of its own. Answers to older questions are
// thrown away.
#pragma once
#include "gui/buckets/bucket_rows.h"
#include "profiler/analysis/sweep.h"
#include <QObject>
#include <QThreadPool>
#include <memory>

namespace shardscope::gui {

struct ViewQuestion {
    std::string now, was; // traces; empty: none
    int32_t step = -1;
    uint64_t growth = 0; // changes when a live trace has grown, so that the question is a new one
    bool operator==(const ViewQuestion&) const = default;
};

struct ViewAnswer {
    ViewQuestion question;
    std::optional<BucketView> now, was;
    std::string now_error, was_error;
};

class BucketsJob : public QObject {
    Q_OBJECT
public:
    explicit BucketsJob(QObject* parent = nullptr);
    ~BucketsJob() override; // waits for the worker
    void ask(const ViewQuestion&);
    void readSweepFile(const std::string& path);
    bool pending() const { return m_running || m_sweeps_pending > 0; }

signals:
    void answered(const ViewAnswer&);
    void sweepRead(const Sweep&);
    void sweepFailed(const QString& path, const QString& sentence);

private:
    void start();
    QThreadPool m_pool; // one thread
    std::optional<ViewQuestion> m_wanted;
    bool m_running = false, m_stale = false;
    int m_sweeps_pending = 0;
};

} // namespace shardscope::gui
