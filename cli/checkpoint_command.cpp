// SPDX-License-Identifier: Apache-2.0
// What a checkpoint holds, and its weights as one file.
#include "cli/checkpoint_name.h"
#include "cli/command.h"
#include "core_runtime/checkpoint.h"
#include "core_runtime/model_file.h"
#include "core_runtime/weights_file.h"
#include <CLI/CLI.hpp>
#include <fmt/core.h>
#include <nlohmann/json.hpp>

namespace shardscope::cli {
namespace {

struct Options {
    std::string checkpoint, format = "text", output, dtype = "fp32";
};

std::string infoJson(const CheckpointInfo& info) {
    Json files = Json::array();
    for (const CheckpointFile& file : info.files) files.push_back({{"name", file.name}, {"bytes", file.bytes}});
    return Json{{"path", info.path},
                {"tag", info.tag},
                {"model", modelJson(info.model)},
                {"parameters", parameterCount(info.model)},
                {"global_steps", info.state.global_steps},
                {"updates", info.state.updates},
                {"skipped_steps", info.state.skipped_steps},
                {"loss_scale", info.state.loss_scale},
                {"world_size", info.ranks},
                {"stage", info.stage},
                {"precision", info.precision},
                {"sequence", info.sequence},
                {"seed", info.seed},
                {"bytes", info.bytes()},
                {"files", std::move(files)},
                {"config", Json::parse(info.config)}}
        .dump(2, ' ', true, Json::error_handler_t::replace);
}

std::string infoText(const CheckpointInfo& info) {
    std::string text = fmt::format("{}\n", info.path);
    const auto line = [&](const char* key, const std::string& value) {
        text += fmt::format("  {:<10} {}\n", key, value);
    };
    line("model", fmt::format("{}, {} parameters", info.model.name, parameterCount(info.model)));
    line("steps", fmt::format("{}, {} of them skipped, {} updates", info.state.global_steps, info.state.skipped_steps,
                              info.state.updates));
    line("written by", fmt::format("{} ranks, ZeRO-{}, {}, sequences of {}, seed {}", info.ranks, info.stage,
                                   info.precision, info.sequence, info.seed));
    if (info.dynamic_loss_scale) line("loss scale", fmt::format("{:g}", info.state.loss_scale));
    line("size", fmt::format("{} bytes in {} files", info.bytes(), info.files.size()));
    return text + "fp32 weights and Adam's moments; any world size, stage, offload and precision can continue it\n";
}

int info(const Options& options) {
    const CheckpointName name = checkpointName(options.checkpoint);
    const auto found = readCheckpointInfo(name.folder, name.tag);
    if (!found) return fail(found.error());
    print(options.format == "json" ? infoJson(*found) : infoText(*found));
    return success;
}

int consolidate(const Options& options) {
    const CheckpointName name = checkpointName(options.checkpoint);
    const auto reader = CheckpointReader::open(name.folder, name.tag);
    if (!reader) return fail(reader.error());
    auto file = SafetensorsWriter::create(options.output, "the weights");
    if (!file) return fail(file.error());
    const DType dtype = options.dtype == "bf16" ? DType::bf16 : options.dtype == "fp16" ? DType::f16 : DType::f32;
    const CheckpointInfo& checkpoint = reader->info();
    const auto written = writeWeights(
        *file, checkpoint.model, dtype,
        {{"format", "pt"}, {"model", checkpoint.model.name}, {"steps", std::to_string(checkpoint.state.global_steps)}},
        [&](int32_t p, std::span<float> out) { return reader->read(StateKind::master, p, 0, out); });
    if (!written) return fail(written.error());
    print(fmt::format("{}: {} parameters in {} after {} steps", options.output, parameterCount(checkpoint.model),
                      options.dtype, checkpoint.state.global_steps));
    return success;
}

} // namespace

void addCheckpointCommands(CLI::App& app, Invocation& invocation) {
    CLI::App* group = app.add_subcommand("checkpoint", "What a checkpoint holds, and its weights as one file");
    group->require_subcommand(1);
    const auto options = std::make_shared<Options>();
    const auto add = [&](const char* command, const char* help) {
        CLI::App* sub = group->add_subcommand(command, help);
        sub->add_option("checkpoint", options->checkpoint, "The latest in this folder, or the one named TAG")
            ->required()
            ->type_name("DIR[:TAG]");
        return sub;
    };
    CLI::App* about = add("info", "Model, steps, layout and size, without reading the tensors");
    addFormatOption(*about, options->format);
    about->callback([options, &invocation] { invocation.exit_code = info(*options); });

    CLI::App* merge = add("consolidate", "The weights of all ranks as one .safetensors file with Hugging Face's names");
    merge->add_option("-o,--output", options->output, "The file; it appears when it is complete")
        ->required()
        ->type_name("FILE");
    merge->add_option("--dtype", options->dtype, "Type of the elements")
        ->check(CLI::IsMember({"fp32", "bf16", "fp16"}))
        ->capture_default_str();
    merge->footer("Example:\n  shardscope checkpoint consolidate here -o model.safetensors --dtype bf16");
    merge->callback([options, &invocation] { invocation.exit_code = consolidate(*options); });
}

} // namespace shardscope::cli
