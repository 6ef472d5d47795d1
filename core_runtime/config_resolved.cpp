// SPDX-License-Identifier: Apache-2.0
// The configuration as it acts, as one JSON text. What DeepSpeed does not know stands in the section "shardscope".
#include "core_runtime/config_parts.h"
#include <algorithm>

namespace shardscope {
namespace {

// Whole numbers without a fraction, as people write them.
Json number(double value) {
    const bool whole = value < 1e15 && value == static_cast<double>(static_cast<int64_t>(value));
    return whole ? Json(static_cast<int64_t>(value)) : Json(value);
}

Json schedulerJson(const SchedulerConfig& scheduler) {
    Json params = {{"warmup_num_steps", scheduler.warmup_num_steps},
                   {"warmup_type", scheduler.warmup_log ? "log" : "linear"}};
    const bool cosine = scheduler.kind == SchedulerKind::warmup_cosine;
    if (scheduler.kind != SchedulerKind::warmup) params["total_num_steps"] = scheduler.total_num_steps;
    params[cosine ? "warmup_min_ratio" : "warmup_min_lr"] =
        cosine ? scheduler.warmup_min_ratio : scheduler.warmup_min_lr;
    params[cosine ? "cos_min_ratio" : "warmup_max_lr"] = cosine ? scheduler.cos_min_ratio : scheduler.warmup_max_lr;
    return {{"type", cosine                                    ? "WarmupCosineLR"
                     : scheduler.kind == SchedulerKind::warmup ? "WarmupLR"
                                                               : "WarmupDecayLR"},
            {"params", params}};
}

Json offloadJson(const OffloadParamConfig& param) {
    Json json = {{"device", toText(param.device)},
                 {"buffer_count", param.buffer_count},
                 {"buffer_size", param.buffer_size},
                 {"max_in_cpu", param.max_in_cpu}};
    if (!param.nvme_path.empty()) json["nvme_path"] = param.nvme_path;
    return json;
}

Json offloadJson(const OffloadOptimizerConfig& optimizer) {
    Json json = {{"device", toText(optimizer.device)},
                 {"buffer_count", optimizer.buffer_count},
                 {"pipeline_read", optimizer.pipeline_read},
                 {"pipeline_write", optimizer.pipeline_write}};
    if (!optimizer.nvme_path.empty()) json["nvme_path"] = optimizer.nvme_path;
    return json;
}

Json zeroJson(const ZeroConfig& zero) {
    return {{"stage", zero.stage},
            {"reduce_bucket_size", zero.reduce_bucket_size},
            {"allgather_bucket_size", zero.allgather_bucket_size},
            {"overlap_comm", zero.overlap_comm},
            {"reduce_scatter", zero.reduce_scatter},
            {"sub_group_size", zero.sub_group_size},
            {"stage3_prefetch_bucket_size", zero.stage3_prefetch_bucket_size},
            {"stage3_param_persistence_threshold", zero.stage3_param_persistence_threshold},
            {"stage3_model_persistence_threshold", zero.stage3_model_persistence_threshold},
            {"stage3_max_live_parameters", zero.stage3_max_live_parameters},
            {"stage3_max_reuse_distance", zero.stage3_max_reuse_distance},
            {"offload_param", offloadJson(zero.offload_param)},
            {"offload_optimizer", offloadJson(zero.offload_optimizer)}};
}

} // namespace

std::string resolvedJson(const Config& config) {
    const OptimizerConfig& adam = config.optimizer;
    const Fp16Config& fp16 = config.fp16;
    const auto typeOr = [&](const std::optional<Precision>& type) { return toText(type.value_or(config.precision())); };
    Json json = {
        {"train_batch_size", config.train_batch_size},
        {"train_micro_batch_size_per_gpu", config.train_micro_batch_size_per_gpu},
        {"gradient_accumulation_steps", config.gradient_accumulation_steps},
        {"gradient_clipping", config.gradient_clipping},
        {"bf16", {{"enabled", config.bf16_enabled}}},
        {"fp16",
         {{"enabled", fp16.enabled},
          {"loss_scale", number(fp16.loss_scale)},
          {"initial_scale_power", fp16.initial_scale_power},
          {"loss_scale_window", fp16.loss_scale_window},
          {"hysteresis", fp16.hysteresis},
          {"consecutive_hysteresis", fp16.consecutive_hysteresis},
          {"min_loss_scale", number(fp16.min_loss_scale)}}},
        {"data_types", {{"grad_accum_dtype", typeOr(config.grad_accum_dtype)}}},
        {"communication_data_type", typeOr(config.communication_data_type)},
        {"optimizer",
         {{"type", nullptr}, // taken from the settings below
          {"params",
           {{"lr", adam.learning_rate},
            {"betas", Json::array({adam.beta1, adam.beta2})},
            {"eps", adam.epsilon},
            {"weight_decay", adam.weight_decay}}}}},
        {"zero_optimization", zeroJson(config.zero)},
        {"activation_checkpointing", {{"cpu_checkpointing", config.activations.cpu_checkpointing}}},
        {"wall_clock_breakdown", config.wall_clock_breakdown},
        {"shardscope",
         {{"activation_checkpointing", toText(config.activations.recompute)},
          {"delayed_update", config.delayed_update}}},
    };
    if (config.scheduler.kind != SchedulerKind::none) json["scheduler"] = schedulerJson(config.scheduler);
    for (const Setting& setting : config.settings) { // what was given besides, and the fixed values
        Json* at = &json;
        for (size_t start = 0; start < setting.key.size();) {
            const size_t dot = std::min(setting.key.find('.', start), setting.key.size());
            at = &(*at)[setting.key.substr(start, dot - start)];
            start = dot + 1;
        }
        if (at->is_null()) *at = Json::parse(setting.value);
    }
    if (json["optimizer"]["type"].is_null()) json["optimizer"]["type"] = "AdamW";
    return json.dump(2);
}

} // namespace shardscope
