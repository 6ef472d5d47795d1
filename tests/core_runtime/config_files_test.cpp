// SPDX-License-Identifier: Apache-2.0
// Whole configurations with the combinations of keys that public training repositories use: each loads, or is refused
// with a sentence that says what to do.
#include "core_runtime/config.h"
#include "support/contains.h"
#include <filesystem>
#include <set>

using namespace shardscope;

namespace {

struct Refusal {
    std::string file;
    std::vector<std::string> says; // parts of the sentence
};

struct Acceptance {
    std::string file;
    std::vector<std::string> notices; // a part of each, in order
};

const std::vector<Acceptance> acceptances = {
    {"trainer_auto_zero3", {"the batch sizes are \"auto\"", "total_num_steps is \"auto\""}},
    {"trainer_auto_zero2_offload", {"the batch sizes are \"auto\""}},
    {"infinity_nvme", {"steps_per_print has no effect", "aio has no effect"}},
    {"zero3_host_both", {}},
    {"old_names_zero2", {"cpu_offload is deprecated", "stage3_gather_fp16_weights_on_model_save is deprecated"}},
    {"zero_as_boolean", {"zero_optimization is true, a deprecated form", "steps_per_print"}},
    {"monitors",
     {"load_from_fp32_weights", "elastic_checkpoint", "steps_per_print", "dump_state", "memory_breakdown", "checkpoint",
      "timers", "comms_logger", "flops_profiler", "tensorboard"}},
    {"checkpointing_everything",
     {"partition_activations splits", "contiguous_memory_optimization has no effect",
      "activation_checkpointing.checkpoint_interval is not a known key", "\"full\" because"}},
    {"pretraining_bf16", {"seed is not a known key", "overwrite is not a known key"}},
    {"stray_top_level",
     {"did you mean zero_optimization?", "did you mean gradient_clipping?", "comms_config is not a known key",
      "datastates_ckpt is not a known key"}},
    {"round_robin_stage0", {}},
};

const std::vector<Refusal> refusals = {
    {"old_and_new_names", {"cpu_offload is the old name of offload_optimizer", "remove cpu_offload"}},
    {"typo_in_offload", {"offload_optimizer.pim_memory", "did you mean pin_memory?"}},
    {"invented_zero_key", {"zero_optimization.offload_parameters is not a known key"}},
    {"removed_grad_hooks", {"zero_optimization.grad_hooks is not a known key"}},
    {"round_robin", {"round_robin_gradients is true", "each rank already owns an equal part", "set it to false"}},
    {"scattered_gradients", {"contiguous_gradients is false", "contiguous buckets", "set it to true"}},
    {"zeropp", {"zero_hpz_partition_size is 8", "hpZ", "set it to 1"}},
    {"mics", {"mics_shard_size is 4", "MiCS", "set it to -1"}},
    {"onebit_adam", {"optimizer.type is \"OneBitAdam\"", "one bit", "set it to \"AdamW\""}},
    {"lamb", {"optimizer.type is \"Lamb\"", "only Adam and AdamW"}},
    {"stage2_param_offload", {"offload_param.device is \"cpu\"", "stage 3 only"}},
    {"both_precisions", {"bf16.enabled and fp16.enabled are both true"}},
    {"prescaled", {"prescale_gradients is true", "set it to false"}},
    {"one_cycle", {"scheduler.type is \"OneCycle\"", "WarmupCosineLR"}},
    {"fractional_bucket", {"stage3_prefetch_bucket_size is 530841.6", "whole number"}},
    {"clipping_in_optimizer", {"optimizer.params.max_grad_norm", "gradient_clipping at the top level"}},
    {"elastic", {"elasticity enables something", "number of ranks is fixed"}},
};

const std::string folder = SHARDSCOPE_CONFIGS;

Config load(const std::string& file, std::optional<int64_t> hidden_size = {}, std::optional<int64_t> steps = {}) {
    const auto config = loadConfig(folder + "/" + file + ".json", 4, hidden_size, steps);
    INFO(file << ": " << (config ? "" : config.error().message));
    REQUIRE(config);
    return *config;
}

std::string originOf(const Config& config, const std::string& key) {
    for (const Setting& setting : config.settings)
        if (setting.key == key) return setting.origin;
    return "absent";
}

} // namespace

TEST_CASE("configurations as people write them load, with a notice for what has no effect") {
    for (const Acceptance& expected : acceptances) {
        const Config config = load(expected.file);
        std::string all;
        for (const std::string& notice : config.notices) all += notice + "\n";
        INFO(expected.file << "\n" << all);
        REQUIRE(config.notices.size() == expected.notices.size());
        for (size_t i = 0; i < expected.notices.size(); ++i)
            CHECK_THAT(config.notices[i], Contains(expected.notices[i]));
        const std::string resolved = resolvedJson(config);
        CHECK(resolved.find("\"auto\"") == std::string::npos);
        const auto again = parseConfig(resolved, "resolved", 4);
        INFO((again ? "" : again.error().message));
        REQUIRE(again);
        CHECK(resolvedJson(*again) == resolved);
        CHECK(again->zero == config.zero);
        CHECK(again->scheduler == config.scheduler);
        CHECK(again->fp16 == config.fp16);
        CHECK(again->activations == config.activations);
    }
}

