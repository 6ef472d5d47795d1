// SPDX-License-Identifier: Apache-2.0
#include "cli/command.h"
#include "cli/run_options.h"
#include "core_runtime/link_model.h"
#include "core_runtime/memory_plan.h"
#include "core_runtime/planner.h"
#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <fmt/core.h>
#include <map>
#include <nlohmann/json.hpp>

namespace shardscope::cli {
namespace {

using Json = nlohmann::ordered_json;

struct PlanCommand : RunOptions {
    bool table = false;
    std::string format = "text";
};

struct Traffic { // of one kind of op, per rank and step
    int64_t ops = 0, bytes = 0;
};

struct StagePlan {
    int stage = 0;
    MemoryPlan memory;
    std::map<OpClass, Traffic> traffic; // collectives: bytes a rank sends; copy and storage: bytes moved
    int64_t resident_parameters = 0;    // bytes that live through the whole run
    int64_t bytesOf(MemoryCategory category) const {
        return memory.device().category_peak[static_cast<size_t>(category)];
    }
    int64_t gathered() const {
        return bytesOf(MemoryCategory::parameters) - resident_parameters;
    }                             // at stage 3, for use
    int64_t modelStates() const { // what the formulas of the ZeRO paper count
        return resident_parameters + bytesOf(MemoryCategory::gradients) + bytesOf(MemoryCategory::optimizer) +
               bytesOf(MemoryCategory::master_weights);
    }
};

// Bytes of model states per rank: whole * parameters + shared * parameters / ranks (Rajbhandari et al. 2020, figure 1;
// in fp32 there are no master weights and parameters and gradients weigh 4 bytes each).
struct Formula {
    int64_t whole, shared;
    std::string text() const {
        if (shared == 0) return fmt::format("{}Ψ", whole);
        return whole == 0 ? fmt::format("{}Ψ/N", shared) : fmt::format("{}Ψ+{}Ψ/N", whole, shared);
    }
    int64_t bytes(int64_t parameters, int64_t ranks) const {
        return whole * parameters + (shared * parameters + ranks - 1) / ranks;
    }
};

Formula formulaOf(int stage, bool bf16) {
    constexpr std::array<Formula, 4> mixed = {{{16, 0}, {4, 12}, {2, 14}, {0, 16}}};
    constexpr std::array<Formula, 4> single = {{{16, 0}, {8, 8}, {4, 12}, {0, 16}}};
    return (bf16 ? mixed : single)[static_cast<size_t>(stage)];
}

Result<StagePlan> planStage(const Given& given, const PlanCommand& command, int stage) {
    Config config = given.config;
    config.zero.stage = stage;
    const Result<Plan> made = shardscope::plan(config, given.model, command.ranks, command.sequence);
    if (!made) return made.error();
    StagePlan result{stage, planMemory(made->program)};
    for (const BufferInfo& buffer : made->program.buffers)
        if (buffer.persistent && buffer.category == MemoryCategory::parameters)
            result.resident_parameters += buffer.bytes();
    for (const Op& op : made->program.ops) {
        if (op.kind != OpKind::collective && op.kind != OpKind::copy) continue;
        Traffic& traffic = result.traffic[op.op_class];
        ++traffic.ops;
        traffic.bytes += op.kind == OpKind::copy ? op.bytes : sentBytes(op.op_class, op.bytes, command.ranks);
    }
    return result;
}

std::string planText(const StagePlan& plan, const Given& given, int64_t ranks) {
    std::string text = fmt::format(
        "{}, {} parameters, ZeRO-{}, {} ranks, {}: planned bytes per rank (all ranks are equal)\n", given.model.name,
        parameterCount(given.model), plan.stage, ranks, given.config.bf16_enabled ? "bf16" : "fp32");
    for (const MemoryTier tier : all_memory_tiers) {
        const TierPlan& planned = plan.memory.tier(tier);
        if (planned.peak_bytes == 0 && tier != MemoryTier::device) continue;
        text += fmt::format("  {:<16}{:>18}{:>18}\n", toText(tier), "own peak", "at total peak");
        for (size_t c = 0; c < all_memory_categories.size(); ++c)
            if (tier == MemoryTier::device || planned.category_peak[c] > 0)
                text += fmt::format("  {:<16}{:>18}{:>18}\n", toText(all_memory_categories[c]),
                                    planned.category_peak[c], planned.at_peak[c]);
        text += fmt::format("  {:<16}{:>18}{:>18}\n", "total", "", planned.peak_bytes);
    }
    text += fmt::format("  {:<16}{:>18}{:>18}\n", "per step", "ops", "bytes");
    for (const auto& [op_class, traffic] : plan.traffic)
        text += fmt::format("  {:<16}{:>18}{:>18}\n", toText(op_class), traffic.ops, traffic.bytes);
    return text;
}

Json categoriesJson(const std::array<int64_t, all_memory_categories.size()>& bytes) {
    Json json = Json::object();
    for (size_t c = 0; c < bytes.size(); ++c) json[std::string(toText(all_memory_categories[c]))] = bytes[c];
    return json;
}

Json planJson(const StagePlan& plan) {
    Json tiers = Json::object(), traffic = Json::object();
    for (const MemoryTier tier : all_memory_tiers) {
        if (tier == MemoryTier::device) continue;
        const TierPlan& planned = plan.memory.tier(tier);
        tiers[std::string(toText(tier))] = {{"peak_bytes", planned.peak_bytes},
                                            {"category_peak_bytes", categoriesJson(planned.category_peak)},
                                            {"at_peak_bytes", categoriesJson(planned.at_peak)}};
    }
    for (const auto& [op_class, moved] : plan.traffic)
        traffic[std::string(toText(op_class))] = {{"ops", moved.ops}, {"bytes", moved.bytes}};
    return {{"stage", plan.stage},
            {"peak_bytes", plan.memory.device().peak_bytes},
            {"model_state_bytes", plan.modelStates()},
            {"gathered_bytes", plan.gathered()},
            {"category_peak_bytes", categoriesJson(plan.memory.device().category_peak)},
            {"at_peak_bytes", categoriesJson(plan.memory.device().at_peak)},
            {"other_tiers", tiers},
            {"traffic_per_step", traffic}};
}

int planOne(const PlanCommand& command, const Given& given) {
    const auto plan = planStage(given, command, given.config.zero.stage);
    if (!plan) return fail(plan.error());
    if (command.format == "text") {
        print(planText(*plan, given, command.ranks));
        return success;
    }
    Json document = {
        {"model", given.model.name}, {"parameters", parameterCount(given.model)}, {"ranks", command.ranks}};
    document.update(planJson(*plan));
    print(document.dump(2));
    return success;
}

// Planned model states beside the paper's formulas, as a Markdown table.
int planTable(const PlanCommand& command, const Given& given) {
    const int64_t parameters = parameterCount(given.model);
    const bool bf16 = given.config.bf16_enabled;
    Json rows = Json::array();
    std::string text = fmt::format("{}: Ψ = {} parameters, N = {} ranks, {}; bytes per rank\n\n", given.model.name,
                                   parameters, command.ranks, bf16 ? "bf16 with fp32 master weights" : "fp32");
    text += "| stage | parameters | gradients | optimizer | master weights | model states | formula | its bytes | "
            "planned / "
            "formula | gathered for use |\n"
            "|---|---:|---:|---:|---:|---:|---|---:|---:|---:|\n";
    for (int stage = 0; stage <= 3; ++stage) {
        const auto plan = planStage(given, command, stage);
        if (!plan) return fail(plan.error());
        const Formula formula = formulaOf(stage, bf16);
        const int64_t expected = formula.bytes(parameters, command.ranks);
        const double ratio = static_cast<double>(plan->modelStates()) / static_cast<double>(expected);
        text += fmt::format("| {} | {} | {} | {} | {} | {} | {} | {} | {:.4f} | {} |\n", stage,
                            plan->resident_parameters, plan->bytesOf(MemoryCategory::gradients),
                            plan->bytesOf(MemoryCategory::optimizer), plan->bytesOf(MemoryCategory::master_weights),
                            plan->modelStates(), formula.text(), expected, ratio, plan->gathered());
        Json row = planJson(*plan);
        row["formula"] = formula.text();
        row["formula_bytes"] = expected;
        rows.push_back(row);
    }
    if (command.format == "text")
        print(text);
    else
        print(Json{{"model", given.model.name}, {"parameters", parameters}, {"ranks", command.ranks}, {"stages", rows}}
                  .dump(2));
    return success;
}

} // namespace

void addPlanCommand(CLI::App& app, Invocation& invocation) {
    auto command = std::make_shared<PlanCommand>();
    CLI::App* sub = app.add_subcommand(
        "plan", "Peak memory per rank, tier and category, to the byte, and traffic per step, without running anything");
    addRunOptions(*sub, *command);
    sub->add_flag("--table", command->table, "Stages 0 to 3 beside the formulas of the ZeRO paper");
    addFormatOption(*sub, command->format);
    sub->footer("Examples:\n"
                "  shardscope plan --model gpt2-124m --stage 2 --ranks 8\n"
                "  shardscope plan --model gpt2-124m --ranks 8 --set bf16.enabled=true --table");
    sub->callback([command, &invocation] {
        const auto given = readGiven(*command);
        invocation.exit_code = !given           ? fail(given.error())
                               : command->table ? planTable(*command, *given)
                                                : planOne(*command, *given);
        if (invocation.exit_code == success) printNotices(given->config);
    });
}

} // namespace shardscope::cli
