// SPDX-License-Identifier: Apache-2.0
#include "core_runtime/run_info.h"
#include "core_runtime/machine/machine.h"
#include "core_runtime/op_work.h"
#include "kernels/ops.h"
#include "profiler/recorder.h"
#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <thread>

namespace shardscope {

using nlohmann::json;

std::string hardwareJson() {
    return json{
        {"processor", processorName()}, {"cores", std::thread::hardware_concurrency()}, {"memory_bytes", memoryBytes()}}
        .dump();
}

// Alloc and free are not in the trace. What they wait for, the next op of their lane waits for; and who waits for them
// waits for the op before them on their lane.
static std::vector<std::vector<OpId>> visibleWaits(const StepProgram& program) {
    std::vector<std::vector<OpId>> waits(program.ops.size());
    std::map<LaneKind, OpId> last_visible;
    std::map<LaneKind, std::vector<OpId>> inherited;
    for (size_t i = 0; i < program.ops.size(); ++i) {
        const Op& op = program.ops[i];
        std::vector<OpId>& own = waits[i];
        for (OpId w : op.waits_for) {
            const OpKind kind = program.ops[index(w)].kind;
            if (kind == OpKind::alloc || kind == OpKind::free)
                own.insert(own.end(), waits[index(w)].begin(), waits[index(w)].end());
            else
                own.push_back(w);
        }
        std::vector<OpId>& open = inherited[op.lane];
        own.insert(own.end(), open.begin(), open.end());
        const bool visible = op.kind != OpKind::alloc && op.kind != OpKind::free;
        if (visible) {
            std::erase_if(own, [&](OpId w) { return program.ops[index(w)].lane == op.lane; });
            last_visible[op.lane] = static_cast<OpId>(i);
        } else if (const auto last = last_visible.find(op.lane); last != last_visible.end()) {
            own.push_back(last->second);
        }
        std::sort(own.begin(), own.end());
        own.erase(std::unique(own.begin(), own.end()), own.end());
        open = visible ? std::vector<OpId>() : own;
    }
    return waits;
}

// Every buffer with its size, its place and its life as positions in the program: the same on all ranks.
static std::string memoryPlanJson(const StepProgram& program, const MemoryPlan& memory) {
    json buffers = json::array();
    for (size_t b = 0; b < program.buffers.size(); ++b) {
        const BufferInfo& buffer = program.buffers[b];
        buffers.push_back({{"name", buffer.name},
                           {"tier", toText(buffer.tier)},
                           {"category", toText(buffer.category)},
                           {"bytes", buffer.bytes()},
                           {"address", memory.addresses[b]}});
        if (!buffer.config_key.empty()) buffers.back()["config_key"] = buffer.config_key;
    }
    for (size_t i = 0; i < program.ops.size(); ++i) {
        const Op& op = program.ops[i];
        if (op.kind == OpKind::alloc) buffers[index(op.buffer)]["alloc_op"] = i;
        if (op.kind == OpKind::free) buffers[index(op.buffer)]["free_op"] = i;
    }
    return buffers.dump();
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
                       {"family", toText(m.family)},
                       {"kv_heads", m.keyHeads()},
                       {"feed_forward", m.feedForward()},
                       {"tied", m.tied},
                       {"dropout", m.dropout},
                       {"tile_out", m.tile_out},
                       {"tile_in", m.tile_in},
                       {"parameters", parameterCount(m)},
                       {"sequence", plan.sequence}}
                      .dump());
    info("backend", options.backend.name);
    for (const auto& [key, value] : options.backend.facts) info(key.c_str(), value);
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
    info("memory_plan", memoryPlanJson(plan.program, memory));
    info("op_work", opWorkJson(plan.program));

    std::vector<std::vector<OpId>> waits = visibleWaits(plan.program);
    for (size_t i = 0; i < plan.program.ops.size(); ++i) {
        const Op& op = plan.program.ops[i];
        if (op.kind == OpKind::alloc || op.kind == OpKind::free) continue;
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
                                        .waits_for = std::move(waits[i])});
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
