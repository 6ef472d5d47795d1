// SPDX-License-Identifier: Apache-2.0
#include "gui/trace_worker.h"
#include <set>
#include <sys/stat.h>

namespace shardscope::gui {

namespace {

constexpr int64_t column_bytes = int64_t{64} << 20; // each worker keeps its own columns

} // namespace

uint64_t fileIdentity(const std::string& path) {
    struct stat info {};
    return ::stat(path.c_str(), &info) == 0
               ? static_cast<uint64_t>(info.st_ino) * 31 + static_cast<uint64_t>(info.st_dev)
               : 0;
}

struct TraceWorker::Shared {
    struct Opened {
        uint64_t file = 0;
        std::unique_ptr<TraceReader> reader;
    };
    std::map<std::string, Opened> readers;

    // A reader outlives its file: one that was deleted or replaced is still read through what is open.
    const TraceReader* reader(const TraceSource& source) {
        const uint64_t now = fileIdentity(source.path), wanted = source.file != 0 ? source.file : now;
        Opened& opened = readers[source.path];
        if (opened.reader && opened.file == wanted && (opened.reader->refresh() || now != wanted))
            return opened.reader.get();
        opened = {};
        if (now != wanted) return nullptr;
        auto reader = TraceReader::open(source.path, column_bytes);
        opened = {wanted, reader ? std::move(*reader) : nullptr};
        return opened.reader.get();
    }
    void keepOnly(const std::set<std::string>& paths) {
        std::erase_if(readers, [&](const auto& entry) { return !paths.contains(entry.first); });
    }
};

TraceWorker::TraceWorker(Order order, QObject* parent)
    : QObject(parent)
    , m_order(order)
    , m_shared(std::make_shared<Shared>()) {
    m_pool.setMaxThreadCount(1); // questions of one kind stand in line; readers belong to one thread at a time
}

TraceWorker::~TraceWorker() {
    if (m_current) *m_current = true;
    m_pool.clear();
    m_pool.waitForDone();
}

void TraceWorker::ask(std::vector<TraceSource> sources, Question question) {
    if (m_order == Order::latest) {
        if (m_current) *m_current = true;
        m_pool.clear();
    }
    m_current = std::make_shared<Cancelled>(false);
    m_pool.start(
        [this, cancelled = m_current, shared = m_shared, sources = std::move(sources), question = std::move(question)] {
            Answer answer;
            if (!*cancelled) {
                Readers readers;
                for (const TraceSource& source : sources) readers.push_back(shared->reader(source));
                answer = question(readers, *cancelled);
            }
            // The destructor waits for the pool, so `this` outlives the worker; the queued call dies with the object.
            QMetaObject::invokeMethod(
                this,
                [this, cancelled, answer] {
                    const bool last = cancelled == m_current;
                    if (!last && m_order == Order::latest) return; // asked again since
                    if (last) m_current = nullptr;
                    if (!*cancelled && answer) answer();
                    if (last) emit settled();
                },
                Qt::QueuedConnection);
        });
}

void TraceWorker::keepOnly(std::vector<std::string> paths) {
    m_pool.start(
        [shared = m_shared, paths = std::set<std::string>(paths.begin(), paths.end())] { shared->keepOnly(paths); });
}

void TraceWorker::cancel() {
    if (!m_current) return;
    *m_current = true;
    m_current = nullptr;
    m_pool.clear();
    emit settled();
}

} // namespace shardscope::gui
