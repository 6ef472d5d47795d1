// SPDX-License-Identifier: Apache-2.0
#include "core_runtime/estimate.h"
#include "core_runtime/memory_formulas.h"
#include "core_runtime/planner.h"
#include "support/contains.h"
#include <numeric>
#include <random>

using namespace shardscope;

namespace {

const ModelSpec small = {.name = "small", .layers = 3, .channels = 32, .heads = 2, .vocabulary = 256, .context = 16};

Config configOf(const std::string& json, int64_t ranks) {
    const Result<Config> config = parseConfig(json, "test", ranks);
    INFO(json << (config ? "" : config.error().message));
    REQUIRE(config);
    return *config;
}

Estimate estimateOf(const EstimateRequest& request) {
    const Result<Estimate> made = estimate(request);
    INFO((made ? "" : made.error().message));
    REQUIRE(made);
    return *made;
}

int64_t bytesOf(const Estimate& e, MemoryTier tier, const std::string& name) {
    for (const NamedBytes& named : e.of(tier))
        if (named.name == name) return named.bytes;
    return -1;
}

std::string refusal(EstimateRequest request) {
    const Result<Estimate> made = estimate(request);
    REQUIRE_FALSE(made);
    return made.error().message;
}

Config randomConfig(std::mt19937& random, int64_t ranks) {
    const auto pick = [&](std::initializer_list<const char*> options) {
        return std::string(options.begin()[random() % options.size()]);
    };
    const int stage = static_cast<int>(random() % 4);
    std::string zero =
        "\"stage\": " + std::to_string(stage) + ", \"reduce_bucket_size\": " + pick({"1", "3000", "5e8"}) +
        ", \"overlap_comm\": " + pick({"true", "false"}) + ", \"reduce_scatter\": " + pick({"true", "false"});
    if (stage == 3)
        zero += ", \"stage3_prefetch_bucket_size\": " + pick({"0", "10000", "5e7"}) +
                ", \"stage3_param_persistence_threshold\": " + pick({"0", "100", "1e5"}) +
                ", \"stage3_max_reuse_distance\": " + pick({"0", "1e9"}) + ", \"offload_param\": " +
                pick({"{}", R"({"device": "cpu"})", R"({"device": "nvme", "nvme_path": "/x", "max_in_cpu": 0})"});
    if (stage > 0) zero += ", \"offload_optimizer\": " + pick({"{}", R"({"device": "cpu"})"});
    return configOf(R"({"train_micro_batch_size_per_gpu": )" + pick({"1", "3"}) +
                        R"(, "gradient_accumulation_steps": )" + pick({"1", "2"}) + R"(, "bf16": {"enabled": )" +
                        pick({"true", "false"}) + R"(}, "gradient_clipping": )" + pick({"0", "1"}) +
                        R"(, "shardscope": {"activation_checkpointing": )" +
                        pick({"\"none\"", "\"selective\"", "\"full\""}) + R"(}, "zero_optimization": {)" + zero + "}}",
                    ranks);
}

} // namespace

TEST_CASE("the estimate of what this runtime does is the planner's, for any configuration") {
    std::mt19937 random(20260101);
    for (int i = 0; i < 60; ++i) {
        const int64_t ranks = 1 + static_cast<int64_t>(random() % 5);
        const Config config = randomConfig(random, ranks);
        const Result<Plan> planned = plan(config, small, ranks, 0);
        REQUIRE(planned);
        const MemoryPlan memory = planMemory(planned->program);
        const Estimate e = estimateOf({.config = config, .model = small, .world_size = ranks});
        INFO(resolvedJson(config));
        for (const MemoryTier tier : all_memory_tiers) {
            const size_t t = static_cast<size_t>(tier);
            CHECK(e.peak_bytes[t] == memory.tier(tier).peak_bytes);
            int64_t at_peak = 0;
            for (const MemoryCategory category : all_memory_categories) {
                CHECK(bytesOf(e, tier, std::string(toText(category))) ==
                      memory.tier(tier).category_peak[static_cast<size_t>(category)]);
                for (const NamedBytes& named : e.at_peak[t])
                    if (named.name == toText(category)) at_peak += named.bytes;
            }
            CHECK(at_peak == e.peak_bytes[t]);
            CHECK(bytesOf(e, tier, "gathered_parameters") >= 0);
            CHECK(bytesOf(e, tier, "prefetched_parameters") <= bytesOf(e, tier, "gathered_parameters"));
        }
        CHECK(e.parameters == parameterCount(small));
        REQUIRE(e.peak_at);
        CHECK(e.activation_bytes_per_layer);
    }
}

