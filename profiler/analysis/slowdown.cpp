// SPDX-License-Identifier: Apache-2.0
#include "profiler/analysis/communication.h"
#include <algorithm>
#include <cctype>
#include <tuple>

namespace shardscope {

namespace {

constexpr size_t fewest_calls = 3; // on either side
constexpr double mostly = 0.9;     // share of a call that has communication beside it

// "block 3 attention forward" and "block 4 attention forward" are the same work.
std::string withoutNumbers(const std::string& name) {
    std::string result;
    for (const char c : name) {
        if (!std::isdigit(static_cast<unsigned char>(c)))
            result += c;
        else if (result.empty() || result.back() != '#')
            result += '#';
    }
    return result;
}

int64_t medianOf(std::vector<int64_t>& values) {
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>((values.size() - 1) / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
}

struct Durations {
    std::vector<int64_t> alone, beside;
};

} // namespace

Slowdown slowdownOf(const TraceReader& trace, const std::vector<RankActivity>& ranks) {
    const bool has_program = !trace.program().empty();
    const int32_t warm_up = trace.steps().size() > 2 ? trace.steps().front().step : -1;
    std::map<NameId, std::string> names;
    std::map<std::tuple<std::string, Phase, int64_t>, Durations> operations; // with the size of the work
    for (const RankActivity& activity : ranks) {
        if (activity.comm.ranges().empty()) continue;
        forEachInterval(trace, activity.rank, [&](const IntervalEvent& e) {
            const int64_t duration = e.end_ns - e.start_ns;
            if (activityOf(e.op_class) != Activity::compute || duration <= 0) return;
            if (warm_up >= 0 && e.step == warm_up) return;
            const int64_t beside = activity.comm.lengthWithin({e.start_ns, e.end_ns});
            const bool is_beside = static_cast<double>(beside) >= mostly * static_cast<double>(duration);
            if (beside > 0 && !is_beside) return;
            const auto [name, is_new] = names.try_emplace(e.name);
            if (is_new) name->second = has_program ? withoutNumbers(trace.name(e.name)) : trace.name(e.name);
            Durations& durations = operations[{name->second, e.phase, e.elements}];
            (is_beside ? durations.beside : durations.alone).push_back(duration);
        });
    }
    Slowdown result;
    double beside_all = 0, alone_all = 0;
    for (auto& [key, durations] : operations) {
        if (durations.alone.size() < fewest_calls || durations.beside.size() < fewest_calls) continue;
        SlowdownRow row{.operation = std::get<0>(key),
                        .elements = std::get<2>(key),
                        .alone_count = static_cast<int64_t>(durations.alone.size()),
                        .beside_count = static_cast<int64_t>(durations.beside.size()),
                        .alone_ns = medianOf(durations.alone),
                        .beside_ns = medianOf(durations.beside)};
        row.slowdown = static_cast<double>(row.beside_ns) / static_cast<double>(row.alone_ns);
        beside_all += static_cast<double>(row.beside_count) * static_cast<double>(row.beside_ns);
        alone_all += static_cast<double>(row.beside_count) * static_cast<double>(row.alone_ns);
        result.rows.push_back(std::move(row));
    }
    if (alone_all > 0) result.all = beside_all / alone_all;
    std::stable_sort(result.rows.begin(), result.rows.end(), [](const SlowdownRow& a, const SlowdownRow& b) {
        return static_cast<double>(a.beside_count) * static_cast<double>(a.beside_ns) >
               static_cast<double>(b.beside_count) * static_cast<double>(b.beside_ns);
    });
    return result;
}

} // namespace shardscope
