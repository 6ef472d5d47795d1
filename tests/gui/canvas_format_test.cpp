// SPDX-License-Identifier: Apache-2.0
#include "gui/canvas/format.h"
#include "gui/canvas/theme.h"
#include "support/catch.h"
#include <algorithm>
#include <cctype>
#include <limits>

namespace shardscope::gui {

TEST_CASE("durations carry a fitting unit") {
    CHECK(formatDuration(0) == "0 ns");
    CHECK(formatDuration(812) == "812 ns");
    CHECK(formatDuration(1'000) == "1.00 µs");
    CHECK(formatDuration(24'310'000) == "24.31 ms");
    CHECK(formatDuration(241'260'000) == "241.3 ms");
    CHECK(formatDuration(1'500'000'000) == "1.50 s");
    CHECK(formatDuration(999'960'000) == "1.00 s");
    CHECK(formatDuration(4'000'000'000'000) == "4,000 s");
    CHECK(formatDuration(-2'300'000) == "-2.30 ms");
    constexpr int64_t hour = 3'600'000'000'000, day = 24 * hour, year = 365 * day;
    CHECK(formatDuration(3 * hour) == "3.00 h");
    CHECK(formatDuration(47 * hour) == "47.00 h");
    CHECK(formatDuration(30 * day) == "30.00 d");
    CHECK(formatDuration(729 * day) == "729.0 d");
    CHECK(formatDuration(10 * year) == "10.00 y");
}

TEST_CASE("bytes are binary multiples") {
    CHECK(formatBytes(0) == "0 B");
    CHECK(formatBytes(1023) == "1023 B");
    CHECK(formatBytes(1024) == "1.00 KiB");
    CHECK(formatBytes(5'368'709) == "5.12 MiB");
    CHECK(formatBytes(int64_t{512} << 20) == "512.0 MiB");
    CHECK(formatBytes(int64_t{3} << 40) == "3.00 TiB");
}

TEST_CASE("never more than four significant digits") {
    for (int64_t value = 1; value < int64_t{1} << 49; value = value * 17 / 16 + 1)
        for (const std::string& text : {formatDuration(value), formatBytes(value)}) {
            if (text.find(',') != std::string::npos) continue; // beyond the last unit whole numbers grow
            INFO(text);
            CHECK(std::count_if(text.begin(), text.end(), [](unsigned char c) { return std::isdigit(c); }) <= 4);
        }
}

TEST_CASE("counts have thousands separated") {
    CHECK(formatCount(0) == "0");
    CHECK(formatCount(999) == "999");
    CHECK(formatCount(1'000) == "1,000");
    CHECK(formatCount(7'087'872) == "7,087,872");
    CHECK(formatCount(-123'456) == "-123,456");
    CHECK(formatCount(std::numeric_limits<int64_t>::min()) == "-9,223,372,036,854,775,808");
}

TEST_CASE("axis times share a unit and have the decimals their spacing needs") {
    CHECK(formatTime(5'000'000, 45'000'000, 5'000'000) == "5 ms");
    CHECK(formatTime(0, 45'000'000, 5'000'000) == "0 ms");
    CHECK(formatTime(12'350'000, 45'000'000, 50'000) == "12.35 ms");
    CHECK(formatTime(1'500, 1'900, 100) == "1500 ns");
    CHECK(formatTime(2'500'000'000, 3'000'000'000, 500'000'000) == "2.5 s");
    constexpr int64_t year = int64_t{365} * 86'400'000'000'000;
    CHECK(axisUnit(5'000'000'000) == 1);
    CHECK(axisUnit(10 * year) == year);
    CHECK(formatTime(2 * year, 10 * year, 2 * year) == "2 y");
    CHECK(formatTime(year / 2, 10 * year, year / 10) == "0.5 y");
}

TEST_CASE("percentages keep a decimal where it matters") {
    CHECK(formatPercent(61.4) == "61 %");
    CHECK(formatPercent(0.42) == "0.4 %");
    CHECK(formatPercent(0) == "0 %");
}

TEST_CASE("text can be read on every block and every surface") {
    for (OpClass op_class : {OpClass::compute, OpClass::all_gather, OpClass::reduce_scatter, OpClass::all_reduce,
                             OpClass::broadcast, OpClass::copy, OpClass::storage, OpClass::host})
        for (Phase phase : {Phase::initialize, Phase::forward, Phase::backward, Phase::recompute, Phase::optimizer}) {
            const Rgb block = operationColour(op_class, phase);
            CHECK(contrast(block, textOn(block)) >= 4.5);
        }
    for (const Theme* theme : {&darkTheme(), &lightTheme()})
        for (Rgb surface : {theme->background, theme->panel, theme->raised}) {
            CHECK(contrast(surface, theme->text) >= 4.5);
            CHECK(contrast(surface, theme->dim) >= 4.5);
            for (Rgb verdict : {theme->good, theme->bad, theme->attention})
                CHECK(contrast(surface, readableOn(surface, verdict)) >= 4.5);
        }
}

TEST_CASE("colours mix channel by channel") {
    CHECK(mix(0x000000, 0xffffff, 0) == 0x000000);
    CHECK(mix(0x000000, 0xffffff, 1) == 0xffffff);
    CHECK(mix(0x102030, 0x304050, 0.5f) == 0x203040);
    CHECK(contrast(0xffffff, 0x000000) == Approx(21.0));
}

TEST_CASE("lanes of a captured GPU are called by their work, and what stands beside it is told apart") {
    const std::vector<LaneInfo> lanes = {{0, LaneKind::compute, "GPU 0 stream 13"},
                                         {0, LaneKind::comm, "GPU 0 stream 14"},
                                         {0, LaneKind::comm, "GPU 0 stream 14 kernels of collectives"},
                                         {0, LaneKind::host, "api comm, CUDA thread 4711"},
                                         {0, LaneKind::host, "overhead, CUDA and CUPTI"},
                                         {1, LaneKind::compute, "GPU 0 stream 23"},
                                         {1, LaneKind::compute, "GPU 0 stream 7"}};
    std::vector<std::string> labels;
    for (const LaneInfo& lane : lanes) labels.push_back(laneLabel(lane, lanes));
    CHECK(labels ==
          std::vector<std::string>{"compute", "comm", "kernels", "api comm", "overhead", "stream 23", "stream 7"});
    CHECK_FALSE(isBesideWork(lanes[1]));
    for (const size_t beside : {2u, 3u, 4u}) CHECK(isBesideWork(lanes[beside]));
}

} // namespace shardscope::gui
