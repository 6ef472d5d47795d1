// SPDX-License-Identifier: Apache-2.0
#include "traces/lane_index.h"
#include <algorithm>
#include <bit>
#include <cassert>
#include <cmath>
#include <limits>

namespace shardscope {

namespace {

constexpr size_t leaf_shift = 4; // 16 events below each lowest node: scanning them costs less than storing more nodes

TimeRange limited(TimeRange range) {
    return {std::clamp(range.start_ns, -time_limit_ns, time_limit_ns),
            std::clamp(range.end_ns, -time_limit_ns, time_limit_ns)};
}

// std::floor and std::ceil of what is not negative; the library's are calls on processors before SSE 4.1.
double wholeBelow(double value) {
    constexpr double exact = 4503599627370496; // from 2^52 on all are whole
    return value < exact ? static_cast<double>(static_cast<int64_t>(value)) : value;
}
int64_t wholeAbove(double value) { // at most 2^62
    const auto whole = static_cast<int64_t>(value);
    return whole + (static_cast<double>(whole) < value);
}

} // namespace

void ShapeColumns::add(const LaneRect& r, bool with_count) {
    start_ns.push_back(r.start_ns);
    end_ns.push_back(r.end_ns);
    event.push_back(static_cast<int64_t>(r.event));
    if (with_count) count.push_back(r.count);
    phase.push_back(r.phase);
    op_class.push_back(r.op_class);
    layer.push_back(r.layer);
    bucket.push_back(r.bucket);
}

// --- Chunk
// --------------------------------------------------------------------------------------------------------------

Chunk::Chunk(ShapeColumns&& shape)
    : m_shape(std::move(shape)) {
    assert(size() > 0 && size() <= chunk_capacity);
    // The lowest nodes from the events, every other from the two below.
    auto& leaves = m_pyramid.emplace_back((size() - 1) / (size_t{1} << leaf_shift) + 1);
    const int64_t *const start = m_shape.start_ns.data(), *const end = m_shape.end_ns.data();
    for (size_t node = 0, i = 0; node < leaves.size(); ++node) {
        size_t longest = i, latest = i;
        int64_t most = end[i] - start[i], last = end[i]; // in registers and chosen without a branch
        for (const size_t behind = std::min(size(), (node + 1) << leaf_shift); ++i < behind;) {
            const int64_t duration = end[i] - start[i];
            longest = duration > most ? i : longest;
            most = std::max(most, duration);
            latest = end[i] > last ? i : latest;
            last = std::max(last, end[i]);
        }
        leaves[node] = {static_cast<uint16_t>(longest), static_cast<uint16_t>(latest)};
    }
    while (m_pyramid.back().size() > 1) {
        const std::vector<Node>& below = m_pyramid.back();
        std::vector<Node> nodes((below.size() + 1) / 2);
        for (size_t node = 0; node < nodes.size(); ++node) {
            const Node first = below[node * 2], second = node * 2 + 1 < below.size() ? below[node * 2 + 1] : first;
            nodes[node] = {static_cast<uint16_t>(better(first.longest, second.longest, false)),
                           static_cast<uint16_t>(better(first.latest, second.latest, true))};
        }
        m_pyramid.push_back(std::move(nodes));
    }
}

void Chunk::append(const LaneRect& r) {
    assert(m_shape.start_ns.size() < chunk_capacity &&
           (m_shape.start_ns.empty() || m_shape.start_ns.back() <= r.start_ns));
    const size_t i = size();
    const bool with_count = !m_shape.count.empty() || r.count != 1;
    if (with_count) m_shape.count.resize(i, 1);
    m_shape.add(r, with_count);
    for (size_t level = 0; level == 0 || (i >> (leaf_shift + level - 1)) > 0; ++level) {
        if (level == m_pyramid.size()) {
            // A new top level begins when the one below has two nodes; it starts as the summary of the first.
            m_pyramid.emplace_back();
            const Node below = level == 0 ? Node{0, 0} : m_pyramid[level - 1].front();
            m_pyramid.back().push_back(below);
        }
        auto& nodes = m_pyramid[level];
        const size_t node = i >> (leaf_shift + level);
        const auto own = static_cast<uint16_t>(i);
        if (node == nodes.size()) {
            nodes.push_back({own, own});
            continue;
        }
        const Node before = nodes[node];
        nodes[node].longest = static_cast<uint16_t>(better(before.longest, i, false));
        nodes[node].latest = static_cast<uint16_t>(better(before.latest, i, true));
        // What is not the best of a small node is not the best of a greater one.
        if (nodes[node].longest == before.longest && nodes[node].latest == before.latest) break;
    }
}

void Chunk::append(const LaneRect& r, const IntervalDetail& detail) {
    append(r);
    m_details.push_back(detail);
}

LaneRect Chunk::rect(size_t i) const {
    return {.start_ns = m_shape.start_ns[i],
            .end_ns = m_shape.end_ns[i],
            .event = static_cast<EventId>(m_shape.event[i]),
            .count = m_shape.count.empty() ? 1 : m_shape.count[i],
            .phase = m_shape.phase[i],
            .op_class = m_shape.op_class[i],
            .layer = m_shape.layer[i],
            .bucket = m_shape.bucket[i]};
}

int64_t Chunk::lastEnd() const {
    if (m_shape.start_ns.empty()) return std::numeric_limits<int64_t>::min();
    return m_shape.end_ns[m_pyramid.back().front().latest];
}

// Ties go to the earlier one.
size_t Chunk::better(size_t a, size_t b, bool latest) const {
    return latest ? (m_shape.end_ns[b] > m_shape.end_ns[a] ? b : a)
                  : (m_shape.end_ns[b] - m_shape.start_ns[b] > m_shape.end_ns[a] - m_shape.start_ns[a] ? b : a);
}

// The longest (or the one that ends last) of [first, end), first < end.
size_t Chunk::best(size_t first, size_t end, bool latest) const {
    size_t result = first;
    for (size_t i = first; i < end;) {
        size_t level = 0;
        const auto span = [&](size_t l) { return size_t{1} << (leaf_shift + l); };
        if (i % span(0) != 0 || i + span(0) > end) {
            result = better(result, i++, latest);
            continue;
        }
        while (level + 1 < m_pyramid.size() && i % span(level + 1) == 0 && i + span(level + 1) <= end) ++level;
        const Node node = m_pyramid[level][i >> (leaf_shift + level)];
        result = better(result, latest ? node.latest : node.longest, latest);
        i += span(level);
    }
    return result;
}

size_t Chunk::lowerBound(int64_t start_ns, size_t from) const {
    const auto begin = m_shape.start_ns.begin() + static_cast<std::ptrdiff_t>(from);
    return static_cast<size_t>(std::lower_bound(begin, m_shape.start_ns.end(), start_ns) - m_shape.start_ns.begin());
}

bool Chunk::touches(size_t i, TimeRange range) const {
    return m_shape.start_ns[i] < range.end_ns &&
           (m_shape.end_ns[i] > range.start_ns || m_shape.start_ns[i] >= range.start_ns);
}

size_t Chunk::firstTouching(TimeRange range) const {
    const size_t inside = lowerBound(range.start_ns, 0);
    // Of those that start before the range, the first that reaches into it: skip whole nodes that end too early.
    for (size_t i = 0; i < inside;) {
        size_t level = m_pyramid.size();
        bool skipped = false;
        while (level-- > 0 && !skipped) {
            const size_t span = size_t{1} << (leaf_shift + level);
            if (i % span != 0 || m_shape.end_ns[m_pyramid[level][i / span].latest] > range.start_ns) continue;
            i += span;
            skipped = true;
        }
        if (skipped) continue;
        if (m_shape.end_ns[i] > range.start_ns) return i;
        ++i;
    }
    return inside;
}

size_t Chunk::find(EventId event) const {
    const auto at = std::find(m_shape.event.begin(), m_shape.event.end(), static_cast<int64_t>(event));
    return static_cast<size_t>(at - m_shape.event.begin());
}

LaneRect Chunk::merged(size_t first, size_t end, size_t representative, int64_t end_ns) const {
    LaneRect r = rect(representative);
    r.start_ns = m_shape.start_ns[first];
    r.end_ns = end_ns;
    if (m_shape.count.empty()) {
        r.count = static_cast<uint32_t>(end - first);
    } else {
        uint64_t count = 0;
        for (size_t i = first; i < end; ++i) count += m_shape.count[i];
        r.count = static_cast<uint32_t>(std::min<uint64_t>(count, std::numeric_limits<uint32_t>::max()));
    }
    return r;
}

void Chunk::rects(TimeRange range, double ns_per_px, std::vector<LaneRect>& out) const {
    const double px = ns_per_px;
    size_t i = firstTouching(range);
    // What reaches in from the left can only be many if events overlap; the one that ends last stands for all.
    if (i < size() && m_shape.start_ns[i] < range.start_ns) {
        const size_t inside = lowerBound(range.start_ns, i);
        const size_t reaching = best(i, inside, true);
        out.push_back(merged(reaching, reaching + 1, reaching, m_shape.end_ns[reaching]));
        i = inside;
    }
    while (i < size() && m_shape.start_ns[i] < range.end_ns) {
        // All that start in the pixel where i starts.
        const double pixel = wholeBelow(static_cast<double>(m_shape.start_ns[i] - range.start_ns) / px);
        const double pixel_end = std::min((pixel + 1) * px, static_cast<double>(time_limit_ns) * 2);
        const int64_t edge = std::max(range.start_ns + wholeAbove(pixel_end), m_shape.start_ns[i] + 1);
        i = addPixel(i, std::min(edge, range.end_ns), px, out);
    }
}

// Adds the events from `first` on that start before `edge`, as one run or, if one is as long as a pixel, as what comes
// before the longest and what begins with it. Returns where they end.
size_t Chunk::addPixel(size_t first, int64_t edge, double px, std::vector<LaneRect>& out) const {
    constexpr size_t few = 32; // looked at one by one
    const int64_t *const start = m_shape.start_ns.data(), *const end = m_shape.end_ns.data();
    size_t longest = first, longest_before = first, next = first + 1;
    int64_t duration = end[first] - start[first];
    int64_t latest = end[first], latest_before = latest; // since the longest; before it
    for (const size_t most = std::min(size(), first + few); next < most && start[next] < edge; ++next) {
        const int64_t own = end[next] - start[next];
        if (own > duration) {
            longest_before = longest;
            latest_before = std::max(latest_before, latest);
            longest = next;
            duration = own;
            latest = end[next];
        }
        latest = std::max(latest, end[next]);
    }
    if (next < size() && start[next] < edge) { // many
        next = lowerBound(edge, next);
        longest = best(first, next, false);
        duration = end[longest] - start[longest];
        latest = end[best(longest, next, true)];
        if (longest > first) {
            longest_before = best(first, longest, false);
            latest_before = end[best(first, longest, true)];
        }
    }
    if (static_cast<double>(duration) < px) {
        out.push_back(merged(first, next, longest, std::max(latest, latest_before)));
    } else {
        if (longest > first) out.push_back(merged(first, longest, longest_before, latest_before));
        out.push_back(merged(longest, next, longest, latest));
    }
    return next;
}

// --- LaneIndex
// ----------------------------------------------------------------------------------------------------------

void LaneIndex::append(std::vector<LaneEntry> entries) {
    if (entries.empty()) return;
    auto& slots = levels[0].slots;
    const auto before = [](const LaneEntry& a, const LaneEntry& b) {
        return a.rect.start_ns != b.rect.start_ns ? a.rect.start_ns < b.rect.start_ns : a.rect.event < b.rect.event;
    };
    const auto earliest = std::min_element(entries.begin(), entries.end(), before)->rect.start_ns;
    // Whatever starts later than the earliest newcomer is taken out and put back in order; rare, and then little.
    while (!slots.empty() && slots.back().last_start_ns > earliest) {
        const Chunk& chunk = *slots.back().chunk;
        for (size_t i = 0; i < chunk.size(); ++i) entries.push_back({chunk.rect(i), chunk.detail(i)});
        slots.pop_back();
    }
    std::sort(entries.begin(), entries.end(), before);
    for (const LaneEntry& entry : entries) {
        if (slots.empty() || slots.back().count >= written_chunk_events) {
            slots.push_back({.first_start_ns = entry.rect.start_ns, .last_end_ns = entry.rect.end_ns});
            slots.back().chunk = std::make_unique<Chunk>();
        }
        ChunkSlot& slot = slots.back();
        slot.chunk->append(entry.rect, entry.detail);
        slot.last_start_ns = entry.rect.start_ns;
        slot.last_end_ns = std::max(slot.last_end_ns, entry.rect.end_ns);
        slot.count = slot.chunk->size();
    }
}

size_t LaneIndex::eventCount() const {
    size_t count = 0;
    for (const ChunkSlot& slot : levels[0].slots) count += slot.count;
    return count;
}

TimeRange LaneIndex::extent() const {
    const auto& slots = levels[0].slots;
    if (slots.empty()) return {};
    TimeRange range{slots.front().first_start_ns, slots.front().last_end_ns};
    for (const ChunkSlot& slot : slots) range.end_ns = std::max(range.end_ns, slot.last_end_ns);
    return range;
}

bool LaneIndex::rects(TimeRange asked, double ns_per_px, const Loader& load, std::vector<LaneRect>& out) {
    const TimeRange range = limited(asked);
    if (range.end_ns <= range.start_ns) return true;
    // Not-a-number and nonsense become the finest possible picture.
    const double px = ns_per_px > 1e-6 ? std::min(ns_per_px, static_cast<double>(time_limit_ns)) : 1e-6;
    size_t level = 0;
    while (level + 1 < levels.size() && static_cast<double>(levels[level + 1].width_ns) <= px) ++level;
    auto& slots = levels[level].slots;
    for (size_t i = 0; i < slots.size(); ++i) {
        if (slots[i].first_start_ns >= range.end_ns) break;
        if (slots[i].last_end_ns <= range.start_ns && slots[i].last_start_ns < range.start_ns) continue;
        if (!slots[i].chunk && !load(level, i, false)) return false;
        slots[i].chunk->rects(range, px, out);
    }
    return true;
}

bool LaneIndex::events(TimeRange asked, LaneId lane, const Loader& load, std::vector<IntervalEvent>& out) {
    const TimeRange range = limited(asked);
    auto& slots = levels[0].slots;
    for (size_t i = 0; i < slots.size(); ++i) {
        if (slots[i].first_start_ns >= range.end_ns) break;
        if (slots[i].last_end_ns <= range.start_ns && slots[i].last_start_ns < range.start_ns) continue;
        if ((!slots[i].chunk || !slots[i].chunk->hasDetails()) && !load(0, i, true)) return false;
        const Chunk& chunk = *slots[i].chunk;
        for (size_t k = chunk.firstTouching(range); k < chunk.size() && chunk.start(k) < range.end_ns; ++k)
            if (chunk.touches(k, range)) out.push_back(toEvent(lane, chunk.rect(k), chunk.detail(k)));
    }
    return true;
}

IntervalEvent toEvent(LaneId lane, const LaneRect& r, const IntervalDetail& d) {
    return {.lane = lane,
            .op = d.op,
            .name = d.name,
            .start_ns = r.start_ns,
            .end_ns = r.end_ns,
            .step = d.step,
            .phase = r.phase,
            .op_class = r.op_class,
            .layer = r.layer,
            .bucket = r.bucket,
            .elements = d.elements,
            .bytes = d.bytes,
            .sent_bytes = d.sent_bytes,
            .wait_ns = d.wait_ns,
            .emulated_ns = d.emulated_ns,
            .correlation = d.correlation,
            .process_group = d.process_group};
}

namespace {

// Whatever holds times, and whatever holds quantities.
template <class Times, class Quantities> bool keepsLimits(const Times& r, const Quantities& d) {
    const auto within = [](int64_t value, int64_t most) { return value >= 0 && value <= most; };
    return r.start_ns >= -time_limit_ns && r.start_ns <= r.end_ns && r.end_ns <= time_limit_ns &&
           within(d.elements, quantity_limit) && within(d.bytes, quantity_limit) &&
           within(d.sent_bytes, quantity_limit) && within(d.wait_ns, std::min(r.end_ns - r.start_ns, quantity_limit)) &&
           within(d.emulated_ns, std::min(r.end_ns - r.start_ns, quantity_limit));
}

template <class Times, class Quantities> bool clampTimesAndQuantities(Times& r, Quantities& d) {
    if (keepsLimits(r, d)) return false;
    r.start_ns = std::clamp(r.start_ns, -time_limit_ns, time_limit_ns);
    r.end_ns = std::clamp(r.end_ns, r.start_ns, time_limit_ns);
    for (auto member : {&Quantities::elements, &Quantities::bytes, &Quantities::sent_bytes})
        d.*member = std::clamp<int64_t>(d.*member, 0, quantity_limit);
    for (auto member : {&Quantities::wait_ns, &Quantities::emulated_ns})
        d.*member = std::clamp<int64_t>(d.*member, 0, std::min(r.end_ns - r.start_ns, quantity_limit));
    return true;
}

} // namespace

bool withinLimits(const IntervalEvent& event) { return keepsLimits(event, event); }
bool clampToLimits(LaneRect& rect, IntervalDetail& detail) { return clampTimesAndQuantities(rect, detail); }
bool clampToLimits(IntervalEvent& event) { return clampTimesAndQuantities(event, event); }

} // namespace shardscope
