// SPDX-License-Identifier: Apache-2.0
#include "profiler/analysis/compare.h"
#include <charconv>
#include <cmath>
#include <fmt/format.h>

namespace shardscope {

namespace {

bool holds(double value, const std::string& relation, double limit) {
    if (relation == "<") return value < limit;
    if (relation == "<=") return value <= limit;
    if (relation == ">") return value > limit;
    return value >= limit;
}

std::string withoutSpaces(const std::string& text) {
    std::string result;
    for (const char c : text)
        if (c != ' ' && c != '\t') result += c;
    return result;
}

} // namespace

Result<Gate> parseGate(const std::string& text) {
    const std::string compact = withoutSpaces(text);
    const Error unreadable{fmt::format("--gate '{}' cannot be read; write a metric, one of < <= > >= and a limit, such "
                                       "as \"exposed_comm_ns<5%\" or \"step_ns<=2e6\".",
                                       text)};
    const size_t relation = compact.find_first_of("<>");
    if (relation == 0 || relation == std::string::npos) return unreadable;
    Gate gate{.text = compact, .metric = compact.substr(0, relation), .relation = compact.substr(relation, 1)};
    size_t number = relation + 1;
    if (number < compact.size() && compact[number] == '=') gate.relation += compact[number++];
    std::string limit = compact.substr(number);
    gate.relative = limit.ends_with('%');
    if (gate.relative) limit.pop_back();
    const size_t sign = limit.starts_with('+') ? 1 : 0;
    const auto [end, error] = std::from_chars(limit.data() + sign, limit.data() + limit.size(), gate.limit);
    if (error != std::errc() || end != limit.data() + limit.size() || limit.size() == sign ||
        !std::isfinite(gate.limit))
        return unreadable;
    return gate;
}

Result<std::vector<GateResult>> checkGates(const Comparison& c, const std::vector<Gate>& gates) {
    std::vector<GateResult> results;
    for (const Gate& gate : gates) {
        const ComparedMetric* metric = nullptr;
        std::string names;
        for (const ComparedMetric& m : c.metrics) {
            names += (names.empty() ? "" : ", ") + m.metric;
            if (m.metric == gate.metric) metric = &m;
        }
        if (!metric)
            return Error{fmt::format("--gate '{}': there is no metric '{}' in these traces; use one of {}.", gate.text,
                                     gate.metric, names)};
        for (size_t i = 0; i < c.runs.size(); ++i) {
            if (i == c.baseline) continue;
            const double a = metric->values[c.baseline], own = metric->values[i];
            GateResult result{.gate = gate.text, .run = c.runs[i].label};
            // From nothing to something is an infinite change; from nothing to nothing is none.
            result.value = !gate.relative ? own
                           : a != 0       ? 100 * (own - a) / std::abs(a)
                           : own == 0     ? 0
                                          : std::copysign(HUGE_VAL, own);
            result.passed = holds(result.value, gate.relation, gate.limit);
            const std::string& verdict = metric->changes[i].verdict;
            result.sentence = fmt::format("gate {} {} for {}: {} is {:.6g}, {} has {:.6g} ({:+.2f} %{})", gate.text,
                                          result.passed ? "holds" : "fails", result.run, gate.metric, own,
                                          c.runs[c.baseline].label, a,
                                          a != 0     ? 100 * (own - a) / std::abs(a)
                                          : own == 0 ? 0
                                                     : HUGE_VAL,
                                          verdict.empty() ? "" : ", " + verdict);
            results.push_back(std::move(result));
        }
    }
    return results;
}

} // namespace shardscope
