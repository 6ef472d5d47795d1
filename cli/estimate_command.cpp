// SPDX-License-Identifier: Apache-2.0
#include "cli/command.h"
#include "cli/run_options.h"
#include "core_runtime/estimate.h"
#include "profiler/analysis/table.h"
#include <CLI/CLI.hpp>
#include <array>
#include <charconv>
#include <cmath>
#include <fmt/core.h>
#include <nlohmann/json.hpp>

namespace shardscope::cli {
namespace {

using Json = nlohmann::ordered_json;

struct EstimateCommand : RunOptions {
    std::string accounting, device_memory, format = "text";
    std::optional<double> parameters, largest_layer;
    int64_t world_size = 1;
    EstimateRequest request;
    bool without_zero_init = false;
};

struct ByteUnit {
    std::string_view name;
    double bytes;
};
constexpr std::array byte_units = {ByteUnit{"B", 1},
                                   ByteUnit{"MB", 1e6},
                                   ByteUnit{"GB", 1e9},
                                   ByteUnit{"TB", 1e12},
                                   ByteUnit{"MiB", 1048576.0},
                                   ByteUnit{"GiB", 1073741824.0},
                                   ByteUnit{"TiB", 1099511627776.0}};

Result<double> readBytes(const std::string& text) {
    double amount = 0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), amount);
    if (problem == std::errc() && amount > 0 && amount < 1e18)
        for (const ByteUnit& unit : byte_units)
            if (unit.name == std::string_view(end, text.data() + text.size())) return amount * unit.bytes;
    return Error{"--device-memory is " + printable(text) +
                 "; write an amount such as 32GB (1e9 bytes) or 80GiB (2^30 bytes)"};
}

struct Estimated {
    Given given;
    EstimateRequest request;
    Estimate result;
};

Result<Estimated> compute(EstimateCommand command) {
    EstimateRequest request = command.request;
    for (const Accounting accounting : all_accountings)
        if (toText(accounting) == command.accounting) request.accounting = accounting;
    if (command.accounting.empty()) request.accounting = command.parameters ? Accounting::paper : Accounting::plan;
    if (!command.device_memory.empty()) {
        const Result<double> bytes = readBytes(command.device_memory);
        if (!bytes) return bytes.error();
        request.device_bytes = *bytes;
    }
    request.world_size = command.world_size;
    request.zero_init = !command.without_zero_init;
    request.parameters = command.parameters.value_or(0);
    request.largest_layer = command.largest_layer.value_or(0);
    request.sequence = command.sequence;
    // The configuration is read for the data-parallel ranks; what does not divide is refused by the estimate.
    const int64_t split =
        std::max<int64_t>(request.tensor_parallel, 1) * std::max<int64_t>(request.pipeline_parallel, 1);
    command.ranks = split > 1 ? std::max<int64_t>(request.world_size / split, 1) : request.world_size;
    Result<Given> given = readGiven(command);
    if (!given) return given.error();
    request.config = given->config;
    if (!command.parameters) request.model = given->model;
    Result<Estimate> result = estimate(request);
    if (!result) return result.error();
    if (given->assumed_batch && request.model)
        result->notes.push_back("No batch size is given: one sample per rank and micro-batch.");
    for (const std::string& notice : given->config.notices) result->notes.push_back(notice + ".");
    return Estimated{*std::move(given), request, *std::move(result)};
}

constexpr size_t tierIndex(MemoryTier tier) { return static_cast<size_t>(tier); }

std::string header(const Estimated& e) {
    const std::string what = e.request.model ? printable(e.request.model->name) + ", " : "";
    return fmt::format("{}{} parameters, ZeRO-{}, world size {}, {}; accounting: {}\n", what, e.result.parameters,
                       e.request.config.zero.stage, e.request.world_size, toText(e.request.config.precision()),
                       toText(e.request.accounting));
}

std::string estimateText(const Estimated& e) {
    const auto line = [](const std::string& name, int64_t bytes) {
        const auto amount = static_cast<double>(bytes);
        return fmt::format("  {:<24}{:>20}{:>14.3f}{:>14.3f}\n", name, bytes, amount * 1e-9, amount / 1073741824.0);
    };
    std::string text = header(e) + e.result.formula + "\n";
    text += fmt::format("  {:<24}{:>20}{:>14}{:>14}\n", "per rank", "bytes", "GB (1e9)", "GiB (2^30)");
    const bool estimator = e.request.accounting == Accounting::deepspeed;
    for (const MemoryTier tier : all_memory_tiers) {
        if (e.result.peak_bytes[tierIndex(tier)] == 0 && tier != MemoryTier::device) continue;
        text += std::string(toText(tier)) + (estimator && tier == MemoryTier::host ? ", per node\n" : "\n");
        for (const NamedBytes& named : e.result.of(tier))
            if (named.bytes != 0) text += line("  " + named.name, named.bytes);
        text += line("  peak", e.result.peak_bytes[tierIndex(tier)]);
    }
    if (e.result.peak_at)
        text += fmt::format("the device's peak is at {} ({}), when {} is allocated\n", e.result.peak_at->op,
                            toText(e.result.peak_at->phase), e.result.peak_at->buffer);
    if (e.result.activation_bytes_per_layer)
        text += fmt::format("activations per layer: {} bytes, {}\n", *e.result.activation_bytes_per_layer,
                            bytesText(*e.result.activation_bytes_per_layer));
    if (e.result.fits)
        text += fmt::format("{} {:.3f} GB ({:.3f} GiB)\n", *e.result.fits ? "fits into" : "does not fit into",
                            e.request.device_bytes * 1e-9, e.request.device_bytes / 1073741824.0);
    if (e.result.largest_model)
        text += fmt::format("the model states of at most {:.4g} parameters fill it\n", *e.result.largest_model);
    for (const std::string& note : e.result.notes) text += "note: " + printable(note) + "\n";
    return text;
}

