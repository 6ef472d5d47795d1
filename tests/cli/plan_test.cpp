// SPDX-License-Identifier: Apache-2.0
#include "program.h"
#include "support/contains.h"
#include <nlohmann/json.hpp>

using namespace shardscope::test;
using nlohmann::json;

TEST_CASE("the plan says what the run then needs, to the byte") {
    const TestFolder folder;
    for (const std::string stage : {"0", "2", "3"}) {
        for (const std::string bf16 : {"false", "true"}) {
            INFO(stage << " " << bf16);
            std::vector<std::string> plan = {"plan", "--model", smallModel(folder),     "--ranks",  "2",   "--stage",
                                             stage,  "--set",   "bf16.enabled=" + bf16, "--format", "json"};
            const json planned = json::parse(shardscopeProgram(plan).out);
            plan[0] = "run";
            const json summary = json::parse(shardscopeProgram(plan).out);
            int compared = 0;
            for (const json& row : summary["memory"]) {
                if (row["tier"] != "device") continue;
                const std::string category = row["category"];
                const json& expected =
                    category == "total" ? planned["peak_bytes"] : planned["category_peak_bytes"][category];
                CHECK(row["peak_bytes"] == expected);
                ++compared;
            }
            CHECK(compared > 2);
        }
    }
}

TEST_CASE("the table follows the formulas of the ZeRO paper") {
    const auto result =
        shardscopeProgram({"plan", "--model", "gpt2-mini", "--ranks", "4", "--set", "bf16.enabled=true", "--set",
                           "zero_optimization.stage3_param_persistence_threshold=0", "--table", "--format", "json"});
    const json table = json::parse(result.out);
    const std::vector<std::string> formulas = {"16Ψ", "4Ψ+12Ψ/N", "2Ψ+14Ψ/N", "16Ψ/N"};
    REQUIRE(table["stages"].size() == 4);
    for (size_t stage = 0; stage < 4; ++stage) {
        const json& row = table["stages"][stage];
        INFO(row.dump());
        CHECK(row["stage"] == stage);
        CHECK(row["formula"] == formulas[stage]);
        const auto formula = row["formula_bytes"].get<double>(), planned = row["model_state_bytes"].get<double>();
        CHECK(planned >= formula);
        CHECK(planned <= 1.001 * formula); // the padding of slices
        CHECK((row["gathered_bytes"].get<int64_t>() > 0) == (stage == 3));
    }
    CHECK_THAT(shardscopeProgram({"plan", "--table"}).out, Contains("| stage |") && Contains("8Ψ+8Ψ/N"));
    CHECK_THAT(shardscopeProgram({"plan"}).out, Contains("optimizer") && Contains("total"));
}

TEST_CASE("the plan shows the tiers and the traffic of offload") {
    const TestFolder folder;
    const std::vector<std::string> options = {"plan",
                                              "--model",
                                              smallModel(folder),
                                              "--ranks",
                                              "2",
                                              "--stage",
                                              "3",
                                              "--set",
                                              "zero_optimization.offload_param.device=cpu",
                                              "--set",
                                              "zero_optimization.offload_optimizer.device=nvme",
                                              "--set",
                                              "zero_optimization.offload_optimizer.nvme_path=" + folder.path("swap")};
    const std::string text = shardscopeProgram(options).out;
    CHECK_THAT(text, Contains("host") && Contains("nvme") && Contains("storage") && Contains("all_gather"));
    std::vector<std::string> as_json = options;
    as_json.insert(as_json.end(), {"--format", "json"});
    const json plan = json::parse(shardscopeProgram(as_json).out);
    const int64_t parameters = plan["parameters"];
    CHECK(plan["other_tiers"]["nvme"]["peak_bytes"] >= 12 * parameters / 2);
    CHECK(plan["other_tiers"]["nvme"]["category_peak_bytes"]["optimizer"] == plan["other_tiers"]["nvme"]["peak_bytes"]);
    CHECK(plan["other_tiers"]["host"]["category_peak_bytes"]["parameters"] >= 4 * parameters / 2);
    // Every state is read and written once.
    CHECK(plan["traffic_per_step"]["storage"]["bytes"] == 2 * plan["other_tiers"]["nvme"]["peak_bytes"].get<int64_t>());
    CHECK(plan["traffic_per_step"]["all_gather"]["bytes"] > 0);
    const json plain = json::parse(shardscopeProgram({"plan", "--stage", "1", "--format", "json"}).out);
    CHECK(plain["other_tiers"]["host"]["peak_bytes"] == 0);
    CHECK_FALSE(plain["traffic_per_step"].contains("copy"));
}
