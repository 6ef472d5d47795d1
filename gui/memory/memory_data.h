// SPDX-License-Identifier: Apache-2.0
// What the Memory place knows about the open traces beyond their curves: peaks of all ranks, the plan over time, and
// the buffers of one rank and tier. Everything is computed by a worker with readers of its own and posted back with the
// key of the question; answers to questions that nobody asks any more are thrown away, and the old answer is kept until
// the new one is there.
#pragma once
#include "gui/canvas/buffer_view.h"
#include "profiler/analysis/memory_heat.h"
#include "profiler/analysis/outside_memory.h"
#include "profiler/analysis/planned_memory.h"
#include <QObject>
#include <QThreadPool>
#include <atomic>
#include <map>
#include <memory>
#include <optional>

namespace shardscope::gui {

struct MemorySource { // an open trace, and how far it had grown when it was asked about
    int id = 0;
    std::string path;
    int64_t events = 0;
    bool operator==(const MemorySource&) const = default;
};

struct MemoryFacts {
    std::vector<MemoryHeatRow> heat;
    PlannedCurves planned;
    OutsideCurves outside;
    std::string failure; // a sentence; empty: none
};

struct LivesKey {
    MemorySource trace;
    int32_t rank = 0;
    MemoryTier tier = MemoryTier::device;
    bool operator==(const LivesKey&) const = default;
};

struct LivesAnswer {
    LivesKey key;
    BufferPicture buffers;
    std::string failure;
};

class MemoryData : public QObject {
    Q_OBJECT
public:
    explicit MemoryData(QObject* parent = nullptr);
    ~MemoryData() override; // withdraws what is going on and waits for it

    void setTraces(std::vector<MemorySource>); // the facts of those that are new or have grown are computed
    void setLives(std::optional<LivesKey>);    // the one rank whose buffers are looked at
    const MemoryFacts* facts(int trace_id) const;
    const MemorySource* source(int trace_id) const; // as it was asked about last
    const PlannedCurves* planned(int trace_id) const;
    const OutsideCurves* outside(int trace_id) const;
    const LivesAnswer* lives() const { return m_lives.get(); } // possibly of an older question: look at its key
    std::shared_ptr<const LivesAnswer> sharedLives() const { return m_lives; } // for a worker
    bool pending() const { return m_working > 0; }

signals:
    void factsChanged();
    void livesChanged();

private:
    struct Known {
        MemorySource source;
        bool asked = false;
        std::shared_ptr<const MemoryFacts> facts;
    };
    void askNext();
    void askLives();
    std::map<int, Known> m_known;
    std::optional<LivesKey> m_wanted, m_asked; // m_asked: what the worker is busy with
    std::shared_ptr<const LivesAnswer> m_lives;
    std::shared_ptr<std::atomic<bool>> m_stop_lives;
    int m_working = 0;
    QThreadPool m_pool;
};

} // namespace shardscope::gui
