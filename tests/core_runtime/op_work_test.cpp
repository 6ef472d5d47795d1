// SPDX-License-Identifier: Apache-2.0
// The work of ops against what is known of a whole step.
#include "core_runtime/device_list.h"
#include "core_runtime/machine/device_peaks.h"
#include "core_runtime/op_work.h"
#include "core_runtime/planner.h"
#include "small_runs.h"
#include "support/catch.h"
#include <nlohmann/json.hpp>

using namespace shardscope;

TEST_CASE("the products of a step are three times two per weight and token, AdamW moves 28 bytes per element") {
    const ModelSpec model = {.name = "t", .layers = 2, .channels = 32, .heads = 2, .vocabulary = 128, .context = 16};
    const Result<Config> config =
        parseConfig(R"({"train_micro_batch_size_per_gpu": 3})", "test", 1, model.channels, 10);
    REQUIRE(config);
    const Result<Plan> made = plan(*config, model, 1, 0);
    REQUIRE(made);
    double products = 0, adamw = 0;
    for (const Op& op : made->program.ops) {
        const OpWork work = workOf(made->program, op);
        if (op.kind != OpKind::compute) CHECK(work.bytes == 0);
        if (op.compute == ComputeKind::matmul_forward || op.compute == ComputeKind::matmul_backward_input ||
            op.compute == ComputeKind::matmul_backward_weight)
            products += work.flops;
        if (op.compute == ComputeKind::adamw) adamw += work.bytes;
        if (op.compute == ComputeKind::attention_backward) CHECK(work.flops == 10 * 0.5 * 3 * 32 * 16 * 17);
        if (op.compute == ComputeKind::embedding_forward) { // out, ids, a row of each table per token
            const double tokens = 3 * 16;
            CHECK(work.bytes == tokens * (3 * 32 * 4 + 4));
        }
    }
    const double weights = 2 * 12 * 32 * 32 + 128 * 32; // of products: 12 C^2 per layer, and the head
    CHECK(products == 6 * weights * 3 * 16);
    int64_t elements = 0;
    for (const ParameterInfo& p : made->parameters) elements += p.elements;
    CHECK(adamw >= 28.0 * static_cast<double>(elements));
    CHECK(adamw < 28.5 * static_cast<double>(elements)); // padding of segments

    const auto json = nlohmann::json::parse(opWorkJson(made->program));
    REQUIRE(json["ops"].size() == made->program.ops.size());
    CHECK(json["kinds"].size() < made->program.ops.size());
    double told = 0;
    for (const auto& index : json["ops"])
        if (index.get<int>() >= 0 && json["kinds"][index.get<size_t>()][0].get<std::string>().starts_with("matmul"))
            told += json["kinds"][index.get<size_t>()][1].get<double>();
    CHECK(told == products);
}

TEST_CASE("--devices chooses and orders GPUs, each once") {
    CHECK(*devicesOf("", 3) == std::vector<int>{0, 1, 2});
    CHECK(*devicesOf("2,0", 3) == std::vector<int>{2, 0});
    for (const char* wrong : {"3", "-1", "0,", ",", "0,0", "a", "0 1", "99999999999999"}) {
        INFO(wrong);
        CHECK_FALSE(devicesOf(wrong, 3));
    }
}

TEST_CASE("data sheets are found by the driver's name, and no neighbour's is taken") {
    CHECK(sheetPeaks("NVIDIA H200")->bytes_per_s == 4.8e12);
    CHECK(sheetPeaks("NVIDIA H200 NVL")->half_flops_per_s == 835e12);
    CHECK(sheetPeaks("NVIDIA L4")->bytes_per_s == 0.3e12);
    CHECK(sheetPeaks("NVIDIA L40S")->bytes_per_s == 0.864e12);
    CHECK_FALSE(sheetPeaks("NVIDIA L40"));
    CHECK_FALSE(sheetPeaks("Some other card"));
}