TEST_CASE("a planned block keeps what the formulas say, less what this runtime does not store") {
    const int64_t s = 16, b = 3, h = 32, a = 2;
    const std::string mixed = R"({"train_micro_batch_size_per_gpu": 3, "bf16": {"enabled": true})";
    const auto perLayer = [&](const ModelSpec& model, const std::string& more) {
        return *estimateOf({.config = configOf(mixed + more + "}", 2), .model = model, .world_size = 2})
                    .activation_bytes_per_layer;
    };
    // GPT: 34 without two dropout masks of one byte; no attention matrix, but its log sum and the norms' statistics.
    const int64_t statistics = 4 * s * b * (a + 4);
    CHECK(perLayer(small, "") == 32 * s * b * h + statistics);
    CHECK(perLayer(small, R"(, "shardscope": {"activation_checkpointing": "full"})") == 2 * s * b * h);
    CHECK(perLayer(small, R"(, "shardscope": {"activation_checkpointing": "selective"})") ==
          30 * s * b * h + 4 * s * b * 4);
    ModelSpec one = small;
    one.layers = 1;
    CHECK(perLayer(one, "") == perLayer(small, ""));
    ModelSpec llama = small;
    llama.family = ModelFamily::llama;
    llama.heads = 4;
    llama.kv_heads = 2;
    llama.feed_forward = 88;
    llama.tied = false;
    CHECK(perLayer(llama, "") == llamaActivationBytesPerLayer(s, b, h, 4, 2, 88));
}

