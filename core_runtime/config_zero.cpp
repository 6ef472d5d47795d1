// SPDX-License-Identifier: Apache-2.0
// Reads zero_optimization with its offload sections, both spellings of its keys and its deprecated names.
#include "core_runtime/config_keys.h"
#include "core_runtime/config_parts.h"
#include <cmath>

namespace shardscope {
namespace {

constexpr size_t max_path = 4096;

// A deprecated name: null when it is not given. Giving old and new together is a mistake, whatever they say.
const Json* deprecated(const ConfigSection& section, std::string_view old_name, std::string_view new_name,
                       std::string_view write, ConfigReading& reading) {
    if (!section.contains(old_name)) return nullptr;
    if (section.contains(new_name))
        reading.fail(section.fullKey(old_name) + " is the old name of " + std::string(new_name) +
                     ", which is given too; remove " + std::string(old_name));
    const Json* value = section.find(old_name);
    if (!value) return nullptr;
    if (!value->is_boolean())
        reading.fail(section.fullKey(old_name) + " is " + shortText(*value) + "; write " + std::string(write));
    reading.notice(section.fullKey(old_name) + " is deprecated; write " + std::string(write));
    return value;
}

OffloadDevice readDevice(ConfigSection& offload, ConfigReading& reading, bool by_old_name) {
    const std::string name = offload.word("device", config_keys::offload_devices);
    const OffloadDevice device = name == "nvme"                 ? OffloadDevice::nvme
                                 : name == "cpu" || by_old_name ? OffloadDevice::cpu
                                                                : OffloadDevice::none;
    reading.note(offload.fullKey("device"), std::string(toText(device)),
                 !name.empty() || by_old_name ? "given" : "default");
    return device;
}

std::string readPath(ConfigSection& offload, ConfigReading& reading, OffloadDevice device) {
    const Json* value = offload.find("nvme_path");
    if (device == OffloadDevice::nvme && (!value || *value == ""))
        reading.fail(offload.fullKey("device") +
                     " is \"nvme\", but nvme_path is missing; give the folder that the "
                     "swapped values are written to as " +
                     offload.fullKey("nvme_path"));
    if (!value) return "";
    const std::string path = value->is_string() ? value->get<std::string>() : "";
    if (!value->is_string() || path.size() > max_path || path.find('\0') != std::string::npos) {
        reading.fail(offload.fullKey("nvme_path") + " is " + shortText(*value) + "; write the path of a folder");
        return "";
    }
    reading.note(offload.fullKey("nvme_path"), path, "given");
    return path;
}

void readOffloadParam(ConfigSection& zero, ConfigReading& reading, ZeroConfig& result) {
    const Json* old =
        deprecated(zero, "cpu_offload_param", "offload_param", "\"offload_param\": {\"device\": \"cpu\"}", reading);
    ConfigSection offload = zero.section("offload_param");
    OffloadParamConfig& param = result.offload_param;
    param.device = readDevice(offload, reading, old && *old == true);
    param.nvme_path = readPath(offload, reading, param.device);
    param.buffer_count = offload.integer("buffer_count", param.buffer_count, {1, "buffers", "use at least 1"});
    param.buffer_size = offload.integer("buffer_size", param.buffer_size,
                                        {1, "elements", "a buffer must hold at least 1 element; 1e8 is the default"});
    param.max_in_cpu = offload.integer(
        "max_in_cpu", param.max_in_cpu,
        {0, "elements", "0 keeps no parameter in host memory, a positive number so many elements", max_integer});
    for (const NoticedKey& rule : config_keys::offload_noticed) offload.noticed(rule);
    offload.refuseUnknown(config_keys::known(config_keys::offload_param_free, config_keys::offload_noticed));
    if (param.device != OffloadDevice::none && result.stage != 3)
        reading.fail(offload.fullKey("device") + " is \"" + std::string(toText(param.device)) +
                     "\", but parameters are sharded, and can be kept elsewhere, at stage 3 only; set "
                     "zero_optimization.stage to 3 or use offload_optimizer");
}

void readOffloadOptimizer(ConfigSection& zero, ConfigReading& reading, ZeroConfig& result) {
    constexpr int64_t adam_buffers = 4; // parameter, gradient and two moments of a sub-group
    const Json* old =
        deprecated(zero, "cpu_offload", "offload_optimizer", "\"offload_optimizer\": {\"device\": \"cpu\"}", reading);
    ConfigSection offload = zero.section("offload_optimizer");
    OffloadOptimizerConfig& optimizer = result.offload_optimizer;
    optimizer.device = readDevice(offload, reading, old && *old == true);
    optimizer.nvme_path = readPath(offload, reading, optimizer.device);
    const bool nvme = optimizer.device == OffloadDevice::nvme;
    optimizer.buffer_count = offload.integer(
        "buffer_count", optimizer.buffer_count,
        {nvme ? adam_buffers : 1, "buffers",
         nvme ? "Adam needs 4 buffers, for the parameters, the gradients and two moments" : "use at least 1"});
    optimizer.pipeline_read = offload.flag("pipeline_read", optimizer.pipeline_read);
    optimizer.pipeline_write = offload.flag("pipeline_write", optimizer.pipeline_write);
    for (const FixedKey& rule : config_keys::offload_optimizer_fixed) offload.fixed(rule, result.stage);
    for (const NoticedKey& rule : config_keys::offload_optimizer_noticed) offload.noticed(rule);
    offload.refuseUnknown(config_keys::known(config_keys::offload_optimizer_free, config_keys::offload_optimizer_fixed,
                                             config_keys::offload_optimizer_noticed));
    if (optimizer.device != OffloadDevice::none && result.stage == 0)
        reading.fail(offload.fullKey("device") + " is \"" + std::string(toText(optimizer.device)) +
                     "\", but every rank keeps all optimizer states at stage 0; set zero_optimization.stage to 1, 2 or "
                     "3");
    if (nvme && result.stage != 3)
        reading.fail(offload.fullKey("device") + " is \"nvme\", but optimizer states are swapped by sub-group, which "
                                                 "only stage 3 has; set zero_optimization.stage to 3 or the device to "
                                                 "\"cpu\"");
}

// A count of elements whose "auto" Hugging Face's Trainer computes from the model's hidden size h.
int64_t readSized(ConfigSection& zero, ConfigReading& reading, std::string_view key, std::string_view alias,
                  int64_t fallback, IntegerRule rule, std::optional<int64_t> automatic) {
    if (!automatic || !zero.isAuto(key, alias) || zero.find(key, alias))
        return zero.integer(key, fallback, rule, alias);
    reading.note(zero.fullKey(key), *automatic, "derived", std::string(rule.unit));
    return *automatic;
}

void readSizes(ConfigSection& zero, ConfigReading& reading, ZeroConfig& result, std::optional<int64_t> hidden_size) {
    const auto automatic = [&](double factor, bool squared) -> std::optional<int64_t> {
        if (!hidden_size) return std::nullopt;
        const double h = static_cast<double>(*hidden_size);
        return static_cast<int64_t>(std::min(factor * h * (squared ? h : 1), static_cast<double>(max_integer)));
    };
    result.reduce_bucket_size = readSized(
        zero, reading, "reduce_bucket_size", "", result.reduce_bucket_size,
        {1, "elements", "a bucket must hold at least 1 element; 5e8 is DeepSpeed's default"}, automatic(1, true));
    result.allgather_bucket_size =
        zero.integer("allgather_bucket_size", result.allgather_bucket_size,
                     {2, "elements", "a bucket must hold at least 2 elements; 5e8 is DeepSpeed's default"});
    if (result.allgather_bucket_size % 2 != 0)
        reading.fail("zero_optimization.allgather_bucket_size is " + std::to_string(result.allgather_bucket_size) +
                     ", an odd number of elements; use " + std::to_string(result.allgather_bucket_size + 1));
    result.sub_group_size = zero.integer(
        "sub_group_size", result.sub_group_size,
        {1, "elements", "a sub-group must hold at least 1 element; 1e9 is DeepSpeed's default", max_integer});
    result.stage3_prefetch_bucket_size = readSized(
        zero, reading, "stage3_prefetch_bucket_size", "prefetch_bucket_size", result.stage3_prefetch_bucket_size,
        {0, "elements", "0 turns prefetch off, a positive number of elements bounds it"}, automatic(0.9, true));
    result.stage3_param_persistence_threshold =
        readSized(zero, reading, "stage3_param_persistence_threshold", "param_persistence_threshold",
                  result.stage3_param_persistence_threshold,
                  {0, "elements", "0 keeps no parameter gathered, a positive number of elements keeps the smaller ones",
                   max_integer},
                  automatic(10, false));
    result.stage3_model_persistence_threshold = zero.integer(
        "stage3_model_persistence_threshold", result.stage3_model_persistence_threshold,
        {0, "elements", "0 keeps no parameter gathered, a positive number of elements bounds what stays", INT64_MAX},
        "model_persistence_threshold");
    result.stage3_max_live_parameters = zero.integer(
        "stage3_max_live_parameters", result.stage3_max_live_parameters,
        {0, "elements", "0 leaves no room for prefetch, a positive number of elements bounds it", max_integer},
        "max_live_parameters");
    result.stage3_max_reuse_distance = zero.integer(
        "stage3_max_reuse_distance", result.stage3_max_reuse_distance,
        {0, "elements", "0 releases parameters after each use, a positive number keeps those used again within it",
         max_integer},
        "max_reuse_distance");
}

} // namespace

void readZero(ConfigSection& top, ConfigReading& reading, Config& config, const ConfigSurroundings& around) {
    const Json* given = top.find("zero_optimization");
    Json as_section; // DeepSpeed's first form was true or false
    if (given && given->is_boolean()) {
        as_section = {{"stage", given->get<bool>() ? 1 : 0}};
        reading.notice("zero_optimization is " + shortText(*given) +
                       ", a deprecated form; write {\"stage\": " + (given->get<bool>() ? "1" : "0") + "}");
    }
    ConfigSection zero = as_section.is_null() ? top.section("zero_optimization")
                                              : ConfigSection(reading, "zero_optimization", &as_section);
    ZeroConfig& result = config.zero;
    const int64_t stage = zero.integer("stage", result.stage, {0, "", "choose 0, 1, 2 or 3"});
    if (stage > 3) reading.fail("zero_optimization.stage is " + std::to_string(stage) + "; choose 0, 1, 2 or 3");
    if (reading.error) return;
    result.stage = static_cast<int>(stage);

    readSizes(zero, reading, result, around.hidden_size);
    result.overlap_comm = zero.flag("overlap_comm", stage == 3);
    result.reduce_scatter = zero.flag("reduce_scatter", result.reduce_scatter);
    readOffloadParam(zero, reading, result);
    readOffloadOptimizer(zero, reading, result);

    const std::string_view gather = "stage3_gather_16bit_weights_on_model_save";
    for (const std::string_view old : {"stage3_gather_fp16_weights_on_model_save", "gather_fp16_weights_on_model_save"})
        if (const Json* value = deprecated(zero, old, gather, "stage3_gather_16bit_weights_on_model_save", reading))
            reading.note(zero.fullKey(gather), *value, "given");
    zero.noticed({gather, "*", "", "gather_16bit_weights_on_model_save"}); // saved weights are always whole
    for (const FixedKey& rule : config_keys::zero_fixed) zero.fixed(rule, result.stage);
    for (const NoticedKey& rule : config_keys::zero_noticed) zero.noticed(rule);
    zero.refuseUnknown(config_keys::known(config_keys::zero_free, config_keys::zero_fixed, config_keys::zero_noticed));
}

} // namespace shardscope
