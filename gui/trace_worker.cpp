// SPDX-License-Identifier: Apache-2.0
#include "gui/trace_worker.h"
#include <set>
#include <sys/stat.h>

namespace shardscope::gui {

namespace {

constexpr int64_t column_bytes = int64_t{64} << 20; // each worker keeps its own columns

using FileKey = std::pair<uint64_t, uint64_t>; // another file at the same path is another trace

FileKey keyOf(const std::string& path) {
    struct stat info {};
    if (::stat(path.c_str(), &info) != 0) return {};
    return {static_cast<uint64_t>(info.st_dev), static_cast<uint64_t>(info.st_ino)};
}

} // namespace

struct TraceWorker::Shared {
    struct Opened {
        FileKey file;
        std::unique_ptr<TraceReader> reader;
    };
    std::map<std::string, Opened> readers;

    const TraceReader* reader(const std::string& path) {
        const FileKey file = keyOf(path);
        Opened& opened = readers[path];
        if (opened.reader && opened.file == file && opened.reader->refresh()) return opened.reader.get();
        auto reader = TraceReader::open(path, column_bytes);
        opened = {file, reader ? std::move(*reader) : nullptr};
        return opened.reader.get();
    }
};

TraceWorker::TraceWorker(QObject* parent)
    : QObject(parent)
    , m_shared(std::make_shared<Shared>()) {
    m_pool.setMaxThreadCount(1); // questions of one kind stand in line; readers belong to one thread at a time
}

TraceWorker::~TraceWorker() {
    if (m_current) *m_current = true;
    m_pool.clear();
    m_pool.waitForDone();
}

void TraceWorker::ask(std::vector<std::string> paths, Question question) {
    if (m_current) *m_current = true;
    m_pool.clear();
    m_current = std::make_shared<Cancelled>(false);
    m_pool.start(
        [this, cancelled = m_current, shared = m_shared, paths = std::move(paths), question = std::move(question)] {
            Answer answer;
            if (!*cancelled) {
                Readers readers;
                for (const std::string& path : paths) readers.push_back(shared->reader(path));
                answer = question(readers, *cancelled);
                const std::set<std::string> used(paths.begin(), paths.end());
                std::erase_if(shared->readers, [&](const auto& entry) { return !used.contains(entry.first); });
            }
            // The destructor waits for the pool, so `this` outlives the worker; the queued call dies with the object.
            QMetaObject::invokeMethod(
                this,
                [this, cancelled, answer] {
                    if (cancelled != m_current) return; // asked again since
                    m_current = nullptr;
                    if (!*cancelled && answer) answer();
                    emit settled();
                },
                Qt::QueuedConnection);
        });
}

void TraceWorker::cancel() {
    if (!m_current) return;
    *m_current = true;
    m_current = nullptr;
    m_pool.clear();
    emit settled();
}

} // namespace shardscope::gui