Json bytesJson(const std::vector<NamedBytes>& list, int64_t total) {
    Json json = Json::object();
    for (const NamedBytes& named : list) json[named.name] = named.bytes;
    json["total"] = total;
    return json;
}

std::string estimateJson(const Estimated& e) {
    const Estimate& r = e.result;
    Json bytes = Json::object();
    for (const MemoryTier tier : all_memory_tiers)
        bytes[std::string(toText(tier))] = bytesJson(r.of(tier), r.peak_bytes[tierIndex(tier)]);
    Json json = {
        {"model", e.request.model ? Json(e.request.model->name) : Json()},
        {"parameters", r.parameters},
        {"accounting", toText(e.request.accounting)},
        {"world_size", e.request.world_size},
        {"stage", e.request.config.zero.stage},
        {"precision", toText(e.request.config.precision())},
        {"train_micro_batch_size_per_gpu", e.request.config.train_micro_batch_size_per_gpu},
        {"bytes", bytes},
        {"peak_bytes", r.peak_bytes[tierIndex(MemoryTier::device)]},
        {"activation_bytes_per_layer", r.activation_bytes_per_layer ? Json(*r.activation_bytes_per_layer) : Json()},
        {"formula", r.formula}};
    if (r.peak_at)
        json["peak_at"] = {{"op", r.peak_at->op},
                           {"buffer", r.peak_at->buffer},
                           {"phase", toText(r.peak_at->phase)},
                           {"layer", r.peak_at->layer},
                           {"micro_batch", r.peak_at->micro_batch},
                           {"bytes", bytesJson(r.at_peak[tierIndex(MemoryTier::device)],
                                               r.peak_bytes[tierIndex(MemoryTier::device)])}};
    if (e.request.accounting == Accounting::deepspeed) json["host_bytes_are_per"] = "node";
    if (r.fits) {
        json["device_memory_bytes"] = std::llround(e.request.device_bytes);
        json["fits"] = *r.fits;
    }
    if (r.largest_model) json["largest_model_parameters"] = std::llround(*r.largest_model);
    json["notes"] = r.notes;
    return json.dump(2, ' ', false, Json::error_handler_t::replace);
}

} // namespace

void addEstimateCommand(CLI::App& app, Invocation& invocation) {
    auto command = std::make_shared<EstimateCommand>();
    command->assumed_micro_batch = 1;
    command->assumes_batch_of_file = true;
    EstimateRequest& request = command->request;
    CLI::App* sub = app.add_subcommand(
        "estimate", "Memory per rank on device, host and NVMe, as planned or by the published formulas");
    addConfigOption(*sub, *command);
    addOverrideOptions(*sub, *command);
    addModelOption(*sub, *command);
    sub->add_option("--parameters", command->parameters, "Instead of a model: model states alone, e.g. 7.5e9")
        ->type_name("N")
        ->excludes("--model");
    sub->add_option("--world-size,--ranks", command->world_size, "Devices in all")->type_name("N")->required();
    sub->add_option("--accounting", command->accounting,
                    "plan: what this runtime does, to the byte (default). paper: ZeRO, 16 bytes per parameter (default "
                    "with --parameters). fp32-grad: 20 bytes. deepspeed: its estimators. megatron: 18 bytes")
        ->check(CLI::IsMember({"plan", "paper", "fp32-grad", "deepspeed", "megatron"}))
        ->type_name("NAME");
    sub->add_option("--micro-batch", command->micro_batch, "Samples of a rank, instead of the configuration's")
        ->type_name("N");
    addSequenceOption(*sub, *command);
    sub->add_option("--device-memory", command->device_memory, "Whether it fits: 32GB, 80GiB")->type_name("BYTES");
    sub->add_option("--tensor-parallel", request.tensor_parallel, "paper, fp32-grad, megatron: devices per layer")
        ->type_name("T");
    sub->add_option("--pipeline-parallel", request.pipeline_parallel, "The same: pipeline stages")->type_name("P");
    sub->add_option("--interleave", request.interleave, "The same: model chunks per pipeline stage")->type_name("M");
    sub->add_flag("--sequence-parallel", request.sequence_parallel, "The same: norms and dropout are split as well");
    sub->add_option("--gpus-per-node", request.devices_per_node, "deepspeed: up to 8 without it")->type_name("G");
    sub->add_option("--largest-layer", command->largest_layer, "deepspeed, with --parameters: elements of it")
        ->type_name("N");
    sub->add_flag("--without-zero-init", command->without_zero_init,
                  "deepspeed: the model is not built under zero.Init");
    addFormatOption(*sub, command->format);
    sub->footer(
        "Bytes are per rank; GB is 1e9 bytes, GiB 2^30. Each category stands at its own peak, so that they add up "
        "to more than the total peak; model_states are the resident parameters, gradients and optimizer states.\n"
        "Examples:\n"
        "  shardscope estimate --model llama2-70b --config ds.json --world-size 1024\n"
        "  shardscope estimate --parameters 7.5e9 --stage 2 --world-size 64 --device-memory 32GB");
    sub->callback([command, &invocation] {
        const Result<Estimated> estimated = compute(*command);
        if (!estimated) {
            invocation.exit_code = fail(estimated.error());
            return;
        }
        print(command->format == "json" ? estimateJson(*estimated) : estimateText(*estimated));
        invocation.exit_code = success;
    });
}

} // namespace shardscope::cli
