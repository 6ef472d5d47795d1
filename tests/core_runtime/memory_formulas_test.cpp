// SPDX-License-Identifier: Apache-2.0
// The published formulas against the numbers that were published with them, and against the traps between them.
#include "core_runtime/memory_formulas.h"
#include "core_runtime/model_spec.h"
#include "support/catch.h"
#include <array>

using namespace shardscope;

namespace {

constexpr double gib = 1073741824.0, mib = 1048576.0, tib = 1024 * gib;

struct KorthikantiModel {
    const char* name;
    ActivationShape shape;
    double tensor_parallel_gib, sequence_selective_gib, states_gib; // of the first pipeline stage
    std::array<double, 4> percent;                                  // SP, selective, both, full, of tensor parallel
};

const std::vector<KorthikantiModel>& korthikantiModels() {
    const auto shape = [](int64_t a, int64_t h, int64_t l, int64_t b, int64_t p, int64_t m) {
        return ActivationShape{.sequence = 2048,
                               .micro_batch = b,
                               .hidden = h,
                               .heads = a,
                               .layers = l,
                               .vocabulary = 51200,
                               .tensor_parallel = 8,
                               .pipeline_parallel = p,
                               .interleave = m};
    };
    static const std::vector<KorthikantiModel> models = {
        {"22B", shape(64, 6144, 48, 4, 1, 1), 59.25, 9.5625, 45.5625, {66.84, 49.42, 16.18, 7.64}},
        {"175B", shape(96, 12288, 96, 1, 8, 3), 66.84375, 12.3515625, 45.5625, {62.04, 56.53, 18.49, 8.71}},
        {"530B", shape(128, 20480, 105, 1, 35, 3), 114.0234375, 23.076171875, 31.640625, {58.31, 62.04, 20.27, 9.42}},
        {"1T", shape(160, 25600, 128, 1, 64, 1), 131.25, 26.5625, 32.958984375, {58.31, 62.04, 20.27, 9.42}}};
    return models;
}

DeepSpeedCase published(bool optimizer, bool param, bool zero_init) {
    return {.parameters = 2851e6,
            .largest_layer = 32e6,
            .devices_per_node = 8,
            .nodes = 1,
            .offload_optimizer = optimizer,
            .offload_param = param,
            .zero_init = zero_init};
}

} // namespace

