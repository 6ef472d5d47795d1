// SPDX-License-Identifier: Apache-2.0
#include "profiler/analysis/communication.h"
#include <algorithm>
#include <fmt/format.h>
#include <limits>
#include <nlohmann/json.hpp>
#include <tuple>

namespace shardscope {

namespace {

constexpr int32_t no_layer = -1, embedding_layer = -2;

int64_t saturatingSum(int64_t a, int64_t b) {
    int64_t sum = 0;
    return __builtin_add_overflow(a, b, &sum) ? std::numeric_limits<int64_t>::max() : sum;
}

struct Group {
    CommunicationRow row;
    double timed_bytes = 0, bus_bytes = 0; // of the calls whose bytes are known
    double transfer_ns = 0;
};

void add(Group& group, const CollectiveShare& share, int64_t group_size) {
    const IntervalEvent& e = share.event;
    CommunicationRow& row = group.row;
    const int64_t transfer = e.end_ns - e.start_ns - std::min(e.wait_ns, e.end_ns - e.start_ns);
    ++row.calls;
    row.bytes = saturatingSum(row.bytes, e.bytes);
    row.comm_ns += share.comm_ns;
    row.exposed_ns += share.exposed_ns;
    row.exposed_wait_ns += share.exposed_wait_ns;
    row.wait_ns += e.end_ns - e.start_ns - transfer;
    row.transfer_ns += transfer;
    row.emulated_ns += e.emulated_ns;
    if (e.bytes <= 0 || transfer <= 0) return;
    group.timed_bytes += static_cast<double>(e.bytes);
    group.bus_bytes += static_cast<double>(e.bytes) * busFactor(e.op_class, group_size);
    group.transfer_ns += static_cast<double>(transfer);
}

const ProcessGroupEvent* groupOf(const TraceReader& trace, int32_t id) {
    const auto groups = trace.processGroups();
    const auto found = std::lower_bound(groups.begin(), groups.end(), id,
                                        [](const ProcessGroupEvent& g, int32_t i) { return g.group < i; });
    return found != groups.end() && found->group == id ? &*found : nullptr;
}

} // namespace

std::string layerText(const TraceReader& trace, int32_t layer) {
    if (layer == no_layer) return {};
    if (layer == embedding_layer) return "embedding";
    // The final norm and head follow the blocks.
    const auto model = nlohmann::json::parse(trace.runValue("model"), nullptr, false);
    const bool known = model.is_object() && model.contains("layers") && model["layers"].is_number_integer();
    return known && model["layers"] == layer ? "head" : std::to_string(layer);
}

double busFactor(OpClass collective, int64_t ranks) {
    const double n = static_cast<double>(std::max<int64_t>(ranks, 1));
    switch (collective) {
    case OpClass::all_reduce:
        return 2 * (n - 1) / n;
    case OpClass::all_gather:
    case OpClass::reduce_scatter:
    case OpClass::all_to_all:
        return (n - 1) / n;
    default:
        return 1;
    }
}

std::vector<CollectiveShare> collectiveShares(const TraceReader& trace, const RankActivity& activity) {
    std::vector<CollectiveShare> shares;
    forEachInterval(trace, activity.rank, [&](const IntervalEvent& e) {
        if (activityOf(e.op_class) == Activity::comm) shares.push_back({e, activity.rank});
    });
    std::stable_sort(shares.begin(), shares.end(), [](const CollectiveShare& a, const CollectiveShare& b) {
        return a.event.start_ns < b.event.start_ns;
    });
    int64_t covered = std::numeric_limits<int64_t>::min();
    for (CollectiveShare& share : shares) {
        const IntervalEvent& e = share.event;
        const TimeRange own{std::max(e.start_ns, covered), std::max(e.end_ns, covered)};
        const TimeRange waiting{own.start_ns, std::clamp(e.start_ns + e.wait_ns, own.start_ns, own.end_ns)};
        share.comm_ns = own.duration();
        share.exposed_ns = own.duration() - activity.compute.lengthWithin(own);
        share.exposed_wait_ns = waiting.duration() - activity.compute.lengthWithin(waiting);
        covered = own.end_ns;
    }
    return shares;
}

std::vector<CommunicationRow> communicationRows(const TraceReader& trace, const std::vector<CollectiveShare>& shares) {
    std::map<std::pair<int, std::string>, Group> groups; // by kind of group, then key
    std::map<std::pair<int, int64_t>, std::string> keys;
    const auto keyOf = [&](int by, const IntervalEvent& e) -> std::string {
        switch (by) {
        case 0:
            return std::string(toText(e.op_class));
        case 1:
            return std::string(toText(e.phase));
        case 2: {
            const ProgramOpEvent* op = trace.op(e.op);
            return op ? op->config_key : std::string();
        }
        case 3:
            return e.bucket < 0 ? std::string() : fmt::format("{}", e.bucket);
        case 4:
            return layerText(trace, e.layer);
        case 5: {
            const ProcessGroupEvent* group = groupOf(trace, e.process_group);
            return !group ? std::string() : fmt::format("{} {}", group->name, group->description);
        }
        default:
            return trace.name(e.name);
        }
    };
    static constexpr std::array kinds = {"collective", "phase", "config_key", "bucket", "layer", "process_group", "op"};
    // Texts are made once per number that they stand for.
    const auto numberOf = [](int by, const IntervalEvent& e) -> int64_t {
        const std::array<int64_t, kinds.size()> numbers = {static_cast<int64_t>(e.op_class),
                                                           static_cast<int64_t>(e.phase),
                                                           static_cast<int64_t>(e.op),
                                                           e.bucket,
                                                           e.layer,
                                                           e.process_group,
                                                           static_cast<int64_t>(e.name)};
        return numbers[static_cast<size_t>(by)];
    };
    for (const CollectiveShare& share : shares) {
        for (int by = 0; by < static_cast<int>(kinds.size()); ++by) {
            const auto [key, is_new] = keys.try_emplace({by, numberOf(by, share.event)});
            if (is_new) key->second = keyOf(by, share.event);
            if (key->second.empty()) continue;
            Group& group = groups[{by, key->second}];
            group.row.by = kinds[static_cast<size_t>(by)];
            group.row.key = key->second;
            const ProcessGroupEvent* ranks = groupOf(trace, share.event.process_group);
            add(group, share, ranks && ranks->size > 0 ? ranks->size : trace.ranks());
        }
    }
    std::vector<CommunicationRow> rows;
    for (auto& [key, group] : groups) {
        if (group.transfer_ns > 0) { // bytes per nanosecond are GB/s
            group.row.algorithm_gb_per_s = group.timed_bytes / group.transfer_ns;
            group.row.bus_gb_per_s = group.bus_bytes / group.transfer_ns;
        }
        rows.push_back(std::move(group.row));
    }
    const auto rank = [](const CommunicationRow& row) {
        return std::find(kinds.begin(), kinds.end(), row.by) - kinds.begin();
    };
    std::stable_sort(rows.begin(), rows.end(), [&](const CommunicationRow& a, const CommunicationRow& b) {
        return std::make_tuple(rank(a), -a.exposed_ns) < std::make_tuple(rank(b), -b.exposed_ns);
    });
    return rows;
}

std::vector<StragglerRow> stragglerRows(const std::vector<CollectiveShare>& shares) {
    struct Arrival {
        int32_t rank;
        int64_t start_ns, wait_ns;
    };
    // The n-th call of an op in a step on one rank meets the n-th on the others.
    using Call = std::tuple<int32_t, int32_t, int32_t>; // step, op, name
    std::map<std::pair<int32_t, Call>, int64_t> counts;
    std::map<std::pair<Call, int64_t>, std::vector<Arrival>> meetings;
    for (const CollectiveShare& share : shares) {
        const IntervalEvent& e = share.event;
        const Call call{e.step, static_cast<int32_t>(e.op), static_cast<int32_t>(e.name)};
        const int64_t nth = counts[{share.rank, call}]++;
        meetings[{call, nth}].push_back({share.rank, e.start_ns, e.wait_ns});
    }
    std::map<int32_t, StragglerRow> rows;
    for (const auto& [key, arrivals] : meetings) {
        if (arrivals.size() < 2) continue;
        const auto earlier = [](const Arrival& a, const Arrival& b) { return a.start_ns < b.start_ns; };
        const int64_t first = std::min_element(arrivals.begin(), arrivals.end(), earlier)->start_ns;
        const Arrival& last = *std::max_element(arrivals.begin(), arrivals.end(), earlier);
        for (const Arrival& arrival : arrivals) {
            StragglerRow& row = rows[arrival.rank];
            row.rank = arrival.rank;
            ++row.calls;
            row.waited_ns += arrival.wait_ns;
            row.mean_lateness_ns += static_cast<double>(arrival.start_ns - first); // the sum, until the end
            if (&arrival != &last) rows[last.rank].caused_wait_ns += arrival.wait_ns;
        }
        if (last.start_ns > first) ++rows[last.rank].last;
    }
    std::vector<StragglerRow> result;
    for (auto& [rank, row] : rows) {
        row.mean_lateness_ns /= static_cast<double>(std::max<int64_t>(row.calls, 1));
        result.push_back(row);
    }
    return result;
}

} // namespace shardscope
