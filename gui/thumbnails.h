// SPDX-License-Identifier: Apache-2.0
// A coarse picture of one step of a trace, for its card: a few lanes of the first rank as bars. Made on a worker with a
// reader of its own; the colours are chosen when it is painted.
#pragma once
#include "traces/trace_reader.h"
#include <QObject>
#include <QThreadPool>
#include <map>

namespace shardscope::gui {

struct Thumbnail {
    struct Bar {
        float from = 0, to = 0; // of the width, 0 to 1
        int lane = 0;
        Phase phase = Phase::unknown;
        OpClass op_class = OpClass::compute;
    };
    int lanes = 0;
    std::vector<Bar> bars;
};

Thumbnail thumbnailOf(const TraceReader&); // of the middle step, or of everything where there are none

class Thumbnails : public QObject {
    Q_OBJECT
public:
    explicit Thumbnails(QObject* parent = nullptr);
    ~Thumbnails() override;                                 // waits for the worker
    void request(const std::string& path, int64_t version); // once per version; a newer one replaces the picture
    const Thumbnail* of(const std::string& path) const;     // null: not there yet
    bool pending() const { return m_pending > 0; }

signals:
    void ready(const std::string& path);

private:
    struct Entry {
        int64_t version = -1;
        std::shared_ptr<const Thumbnail> picture;
    };
    std::map<std::string, Entry> m_entries;
    int m_pending = 0;
    QThreadPool m_pool;
};

} // namespace shardscope::gui
