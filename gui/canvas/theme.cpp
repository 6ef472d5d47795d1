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
                     .quiet = 0x8a93a2,
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
                      .quiet = 0x66707f,
                      .faint = 0x98a1b0,
                      .accent = 0x1b66dd, // these four are read on all three grounds: at least 4.5 to 1
                      .good = 0x147a53,
                      .bad = 0xc93442,
                      .attention = 0x98600a,
                      .on_block = white};

// Blue and orange in place of green and red, after Okabe and Ito; attention is yellow there.
constexpr Theme withDistinct(Theme theme, Rgb good, Rgb bad, Rgb attention) {
    theme.good = good;
    theme.bad = bad;
    theme.attention = attention;
    return theme;
}
constexpr Theme dark_distinct = withDistinct(dark, 0x56b4e9, 0xf07a2f, 0xf0e442);
constexpr Theme light_distinct = withDistinct(light, 0x0072b2, 0xb64a00, 0x7d6a00);

ColourSet chosen_colours = ColourSet::standard;
float scale = 1;

int channel(Rgb colour, int shift) { return static_cast<int>(colour >> shift & 0xff); }

double luminance(Rgb colour) {
    const auto linear = [&](int shift) {
        const double c = channel(colour, shift) / 255.0;
        return c <= 0.04045 ? c / 12.92 : std::pow((c + 0.055) / 1.055, 2.4);
    };
    return 0.2126 * linear(16) + 0.7152 * linear(8) + 0.0722 * linear(0);
}

} // namespace

void useColours(ColourSet set) { chosen_colours = set; }
ColourSet colourSet() { return chosen_colours; }
float uiScale() { return scale; }
void setUiScale(float wanted) { scale = std::clamp(wanted, 0.5f, 3.0f); }

const Theme& darkTheme() { return chosen_colours == ColourSet::distinct ? dark_distinct : dark; }
const Theme& lightTheme() { return chosen_colours == ColourSet::distinct ? light_distinct : light; }

namespace {

// Compute is blue to violet, communication yellow to brown: the groups differ in lightness and in the blue that every
// kind of colour vision keeps.
Rgb distinctOperation(OpClass op_class, Phase phase) {
    switch (op_class) {
    case OpClass::all_gather:
    case OpClass::broadcast:
        return 0xf0e442;
    case OpClass::reduce_scatter:
    case OpClass::all_to_all:
    case OpClass::send_recv:
        return 0xe69f00;
    case OpClass::all_reduce:
    case OpClass::reduce:
    case OpClass::communication:
        return 0xa85400;
    case OpClass::copy:
    case OpClass::storage:
        return 0x009e73;
    case OpClass::compute:
        break;
    default:
        return 0x8d97a8;
    }
    switch (phase) {
    case Phase::backward:
        return 0x0072b2;
    case Phase::recompute:
        return 0xa9d8f5;
    case Phase::optimizer:
        return 0xcc79a7;
    case Phase::initialize:
        return 0x8d97a8;
    default:
        return 0x56b4e9;
    }
}

Rgb distinctMemory(MemoryCategory category) {
    switch (category) {
    case MemoryCategory::parameters:
        return 0x56b4e9;
    case MemoryCategory::gradients:
        return 0xe69f00;
    case MemoryCategory::optimizer:
        return 0xcc79a7;
    case MemoryCategory::master_weights:
        return 0x0072b2;
    case MemoryCategory::activations:
        return 0x009e73;
    case MemoryCategory::comm_buffers:
        return 0xf0e442;
    case MemoryCategory::workspace:
        return 0x8b94a5;
    default:
        return 0x5f6877;
    }
}

} // namespace

Rgb operationColour(OpClass op_class, Phase phase) {
    if (chosen_colours == ColourSet::distinct) return distinctOperation(op_class, phase);
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
    if (chosen_colours == ColourSet::distinct) return distinctMemory(category);
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

Pattern operationPattern(OpClass op_class) {
    if (chosen_colours != ColourSet::distinct) return Pattern::none;
    switch (op_class) {
    case OpClass::all_gather:
    case OpClass::broadcast:
        return Pattern::dots;
    case OpClass::reduce_scatter:
    case OpClass::all_to_all:
    case OpClass::send_recv:
        return Pattern::bars;
    case OpClass::all_reduce:
    case OpClass::reduce:
    case OpClass::communication:
        return Pattern::rule;
    default: // compute is told by its lane and has no texture, so that overlap is seen
        return Pattern::none;
    }
}

// In the order of stacking no two neighbours share one.
Pattern memoryPattern(MemoryCategory category) {
    if (chosen_colours != ColourSet::distinct) return Pattern::none;
    switch (category) {
    case MemoryCategory::master_weights:
    case MemoryCategory::comm_buffers:
        return Pattern::bars;
    case MemoryCategory::optimizer:
    case MemoryCategory::workspace:
        return Pattern::rule;
    case MemoryCategory::gradients:
    case MemoryCategory::other:
        return Pattern::hatch;
    default:
        return Pattern::none;
    }
}

Rgb seriesColour(int64_t index) {
    // Neighbours differ in lightness as well as in hue.
    constexpr Rgb series[series_colours] = {0x4c9aff, 0xf0a63a, 0x7563c9, 0x35b57f,
                                            0xd9659a, 0x9fd356, 0x2d7f8f, 0xe2703a};
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
