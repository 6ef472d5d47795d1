// SPDX-License-Identifier: Apache-2.0
#include "gui/memory/memory_data.h"

namespace shardscope::gui {
namespace {

MemoryFacts computeFacts(const std::string& path) {
    MemoryFacts facts;
    const auto trace = TraceReader::open(path);
    if (!trace) {
        facts.failure = trace.error().message;
        return facts;
    }
    facts.heat = memoryHeat(**trace);
    facts.outside = outsideCurves(**trace);
    auto planned = plannedCurves(**trace);
    if (planned)
        facts.planned = std::move(planned).value();
    else
        facts.failure = planned.error().message;
    return facts;
}

LivesAnswer computeLives(const LivesKey& key, const std::atomic<bool>& stop) {
    LivesAnswer answer{.key = key, .buffers = {}, .failure = {}};
    const auto trace = TraceReader::open(key.trace.path);
    if (!trace) {
        answer.failure = trace.error().message;
        return answer;
    }
    auto lives = bufferLives(**trace, key.rank, key.tier, {.stop = &stop});
    if (!lives) {
        answer.failure = lives.error().message;
        return answer;
    }
    answer.buffers.lives = std::move(lives).value();
    answer.buffers.pyramid = BufferPyramid(answer.buffers.lives);
    answer.buffers.rows = rowsBySize(answer.buffers.lives);
    return answer;
}

bool sameSubject(const LivesKey& a, const LivesKey& b) {
    return a.trace.id == b.trace.id && a.trace.path == b.trace.path && a.rank == b.rank && a.tier == b.tier;
}

} // namespace

MemoryData::MemoryData(QObject* parent)
    : QObject(parent) {
    m_pool.setMaxThreadCount(1);
}

MemoryData::~MemoryData() {
    if (m_stop_lives) *m_stop_lives = true;
    m_pool.waitForDone();
}

const MemoryFacts* MemoryData::facts(int trace_id) const {
    const auto found = m_known.find(trace_id);
    return found == m_known.end() ? nullptr : found->second.facts.get();
}

const PlannedCurves* MemoryData::planned(int trace_id) const {
    const MemoryFacts* known = facts(trace_id);
    return known ? &known->planned : nullptr;
}

const OutsideCurves* MemoryData::outside(int trace_id) const {
    const MemoryFacts* known = facts(trace_id);
    return known ? &known->outside : nullptr;
}

void MemoryData::setTraces(std::vector<MemorySource> sources) {
    std::map<int, Known> known;
    for (MemorySource& source : sources) {
        Known& trace = known[source.id];
        if (const auto before = m_known.find(source.id); before != m_known.end()) trace = before->second;
        if (trace.source == source) continue;
        trace.source = std::move(source);
        trace.asked = false;
    }
    m_known = std::move(known);
    askNext();
}

void MemoryData::askNext() { // one trace after the other, so that a closed one is never computed
    if (m_working > 0) return;
    for (auto& [id, trace] : m_known) {
        if (trace.asked) continue;
        trace.asked = true;
        ++m_working;
        m_pool.start([this, source = trace.source] {
            auto facts = std::make_shared<const MemoryFacts>(computeFacts(source.path));
            QMetaObject::invokeMethod(
                this,
                [this, source, facts] {
                    --m_working;
                    const auto found = m_known.find(source.id);
                    if (found != m_known.end() && found->second.source.path == source.path) {
                        found->second.facts = facts;
                        emit factsChanged();
                    }
                    askNext();
                },
                Qt::QueuedConnection);
        });
        return;
    }
}

const MemorySource* MemoryData::source(int trace_id) const {
    const auto found = m_known.find(trace_id);
    return found == m_known.end() ? nullptr : &found->second.source;
}

void MemoryData::setLives(std::optional<LivesKey> key) {
    if (key == m_wanted) return;
    m_wanted = std::move(key);
    // A trace that grows is not asked about anew before it has answered, or it would never answer.
    if (m_asked && m_wanted && sameSubject(*m_asked, *m_wanted)) return;
    askLives();
}

void MemoryData::askLives() {
    if (m_stop_lives) *m_stop_lives = true;
    m_stop_lives.reset();
    m_asked = m_wanted;
    if (!m_wanted) return;
    m_stop_lives = std::make_shared<std::atomic<bool>>(false);
    ++m_working;
    m_pool.start([this, key = *m_wanted, stop = m_stop_lives] {
        auto answer = std::make_shared<const LivesAnswer>(computeLives(key, *stop));
        QMetaObject::invokeMethod(
            this,
            [this, key, stop, answer] {
                --m_working;
                if (!*stop && m_wanted && sameSubject(*m_wanted, key)) {
                    m_asked.reset();
                    m_lives = answer;
                    emit livesChanged();
                    if (m_wanted != key) askLives(); // it has grown meanwhile
                }
                askNext();
            },
            Qt::QueuedConnection);
    });
}

} // namespace shardscope::gui