TEST_CASE("model states are those of table 1 of the ZeRO paper") {
    struct Row {
        int64_t ranks;
        std::array<double, 9> gb; // stages 1, 2, 3 of 7.5B, 128B, 1T
    };
    const std::vector<Row> table = {{1, {120, 120, 120, 2048, 2048, 2048, 16000, 16000, 16000}},
                                    {4, {52.5, 41.3, 30, 896, 704, 512, 7000, 5500, 4000}},
                                    {16, {35.6, 21.6, 7.5, 608, 368, 128, 4750, 2875, 1000}},
                                    {64, {31.4, 16.6, 1.88, 536, 284, 32, 4187, 2218, 250}},
                                    {256, {30.4, 15.4, 0.47, 518, 263, 8, 4046, 2054, 62.5}},
                                    {1024, {30.1, 15.1, 0.12, 513, 257, 2, 4011, 2013, 15.6}}};
    const std::array<double, 3> models = {7.5e9, 128e9, 1e12};
    for (const Row& row : table)
        for (size_t i = 0; i < row.gb.size(); ++i) {
            const double parameters = models[i / 3];
            const int stage = static_cast<int>(i % 3) + 1;
            INFO(parameters << " parameters, " << row.ranks << " ranks, stage " << stage);
            const double gb = static_cast<double>(modelStates(mixed_states, parameters, stage, row.ranks).sum()) * 1e-9;
            CHECK(gb == Approx(row.gb[i]).margin(i < 3 ? 0.06 : 1)); // the larger ones are truncated in print
        }
    CHECK(modelStates(mixed_states, 1.5e9, 0, 8).sum() == 24'000'000'000); // 24 GB for a model of 3 GB
    CHECK(modelStates(mixed_states, 1.5e9, 1, 8).optimizer == 2'250'000'000);
    CHECK(fusedBufferBytes(1.5e9) == 6e9);
    CHECK(fusedBufferBytes(3e9) == 12e9);
    CHECK(modelStates(mixed_states, 70e9, 0, 1).parameters / gib == Approx(130.385)); // not 133
}

TEST_CASE("the largest model is that of table 2 of the ZeRO paper") {
    // In 1e9 parameters, on 64 data-parallel ranks of 32 GB: replicated, stages 1, 2 and 3.
    const std::vector<std::pair<int64_t, std::array<double, 4>>> table = {{1, {2, 7.6, 14.4, 128}},
                                                                          {2, {4, 15.2, 28.8, 256}},
                                                                          {4, {8, 30.4, 57.6, 512}},
                                                                          {8, {16, 60.8, 115.2, 1024}},
                                                                          {16, {32, 121.6, 230.4, 2048}}};
    for (const auto& [model_parallel, billions] : table)
        for (int stage = 0; stage < 4; ++stage) {
            INFO("model parallel " << model_parallel << ", stage " << stage);
            CHECK(largestModel(mixed_states, stage, 64, 32e9, model_parallel) * 1e-9 ==
                  Approx(billions[static_cast<size_t>(stage)]).epsilon(0.01));
        }
    // Eight devices of 80 GB do not hold the 30B, 60B and 100B that are often told, without offload.
    CHECK(largestModel(mixed_states, 1, 8, 80e9) * 1e-9 == Approx(14.5454545));
    CHECK(largestModel(mixed_states, 2, 8, 80e9) * 1e-9 == Approx(21.3333333));
    CHECK(largestModel(mixed_states, 3, 8, 80e9) * 1e-9 == Approx(40));
}

TEST_CASE("every accounting has its own bytes per parameter") {
    for (const auto& [parameters, gb] :
         std::vector<std::pair<double, double>>{{1e9, 16}, {7e9, 112}, {70e9, 1120}, {405e9, 6480}})
        CHECK(modelStates(mixed_states, parameters, 0, 1).sum() == static_cast<int64_t>(gb * 1e9));
    for (const auto& [parameters, gb] :
         std::vector<std::pair<double, double>>{{1e9, 20}, {7e9, 140}, {70e9, 1400}, {405e9, 8100}})
        CHECK(modelStates(mixed_fp32_gradients, parameters, 0, 1).sum() == static_cast<int64_t>(gb * 1e9));
    const auto perParameter = [](StateWeights w, int stage) { return stateBytesPerParameter(w, stage, 8); };
    CHECK(perParameter(mixed_fp32_gradients, 1) == 8 + 12.0 / 8);
    CHECK(perParameter(mixed_fp32_gradients, 2) == 2 + 18.0 / 8);
    CHECK(perParameter(mixed_fp32_gradients, 3) == 20.0 / 8);
    CHECK(perParameter(single_precision_states, 0) == 16);
    CHECK(perParameter(single_precision_states, 1) == 8 + 8.0 / 8);
    CHECK(perParameter(single_precision_states, 2) == 4 + 12.0 / 8);
    CHECK(perParameter(megatron_states, 0) == 18);
    CHECK(perParameter(megatron_states, 1) == 6 + 12.0 / 8); // the distributed optimizer
    CHECK(stateFormula(mixed_states, 0) == "16Ψ");
    CHECK(stateFormula(mixed_states, 2) == "2Ψ + 14Ψ/N");
    CHECK(stateFormula(megatron_states, 1) == "6Ψ + 12Ψ/N");
    CHECK(stateFormula(mixed_fp32_gradients, 3) == "20Ψ/N");
    const std::array<double, 4> llama = {1103.626, 276.715, 138.896, 1.0778}; // 70B on 1,024 devices
    for (int stage = 0; stage < 4; ++stage)
        CHECK(modelStates(mixed_states, 68976648192.0, stage, 1024).sum() * 1e-9 ==
              Approx(llama[static_cast<size_t>(stage)]).epsilon(1e-4));
    CHECK(modelStates(mixed_states, 10, 3, 3).sum() == 7 + 7 + 40); // rounded up
}

TEST_CASE("DeepSpeed's estimators give the tables of its documentation") {
    const auto checkGib = [](int64_t bytes, double expected) { CHECK(bytes / gib == Approx(expected).margin(0.006)); };
    const auto zero2 = [](bool offload, DeepSpeedVersion version) {
        return deepspeedZero2(published(offload, false, true), version);
    };
    checkGib(zero2(true, DeepSpeedVersion::documented).device, 5.31);
    checkGib(zero2(true, DeepSpeedVersion::documented).host, 127.45);
    checkGib(zero2(false, DeepSpeedVersion::documented).device, 15.93);
    checkGib(zero2(false, DeepSpeedVersion::documented).host, 127.45);
    checkGib(zero2(false, DeepSpeedVersion::current).device, 11.28);
    struct Row {
        bool optimizer, param, zero_init;
        double host, device;
    };
    for (const Row& row : {Row{true, true, true, 71.69, 0.12}, Row{true, true, false, 127.45, 0.12},
                           Row{true, false, true, 63.72, 0.78}, Row{true, false, false, 127.45, 0.78},
                           Row{false, false, true, 1.43, 6.09}, Row{false, false, false, 127.45, 6.09}}) {
        const DeepSpeedEstimate e = deepspeedZero3(published(row.optimizer, row.param, row.zero_init));
        INFO(e.device_formula << ", " << e.host_formula);
        checkGib(e.device, row.device);
        checkGib(e.host, row.host);
    }
    // T5-large on four devices, in whole MiB.
    DeepSpeedCase t5 = {.parameters = 737.67e6, .largest_layer = 32.90e6, .devices_per_node = 4};
    CHECK(static_cast<int64_t>(deepspeedZero3(t5).device / mib) == Approx(3291).margin(1));
    t5.offload_optimizer = true;
    CHECK(static_cast<int64_t>(deepspeedZero3(t5).device / mib) == Approx(477).margin(1));
    t5.offload_param = true;
    CHECK(static_cast<int64_t>(deepspeedZero3(t5).device / mib) == Approx(125).margin(1));
    // With nodes: the host's share of stage 3 is of one node.
    DeepSpeedCase two = published(true, true, true);
    two.nodes = 2;
    checkGib(deepspeedZero3(two).host, 71.69 / 2);
    checkGib(deepspeedZero2(two, DeepSpeedVersion::current).host, 2 * 127.45); // 4gn passes 16
}

TEST_CASE("activations are those of Korthikanti et al.") {
    for (const KorthikantiModel& model : korthikantiModels()) {
        INFO(model.name);
        ActivationShape shape = model.shape;
        const double baseline = activationBytes(shape);
        CHECK(baseline / gib == Approx(model.tensor_parallel_gib).epsilon(1e-6));
        const auto percent = [&](bool sequence_parallel, Recompute recompute) {
            shape.sequence_parallel = sequence_parallel;
            shape.recompute = recompute;
            return 100 * activationBytes(shape) / baseline;
        };
        CHECK(percent(true, Recompute::none) == Approx(model.percent[0]).margin(0.2));
        CHECK(percent(false, Recompute::selective) == Approx(model.percent[1]).margin(0.2));
        CHECK(percent(false, Recompute::full) == Approx(model.percent[3]).margin(0.2));
        CHECK(percent(true, Recompute::selective) == Approx(model.percent[2]).margin(0.2));
        CHECK(activationBytes(shape) / gib == Approx(model.sequence_selective_gib).epsilon(1e-6));
        const double h = static_cast<double>(shape.hidden);
        const double blocks = 12 * static_cast<double>(shape.layers) * h * h; // without embeddings
        const double devices = static_cast<double>(shape.tensor_parallel * shape.pipeline_parallel);
        CHECK(modelStates(megatron_states, blocks / devices, 0, 1).sum() / gib == Approx(model.states_gib));
    }
    const ActivationShape gpt3 = korthikantiModels()[1].shape, mtnlg = korthikantiModels()[2].shape;
    CHECK(selectiveSaving(gpt3) == Approx(0.70).margin(0.005));
    CHECK(selectiveSaving(mtnlg) == Approx(0.65).margin(0.005));
    CHECK(100 * selectiveExtraFlops(gpt3) == Approx(2.7).margin(0.2));
    CHECK(100 * selectiveExtraFlops(mtnlg) == Approx(1.6).margin(0.2));
    // 5as/h is bytes per element of sbh, not parameters: 80 and 64.
    CHECK(selectiveSaving(gpt3) / (1 - selectiveSaving(gpt3)) * 34 == Approx(80));
    CHECK(selectiveSaving(mtnlg) / (1 - selectiveSaving(mtnlg)) * 34 == Approx(64));
}

TEST_CASE("tensor parallelism of one is no tensor parallelism, and formulas say what they count") {
    ActivationShape a{.sequence = 4096, .hidden = 8192, .heads = 64, .layers = 80, .vocabulary = 32000};
    CHECK(activationBytesPerLayer(a) / gib == Approx(6.0625));
    CHECK(activationFormula(a) == "sbh (34 + 5as/h)");
    a.feed_forward = 4 * a.hidden;
    CHECK(activationBytesPerLayer(a) / gib == Approx(6.0625));
    CHECK(activationFormula(a) == "sbh (18 + 4f/h + 5as/h)");
    a.feed_forward = 0;
    a.recompute = Recompute::selective;
    CHECK(activationBytesPerLayer(a) / gib == Approx(1.0625));
    a.recompute = Recompute::full;
    CHECK(activationBytesPerLayer(a) / mib == Approx(64));
    CHECK(activationFormula(a) == "2sbh");
    a.tensor_parallel = 4;
    CHECK(activationBytesPerLayer(a) / mib == Approx(64));
    a.partition_checkpoints = true;
    CHECK(activationBytesPerLayer(a) / mib == Approx(16));
    a.recompute = Recompute::none;
    CHECK(activationFormula(a) == "sbh (10 + 24/t + 5as/(ht))");
    a.sequence_parallel = true;
    CHECK(activationFormula(a) == "sbh/t (34 + 5as/h)");
    CHECK(heldLayers(a) == 80);
    a.pipeline_parallel = 8;
    CHECK(heldLayers(a) == 80); // 1F1B
    a.interleave = 5;
    CHECK(heldLayers(a) == Approx(80 * (1 + 7.0 / 40)));
    CHECK(outputActivationBytes(a) == 0);
    a.pipeline_parallel = a.interleave = a.tensor_parallel = 1;
    CHECK(outputActivationBytes(a) == 4.0 * 4096 * (8192 + 32000));
}

TEST_CASE("the coarse rules of the ZeRO paper") {
    // GPT-2 1.5B, sequences of 1K, batch 32: about 60 GB.
    CHECK(2 * zeroActivationElements(1600, 32, 1024, 48) * 1e-9 == Approx(60).epsilon(0.01));
    // A 100B model of 125 layers checkpointed at batch 32: 33.5e9 elements, which are 67 GB and not 33.
    const ActivationShape large{
        .sequence = 1024, .micro_batch = 32, .hidden = 8192, .heads = 64, .layers = 125, .recompute = Recompute::full};
    CHECK(activationBytes(large) * 1e-9 == Approx(67.1).epsilon(0.001));
}

TEST_CASE("ZeRO-Infinity's formulas give its table") {
    struct Row {
        int64_t layers, hidden;
        double trillions, states_tib, working_gib;
    };
    for (const Row& row :
         {Row{80, 10240, 0.10, 1.83, 1.56}, Row{100, 20480, 0.50, 9.16, 6.25}, Row{128, 25600, 1.01, 18.31, 9.77},
          Row{195, 65536, 10.05, 182.81, 64}, Row{315, 163840, 101.47, 1845.70, 400}}) {
        const InfinityShape shape{.layers = row.layers, .hidden = row.hidden, .heads = 1};
        INFO(row.hidden);
        CHECK(infinityParameters(shape) * 1e-12 == Approx(row.trillions).margin(0.006));
        CHECK(infinityModelStates(shape) / tib == Approx(row.states_tib).margin(0.01));
        CHECK(infinityStateWorking(shape) / gib == Approx(row.working_gib).margin(0.01));
        // 20 bytes per parameter are those of fp32 gradients, not the 16 of the first paper.
        CHECK(infinityModelStates(shape) ==
              Approx(modelStates(mixed_fp32_gradients, infinityParameters(shape), 0, 1).sum()));
    }
    const InfinityShape trillion{.layers = 128, .hidden = 25600, .heads = 256, .batch = 32, .sequence = 1024};
    CHECK(infinityCheckpoints(trillion) / tib == Approx(0.195).margin(0.001));
    InfinityShape every_second = trillion;
    every_second.checkpoint_interval = 2;
    CHECK(infinityCheckpoints(every_second) == infinityCheckpoints(trillion) / 2);
    CHECK(infinityActivationWorking(every_second) == 2 * infinityActivationWorking(trillion));
    CHECK(infinityActivationWorking(trillion) == 32.0 * 1024 * (16 * 25600 + 2 * 256 * 1024));
}

TEST_CASE("parameter counts are the published ones") {
    const auto gpt = [](int64_t h, int64_t layers, int64_t vocabulary, int64_t context) {
        return parameterCount(
            {.layers = layers, .channels = h, .heads = 1, .vocabulary = vocabulary, .context = context});
    };
    CHECK(gpt(768, 12, 50257, 1024) == 124439808);
    CHECK(gpt(1024, 24, 50257, 1024) == 354823168);
    CHECK(gpt(1280, 36, 50257, 1024) == 774030080);
    CHECK(gpt(1600, 48, 50257, 1024) == 1557611200);
    CHECK(gpt(2560, 32, 50368, 2048) == 2651837440); // MPT
    CHECK(gpt(4096, 32, 50368, 2048) == 6658859008);
    CHECK(gpt(5120, 40, 50368, 2048) == 12853954560);
    CHECK(gpt(7168, 48, 50368, 2048) == 29975214080);
    CHECK(gpt(8192, 80, 50368, 2048) == 64862437376);
    // Megatron-LM's table, in 1e9.
    const auto megatron = [&](int64_t h, int64_t layers) { return gpt(h, layers, 51200, 2048) * 1e-9; };
    CHECK(megatron(6144, 40) == Approx(18.4).margin(0.06));
    CHECK(megatron(8192, 48) == Approx(39.1).margin(0.06));
    CHECK(megatron(10240, 60) == Approx(76.1).margin(0.06));
    CHECK(megatron(12288, 80) == Approx(145.6).margin(0.06));
    CHECK(megatron(16384, 96) == Approx(310.1).margin(0.06));
    CHECK(megatron(20480, 105) == Approx(529.6).margin(0.06));
    CHECK(megatron(25600, 128) == Approx(1008.0).margin(0.06));
    const auto llama = [](int64_t h, int64_t layers, int64_t heads, int64_t kv, int64_t ffn, int64_t vocabulary) {
        return parameterCount({.layers = layers,
                               .channels = h,
                               .heads = heads,
                               .vocabulary = vocabulary,
                               .context = 4096,
                               .family = ModelFamily::llama,
                               .kv_heads = kv,
                               .feed_forward = ffn,
                               .tied = false});
    };
    CHECK(llama(4096, 32, 32, 32, 11008, 32000) == 6738415616);
    CHECK(llama(5120, 40, 40, 40, 13824, 32000) == 13015864320);
    CHECK(llama(6656, 60, 52, 52, 17920, 32000) == 32528943616); // LLaMA-1 33B, every head its own keys
    CHECK(llama(8192, 48, 64, 8, 22016, 32000) == 33743970304);  // 34B, grouped queries
    CHECK(llama(8192, 80, 64, 64, 22016, 32000) == 65285660672);
    CHECK(llama(8192, 80, 64, 8, 28672, 32000) == 68976648192);
    CHECK(llama(4096, 32, 32, 8, 14336, 128256) == 8030261248);
    CHECK(llama(8192, 80, 64, 8, 28672, 128256) == 70553706496);
}
