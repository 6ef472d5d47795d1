// SPDX-License-Identifier: Apache-2.0
#include "core_runtime/explain.h"
#include "support/contains.h"
#include <algorithm>
#include <filesystem>

using namespace shardscope;

namespace {

const ModelSpec model = {.name = "test", .layers = 2, .channels = 32, .heads = 2, .vocabulary = 256, .context = 16};

Plan planOf(const std::string& json, int64_t ranks = 4) {
    const Result<Config> config = parseConfig(json, "test", ranks, model.channels, 100);
    INFO((config ? "" : config.error().message));
    REQUIRE(config);
    Result<Plan> made = plan(*config, model, ranks, 0);
    INFO((made ? "" : made.error().message));
    REQUIRE(made);
    return *std::move(made);
}

const ExplainedSetting& find(const std::vector<ExplainedSetting>& settings, const std::string& key) {
    const auto found =
        std::find_if(settings.begin(), settings.end(), [&](const auto& s) { return s.setting.key == key; });
    INFO(key);
    REQUIRE(found != settings.end());
    return *found;
}

int64_t deviceBytes(const std::vector<ExplainedSetting>& settings, const std::string& key) {
    return find(settings, "zero_optimization." + key).bytes[static_cast<size_t>(MemoryTier::device)];
}

std::string noEffect(const std::string& json, const std::string& key) {
    return find(explainSettings(planOf(json)), key).no_effect;
}

} // namespace

TEST_CASE("every byte of a plan was asked for by a setting") {
    const std::vector<std::string> configs = {
        R"({"train_batch_size": 4})",
        R"({"train_batch_size": 8, "gradient_accumulation_steps": 2, "fp16": {"enabled": true},
            "communication_data_type": "fp32", "zero_optimization": {"stage": 1, "overlap_comm": true}})",
        R"({"train_batch_size": 8, "gradient_accumulation_steps": 2, "bf16": {"enabled": true},
            "data_types": {"grad_accum_dtype": "fp32"}, "gradient_clipping": 1, "zero_optimization": {"stage": 2,
            "reduce_scatter": false, "reduce_bucket_size": 5000, "offload_optimizer": {"device": "cpu"}}})",
        R"({"train_batch_size": 4, "zero_optimization": {"stage": 3, "stage3_param_persistence_threshold": 64,
            "offload_param": {"device": "cpu"}}})",
        R"({"train_batch_size": 4, "bf16": {"enabled": true}, "activation_checkpointing": {"cpu_checkpointing": true},
            "zero_optimization": {"stage": 3, "stage3_prefetch_bucket_size": 1, "offload_param": {"device": "nvme",
            "nvme_path": "/x", "max_in_cpu": 0}, "offload_optimizer": {"device": "nvme", "nvme_path": "/x",
            "pipeline_read": true, "pipeline_write": true}, "sub_group_size": 4000}})"};
    for (const std::string& json : configs) {
        INFO(json);
        const Plan plan = planOf(json);
        const MemoryPlan memory = planMemory(plan.program);
        const std::vector<ExplainedSetting> settings = explainSettings(plan);
        for (const BufferInfo& buffer : plan.program.buffers) {
            INFO(buffer.name);
            if (!buffer.config_key.empty()) CHECK(find(settings, buffer.config_key).memory.size() > 10);
        }
        for (size_t tier = 0; tier < all_memory_tiers.size(); ++tier) {
            int64_t sum = 0;
            for (const ExplainedSetting& s : settings) {
                const bool of_its_own = s.setting.key != "zero_optimization.stage3_max_live_parameters" &&
                                        s.memory.find("less the peak") == std::string::npos;
                if (of_its_own) sum += s.bytes[tier];
                CHECK(s.bytes[tier] <= memory.tiers[tier].peak_bytes);
            }
            CHECK(sum >= memory.tiers[tier].peak_bytes);
        }
    }
}