TEST_CASE("configurations that ask for something else are refused with the remedy") {
    for (const Refusal& expected : refusals) {
        const auto config = loadConfig(folder + "/" + expected.file + ".json", 4);
        INFO(expected.file);
        REQUIRE_FALSE(config);
        for (const std::string& part : expected.says) CHECK_THAT(config.error().message, Contains(part));
    }
}

TEST_CASE("no configuration file is left out of the lists") {
    std::set<std::string> listed, present;
    for (const Acceptance& a : acceptances) listed.insert(a.file);
    for (const Refusal& r : refusals) listed.insert(r.file);
    for (const auto& entry : std::filesystem::directory_iterator(folder)) present.insert(entry.path().stem().string());
    CHECK(present == listed);
}

TEST_CASE("auto values follow from the model's hidden size and the run's length") {
    const Config known = load("trainer_auto_zero3", 768, 200);
    CHECK(known.zero.reduce_bucket_size == 768 * 768);
    CHECK(known.zero.stage3_prefetch_bucket_size == 530'841); // 0.9 h^2 without its fraction
    CHECK(known.zero.stage3_param_persistence_threshold == 7680);
    CHECK(originOf(known, "zero_optimization.reduce_bucket_size") == "derived");
    CHECK(known.scheduler.total_num_steps == 200);
    CHECK(known.scheduler.warmup_max_lr == known.optimizer.learning_rate);
    CHECK(known.zero.stage3_max_reuse_distance == 1'000'000'000);
    const Config unknown = load("trainer_auto_zero3");
    CHECK(unknown.zero.reduce_bucket_size == 500'000'000);
    CHECK(unknown.zero.stage3_param_persistence_threshold == 100'000);
    CHECK(originOf(unknown, "zero_optimization.reduce_bucket_size") == "default");
    CHECK(unknown.train_micro_batch_size_per_gpu == 1);
    CHECK(unknown.train_batch_size == 4);
    CHECK(load("zero3_host_both", 768).zero.reduce_bucket_size == 500'000'000); // absent is not auto
}

TEST_CASE("what the files say arrives in the configuration") {
    const Config nvme = load("infinity_nvme");
    CHECK(nvme.gradient_accumulation_steps == 16);
    CHECK(nvme.train_batch_size == 64);
    CHECK(nvme.zero.offload_optimizer == OffloadOptimizerConfig{OffloadDevice::nvme, "/local_nvme", 5, true, true});
    CHECK(nvme.zero.offload_param ==
          OffloadParamConfig{OffloadDevice::nvme, "/local_nvme", 6, 100'000'000, 1'000'000'000});
    CHECK(nvme.zero.sub_group_size == 100'000'000);
    CHECK(nvme.zero.overlap_comm); // stage 3
    const Config host = load("zero3_host_both");
    CHECK(host.gradient_accumulation_steps == 4); // 32 = 2 x 4 ranks x 4
    CHECK(host.grad_accum_dtype == Precision::fp32);
    CHECK(host.communication_data_type == Precision::fp32);
    CHECK(host.gradient_clipping == 0.3);
    CHECK(host.zero.stage3_prefetch_bucket_size == 0);
    CHECK(host.zero.stage3_max_live_parameters == 3'000'000'000);
    CHECK(host.zero.sub_group_size == 100'000'000'000'000);
    CHECK(host.zero.offload_param.buffer_count == 5);
    const Config old = load("old_names_zero2");
    CHECK(old.zero.offload_optimizer.device == OffloadDevice::cpu);
    CHECK(originOf(old, "zero_optimization.offload_optimizer.device") == "given");
    CHECK(old.fp16.loss_scale == 1024);
    CHECK(load("zero_as_boolean").zero.stage == 1);
    const Config full = load("checkpointing_everything");
    CHECK(full.activations == ActivationConfig{Recompute::full, true});
    CHECK(originOf(full, "shardscope.activation_checkpointing") == "derived");
    const Config pretraining = load("pretraining_bf16");
    CHECK(pretraining.gradient_accumulation_steps == 64);
    CHECK(originOf(pretraining, "gradient_accumulation_steps") == "derived");
    CHECK_FALSE(pretraining.zero.reduce_scatter);
    CHECK(pretraining.scheduler.kind == SchedulerKind::warmup_cosine);
    CHECK(pretraining.scheduler.total_num_steps == 100'000);
    const Config fp16 = load("trainer_auto_zero2_offload");
    CHECK(fp16.precision() == Precision::fp16);
    CHECK(fp16.fp16.initial_scale_power == 32);
    CHECK(fp16.scheduler.kind == SchedulerKind::warmup);
    CHECK_FALSE(fp16.scheduler.warmup_log);
    CHECK(fp16.train_batch_size == 16);
}
