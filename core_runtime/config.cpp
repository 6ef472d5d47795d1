// SPDX-License-Identifier: Apache-2.0
#include "core_runtime/config.h"
#include "core_runtime/config_json.h"
#include "core_runtime/config_keys.h"
#include <algorithm>
#include <cctype>

namespace shardscope {
namespace {

constexpr int64_t max_batch = 1'000'000'000;

template <size_t N, size_t M>
std::vector<std::string_view> knownKeys(const std::array<FixedKey, N>& fixed,
                                        const std::array<std::string_view, M>& free) {
    std::vector<std::string_view> known(free.begin(), free.end());
    for (const FixedKey& rule : fixed) {
        known.push_back(rule.key);
        if (!rule.alias.empty()) known.push_back(rule.alias);
    }
    return known;
}

std::string multipleHint(int64_t value, int64_t divisor) {
    const int64_t below = value / divisor * divisor;
    const std::string above = std::to_string(below + divisor);
    return below == 0 ? "use " + above : "use " + std::to_string(below) + " or " + above;
}

// train_batch_size = micro-batch * accumulation * ranks; what is missing follows from what is given.
void readBatch(ConfigSection& top, ConfigReading& reading, Config& config, int64_t ranks) {
    const IntegerRule positive{1, "samples", ""};
    const auto total = top.optionalInteger("train_batch_size", positive);
    const auto micro = top.optionalInteger("train_micro_batch_size_per_gpu", positive);
    const auto accumulation = top.optionalInteger("gradient_accumulation_steps", positive);
    if (reading.error) return;
    const std::string of_ranks = std::to_string(ranks) + (ranks == 1 ? " rank" : " ranks");
    for (const auto& [key, value] :
         {std::pair{"train_batch_size", total}, std::pair{"train_micro_batch_size_per_gpu", micro}})
        if (value && *value > max_batch)
            return reading.fail(std::string(key) + " is " + std::to_string(*value) + "; it must be at most 1000000000");
    if (!total && !micro)
        return reading.fail("the batch size is missing; give train_micro_batch_size_per_gpu or train_batch_size");
    if (accumulation && *accumulation != 1)
        return reading.fail(
            "gradient_accumulation_steps is " + std::to_string(*accumulation) +
            ", but only 1 is implemented; set it to 1 and raise train_micro_batch_size_per_gpu instead");
    if (!micro && *total % ranks != 0)
        return reading.fail("train_batch_size " + std::to_string(*total) + " cannot be divided by " + of_ranks + "; " +
                            multipleHint(*total, ranks));
    if (micro && total && *total != *micro * ranks) {
        const int64_t once = *micro * ranks;
        const std::string product =
            of_ranks + " x micro-batch " + std::to_string(*micro) + " = " + std::to_string(once);
        if (*total % once != 0 || accumulation)
            return reading.fail("train_batch_size " + std::to_string(*total) +
                                (*total % once != 0 ? " cannot be divided by " : " is not ") + product +
                                "; set train_batch_size to " + std::to_string(once) +
                                " or give only one of train_batch_size and train_micro_batch_size_per_gpu");
        return reading.fail("train_batch_size " + std::to_string(*total) + " would need gradient_accumulation_steps " +
                            std::to_string(*total / once) + " with " + product +
                            ", but only 1 is implemented; set train_batch_size to " + std::to_string(once) +
                            " or train_micro_batch_size_per_gpu to " + std::to_string(*total / ranks));
    }
    config.train_micro_batch_size_per_gpu = micro ? *micro : *total / ranks;
    config.train_batch_size = config.train_micro_batch_size_per_gpu * ranks;
    reading.note("train_batch_size", config.train_batch_size, total ? "given" : "derived", "samples");
    reading.note("train_micro_batch_size_per_gpu", config.train_micro_batch_size_per_gpu, micro ? "given" : "derived",
                 "samples");
    reading.note("gradient_accumulation_steps", config.gradient_accumulation_steps, accumulation ? "given" : "default");
}

void readPrecision(ConfigSection& top, ConfigReading& reading, Config& config) {
    const bool short_name = top.find("bf16", "bfloat16") == top.find("bf16");
    ConfigSection bf16 = short_name ? top.section("bf16") : top.section("bfloat16");
    config.bf16_enabled = bf16.flag("enabled", false);
    for (const FixedKey& rule : config_keys::bf16_fixed) bf16.fixed(rule, 0);
    bf16.refuseUnknown(knownKeys(config_keys::bf16_fixed, std::array<std::string_view, 1>{"enabled"}));
    if (!short_name) // stored under the name DeepSpeed documents
        for (Setting& setting : reading.settings)
            if (setting.key.starts_with("bfloat16.")) setting.key.replace(0, 8, "bf16");

    ConfigSection fp16 = top.section("fp16");
    fp16.refuseUnknown(config_keys::fp16);
    if (fp16.flag("enabled", false))
        reading.fail(
            "fp16.enabled is true, but only bf16 and fp32 are implemented; set fp16.enabled to false and, for 16-bit "
            "training, bf16.enabled to true");
}

// Names of data types that are fine where this run's own dtype is asked for.
void requireOwnType(const ConfigSection& section, std::string_view key, ConfigReading& reading, bool bf16) {
    const Json* value = section.find(key);
    if (!value) return;
    const bool own = bf16 ? (*value == "bf16" || *value == "bfloat16") : (*value == "fp32" || *value == "float32");
    if (!own)
        reading.fail(section.fullKey(key) + " is " + shortText(*value) +
                     ", which is not implemented; gradients are kept and sent in the " + "model's type, so set it to " +
                     (bf16 ? "\"bf16\"" : "\"fp32\"") + " or remove it");
    reading.note(section.fullKey(key), *value, "given");
}

void readOptimizer(ConfigSection& top, ConfigReading& reading, Config& config) {
    ConfigSection optimizer = top.section("optimizer");
    optimizer.refuseUnknown(config_keys::optimizer);
    const Json* type = optimizer.find("type");
    std::string name = type && type->is_string() ? type->get<std::string>() : "";
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    if (type && name != "adam" && name != "adamw")
        reading.fail("optimizer.type is " + shortText(*type) +
                     ", but only Adam and AdamW are implemented; set it to \"AdamW\"");
    reading.note("optimizer.type", type ? *type : Json("AdamW"), type ? "given" : "default");

    ConfigSection params = optimizer.section("params");
    OptimizerConfig& result = config.optimizer;
    const double huge = 1e30;
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
    for (const FixedKey& rule : config_keys::optimizer_fixed) params.fixed(rule, 0);
    params.refuseUnknown(knownKeys(config_keys::optimizer_fixed, config_keys::optimizer_free));
}

void readOffload(ConfigSection& zero, std::string_view key, std::span<const std::string_view> known,
                 ConfigReading& reading) {
    ConfigSection offload = zero.section(key);
    offload.refuseUnknown(known);
    const Json* device = offload.find("device");
    if (device && *device != "none")
        reading.fail(offload.fullKey("device") + " is " + shortText(*device) +
                     ", but offloading is not implemented; set it to \"none\" or remove " + zero.fullKey(key));
    reading.note(offload.fullKey("device"), "none", device ? "given" : "default");
}

void readZero(ConfigSection& top, ConfigReading& reading, Config& config) {
    const Json* section = top.find("zero_optimization");
    if (section && section->is_boolean())
        return reading.fail("zero_optimization is " + shortText(*section) +
                            ", a form DeepSpeed has given up; write {\"stage\": " + (section->get<bool>() ? "1" : "0") +
                            "}");
    ConfigSection zero = top.section("zero_optimization");
    ZeroConfig& result = config.zero;
    const IntegerRule stage_rule{0, "", "choose 0, 1, 2 or 3"};
    const int64_t stage = zero.integer("stage", result.stage, stage_rule);
    if (stage > 3) reading.fail("zero_optimization.stage is " + std::to_string(stage) + "; choose 0, 1, 2 or 3");
    if (reading.error) return;
    result.stage = static_cast<int>(stage);

    result.reduce_bucket_size =
        zero.integer("reduce_bucket_size", result.reduce_bucket_size,
                     {1, "elements", "a bucket must hold at least 1 element; 5e8 is DeepSpeed's default"});
    result.allgather_bucket_size =
        zero.integer("allgather_bucket_size", result.allgather_bucket_size,
                     {2, "elements", "a bucket must hold at least 2 elements; 5e8 is DeepSpeed's default"});
    if (result.allgather_bucket_size % 2 != 0)
        reading.fail("zero_optimization.allgather_bucket_size is " + std::to_string(result.allgather_bucket_size) +
                     ", an odd number of elements; use " + std::to_string(result.allgather_bucket_size + 1));
    result.overlap_comm = zero.flag("overlap_comm", stage == 3);
    result.stage3_prefetch_bucket_size = zero.integer(
        "stage3_prefetch_bucket_size", result.stage3_prefetch_bucket_size,
        {0, "elements", "0 turns prefetch off, a positive number of elements bounds it"}, "prefetch_bucket_size");
    result.stage3_param_persistence_threshold = zero.integer(
        "stage3_param_persistence_threshold", result.stage3_param_persistence_threshold,
        {0, "elements", "0 keeps no parameter gathered, a positive number of elements keeps the smaller ones"},
        "param_persistence_threshold");
    for (const FixedKey& rule : config_keys::zero_fixed) zero.fixed(rule, result.stage);
    readOffload(zero, "offload_param", config_keys::offload_param, reading);
    readOffload(zero, "offload_optimizer", config_keys::offload_optimizer, reading);
    zero.refuseUnknown(knownKeys(config_keys::zero_fixed, config_keys::zero_free));
}

void readRest(ConfigSection& top, ConfigReading& reading, const Config& config) {
    for (const FixedKey& rule : config_keys::top_fixed) top.fixed(rule, config.zero.stage);
    for (const std::string_view name : config_keys::switched_sections) {
        const Json* section = top.find(name);
        if (!section) continue;
        const Json* enabled = top.section(name).find("enabled");
        if (enabled && *enabled != false)
            reading.fail(std::string(name) + ".enabled is " + shortText(*enabled) +
                         ", which is not implemented; set it to false or remove " + std::string(name));
        reading.note(std::string(name), *section, "given");
    }
    requireOwnType(top, "communication_data_type", reading, config.bf16_enabled);
    const ConfigSection types = top.section("data_types");
    for (const std::string_view key : {"grad_accum_dtype", "param_dtype"})
        requireOwnType(types, key, reading, config.bf16_enabled);
    const ConfigSection checkpointing = top.section("activation_checkpointing");
    for (const std::string_view key : {"partition_activations", "cpu_checkpointing", "contiguous_memory_optimization"})
        if (const Json* value = checkpointing.find(key); value && *value != false)
            reading.fail(checkpointing.fullKey(key) + " is " + shortText(*value) +
                         ", which is not implemented; set it to false");

    std::vector<std::string_view> known = knownKeys(config_keys::top_fixed, config_keys::top_free);
    known.insert(known.end(), config_keys::switched_sections.begin(), config_keys::switched_sections.end());
    top.refuseUnknown(known);
}

} // namespace

Result<Config> parseConfig(const std::string& text, const std::string& source, int64_t ranks) {
    if (ranks < 1 || ranks > 1'000'000) return Error{"ranks is " + std::to_string(ranks) + "; use 1 to 1000000"};
    const Result<Json> object = parseJsonObject(text, source);
    if (!object) return object.error();

    Config config;
    ConfigReading reading;
    ConfigSection top(reading, "", &*object);
    readBatch(top, reading, config, ranks);
    readPrecision(top, reading, config);
    readOptimizer(top, reading, config);
    readZero(top, reading, config);
    readRest(top, reading, config);
    if (reading.error) return Error{source + ": " + reading.error->message};
    config.settings = std::move(reading.settings);
    return config;
}

Result<Config> loadConfig(const std::string& path, int64_t ranks) {
    const Result<std::string> text = readSmallFile(path, "configuration");
    if (!text) return text.error();
    return parseConfig(*text, path, ranks);
}

std::string resolvedJson(const Config& config) {
    const OptimizerConfig& adam = config.optimizer;
    const ZeroConfig& zero = config.zero;
    Json json = {
        {"train_batch_size", config.train_batch_size},
        {"train_micro_batch_size_per_gpu", config.train_micro_batch_size_per_gpu},
        {"gradient_accumulation_steps", config.gradient_accumulation_steps},
        {"gradient_clipping", 0},
        {"bf16", {{"enabled", config.bf16_enabled}}},
        {"fp16", {{"enabled", false}}},
        {"optimizer",
         {{"type", "AdamW"},
          {"params",
           {{"lr", adam.learning_rate},
            {"betas", Json::array({adam.beta1, adam.beta2})},
            {"eps", adam.epsilon},
            {"weight_decay", adam.weight_decay}}}}},
        {"zero_optimization",
         {{"stage", zero.stage},
          {"reduce_bucket_size", zero.reduce_bucket_size},
          {"allgather_bucket_size", zero.allgather_bucket_size},
          {"overlap_comm", zero.overlap_comm},
          {"stage3_prefetch_bucket_size", zero.stage3_prefetch_bucket_size},
          {"stage3_param_persistence_threshold", zero.stage3_param_persistence_threshold}}},
    };
    for (const Setting& setting : config.settings) { // what was given besides, and the fixed values
        Json* at = &json;
        for (size_t start = 0; start < setting.key.size();) {
            const size_t dot = std::min(setting.key.find('.', start), setting.key.size());
            at = &(*at)[setting.key.substr(start, dot - start)];
            start = dot + 1;
        }
        if (at->is_null()) *at = Json::parse(setting.value);
    }
    return json.dump(2);
}

} // namespace shardscope
