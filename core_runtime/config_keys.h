// SPDX-License-Identifier: Apache-2.0
// The DeepSpeed keys whose values are not free here, with the values that say what this runtime does anyway, and what
// to write instead of the others. Free keys are read in config.cpp.
#pragma once
#include "core_runtime/config_json.h"
#include <array>

namespace shardscope::config_keys {

inline constexpr std::string_view remove_it = "remove it";

// zero_optimization
inline constexpr std::array zero_fixed = {
    FixedKey{"contiguous_gradients", "true", "set it to true: gradients are always copied into contiguous buckets", 1,
             3, true},
    FixedKey{"reduce_scatter", "true", "set it to true: gradients are always reduce-scattered", 1, 3, true},
    FixedKey{"allgather_partitions", "true", "set it to true: updated parameters are always all-gathered", 1, 2, true},
    FixedKey{"use_multi_rank_bucket_allreduce", "true",
             "set it to true: a bucket is always reduced for all its owners at once", 1, 2},
    FixedKey{"round_robin_gradients", "false", "set it to false: every rank already owns a slice of every bucket", 1, 2,
             true},
    FixedKey{"load_from_fp32_weights", "*", remove_it},
    FixedKey{"elastic_checkpoint", "false", "set it to false"},
    FixedKey{"ignore_unused_parameters", "*", remove_it},
    FixedKey{"legacy_stage1", "false", "set it to false"},
    FixedKey{"cpu_offload", "false", "set it to false and keep the optimizer states on the device"},
    FixedKey{"cpu_offload_param", "false", "set it to false and keep the parameters on the device"},
    FixedKey{"cpu_offload_use_pin_memory", "*", remove_it},
    FixedKey{"sub_group_size", ">=1", "write at least 1", 3, 3},
    FixedKey{"stage3_max_live_parameters", ">=1000000000",
             "set it to 1e9; prefetch is bounded by stage3_prefetch_bucket_size", 3, 3, false, "max_live_parameters"},
    FixedKey{"stage3_max_reuse_distance", "1000000000|0",
             "set it to 0, which is what happens: parameters are released after each use", 3, 3, false,
             "max_reuse_distance"},
    FixedKey{"stage3_model_persistence_threshold", ">=1000000000",
             "remove it; stage3_param_persistence_threshold alone decides what stays gathered", 3, 3, false,
             "model_persistence_threshold"},
    FixedKey{"stage3_module_granularity_threshold", "0", "set it to 0", 3, 3, false, "module_granularity_threshold"},
    FixedKey{"stage3_use_all_reduce_for_fetch_params", "false", "set it to false", 3, 3, false,
             "use_all_reduce_for_fetch_params"},
    FixedKey{"stage3_allgather_sequential", "false",
             "set it to false; 0 as stage3_prefetch_bucket_size turns prefetch off", 3, 3, false,
             "allgather_sequential"},
    FixedKey{"stage3_gather_16bit_weights_on_model_save", "*", remove_it, 3, 3, false,
             "gather_16bit_weights_on_model_save"},
    FixedKey{"stage3_gather_fp16_weights_on_model_save", "*", remove_it, 3, 3},
    FixedKey{"zero_hpz_partition_size", "1", "set it to 1", 3, 3},
    FixedKey{"zero_quantized_weights", "false", "set it to false", 3, 3},
    FixedKey{"zero_quantized_nontrainable_weights", "false", "set it to false", 3, 3},
    FixedKey{"zero_quantized_gradients", "false", "set it to false", 3, 3},
    FixedKey{"zeropp_loco_param", "null", remove_it, 3, 3},
    FixedKey{"mics_shard_size", "-1", "set it to -1", 3, 3},
    FixedKey{"mics_hierarchical_params_gather", "false", "set it to false", 3, 3},
    FixedKey{"memory_efficient_linear", "*", remove_it},
    FixedKey{"override_module_apply", "*", remove_it},
    FixedKey{"log_trace_cache_warnings", "*", remove_it},
    FixedKey{"enable_sanity_checks", "*", remove_it},
    FixedKey{"pipeline_loading_checkpoint", "*", remove_it},
};
inline constexpr std::array<std::string_view, 10> zero_free = {"stage",
                                                               "reduce_bucket_size",
                                                               "allgather_bucket_size",
                                                               "overlap_comm",
                                                               "stage3_prefetch_bucket_size",
                                                               "prefetch_bucket_size",
                                                               "stage3_param_persistence_threshold",
                                                               "param_persistence_threshold",
                                                               "offload_param",
                                                               "offload_optimizer"};
inline constexpr std::array<std::string_view, 6> offload_param = {"device",      "nvme_path",  "buffer_count",
                                                                  "buffer_size", "max_in_cpu", "pin_memory"};
inline constexpr std::array<std::string_view, 10> offload_optimizer = {
    "device",         "nvme_path", "buffer_count", "pin_memory",    "pipeline_read",
    "pipeline_write", "fast_init", "ratio",        "super_offload", "cpuadam_cores_perc"};

// bf16, fp16, optimizer
inline constexpr std::array bf16_fixed = {
    FixedKey{"immediate_grad_update", "*", remove_it},
    FixedKey{"check_grad_overflow", "*", remove_it},
    FixedKey{"bf16_master_weights_and_grads", "false", "set it to false: master weights are fp32"},
    FixedKey{"bf16_optimizer_states", "false", "set it to false: optimizer states are fp32"},
};
inline constexpr std::array<std::string_view, 9> fp16 = {"enabled",
                                                         "auto_cast",
                                                         "loss_scale",
                                                         "initial_scale_power",
                                                         "loss_scale_window",
                                                         "hysteresis",
                                                         "consecutive_hysteresis",
                                                         "min_loss_scale",
                                                         "fp16_master_weights_and_grads"};
inline constexpr std::array<std::string_view, 3> optimizer = {"type", "params", "legacy_fusion"};
inline constexpr std::array optimizer_fixed = {
    FixedKey{"adam_w_mode", "true", "set it to true: the weight decay is always decoupled"},
    FixedKey{"bias_correction", "true", "set it to true"},
    FixedKey{"amsgrad", "false", "set it to false"},
    FixedKey{"torch_adam", "*", remove_it},
    FixedKey{"fused", "*", remove_it},
};
inline constexpr std::array<std::string_view, 4> optimizer_free = {"lr", "betas", "eps", "weight_decay"};

// Top level. What only prints, logs or loads in DeepSpeed is accepted whatever it says.
inline constexpr std::array top_fixed = {
    FixedKey{"gradient_clipping", "0", "set it to 0 or remove it", 0, 3, true},
    FixedKey{"prescale_gradients", "false", "set it to false: gradients are scaled once, after the sum"},
    FixedKey{"gradient_predivide_factor", "1", "set it to 1"},
    FixedKey{"gradient_allreduce_op", "\"mean\"", "set it to \"mean\""},
    FixedKey{"managed_gradient_accumulation", "true", "set it to true"},
    FixedKey{"wall_clock_breakdown", "false",
             "set it to false: every run records its timeline without extra synchronisation"},
    FixedKey{"sparse_gradients", "false", "set it to false"},
    FixedKey{"disable_allgather", "false", "set it to false"},
    FixedKey{"graph_harvesting", "false", "set it to false"},
    FixedKey{"dump_state", "false", "set it to false: the trace holds the whole configuration"},
    FixedKey{"memory_breakdown", "false", "set it to false: every run records its memory by category"},
    FixedKey{"scheduler", "{}", "remove it: the learning rate is constant"},
    FixedKey{"sparse_attention", "{}", remove_it},
    FixedKey{"elasticity", "{}|{\"enabled\":false}", remove_it},
    FixedKey{"steps_per_print", "*", remove_it},
    FixedKey{"dataloader_drop_last", "*", remove_it},
    FixedKey{"seq_parallel_communication_data_type", "*", remove_it},
    FixedKey{"zero_allow_untested_optimizer", "*", remove_it},
    FixedKey{"zero_force_ds_cpu_optimizer", "*", remove_it},
    FixedKey{"aio", "*", remove_it},
    FixedKey{"checkpoint", "*", remove_it},
    FixedKey{"timers", "*", remove_it},
    FixedKey{"pipeline", "*", remove_it},
};
// Sections that do nothing unless they say "enabled": true.
inline constexpr std::array<std::string_view, 15> switched_sections = {"amp",
                                                                       "torch_autocast",
                                                                       "comms_logger",
                                                                       "flops_profiler",
                                                                       "tensorboard",
                                                                       "wandb",
                                                                       "csv_monitor",
                                                                       "comet",
                                                                       "autotuning",
                                                                       "curriculum_learning",
                                                                       "data_efficiency",
                                                                       "eigenvalue",
                                                                       "progressive_layer_drop",
                                                                       "hybrid_engine",
                                                                       "nebula"};
inline constexpr std::array<std::string_view, 11> top_free = {"train_batch_size",
                                                              "train_micro_batch_size_per_gpu",
                                                              "gradient_accumulation_steps",
                                                              "bf16",
                                                              "bfloat16",
                                                              "fp16",
                                                              "optimizer",
                                                              "zero_optimization",
                                                              "communication_data_type",
                                                              "data_types",
                                                              "activation_checkpointing"};

} // namespace shardscope::config_keys
