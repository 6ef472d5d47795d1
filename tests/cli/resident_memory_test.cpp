// SPDX-License-Identifier: Apache-2.0
#include "program.h"
#include "support/catch.h"
#include <nlohmann/json.hpp>

using namespace shardscope::test;
using nlohmann::json;

// docs/performance.md says what the fixed part is made of.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) // whose shadow memory would be counted
TEST_CASE("the process holds what the ledger says, a tenth, and a fixed overhead") {
    constexpr double mib = 1 << 20, of_program = 32 * mib, of_rank = 40 * mib;
    for (const std::vector<std::string>& settings :
         {std::vector<std::string>{"zero_optimization.stage=3"},
          {"zero_optimization.stage=2", "bf16.enabled=true", "zero_optimization.offload_optimizer.device=cpu"}}) {
        std::vector<std::string> command = {"run", "--model",  "gpt2-mini", "--ranks",    "2",   "--steps",
                                            "2",   "--format", "json",      "--progress", "none"};
        for (const std::string& setting : settings) command.insert(command.end(), {"--set", setting});
        INFO(settings[0]);
        const ProcessResult result = shardscopeProgram(command);
        REQUIRE(result.exit_code == 0);
        double ledger = 0;
        const json summary = json::parse(result.out);
        for (const json& row : summary["memory"])
            if (row["category"] == "total" && row["tier"] != "nvme") ledger += row["peak_bytes"].get<double>();
        const double resident = 1024.0 * static_cast<double>(result.peak_resident_kib);
        CHECK(resident > 0.9 * ledger); // else the ledger counts what is not there
        CHECK(resident < 1.1 * ledger + of_program + 2 * of_rank);
        CAPTURE(ledger / mib, resident / mib);
        CHECK(ledger > 500 * mib); // else the fixed part hides what is looked for
    }
}
#endif
