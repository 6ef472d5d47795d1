// SPDX-License-Identifier: Apache-2.0
#include "gui/analysis_job.h"
#include <QPointer>
#include <QThreadPool>

namespace shardscope::gui {

struct AnalysisJob::Answer {
    std::vector<std::string> paths;
    Comparison comparison;
    std::optional<Error> error;
};

AnalysisJob::AnalysisJob(QObject* parent)
    : QObject(parent) {}

AnalysisJob::~AnalysisJob() { QThreadPool::globalInstance()->waitForDone(); }

void AnalysisJob::request(std::vector<std::string> paths) {
    m_wanted = std::move(paths);
    m_waiting = true;
    if (!m_running) start();
}

void AnalysisJob::start() {
    m_running = true;
    m_waiting = false;
    auto answer = std::make_shared<Answer>();
    answer->paths = m_wanted;
    // The destructor waits for the pool, so `this` outlives the worker; the queued call dies with the object.
    QThreadPool::globalInstance()->start([this, answer] {
        std::vector<std::unique_ptr<TraceReader>> readers;
        std::vector<const TraceReader*> borrowed;
        for (const std::string& path : answer->paths) {
            auto reader = TraceReader::open(path);
            if (!reader) {
                answer->error = reader.error();
                break;
            }
            readers.push_back(std::move(reader).value());
            borrowed.push_back(readers.back().get());
        }
        if (!answer->error && !borrowed.empty()) answer->comparison = compare(borrowed);
        QMetaObject::invokeMethod(
            this, [this, answer] { take(answer); }, Qt::QueuedConnection);
    });
}

void AnalysisJob::take(const std::shared_ptr<Answer>& answer) {
    m_running = false;
    if (m_waiting) return start();
    if (answer->error)
        emit failed(QString::fromStdString(answer->error->message));
    else
        emit ready(answer->paths, answer->comparison);
}

} // namespace shardscope::gui
