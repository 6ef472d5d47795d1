// SPDX-License-Identifier: Apache-2.0
#include "core_runtime/config.h"
#include "core_runtime/config_keys.h"
#include "core_runtime/config_parts.h"

namespace shardscope {
namespace {

constexpr int64_t max_batch = 1'000'000'000;

std::string multipleHint(int64_t value, int64_t divisor) {
    const int64_t below = value / divisor * divisor;
    const std::string above = std::to_string(below + divisor);
    return below == 0 ? "use " + above : "use " + std::to_string(below) + " or " + above;
}

constexpr const char* partition_notice =
    "activation_checkpointing.partition_activations splits activations across model-parallel ranks, of which there is "
    "one, so they are stored whole";

} // namespace

std::string_view toText(Precision precision) {
    return precision == Precision::fp32 ? "fp32" : precision == Precision::bf16 ? "bf16" : "fp16";
}

std::string_view toText(OffloadDevice device) {
    return device == OffloadDevice::none ? "none" : device == OffloadDevice::cpu ? "cpu" : "nvme";
}

std::string_view toText(Recompute recompute) {
    return recompute == Recompute::none ? "none" : recompute == Recompute::selective ? "selective" : "full";
}

// train_batch_size = micro-batch * accumulation * ranks; what is missing follows from what is given.
void readBatch(ConfigSection& top, ConfigReading& reading, Config& config, const ConfigSurroundings& around) {
    const int64_t ranks = around.ranks;
    const char *const total_key = "train_batch_size", *const micro_key = "train_micro_batch_size_per_gpu",
                      *const steps_key = "gradient_accumulation_steps";
    const auto read = [&](const char* key) {
        const auto value = top.optionalInteger(key, {1, "", ""});
        if (value && *value > max_batch)
            reading.fail(std::string(key) + " is " + std::to_string(*value) + "; it must be at most 1000000000");
        return value;
    };
    const auto total = read(total_key), micro = read(micro_key), steps = read(steps_key);
    if (reading.error) return;
    const bool left_open = top.isAuto(total_key) || top.isAuto(micro_key);
    if (!total && !micro && !left_open)
        return reading.fail("the batch size is missing; give train_micro_batch_size_per_gpu or train_batch_size");
    if (!total && !micro)
        reading.notice("the batch sizes are \"auto\", which a training script would fill in; one sample per rank and "
                       "micro-batch is taken");

    const std::string of_ranks = std::to_string(ranks) + (ranks == 1 ? " rank" : " ranks");
    const std::string of_steps = " x accumulation " + std::to_string(steps.value_or(1));
    if (total && micro) {
        const int64_t once = *micro * ranks; // at most 1e15
        const std::string product = of_ranks + " x micro-batch " + std::to_string(*micro);
        if (*total % once != 0)
            return reading.fail("train_batch_size " + std::to_string(*total) + " cannot be divided by " + product +
                                " = " + std::to_string(once) + "; " + multipleHint(*total, once) +
                                " or give only one of train_batch_size and train_micro_batch_size_per_gpu");
        if (steps && *total / once != *steps)
            return reading.fail("train_batch_size " + std::to_string(*total) + " is not " + product + of_steps +
                                "; remove gradient_accumulation_steps or set it to " + std::to_string(*total / once));
    } else if (total && *total % (ranks * steps.value_or(1)) != 0) {
        return reading.fail("train_batch_size " + std::to_string(*total) + " cannot be divided by " + of_ranks +
                            (steps ? of_steps : "") + "; " + multipleHint(*total, ranks * steps.value_or(1)));
    }
    const int64_t accumulation = steps ? *steps : total && micro ? *total / (*micro * ranks) : 1;
    config.gradient_accumulation_steps = accumulation;
    config.train_micro_batch_size_per_gpu = micro ? *micro : total ? *total / (ranks * accumulation) : 1;
    if (config.train_micro_batch_size_per_gpu * ranks > max_batch / accumulation)
        return reading.fail("the batch of " + of_ranks + " x micro-batch " +
                            std::to_string(config.train_micro_batch_size_per_gpu) + " x accumulation " +
                            std::to_string(accumulation) + " is larger than 1000000000 samples; lower one of them");
    config.train_batch_size = config.train_micro_batch_size_per_gpu * accumulation * ranks;
    const auto origin = [](bool given, bool follows) { return given ? "given" : follows ? "derived" : "default"; };
    reading.note(total_key, config.train_batch_size, origin(total.has_value(), true), "samples");
    reading.note(micro_key, config.train_micro_batch_size_per_gpu, origin(micro.has_value(), total.has_value()),
                 "samples");
    reading.note(steps_key, accumulation, origin(steps.has_value(), total && micro), "micro-batches");
}

void readActivations(ConfigSection& top, ConfigReading& reading, Config& config) {
    ConfigSection section = top.section("activation_checkpointing");
    ActivationConfig& result = config.activations;
    const bool partition = section.flag("partition_activations", false);
    result.cpu_checkpointing = section.flag("cpu_checkpointing", false);
    if (partition) reading.notice(partition_notice);
    for (const NoticedKey& rule : config_keys::checkpointing_noticed) section.noticed(rule);
    section.noticeUnknown(config_keys::known(config_keys::checkpointing_noticed, config_keys::checkpointing_free));

    ConfigSection own = top.section("shardscope");
    const std::string wanted = own.word("activation_checkpointing", config_keys::recompute);
    if (!wanted.empty() && wanted != "none")
        result.recompute = wanted == "full" ? Recompute::full : Recompute::selective;
    std::string origin = wanted.empty() ? "default" : "given";
    if (wanted.empty() && (partition || result.cpu_checkpointing)) {
        result.recompute = Recompute::full;
        origin = "derived";
        reading.notice("shardscope.activation_checkpointing is \"full\" because activation_checkpointing asks for it; "
                       "DeepSpeed would checkpoint only what the model's code wraps");
    }
    reading.note("shardscope.activation_checkpointing", std::string(toText(result.recompute)), origin);
    if (result.cpu_checkpointing && result.recompute != Recompute::full)
        reading.fail("activation_checkpointing.cpu_checkpointing keeps the checkpoints of full recomputation on the "
                     "host, but shardscope.activation_checkpointing is \"" +
                     wanted + "\"; set it to \"full\" or remove it");

    config.delayed_update = own.flag("delayed_update", false);
    if (config.delayed_update && config.zero.offload_optimizer.device != OffloadDevice::cpu)
        reading.fail("shardscope.delayed_update is true, but only an optimizer on the host can run beside the next "
                     "step; set zero_optimization.offload_optimizer.device to \"cpu\"");
    if (config.delayed_update && config.fp16.enabled)
        reading.fail("shardscope.delayed_update is true together with fp16.enabled, but an overflow must be known "
                     "before the next step starts; train with bf16.enabled instead");
    own.refuseUnknown(config_keys::own);
}

void readRest(ConfigSection& top, ConfigReading& reading, Config& config) {
    config.wall_clock_breakdown = top.flag("wall_clock_breakdown", false);
    for (const FixedKey& rule : config_keys::top_fixed) top.fixed(rule, config.zero.stage);
    for (const config_keys::RefusedSection& rule : config_keys::refused_sections) {
        const Json* section = top.find(rule.key);
        if (!section) continue;
        if (enablesSomething(*section) || !section->is_object())
            reading.fail(std::string(rule.key) +
                         " enables something that is not implemented and would change "
                         "results; " +
                         std::string(rule.remedy));
        top.noticed({rule.key, "*", ""});
    }
    for (const NoticedKey& rule : config_keys::top_noticed) top.noticed(rule);
    const auto names = config_keys::known(config_keys::top_free, config_keys::top_fixed, config_keys::refused_sections,
                                          config_keys::top_noticed, std::array<std::string_view, 1>{"shardscope"});
    top.noticeUnknown(names);
}

Result<Config> parseConfig(const std::string& text, const std::string& source, int64_t ranks,
                           std::optional<int64_t> hidden_size, std::optional<int64_t> total_steps) {
    if (ranks < 1 || ranks > 1'000'000) return Error{"ranks is " + std::to_string(ranks) + "; use 1 to 1000000"};
    const Result<Json> object = parseJsonObject(text, source);
    if (!object) return object.error();

    Config config;
    ConfigReading reading;
    ConfigSection top(reading, "", &*object);
    const ConfigSurroundings around{ranks, hidden_size, total_steps};
    readBatch(top, reading, config, around);
    readPrecision(top, reading, config);
    readOptimizer(top, reading, config);
    readScheduler(top, reading, config, around);
    readZero(top, reading, config, around);
    readActivations(top, reading, config);
    readRest(top, reading, config);
    if (reading.error) return Error{source + ": " + reading.error->message};
    config.settings = std::move(reading.settings);
    config.notices = std::move(reading.notices);
    return config;
}

Result<Config> loadConfig(const std::string& path, int64_t ranks, std::optional<int64_t> hidden_size,
                          std::optional<int64_t> total_steps) {
    const Result<std::string> text = readSmallFile(path, "configuration");
    if (!text) return text.error();
    return parseConfig(*text, path, ranks, hidden_size, total_steps);
}

} // namespace shardscope
