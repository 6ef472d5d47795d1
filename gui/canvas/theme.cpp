// SPDX-License-Identifier: Apache-2.0
#include "gui/canvas/theme.h"
#include <algorithm>
#include <cmath>

namespace shardscope::gui {

namespace {

constexpr Rgb ink = 0x14161a, white = 0xffffff;

constexpr Theme dark{.name = "dark",
                     .background = 0x14161a,
                     .panel = 0x1b1e24,
                     .raised = 0x22262e,
                     .line = 0x2d323c,
                     .grid = 0x252a33,
                     .text = 0xe7e9ee,
                     .dim = 0x98a1b0,
                     .faint = 0x5f6877,
                     .accent = 0x4c9aff,
                     .good = 0x39b980,
                     .bad = 0xf0616d,
                     .attention = 0xf0a63a,
                     .on_block = white};

constexpr Theme light{.name = "light",
                      .background = 0xf3f4f7,
                      .panel = 0xffffff,
                      .raised = 0xf6f7f9,
                      .line = 0xdcdfe5,
                      .grid = 0xe4e7ec, // one shade below the charts' grid, which lies on white
                      .text = 0x1d2430,
                      .dim = 0x5c6675,
                      .faint = 0x98a1b0,
                      .accent = 0x1f6feb,
                      .good = 0x16845a,
                      .bad = 0xc93442,
                      .attention = 0xb9720c,
                      .on_block = white};

int channel(Rgb colour, int shift) { return static_cast<int>(colour >> shift & 0xff); }

double luminance(Rgb colour) {
    const auto linear = [&](int shift) {
        const double c = channel(colour, shift) / 255.0;
        return c <= 0.04045 ? c / 12.92 : std::pow((c + 0.055) / 1.055, 2.4);
    };
    return 0.2126 * linear(16) + 0.7152 * linear(8) + 0.0722 * linear(0);
}

} // namespace

const Theme& darkTheme() { return dark; }
const Theme& lightTheme() { return light; }

Rgb operationColour(OpClass op_class, Phase phase) {
    switch (op_class) {
    case OpClass::all_gather:
    case OpClass::broadcast:
        return 0xf0a63a;
    case OpClass::reduce_scatter:
        return 0xe2703a;
    case OpClass::all_reduce:
    case OpClass::reduce:
    case OpClass::communication:
        return 0xd9659a;
    case OpClass::all_to_all:
    case OpClass::send_recv:
        return 0xe2703a;
    case OpClass::copy:
    case OpClass::storage:
        return 0x37b6b0;
    case OpClass::host:
    case OpClass::synchronize:
    case OpClass::cpu_op:
    case OpClass::api_call:
    case OpClass::annotation:
        return 0x8d97a8;
    case OpClass::compute:
        break;
    }
    switch (phase) {
    case Phase::forward:
    case Phase::unknown:
        return 0x5b9cf0;
    case Phase::backward:
        return 0x3d6fd0;
    case Phase::recompute:
        return 0x7fb2f5;
    case Phase::optimizer:
        return 0xa68bf2;
    case Phase::initialize:
        break;
    }
    return 0x8d97a8;
}

Rgb memoryColour(MemoryCategory category) {
    switch (category) {
    case MemoryCategory::parameters:
        return 0x4c9aff;
    case MemoryCategory::gradients:
        return 0xf0a63a;
    case MemoryCategory::optimizer:
        return 0xa68bf2;
    case MemoryCategory::master_weights:
        return 0x7563c9;
    case MemoryCategory::activations:
        return 0x35b57f;
    case MemoryCategory::comm_buffers:
        return 0xe2703a;
    case MemoryCategory::workspace:
        return 0x8b94a5;
    case MemoryCategory::other:
        break;
    }
    return 0x5f6877;
}

Rgb seriesColour(int64_t index) {
    // Neighbours differ in lightness as well as in hue.
    constexpr Rgb series[series_colours] = {0x4c9aff, 0xf0a63a, 0x7563c9, 0x35b57f, 0xd9659a, 0x9fd356, 0x2d7f8f, 0xe2703a};
    return series[((index % series_colours) + series_colours) % series_colours];
}

Rgb mix(Rgb from, Rgb to, float share) {
    const float t = std::clamp(share, 0.0f, 1.0f);
    Rgb mixed = 0;
    for (int shift : {16, 8, 0}) {
        const float a = static_cast<float>(channel(from, shift)), b = static_cast<float>(channel(to, shift));
        mixed |= static_cast<Rgb>(std::lround(a + (b - a) * t)) << shift;
    }
    return mixed;
}

double contrast(Rgb a, Rgb b) {
    const double first = luminance(a), second = luminance(b);
    return (std::max(first, second) + 0.05) / (std::min(first, second) + 0.05);
}

Rgb textOn(Rgb block) { return contrast(block, white) >= 4.5 ? white : ink; }

Rgb readableOn(Rgb background, Rgb colour) {
    const Rgb towards = contrast(background, white) > contrast(background, 0) ? white : 0;
    Rgb readable = colour;
    for (float share = 0.05f; contrast(background, readable) < 4.5 && share <= 1; share += 0.05f)
        readable = mix(colour, towards, share);
    return readable;
}

} // namespace shardscope::gui
