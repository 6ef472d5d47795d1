// SPDX-License-Identifier: Apache-2.0
#include "profiler/analysis/table.h"
#include "support/catch.h"

using namespace shardscope;

TEST_CASE("heads of columns tell units, and large numbers need no exponent") {
    const Table table{
        "rates", "", {"loss_scale", "tokens_per_s", "gflop_per_s", "bus_gb_per_s"}, {{65536.0, 123.456, 7.0, 0.5}}};
    CHECK(tableText(table) == "  loss scale  tokens/s  GFLOP/s  bus, GB/s\n"
                              "  65536          123.5        7        0.5\n");
}

TEST_CASE("text of a long table has its first rows, or the largest in their order, and says what is left out") {
    Table table{"path", "the path", {"op", "duration_ns"}, {}, 2};
    for (const int64_t ns : {5, 30, 7, 30, 90}) table.rows.push_back({"op " + std::to_string(ns), ns});
    CHECK(tableText(table) == "the path\n"
                              "  op     duration, ns\n"
                              "  op 5              5\n"
                              "  op 30            30\n"
                              "  ... and 3 more; --format csv --table path shows all\n");
    table.largest_by = 1;
    CHECK(tableText(table) == "the path\n"
                              "  op     duration, ns\n"
                              "  op 30            30\n"
                              "  op 90            90\n"
                              "  ... and 3 smaller ones between them; --format csv --table path shows all\n");
    table.text_rows = 5;
    CHECK(tableText(table).find("op 7 ") != std::string::npos);
}
