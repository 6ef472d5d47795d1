// SPDX-License-Identifier: Apache-2.0
// Reads what decides an update: precision and loss scale, optimizer, clipping, learning rate schedule.
#include "core_runtime/config_keys.h"
#include "core_runtime/config_parts.h"
#include "core_runtime/nearest_name.h"
#include <algorithm>
#include <cctype>
#include <cmath>

namespace shardscope {
namespace {

constexpr double huge = 1e30;

std::string lowerCase(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return text;
}

void readFp16(ConfigSection& top, ConfigReading& reading, Fp16Config& fp16) {
    ConfigSection section = top.section("fp16");
    fp16.enabled = section.flag("enabled", false);
    fp16.loss_scale = section.real("loss_scale", fp16.loss_scale, 0, huge);
    const bool scales = fp16.enabled && fp16.loss_scale == 0; // what is not used may be anything that is no mistake
    const int64_t least = scales ? 1 : 0;
    fp16.initial_scale_power = section.integer("initial_scale_power", fp16.initial_scale_power,
                                               {0, "", "the scale starts at 2 to this power, use 0 to 126"});
    if (fp16.initial_scale_power > 126)
        reading.fail("fp16.initial_scale_power is " + std::to_string(fp16.initial_scale_power) +
                     "; the scale starts at 2 to this power, use 0 to 126");
    fp16.loss_scale_window =
        section.integer("loss_scale_window", fp16.loss_scale_window,
                        {least, "steps", "the scale grows after so many steps without overflow, use at least 1"});
    fp16.hysteresis = section.integer(
        "hysteresis", fp16.hysteresis,
        {least, "overflows", "the scale is lowered at the overflow of this number, use 1 for the first"});
    fp16.consecutive_hysteresis = section.flag("consecutive_hysteresis", fp16.consecutive_hysteresis);
    fp16.min_loss_scale =
        static_cast<double>(section.integer("min_loss_scale", static_cast<int64_t>(fp16.min_loss_scale),
                                            {least, "", "the scale is never lowered below it, use at least 1"}));
    if (scales && !reading.error && fp16.min_loss_scale > std::ldexp(1.0, static_cast<int>(fp16.initial_scale_power)))
        reading.fail("fp16.min_loss_scale is above the scale at the start, 2 to the power of "
                     "fp16.initial_scale_power = " +
                     std::to_string(fp16.initial_scale_power) + "; lower it or raise initial_scale_power");
    for (const FixedKey& rule : config_keys::fp16_fixed) section.fixed(rule, 0);
    for (const NoticedKey& rule : config_keys::fp16_noticed) section.noticed(rule);
    section.refuseUnknown(
        config_keys::known(config_keys::fp16_fixed, config_keys::fp16_noticed, config_keys::fp16_free));
}

std::optional<Precision> precisionNamed(std::string name) {
    if (name.starts_with("torch.")) name.erase(0, 6);
    if (name == "fp32" || name == "float32" || name == "float") return Precision::fp32;
    if (name == "bf16" || name == "bfloat16") return Precision::bf16;
    if (name == "fp16" || name == "float16" || name == "half") return Precision::fp16;
    return std::nullopt;
}

// A type that gradients have on their way: the model's own or fp32.
std::optional<Precision> readType(const ConfigSection& section, std::string_view key, ConfigReading& reading,
                                  const Config& config) {
    const Json* value = section.find(key);
    const Precision model = config.precision();
    const auto type = value && value->is_string() ? precisionNamed(value->get<std::string>()) : std::nullopt;
    if (value && !type)
        reading.fail(section.fullKey(key) + " is " + shortText(*value) + "; write \"fp32\", \"bf16\" or \"fp16\"");
    if (type && *type != Precision::fp32 && *type != model)
        reading.fail(section.fullKey(key) + " is " + shortText(*value) + ", but the model is " +
                     std::string(toText(model)) + "; use \"fp32\"" +
                     (model == Precision::fp32 ? "" : " or \"" + std::string(toText(model)) + "\"") + " or set " +
                     std::string(toText(*type)) + ".enabled to true");
    reading.note(section.fullKey(key), std::string(toText(type.value_or(model))), type ? "given" : "derived");
    return type;
}

struct ScheduleName {
    std::string_view name;
    SchedulerKind kind;
};
constexpr std::array schedules = {ScheduleName{"WarmupLR", SchedulerKind::warmup},
                                  ScheduleName{"WarmupDecayLR", SchedulerKind::warmup_decay},
                                  ScheduleName{"WarmupCosineLR", SchedulerKind::warmup_cosine}};

SchedulerKind readScheduleType(const ConfigSection& scheduler, ConfigReading& reading) {
    const Json* type = scheduler.find("type");
    if (!type) return SchedulerKind::none;
    const std::string given = type->is_string() ? type->get<std::string>() : "";
    std::vector<std::string_view> names;
    for (const ScheduleName& schedule : schedules) {
        if (schedule.name == given) return schedule.kind;
        names.push_back(schedule.name);
    }
    std::string close = closeName(given, names);
    for (const std::string_view name : names)
        if (lowerCase(std::string(name)) == lowerCase(given)) close = name;
    reading.fail("scheduler.type is " + shortText(*type) + "; " +
                 (close.empty() ? "WarmupLR, WarmupDecayLR and WarmupCosineLR are implemented, so use one of them or "
                                  "remove scheduler for a constant rate"
                                : "did you mean " + close + "?"));
    return SchedulerKind::none;
}

// total_num_steps has no default. "auto" is the length of the run; where that is not known, a schedule without an end.
void readTotalSteps(ConfigSection& params, ConfigReading& reading, SchedulerConfig& result,
                    const ConfigSurroundings& around) {
    const char* const key = "total_num_steps";
    const auto given = params.optionalInteger(key, {1, "steps", "it is the length of the schedule, use at least 1"});
    if (!given && !params.isAuto(key))
        return reading.fail("scheduler.params.total_num_steps is missing; give the number of optimizer steps after "
                            "which the learning rate has decayed");
    if (!given && !around.total_steps)
        reading.notice("scheduler.params.total_num_steps is \"auto\" and the length of the run is not known here, so "
                       "the learning rate does not decay; write the number of steps");
    result.total_num_steps = given ? *given : around.total_steps.value_or(max_integer);
    reading.note(params.fullKey(key), result.total_num_steps, given ? "given" : "derived", "steps");
    if (result.total_num_steps < result.warmup_num_steps)
        reading.notice("scheduler.params.total_num_steps " + std::to_string(result.total_num_steps) +
                       " is less than warmup_num_steps " + std::to_string(result.warmup_num_steps) +
                       ", so the schedule ends within its warm-up or right after it");
}

} // namespace

void readPrecision(ConfigSection& top, ConfigReading& reading, Config& config) {
    const bool short_name = top.find("bf16", "bfloat16") == top.find("bf16");
    ConfigSection bf16 = short_name ? top.section("bf16") : top.section("bfloat16");
    config.bf16_enabled = bf16.flag("enabled", false);
    for (const FixedKey& rule : config_keys::bf16_fixed) bf16.fixed(rule, 0);
    for (const NoticedKey& rule : config_keys::bf16_noticed) bf16.noticed(rule);
    bf16.refuseUnknown(config_keys::known(std::array<std::string_view, 1>{"enabled"}, config_keys::bf16_fixed,
                                          config_keys::bf16_noticed));
    if (!short_name) // stored under the name DeepSpeed documents
        for (Setting& setting : reading.settings)
            if (setting.key.starts_with("bfloat16.")) setting.key.replace(0, 8, "bf16");
    readFp16(top, reading, config.fp16);
    if (config.bf16_enabled && config.fp16.enabled)
        return reading.fail("bf16.enabled and fp16.enabled are both true, but a model has one precision; set one of "
                            "them to false");

    ConfigSection types = top.section("data_types");
    config.grad_accum_dtype = readType(types, "grad_accum_dtype", reading, config);
    config.communication_data_type = readType(top, "communication_data_type", reading, config);
    for (const std::string_view key : {"param_dtype", "buffer_dtype"}) {
        const Json* value = types.find(key);
        if (!value) continue;
        if (!value->is_string() || precisionNamed(value->get<std::string>()) != config.precision())
            reading.fail(types.fullKey(key) + " is " + shortText(*value) + ", but the model is " +
                         std::string(toText(config.precision())) + "; set it to that or remove it");
        reading.note(types.fullKey(key), *value, "given");
    }
    types.refuseUnknown(std::array<std::string_view, 3>{"grad_accum_dtype", "param_dtype", "buffer_dtype"});
}

void readOptimizer(ConfigSection& top, ConfigReading& reading, Config& config) {
    ConfigSection optimizer = top.section("optimizer");
    optimizer.refuseUnknown(config_keys::optimizer);
    const Json* type = optimizer.find("type");
    const std::string name = type && type->is_string() ? lowerCase(type->get<std::string>()) : "";
    if (name.starts_with("onebit") || name.starts_with("zeroone"))
        reading.fail("optimizer.type is " + shortText(*type) +
                     ", which compresses gradients to one bit and works without ZeRO only; set it to \"AdamW\"");
    else if (type && name != "adam" && name != "adamw")
        reading.fail("optimizer.type is " + shortText(*type) +
                     ", but only Adam and AdamW are implemented; set it to \"AdamW\"");
    reading.note("optimizer.type", type ? *type : Json("AdamW"), type ? "given" : "default");

    ConfigSection params = optimizer.section("params");
    OptimizerConfig& result = config.optimizer;
    result.learning_rate = params.real("lr", result.learning_rate, 0, huge);
    const Json* betas = params.find("betas");
    const auto is_beta = [](const Json& b) { return b.is_number() && b.get<double>() >= 0 && b.get<double>() < 1; };
    if (betas && !(betas->is_array() && betas->size() == 2 && is_beta((*betas)[0]) && is_beta((*betas)[1])))
        reading.fail("optimizer.params.betas is " + shortText(*betas) +
                     "; write two numbers from 0 to below 1, such as [0.9, 0.999]");
    else if (betas) {
        result.beta1 = (*betas)[0].get<double>();
        result.beta2 = (*betas)[1].get<double>();
    }
    reading.note("optimizer.params.betas", Json::array({result.beta1, result.beta2}), betas ? "given" : "default");
    result.epsilon = params.real("eps", result.epsilon, 1e-30, huge);
    result.weight_decay = params.real("weight_decay", result.weight_decay, 0, huge);
    if (params.contains("max_grad_norm"))
        reading.fail("optimizer.params.max_grad_norm does not belong to the optimizer; write gradient_clipping at the "
                     "top level instead");
    for (const FixedKey& rule : config_keys::optimizer_fixed) params.fixed(rule, 0);
    for (const NoticedKey& rule : config_keys::optimizer_noticed) params.noticed(rule);
    params.refuseUnknown(
        config_keys::known(config_keys::optimizer_fixed, config_keys::optimizer_noticed, config_keys::optimizer_free));
    config.gradient_clipping = top.real("gradient_clipping", config.gradient_clipping, 0, huge, "L2 norm");
}

void readScheduler(ConfigSection& top, ConfigReading& reading, Config& config, const ConfigSurroundings& around) {
    ConfigSection scheduler = top.section("scheduler");
    scheduler.refuseUnknown(config_keys::scheduler);
    SchedulerConfig& result = config.scheduler;
    result.kind = readScheduleType(scheduler, reading);
    ConfigSection params = scheduler.section("params");
    if (result.kind == SchedulerKind::none) {
        if (params.present()) reading.notice("scheduler.params has no effect: scheduler.type is not given");
        return;
    }
    reading.note("scheduler.type", *scheduler.find("type"), "given");
    const bool cosine = result.kind == SchedulerKind::warmup_cosine, ends = result.kind != SchedulerKind::warmup;
    std::vector<std::string_view> known = {"warmup_num_steps", "warmup_type", "last_batch_iteration"};
    if (ends) known.push_back("total_num_steps");
    if (cosine) {
        known.insert(known.end(), {"warmup_min_ratio", "cos_min_ratio"});
        result.warmup_min_ratio = params.real("warmup_min_ratio", result.warmup_min_ratio, 0, huge);
        result.cos_min_ratio = params.real("cos_min_ratio", result.cos_min_ratio, 0, huge);
    } else {
        known.insert(known.end(), {"warmup_min_lr", "warmup_max_lr"});
        result.warmup_min_lr = params.real("warmup_min_lr", result.warmup_min_lr, 0, huge);
        // WarmupLR takes the optimizer's lr where none is given, WarmupDecayLR 0.001; "auto" is the optimizer's lr.
        const bool own = params.find("warmup_max_lr") != nullptr;
        const bool follows = !own && (!ends || params.isAuto("warmup_max_lr"));
        result.warmup_max_lr = follows ? config.optimizer.learning_rate : params.real("warmup_max_lr", 1e-3, 0, huge);
        if (follows) reading.note("scheduler.params.warmup_max_lr", result.warmup_max_lr, "derived");
    }
    result.warmup_num_steps =
        params.integer("warmup_num_steps", result.warmup_num_steps,
                       {1, "steps", "the learning rate warms up over so many steps, use at least 1"});
    const std::string type = params.word("warmup_type", std::array<std::string_view, 2>{"log", "linear"});
    result.warmup_log = type != "linear";
    reading.note("scheduler.params.warmup_type", result.warmup_log ? "log" : "linear",
                 type.empty() ? "default" : "given");
    if (ends) readTotalSteps(params, reading, result, around);
    params.noticed({"last_batch_iteration", "-1", "a run that resumes knows its step"});
    params.refuseUnknown(known);
}

} // namespace shardscope
