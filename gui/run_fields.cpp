// SPDX-License-Identifier: Apache-2.0
#include "gui/run_fields.h"
#include <algorithm>
#include <string_view>

namespace shardscope::gui {
namespace {

using enum FieldGroup;
using enum FieldKind;

constexpr const char* on_off = "default|on=true|off=false";
constexpr const char* types = "the model's|fp32=fp32|bf16=bf16|fp16=fp16";

constexpr FieldSpec table[] = {
    {"model", "Model", model, name, "A built-in model, or a .json file: our own form or Hugging Face's config.json.",
     "", "", &RunRequest::model},
    {"ranks", "Ranks", model, number, "Data-parallel ranks; they are threads of one process.", "", "",
     &RunRequest::ranks},
    {"steps", "Steps", model, number, "Optimizer steps; with a resumed checkpoint those it has made count.", "", "",
     &RunRequest::steps},
    {"sequence", "Sequence", model, number, "Tokens per sample; empty is the model's context.", "", "",
     &RunRequest::sequence},
    {"backend", "Backend", model, name,
     "What ranks compute on: cpu, cuda, or auto, which takes GPUs where there are some and no link is emulated.", "",
     "", &RunRequest::backend},
    {"devices", "GPUs", model, FieldKind::devices,
     "Which GPUs the ranks get, in the order in which they are ticked; with fewer GPUs than ranks all ranks share the "
     "first, as virtual ranks.",
     "", "", &RunRequest::devices},
    {"link", "Link", model, name,
     "The interconnect that collectives are held to: a name, or latency in µs and GB/s such as 10:6.4.", "", "",
     &RunRequest::link},
    {"seed", "Seed", model, number, "Of the initial weights and the order of samples; empty is 1.", "", "",
     &RunRequest::seed},
    {"data", "Training text", model, file, "A text file that is trained on byte by byte; empty is the built-in text.",
     "", "", &RunRequest::data},
    {"initial_weights", "Start from weights", model, file,
     "A .safetensors file of Hugging Face's GPT-2 or LLaMA in F32, F16 or BF16.", "", "", &RunRequest::initial_weights},
    {"device_memory", "Device memory", model, name,
     "What planned memory is held against, per rank: this machine's share, or that of a device such as 80 GB.", "", "",
     &RunRequest::device_memory},

    {"zero_optimization.stage", "Stage", zero, stage,
     "What is sharded: 1 optimizer states, 2 and gradients, 3 and parameters."},
    {"zero_optimization.reduce_bucket_size", "Gradient bucket", zero, number,
     "Gradients are reduced in buckets of at most this many elements."},
    {"zero_optimization.allgather_bucket_size", "Gather bucket", zero, number,
     "Stages 1 and 2: updated parameters are gathered in pieces of at most this many elements."},
    {"zero_optimization.overlap_comm", "Overlap communication", zero, word,
     "Collectives run beside compute; otherwise each is waited for at once.", on_off},
    {"zero_optimization.reduce_scatter", "Reduce-scatter", zero, word,
     "Off: gradients are all-reduced and each rank keeps its slice, twice the traffic.", on_off},
    {"zero_optimization.stage3_prefetch_bucket_size", "Prefetch", zero, number,
     "Stage 3: parameters are gathered ahead until this many elements wait for their use.", "",
     "zero_optimization.prefetch_bucket_size"},
    {"zero_optimization.stage3_param_persistence_threshold", "Keep gathered up to", zero, number,
     "Stage 3: parameters of at most this many elements stay gathered.", "",
     "zero_optimization.param_persistence_threshold"},
    {"zero_optimization.stage3_model_persistence_threshold", "Keep gathered in all", zero, number,
     "Stage 3: at most so many elements stay gathered in all.", "", "zero_optimization.model_persistence_threshold"},
    {"zero_optimization.stage3_max_live_parameters", "Gathered at once", zero, number,
     "Stage 3: caps what is gathered ahead.", "", "zero_optimization.max_live_parameters"},
    {"zero_optimization.stage3_max_reuse_distance", "Reuse distance", zero, number,
     "Stage 3: parameters that are used again within so many elements stay gathered.", "",
     "zero_optimization.max_reuse_distance"},

    {"bf16.enabled", "Precision", batch, precision,
     "Of parameters, activations and gradients; with bf16 and fp16 the master weights are fp32.", "",
     "bfloat16.enabled"},
    {"train_micro_batch_size_per_gpu", "Micro-batch per rank", batch, number,
     "Samples of one rank in one forward and backward pass."},
    {"gradient_accumulation_steps", "Accumulation", batch, number,
     "Gradients are added over so many micro-batches before an update."},
    {"train_batch_size", "Global batch", batch, number,
     "Micro-batch × accumulation × ranks; any two of the three give the third."},
    {"data_types.grad_accum_dtype", "Accumulate in", batch, word, "Type in which gradients are accumulated.", types},
    {"communication_data_type", "Communicate in", batch, word, "Type of gradients in collectives.", types},
    {"fp16.loss_scale", "Loss scale", batch, number, "fp16: 0 is dynamic, otherwise this scale throughout."},
    {"fp16.initial_scale_power", "First scale, power of 2", batch, number,
     "fp16: the dynamic scale starts at 2 to this power."},
    {"fp16.loss_scale_window", "Scale window", batch, number,
     "fp16: after so many steps without overflow the scale doubles."},
    {"fp16.hysteresis", "Hysteresis", batch, number, "fp16: the scale is halved at the overflow of this number."},
    {"fp16.consecutive_hysteresis", "Consecutive hysteresis", batch, word,
     "fp16: on, a step without overflow restores the count; off, only a growth does.", on_off},
    {"fp16.min_loss_scale", "Least scale", batch, number, "fp16: an overflow at this scale ends the run."},

    {"optimizer.type", "Optimizer", optimizer, word, "Adam and AdamW are the same here: the weight decay is decoupled.",
     "default|AdamW=AdamW|Adam=Adam"},
    {"optimizer.params.lr", "Learning rate", optimizer, number, "Of every update, or before the schedule's factor."},
    {"optimizer.params.betas", "Betas", optimizer, list, "Decay rates of the two moments, such as [0.9, 0.95]."},
    {"optimizer.params.eps", "Epsilon", optimizer, number, "Keeps the division by the second moment finite."},
    {"optimizer.params.weight_decay", "Weight decay", optimizer, number, "Applies to all parameters."},
    {"gradient_clipping", "Clip gradients at", optimizer, number,
     "Gradients are scaled down to this global L2 norm; 0 is off. DeepSpeed's default became 1.0 in June 2026."},
    {"scheduler.type", "Schedule", optimizer, word, "Without one the learning rate is constant.",
     "constant|WarmupLR=WarmupLR|WarmupDecayLR=WarmupDecayLR|WarmupCosineLR=WarmupCosineLR"},
    {"scheduler.params.warmup_num_steps", "Warm-up", optimizer, number, "Optimizer steps of the warm-up."},
    {"scheduler.params.warmup_type", "Warm-up curve", optimizer, word, "WarmupLR and WarmupDecayLR.",
     "default|log=log|linear=linear"},
    {"scheduler.params.warmup_min_lr", "Rate at the start", optimizer, number, "WarmupLR and WarmupDecayLR."},
    {"scheduler.params.warmup_max_lr", "Rate after warm-up", optimizer, number, "WarmupLR and WarmupDecayLR."},
    {"scheduler.params.total_num_steps", "Schedule's length", optimizer, number,
     "WarmupDecayLR and WarmupCosineLR: where the decay ends."},
    {"scheduler.params.warmup_min_ratio", "Warm-up from", optimizer, number,
     "WarmupCosineLR: the rate at the start, as a part of the learning rate."},
    {"scheduler.params.cos_min_ratio", "Decay down to", optimizer, number,
     "WarmupCosineLR: the rate at the end, as a part of the learning rate."},

    {"zero_optimization.offload_optimizer.device", "Optimizer lives on", offload, word,
     "Where master weights and moments live and are updated: host at stages 1 to 3, NVMe at stage 3.",
     "device|host=cpu|NVMe=nvme"},
    {"zero_optimization.offload_param.device", "Shards live on", offload, word,
     "Stage 3: where a rank keeps its shards.", "device|host=cpu|NVMe=nvme"},
    {"zero_optimization.nvme_path", "Swap folder", offload, swap_folder,
     "Of what lives on NVMe; the files have no name."},
    {"zero_optimization.sub_group_size", "Sub-group", offload, number,
     "Stage 3: elements of a rank's shard that are updated at once."},
    {"zero_optimization.offload_optimizer.buffer_count", "Optimizer buffers", offload, number,
     "NVMe: at least 4, which is one sub-group; with read-ahead every further 4 let the reads go one further."},
    {"zero_optimization.offload_optimizer.pipeline_read", "Read ahead", offload, word,
     "NVMe: the next sub-groups are read during the update.", on_off},
    {"zero_optimization.offload_optimizer.pipeline_write", "Write behind", offload, word,
     "NVMe: the previous sub-group is written during the update.", on_off},
    {"zero_optimization.offload_param.buffer_count", "Shard buffers", offload, number,
     "NVMe: staging buffers on the host, each for the largest shard."},
    {"zero_optimization.offload_param.buffer_size", "Shard buffer size", offload, number,
     "NVMe: the largest shard must fit."},
    {"zero_optimization.offload_param.max_in_cpu", "Keep on the host", offload, number,
     "NVMe: so many elements stay in host memory."},
    {"shardscope.delayed_update", "Delayed update", offload, word,
     "The host's update runs beside the next step, whose parameters are one update old.", on_off},
    {"host_link", "Host link", offload, name, "What copies between device and host are held to.", "", "",
     &RunRequest::host_link},
    {"storage_link", "Storage link", offload, name, "What reads and writes of NVMe are held to.", "", "",
     &RunRequest::storage_link},

    {"shardscope.activation_checkpointing", "Recompute", activations, word,
     "What the backward pass computes again instead of keeping it: the attention core, or each block from its input.",
     "none|selective=selective|full=full"},
    {"activation_checkpointing.cpu_checkpointing", "Inputs on the host", activations, word,
     "The inputs of blocks wait on the host; recomputes each block.", on_off},
    {"activation_checkpointing.partition_activations", "Partition", activations, word,
     "Splits activations across model-parallel ranks, of which there is one: recomputes each block.", on_off},

    {"trace", "Trace to write", output, new_file, "Where the recording goes; it opens in the library.", "", "",
     &RunRequest::trace},
    {"measure_tax", "Unrecorded steps", output, number,
     "Steps without recording after the last one, thrown away: they tell what recording cost. Empty is 5 on GPUs, and "
     "none on CPU ranks, where records are counted.",
     "", "", &RunRequest::measure_tax},
    {"checkpoint_folder", "Checkpoints into", output, folder, "After the last step, also when the run is stopped.", "",
     "", &RunRequest::checkpoint_folder},
    {"checkpoint_every", "Checkpoint every", output, number, "Steps between checkpoints; empty is at the end only.", "",
     "", &RunRequest::checkpoint_every},
    {"checkpoint_keep", "Keep", output, number, "How many of the newest checkpoints stay; empty keeps all.", "", "",
     &RunRequest::checkpoint_keep},
    {"resume", "Resume from", output, folder,
     "A folder of checkpoints, or FOLDER:TAG; another number of ranks or stage is fine.", "", "", &RunRequest::resume},
    {"weights", "Final weights to", output, new_file, "fp32 as .safetensors, loadable by Hugging Face.", "", "",
     &RunRequest::weights},
    {"wall_clock_breakdown", "DeepSpeed's timers", output, word,
     "Prints fwd, bwd, step after each step into the output of the run.", on_off},
};

constexpr std::array<std::string_view, 23> common = {
    "model",
    "ranks",
    "steps",
    "devices",
    "link",
    "zero_optimization.stage",
    "zero_optimization.reduce_bucket_size",
    "zero_optimization.allgather_bucket_size",
    "zero_optimization.overlap_comm",
    "zero_optimization.stage3_prefetch_bucket_size",
    "zero_optimization.stage3_param_persistence_threshold",
    "bf16.enabled",
    "train_micro_batch_size_per_gpu",
    "gradient_accumulation_steps",
    "optimizer.params.lr",
    "gradient_clipping",
    "scheduler.type",
    "zero_optimization.offload_optimizer.device",
    "zero_optimization.offload_param.device",
    "shardscope.activation_checkpointing",
    "trace",
    "checkpoint_folder",
    "resume",
};

} // namespace

bool isCommon(const FieldSpec& field) { return std::find(common.begin(), common.end(), field.name) != common.end(); }

const char* groupTitle(FieldGroup group) {
    constexpr const char* titles[] = {"Model and ranks",        "ZeRO",    "Precision and batch",
                                      "Optimizer and schedule", "Offload", "Activation checkpointing",
                                      "Output and checkpoints"};
    return titles[static_cast<size_t>(group)];
}

std::span<const FieldSpec> runFields() { return table; }

const FieldSpec* findField(const std::string& name) {
    const auto found = std::find_if(std::begin(table), std::end(table),
                                    [&](const FieldSpec& field) { return name == field.name || name == field.alias; });
    return found == std::end(table) ? nullptr : &*found;
}

std::string spelledKey(const FieldSpec& field, const std::string& config) {
    return *field.alias && !configValue(config, field.name) && configValue(config, field.alias) ? field.alias
                                                                                                : field.name;
}

} // namespace shardscope::gui