TEST_CASE("published accountings put model states where the configuration does") {
    const auto of = [](Accounting accounting, const std::string& zero, int64_t world) {
        return estimateOf({.accounting = accounting,
                           .config = configOf(R"({"train_micro_batch_size_per_gpu": 1, "bf16": {"enabled": true},
                                                "zero_optimization": {)" +
                                                  zero + "}}",
                                              world),
                           .parameters = 1e9,
                           .world_size = world});
    };
    const auto states = [](const Estimate& e, MemoryTier tier) { return bytesOf(e, tier, "model_states"); };
    CHECK(of(Accounting::paper, R"("stage": 2)", 4).peak_bytes[0] == 5'500'000'000);
    CHECK(of(Accounting::fp32_grad, R"("stage": 2)", 4).peak_bytes[0] == 6'500'000'000);
    CHECK(of(Accounting::megatron, R"("stage": 1)", 4).peak_bytes[0] == 9'000'000'000);
    // ZeRO-Offload: p16 stays, 2M; gradients and states go to the host, 14M.
    const Estimate offload = of(Accounting::paper, R"("stage": 2, "offload_optimizer": {"device": "cpu"})", 1);
    CHECK(states(offload, MemoryTier::device) == 2'000'000'000);
    CHECK(states(offload, MemoryTier::host) == 14'000'000'000);
    const Estimate infinity = of(Accounting::fp32_grad, R"("stage": 3,
        "offload_optimizer": {"device": "nvme", "nvme_path": "/x"}, "offload_param": {"device": "nvme", "nvme_path": "/x"})",
                                 4);
    CHECK(states(infinity, MemoryTier::device) == 0);
    CHECK(states(infinity, MemoryTier::nvme) == 20'000'000'000 / 4);
    CHECK(of(Accounting::paper, R"("stage": 2)", 4).formula == "model states 2Ψ + 14Ψ/N");
    CHECK_FALSE(of(Accounting::paper, R"("stage": 2)", 4).activation_bytes_per_layer);
}

TEST_CASE("published accountings add the activations of the model's shape") {
    const ModelSpec gpt = {
        .name = "22B", .layers = 48, .channels = 6144, .heads = 64, .vocabulary = 51200, .context = 2048};
    EstimateRequest request{.accounting = Accounting::megatron,
                            .config =
                                configOf(R"({"train_micro_batch_size_per_gpu": 4, "bf16": {"enabled": true}})", 1),
                            .model = gpt,
                            .world_size = 8,
                            .tensor_parallel = 8};
    const Estimate e = estimateOf(request);
    CHECK(bytesOf(e, MemoryTier::device, "activations") == 59.25 * 1073741824);
    CHECK(e.activation_bytes_per_layer == 59.25 * 1073741824 / 48);
    CHECK(e.peak_bytes[0] == bytesOf(e, MemoryTier::device, "model_states") +
                                 bytesOf(e, MemoryTier::device, "activations") +
                                 bytesOf(e, MemoryTier::device, "output_activations"));
    request.device_bytes = 1e9;
    CHECK(estimateOf(request).fits == false);
    request.device_bytes = 1e12;
    CHECK(estimateOf(request).fits == true);
    CHECK(*estimateOf(request).largest_model == Approx(1e12 * 8 / 18));
    request.config.activations = {Recompute::full, true};
    CHECK(bytesOf(estimateOf(request), MemoryTier::device, "activations") == 0);
    CHECK(bytesOf(estimateOf(request), MemoryTier::host, "activations") == 2ll * 2048 * 4 * 6144 * 48);
}

TEST_CASE("the largest layer is that of the modules Hugging Face has") {
    CHECK(largestLayer(*findModel("gpt2-124m")) == 50257 * 768);
    CHECK(largestLayer(*findModel("llama2-70b")) == 32000 * 8192);
    CHECK(largestLayer(small) == 4 * 32 * 32 + 4 * 32 + (256 * 32 > 4 * 32 * 33 ? 256 * 32 - 4 * 32 * 33 : 0));
}

TEST_CASE("a large model on many ranks is planned, and its states follow the paper") {
    const EstimateRequest request{
        .config = configOf(R"({"train_micro_batch_size_per_gpu": 1, "bf16": {"enabled": true}, "zero_optimization":
            {"stage": 3, "stage3_param_persistence_threshold": 0}})",
                           1024),
        .model = *findModel("llama2-70b"),
        .world_size = 1024};
    const Estimate e = estimateOf(request);
    CHECK(bytesOf(e, MemoryTier::device, "model_states") * 1e-9 == Approx(1.0778).epsilon(1e-3));
    CHECK(e.peak_bytes[0] > bytesOf(e, MemoryTier::device, "activations"));
}

TEST_CASE("what an accounting cannot count is refused in a sentence") {
    const Config plain = configOf(R"({"train_micro_batch_size_per_gpu": 1})", 1);
    EstimateRequest request{.config = plain, .parameters = 1e9, .world_size = 8};
    CHECK_THAT(refusal(request), Contains("cannot be planned"));
    request.accounting = Accounting::deepspeed;
    CHECK_THAT(refusal(request), Contains("stages 2 and 3 only"));
    request.config.zero.stage = 3;
    CHECK_THAT(refusal(request), Contains("--largest-layer"));
    request.largest_layer = 1e6;
    request.devices_per_node = 3;
    CHECK_THAT(refusal(request), Contains("not a multiple of 3"));
    request.devices_per_node = 8;
    CHECK(estimate(request));
    request.tensor_parallel = 2;
    CHECK_THAT(refusal(request), Contains("not part of --accounting deepspeed"));
    request.accounting = Accounting::paper;
    request.tensor_parallel = 3;
    CHECK_THAT(refusal(request), Contains("not a multiple of"));
    request.tensor_parallel = 1;
    request.parameters = 0;
    CHECK_THAT(refusal(request), Contains("--parameters"));
    request.parameters = 1e9;
    request.world_size = 0;
    CHECK_THAT(refusal(request), Contains("world size is 0"));
    request.world_size = 4;
    request.sequence = -1;
    CHECK_THAT(refusal(request), Contains("--sequence is -1"));
}
