// SPDX-License-Identifier: Apache-2.0
#include "core_runtime/nearest_name.h"
#include <algorithm>
#include <vector>

namespace shardscope {
namespace {

// Optimal string alignment: Levenshtein's distance with the swap of two neighbours as one edit.
size_t editDistance(std::string_view a, std::string_view b) {
    std::vector<size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
    for (size_t j = 0; j <= b.size(); ++j) last[j] = j;
    for (size_t i = 1; i <= a.size(); ++i) {
        row[0] = i;
        for (size_t j = 1; j <= b.size(); ++j) {
            row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] != b[j - 1])});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = std::min(row[j], before[j - 2] + 1);
        }
        before.swap(last);
        last.swap(row);
    }
    return last[b.size()];
}

struct Nearest {
    std::string_view name;
    size_t distance = static_cast<size_t>(-1);
};

Nearest nearest(std::string_view name, std::span<const std::string_view> known) {
    const std::string_view start = name.substr(0, 64); // a hostile name must not cost seconds
    Nearest best;
    for (const std::string_view candidate : known)
        if (const size_t distance = editDistance(start, candidate); distance < best.distance)
            best = {candidate, distance};
    return best;
}

} // namespace

std::string nearestName(std::string_view name, std::span<const std::string_view> known) {
    return std::string(nearest(name, known).name);
}

std::string closeName(std::string_view name, std::span<const std::string_view> known) {
    const Nearest best = nearest(name, known);
    return best.distance <= best.name.size() / 3 ? std::string(best.name) : "";
}

} // namespace shardscope
