// SPDX-License-Identifier: Apache-2.0
#include "core_runtime/run_info.h"
#include "kernels/ops.h"
#include "profiler/recorder.h"
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>
#include <unistd.h>

namespace shardscope {

using nlohmann::json;

std::string hardwareJson() {
    std::string processor = "unknown";
    std::ifstream cpuinfo("/proc/cpuinfo");
    for (std::string line; std::getline(cpuinfo, line);)
        if (line.rfind("model name", 0) == 0) {
            processor = line.substr(line.find(':') + 2);
            break;
        }
    const int64_t bytes = static_cast<int64_t>(sysconf(_SC_PHYS_PAGES)) * sysconf(_SC_PAGE_SIZE);
    return json{{"processor", processor}, {"cores", std::thread::hardware_concurrency()}, {"memory_bytes", bytes}}
        .dump();
}

std::vector<TraceEvent> describeRun(const EngineOptions& options, const Plan& plan, const MemoryPlan& memory) {
    std::vector<TraceEvent> events;
    auto info = [&](const char* key, std::string value) { events.push_back(RunInfoEvent{key, std::move(value)}); };
    info("status", "running");
    for (const auto& [key, value] : options.run_info) events.push_back(RunInfoEvent{key, value});
    info("config_resolved", resolvedJson(options.config));
    json settings = json::array();
    for (const Setting& s : options.config.settings)
        settings.push_back({{"key", s.key}, {"value", s.value}, {"origin", s.origin}, {"unit", s.unit}});
    info("config_settings", settings.dump());
    const ModelSpec& m = plan.model;
    info("model", json{{"name", m.name},
                       {"layers", m.layers},
                       {"channels", m.channels},
                       {"heads", m.heads},
                       {"vocabulary", m.vocabulary},
                       {"context", m.context},
                       {"parameters", parameterCount(m)},
                       {"sequence", plan.sequence}}
                      .dump());
    info("backend", "cpu");
    info("hardware", hardwareJson());
    info("software",
         json{{"shardscope", SHARDSCOPE_VERSION}, {"compiler", __VERSION__}, {"clock", TraceClock::source()}}.dump());
    auto link = [&](const char* key, const LinkModel& l) {
        info(key, json{{"name", l.name},
                       {"alpha_us", l.alpha_us},
                       {"bandwidth_gbps", l.bandwidth_gbps},
                       {"description", l.description},
                       {"emulated", l.emulates()}}
                      .dump());
    };
    link("link", options.link);
    link("host_link", options.host_link);
    link("storage_link", options.storage_link);
    info("ranks", std::to_string(plan.ranks));
    info("stage", std::to_string(plan.config.zero.stage));
    info("precision", std::string(toText(plan.config.precision())));
    info("seed", std::to_string(options.seed));
    info("arena_bytes", std::to_string(memory.arenaBytes()));

    for (size_t i = 0; i < plan.program.ops.size(); ++i) {
        const Op& op = plan.program.ops[i];
        if (op.kind == OpKind::alloc || op.kind == OpKind::free) continue;
        std::vector<OpId> waits; // on ops that a reader can see
        for (OpId w : op.waits_for)
            if (plan.program.ops[index(w)].kind != OpKind::alloc) waits.push_back(w);
        events.push_back(ProgramOpEvent{.op = static_cast<OpId>(i),
                                        .name = op.name,
                                        .lane = op.lane,
                                        .phase = op.phase,
                                        .op_class = op.op_class,
                                        .layer = op.layer,
                                        .bucket = op.bucket,
                                        .elements = op.elements,
                                        .bytes = op.bytes,
                                        .config_key = op.config_key,
                                        .waits_for = std::move(waits)});
    }
    for (size_t b = 0; b < plan.program.buckets.size(); ++b) {
        const BucketInfo& bucket = plan.program.buckets[b];
        std::string names;
        for (int32_t p : bucket.parameters)
            names += (names.empty() ? "" : ",") + plan.parameters[static_cast<size_t>(p)].name;
        events.push_back(BucketEvent{.bucket = static_cast<int32_t>(b),
                                     .elements = bucket.elements,
                                     .padded_elements = bucket.padded_elements,
                                     .bytes = bucket.bytes,
                                     .parameters = names,
                                     .closed_because = bucket.closed_because});
    }
    for (int32_t r = 0; r < static_cast<int32_t>(plan.ranks); ++r)
        for (const MemoryTier t : all_memory_tiers) {
            const TierPlan& tier = memory.tier(t);
            if (tier.peak_bytes == 0) continue;
            for (MemoryCategory c : all_memory_categories)
                if (const int64_t bytes = tier.category_peak[static_cast<size_t>(c)]; bytes > 0)
                    events.push_back(PlannedPeakEvent{.rank = r, .tier = t, .category = c, .bytes = bytes});
            events.push_back(PlannedPeakEvent{.rank = r, .tier = t, .category = {}, .bytes = tier.peak_bytes});
        }
    return events;
}

} // namespace shardscope