TEST_CASE("the memory of a setting follows its value") {
    const auto stage3 = [](const std::string& more) {
        return explainSettings(planOf(R"({"train_batch_size": 4, "bf16": {"enabled": true}, "zero_optimization":
            {"stage": 3, "stage3_param_persistence_threshold": 0)" +
                                      more + "}}"));
    };
    const int64_t block = 12 * 32 * 32 + 13 * 32, embedding = (256 + 16) * 32;
    // One block at a time is gathered ahead of the one in use; the largest unit is a block.
    CHECK(deviceBytes(stage3(R"(, "stage3_prefetch_bucket_size": 0)"), "stage3_prefetch_bucket_size") == 0);
    CHECK(deviceBytes(stage3(R"(, "stage3_prefetch_bucket_size": 1)"), "stage3_prefetch_bucket_size") >= 2 * block);
    CHECK(deviceBytes(stage3(R"(, "stage3_prefetch_bucket_size": 0)"), "stage3_max_live_parameters") ==
          2 * std::max(block, embedding + 2 * 32));
    CHECK(deviceBytes(stage3(R"(, "overlap_comm": false, "stage3_max_reuse_distance": 1000000)"),
                      "stage3_max_reuse_distance") > 0);
    CHECK(deviceBytes(stage3(""), "overlap_comm") > 0);
    // One bucket that holds every gradient, in bf16.
    CHECK(deviceBytes(stage3(""), "reduce_bucket_size") == 2 * parameterCount(model));
    CHECK(deviceBytes(stage3(R"(, "reduce_bucket_size": 2000)"), "reduce_bucket_size") < parameterCount(model));
    // The vectors of one channel stay gathered: 6 in each block and those of the final norm.
    CHECK(find(explainSettings(planOf(R"({"train_batch_size": 4, "zero_optimization": {"stage": 3,
          "stage3_param_persistence_threshold": 32}})")),
               "zero_optimization.stage3_param_persistence_threshold")
              .bytes[0] == 4 * (2 * 6 + 2) * 32);
    // Two moments and the master weights of a quarter of the parameters, in fp32.
    const auto settings = stage3("");
    CHECK(find(settings, "optimizer.type").bytes[0] == 8 * parameterCount(model) / 4);
    CHECK(find(settings, "bf16.enabled").bytes[0] == 4 * parameterCount(model) / 4);
}

TEST_CASE("a setting that changes nothing says why") {
    const std::string z = "zero_optimization.";
    const std::string stage1 = R"({"train_batch_size": 4, "zero_optimization": {"stage": 1}})";
    const std::string stage3 = R"({"train_batch_size": 4, "zero_optimization": {"stage": 3, "overlap_comm": false}})";
    const std::string nvme = R"({"train_batch_size": 4, "zero_optimization": {"stage": 3, "offload_optimizer":
        {"device": "nvme", "nvme_path": "/x"}}})";
    CHECK_THAT(noEffect(R"({"train_batch_size": 4})", z + "allgather_bucket_size"), Contains("nothing is gathered"));
    CHECK(noEffect(stage1, z + "allgather_bucket_size").empty());
    CHECK_THAT(noEffect(stage3, z + "allgather_bucket_size"), Contains("stage3_prefetch_bucket_size"));
    CHECK_THAT(noEffect(stage1, z + "stage3_max_live_parameters"), Contains("stage 3 only, and the stage is 1"));
    CHECK_THAT(noEffect(stage1, z + "sub_group_size"), Contains("stage 3 only"));
    CHECK_THAT(noEffect(stage3, z + "sub_group_size"), Contains("on the device"));
    CHECK(noEffect(nvme, z + "sub_group_size").empty());
    CHECK_THAT(noEffect(stage3, z + "stage3_prefetch_bucket_size"), Contains("overlap_comm is false"));
    CHECK_THAT(noEffect(stage3, z + "stage3_max_live_parameters"), Contains("caps what is gathered ahead"));
    CHECK(noEffect(nvme, z + "stage3_prefetch_bucket_size").empty());
    CHECK_THAT(noEffect(stage1, z + "offload_optimizer.pipeline_read"), Contains("device is \"none\""));
    CHECK(noEffect(nvme, z + "offload_optimizer.pipeline_read").empty());
    CHECK_THAT(noEffect(nvme, z + "offload_optimizer.buffer_count"),
               Contains("one sub-group is on the host at a time"));
    CHECK_THAT(noEffect(nvme, z + "offload_param.max_in_cpu"), Contains("device is \"none\""));
    CHECK_THAT(noEffect(R"({"train_batch_size": 4})", z + "reduce_scatter"), Contains("all-reduced"));
    CHECK_THAT(noEffect(stage1, "fp16.hysteresis"), Contains("fp16.enabled is false"));
    CHECK_THAT(noEffect(R"({"train_batch_size": 4, "fp16": {"enabled": true, "loss_scale": 8}})", "fp16.hysteresis"),
               Contains("loss_scale is not 0"));
    CHECK(noEffect(R"({"train_batch_size": 4, "fp16": {"enabled": true}})", "fp16.hysteresis").empty());
    CHECK_THAT(noEffect(R"({"train_batch_size": 4, "steps_per_print": 10})", "steps_per_print"), Contains("DeepSpeed"));
}

TEST_CASE("what is said to have no effect has none") {
    const auto peak = [](const std::string& more) {
        return planMemory(planOf(R"({"train_batch_size": 4, "zero_optimization": {)" + more + "}}").program)
            .device()
            .peak_bytes;
    };
    CHECK(peak(R"("stage": 3, "sub_group_size": 1)") == peak(R"("stage": 3)"));
    CHECK(peak(R"("stage": 3, "allgather_bucket_size": 2)") == peak(R"("stage": 3)"));
    CHECK(peak(R"("stage": 2, "stage3_prefetch_bucket_size": 0)") == peak(R"("stage": 2)"));
    CHECK(peak(R"("stage": 3, "overlap_comm": false, "stage3_prefetch_bucket_size": 0)") ==
          peak(R"("stage": 3, "overlap_comm": false)"));
}
