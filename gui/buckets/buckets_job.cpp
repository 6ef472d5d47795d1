// SPDX-License-Identifier: Apache-2.0
#include "gui/buckets/buckets_job.h"

namespace shardscope::gui {
namespace {

void answer(const std::string& path, int32_t step, std::optional<BucketView>& view, std::string& error) {
    if (path.empty()) return;
    const auto reader = TraceReader::open(path);
    if (!reader) {
        error = reader.error().message;
        return;
    }
    Result<BucketView> made = bucketView(**reader, step);
    if (made)
        view = std::move(made).value();
    else
        error = made.error().message;
}

} // namespace

BucketsJob::BucketsJob(QObject* parent)
    : QObject(parent) {
    m_pool.setMaxThreadCount(1);
}

BucketsJob::~BucketsJob() { m_pool.waitForDone(); }

void BucketsJob::ask(const ViewQuestion& question) {
    if (m_wanted == question) return;
    m_wanted = question;
    if (m_running)
        m_stale = true;
    else
        start();
}

void BucketsJob::start() {
    m_running = true;
    m_stale = false;
    auto result = std::make_shared<ViewAnswer>();
    result->question = *m_wanted;
    m_pool.start([this, result] {
        answer(result->question.now, result->question.step, result->now, result->now_error);
        answer(result->question.was, result->question.step, result->was, result->was_error);
        if (result->now && result->was) markChanges(*result->now, *result->was);
        QMetaObject::invokeMethod(
            this,
            [this, result] {
                m_running = false;
                if (m_stale) return start();
                emit answered(*result);
            },
            Qt::QueuedConnection);
    });
}

void BucketsJob::readSweepFile(const std::string& path) {
    ++m_sweeps_pending;
    m_pool.start([this, path] {
        auto result = std::make_shared<Result<Sweep>>(readSweep(path));
        QMetaObject::invokeMethod(
            this,
            [this, path, result] {
                --m_sweeps_pending;
                if (*result)
                    emit sweepRead(**result);
                else
                    emit sweepFailed(QString::fromStdString(path), QString::fromStdString(result->error().message));
            },
            Qt::QueuedConnection);
    });
}

} // namespace shardscope::gui
