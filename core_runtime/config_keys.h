// SPDX-License-Identifier: Apache-2.0
// The DeepSpeed keys whose values are not free here: those that are refused unless they say what this runtime does
// anyway, with the reason and what to write instead, and those that have no meaning here. Free keys are read in
// config.cpp, config_optimizer.cpp and config_zero.cpp.
#pragma once
#include "core_runtime/config_json.h"
#include <algorithm>
#include <array>

namespace shardscope::config_keys {

// zero_optimization
inline constexpr std::array zero_fixed = {
    FixedKey{"contiguous_gradients", "true",
             "gradients always lie in contiguous buckets of which every rank owns a slice, so set it to true", 1, 3,
             true},
    FixedKey{"round_robin_gradients", "false",
             "every bucket is cut into equal slices, so each rank already owns an equal part of it; set it to false", 1,
             2, true},
    FixedKey{"legacy_stage1", "false", "DeepSpeed has given it up as well; remove it"},
    FixedKey{"stage3_module_granularity_threshold", "0",
             "parameters are gathered by layer whatever the size of its modules, so set it to 0", 3, 3, false,
             "module_granularity_threshold"},
    FixedKey{"stage3_use_all_reduce_for_fetch_params", "false",
             "parameters are always gathered with an all-gather, so set it to false", 3, 3, false,
             "use_all_reduce_for_fetch_params"},
    FixedKey{"stage3_allgather_sequential", "false",
             "set it to false; 0 as stage3_prefetch_bucket_size gathers one layer after the other", 3, 3, false,
             "allgather_sequential"},
    FixedKey{"zero_hpz_partition_size", "1",
             "the secondary shards of ZeRO++ (hpZ) are not implemented, all ranks form one group; set it to 1", 3, 3},
    FixedKey{"zero_quantized_weights", "false",
             "the quantised all-gather of ZeRO++ (qwZ) is not implemented and would change results; set it to false", 3,
             3},
    FixedKey{"zero_quantized_nontrainable_weights", "false",
             "quantised weights are not implemented and would change results; set it to false", 3, 3},
    FixedKey{"zero_quantized_gradients", "false",
             "the quantised reduction of ZeRO++ (qgZ) is not implemented and would change results; set it to false and "
             "use communication_data_type for less traffic",
             3, 3},
    FixedKey{"zeropp_loco_param", "{}", "the quantised reduction of ZeRO++ is not implemented; remove it", 3, 3},
    FixedKey{"mics_shard_size", "-1",
             "the shard groups of MiCS are not implemented, all ranks form one group; set it to -1", 3, 3},
    FixedKey{"mics_hierarchical_params_gather", "false",
             "the shard groups of MiCS are not implemented, all ranks form one group; set it to false", 3, 3},
    FixedKey{"zenflow", "{}",
             "ZenFlow's asynchronous updates are not implemented; remove it and use shardscope.delayed_update with "
             "offload_optimizer for an update beside the next step"},
};
inline constexpr std::array zero_noticed = {
    NoticedKey{"use_multi_rank_bucket_allreduce", "true",
               "a bucket is one reduce-scatter or, with reduce_scatter false, one all-reduce"},
    NoticedKey{"allgather_partitions", "true", "updated parameters are always all-gathered"},
    NoticedKey{"load_from_fp32_weights", "true", "it is about DeepSpeed's own checkpoint format"},
    NoticedKey{"elastic_checkpoint", "false", "it is about DeepSpeed's own checkpoint format"},
    NoticedKey{"ignore_unused_parameters", "*", ""}, // every parameter has a gradient here
    NoticedKey{"memory_efficient_linear", "*", ""},
    NoticedKey{"override_module_apply", "*", ""},
    NoticedKey{"leaf_module", "", "the layers of the model are the units that are gathered"},
    NoticedKey{"log_trace_cache_warnings", "false", "the order of layers is planned, there is no trace cache"},
    NoticedKey{"enable_sanity_checks", "false", "every step program is checked before it runs"},
    NoticedKey{"pipeline_loading_checkpoint", "false", "it is about DeepSpeed's own checkpoint format"},
    NoticedKey{"cpu_offload_use_pin_memory", "*", ""},
};
// Read in config_zero.cpp; the second name of a pair is DeepSpeed's other spelling or an older one.
inline constexpr std::array<std::string_view, 24> zero_free = {"stage",
                                                               "reduce_bucket_size",
                                                               "allgather_bucket_size",
                                                               "overlap_comm",
                                                               "reduce_scatter",
                                                               "sub_group_size",
                                                               "stage3_prefetch_bucket_size",
                                                               "prefetch_bucket_size",
                                                               "stage3_param_persistence_threshold",
                                                               "param_persistence_threshold",
                                                               "stage3_model_persistence_threshold",
                                                               "model_persistence_threshold",
                                                               "stage3_max_live_parameters",
                                                               "max_live_parameters",
                                                               "stage3_max_reuse_distance",
                                                               "max_reuse_distance",
                                                               "offload_param",
                                                               "offload_optimizer",
                                                               "cpu_offload",
                                                               "cpu_offload_param",
                                                               "stage3_gather_16bit_weights_on_model_save",
                                                               "gather_16bit_weights_on_model_save",
                                                               "stage3_gather_fp16_weights_on_model_save",
                                                               "gather_fp16_weights_on_model_save"};

// offload_param and offload_optimizer
inline constexpr std::array<std::string_view, 3> offload_devices = {"none", "cpu", "nvme"};
inline constexpr std::array<std::string_view, 5> offload_param_free = {"device", "nvme_path", "buffer_count",
                                                                       "buffer_size", "max_in_cpu"};
inline constexpr std::array<std::string_view, 5> offload_optimizer_free = {"device", "nvme_path", "buffer_count",
                                                                           "pipeline_read", "pipeline_write"};
inline constexpr std::array offload_optimizer_fixed = {
    FixedKey{"ratio", "1", "the optimizer states are offloaded as a whole, so set it to 1"},
    FixedKey{"super_offload", "false",
             "its speculative updates are not implemented; set it to false and see shardscope.delayed_update"},
};
inline constexpr std::array offload_noticed = {
    NoticedKey{"pin_memory", "*", ""}, // the ranks are threads on CPU cores, no memory is pinned
};
inline constexpr std::array offload_optimizer_noticed = {
    NoticedKey{"pin_memory", "*", ""},
    NoticedKey{"fast_init", "false", "it is about how DeepSpeed fills its swap files at the start"},
    NoticedKey{"cpuadam_cores_perc", "*", ""}, // read by super_offload only
    NoticedKey{"pipeline", "*", ""},           // DeepSpeed overwrites it from pipeline_read and pipeline_write
};

// bf16, fp16
inline constexpr std::array bf16_fixed = {
    FixedKey{"bf16_master_weights_and_grads", "false", "master weights are always fp32, so set it to false"},
    FixedKey{"bf16_optimizer_states", "false", "optimizer states are always fp32, so set it to false"},
};
inline constexpr std::array bf16_noticed = {
    NoticedKey{"immediate_grad_update", "*", ""},
    NoticedKey{"check_grad_overflow", "false",
               "bf16 has the range of fp32, and a step is skipped for an overflow in fp16 only"},
};
inline constexpr std::array fp16_fixed = {
    FixedKey{"fp16_master_weights_and_grads", "false", "master weights are always fp32, so set it to false"},
};
inline constexpr std::array fp16_noticed = {
    NoticedKey{"auto_cast", "*", ""}, // the inputs are token numbers
};
inline constexpr std::array<std::string_view, 7> fp16_free = {
    "enabled",       "loss_scale", "initial_scale_power", "loss_scale_window", "hysteresis", "consecutive_hysteresis",
    "min_loss_scale"};

// optimizer, scheduler
inline constexpr std::array<std::string_view, 3> optimizer = {"type", "params", "legacy_fusion"};
inline constexpr std::array optimizer_fixed = {
    FixedKey{"adam_w_mode", "true", "the weight decay is always decoupled, so set it to true"},
    FixedKey{"bias_correction", "true", "the moments are always corrected for their start at 0, so set it to true"},
    FixedKey{"amsgrad", "false", "it is not implemented; set it to false"},
    FixedKey{"maximize", "false", "the loss is always minimised; set it to false"},
};
inline constexpr std::array optimizer_noticed = {
    NoticedKey{"torch_adam", "*", ""}, // which implementation computes the same thing
    NoticedKey{"fused", "*", ""},
    NoticedKey{"foreach", "*", ""},
};
inline constexpr std::array<std::string_view, 4> optimizer_free = {"lr", "betas", "eps", "weight_decay"};
inline constexpr std::array<std::string_view, 2> scheduler = {"type", "params"};

inline constexpr std::array<std::string_view, 3> precisions = {"fp32", "bf16", "fp16"};

// activation_checkpointing; cpu_checkpointing and partition_activations are read in config.cpp.
inline constexpr std::array checkpointing_noticed = {
    NoticedKey{
        "contiguous_memory_optimization", "false",
        "it copies the activations that partition_activations splits across model-parallel ranks, of which there "
        "is one"},
    NoticedKey{"number_checkpoints", "*", ""}, // read by contiguous_memory_optimization only
    NoticedKey{"synchronize_checkpoint_boundary", "false", "it waits for a device, and the ranks are CPU threads"},
    NoticedKey{"profile", "false", "every run records the time of recomputation"},
};
inline constexpr std::array<std::string_view, 2> checkpointing_free = {"partition_activations", "cpu_checkpointing"};
inline constexpr std::array<std::string_view, 2> own = {"activation_checkpointing", "delayed_update"};
inline constexpr std::array<std::string_view, 3> recompute = {"none", "selective", "full"};

// Top level: what would change results.
inline constexpr std::array top_fixed = {
    FixedKey{"prescale_gradients", "false",
             "gradients are added in fp32 and scaled once, after the sum, so set it to false"},
    FixedKey{"gradient_predivide_factor", "1",
             "gradients are added in fp32 and scaled once, after the sum, so set it to 1"},
    FixedKey{"gradient_allreduce_op", "\"mean\"", "gradients are averaged over the ranks, so set it to \"mean\""},
    FixedKey{"managed_gradient_accumulation", "true",
             "the boundary of accumulation follows gradient_accumulation_steps, so set it to true"},
    FixedKey{"sequence_parallel_size", "1", "a sequence is never split across ranks, so set it to 1"},
    FixedKey{"tensor_parallel", "{}|{\"autotp_size\":1}|{\"autotp_size\":0}",
             "a layer is never split across ranks, so remove it"},
};
// Top level: sections that would change results where they enable something.
struct RefusedSection {
    std::string_view key;
    std::string_view remedy; // completes "... enables something that is not implemented; "
};
inline constexpr std::array refused_sections = {
    RefusedSection{"amp", "use bf16.enabled or fp16.enabled"},
    RefusedSection{"torch_autocast", "use bf16.enabled or fp16.enabled"},
    RefusedSection{"elasticity", "the number of ranks is fixed, so give the batch sizes and disable it"},
    RefusedSection{"curriculum_learning", "sequences have one length, so disable it"},
    RefusedSection{"data_efficiency", "every sample is used whole, so disable it"},
    RefusedSection{"progressive_layer_drop", "every layer always runs, so disable it"},
    RefusedSection{"compression_training", "weights are neither pruned nor quantised, so disable it"},
    RefusedSection{"quantize_training", "weights are not quantised, so disable it"},
    RefusedSection{"eigenvalue", "it steers quantisation, so disable it"},
};
// Top level: what prints, logs, saves or tunes in DeepSpeed.
inline constexpr std::array top_noticed = {
    NoticedKey{"steps_per_print", "", "the progress of every step is shown"},
    NoticedKey{"dump_state", "false", "the trace holds the whole configuration"},
    NoticedKey{"memory_breakdown", "false", "every run records its memory by category"},
    NoticedKey{"sparse_gradients", "false", "the embedding's gradient is dense"},
    NoticedKey{"disable_allgather", "false", "updated parameters are always all-gathered"},
    NoticedKey{"graph_harvesting", "false", "it captures CUDA graphs"},
    NoticedKey{"dataloader_drop_last", "false", "batches are cut from an endless text, none is left over"},
    NoticedKey{"seq_parallel_communication_data_type", "", "a sequence is never split across ranks"},
    NoticedKey{"zero_allow_untested_optimizer", "*", ""}, // the optimizer is Adam
    NoticedKey{"zero_force_ds_cpu_optimizer", "*", ""},
    NoticedKey{"aio", "", "it tunes DeepSpeed's own file library"},
    NoticedKey{"checkpoint", "", "it is about DeepSpeed's own checkpoint format"},
    NoticedKey{"timers", "", "every run records the time of each operation"},
    NoticedKey{"pipeline", "", "there are no pipeline stages"},
    NoticedKey{"compile", "", "there is no graph to compile"},
    NoticedKey{"sparse_attention", "", "attention is dense"},
    NoticedKey{"autotuning", "", "it starts DeepSpeed's own tuner", "", true},
    NoticedKey{"comms_logger", "", "every run records each collective with its bytes and time", "", true},
    NoticedKey{"flops_profiler", "", "every run records the time of each operation", "", true},
    NoticedKey{"tensorboard", "", "the trace holds loss, learning rate and throughput of each step", "", true},
    NoticedKey{"wandb", "", "the trace holds loss, learning rate and throughput of each step", "", true},
    NoticedKey{"csv_monitor", "", "the trace holds loss, learning rate and throughput of each step", "", true},
    NoticedKey{"comet", "", "the trace holds loss, learning rate and throughput of each step", "", true},
    NoticedKey{"hybrid_engine", "", "there is no generation between training steps", "", true},
    NoticedKey{"nebula", "", "it is about DeepSpeed's own checkpoint format", "", true},
};
inline constexpr std::array<std::string_view, 14> top_free = {"train_batch_size",
                                                              "train_micro_batch_size_per_gpu",
                                                              "gradient_accumulation_steps",
                                                              "gradient_clipping",
                                                              "bf16",
                                                              "bfloat16",
                                                              "fp16",
                                                              "optimizer",
                                                              "scheduler",
                                                              "zero_optimization",
                                                              "communication_data_type",
                                                              "data_types",
                                                              "activation_checkpointing",
                                                              "wall_clock_breakdown"};

// All names of a section, for its nearest names.
template <class... Lists> std::vector<std::string_view> known(const Lists&... lists) {
    std::vector<std::string_view> names;
    const auto add = [&](const auto& item) {
        if constexpr (requires { item.alias; }) {
            names.push_back(item.key);
            if (!item.alias.empty()) names.push_back(item.alias);
        } else if constexpr (requires { item.key; }) {
            names.push_back(item.key);
        } else {
            names.push_back(item);
        }
    };
    (std::for_each(lists.begin(), lists.end(), add), ...);
    return names;
}

} // namespace shardscope::config_keys
