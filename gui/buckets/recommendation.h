// SPDX-License-Identifier: Apache-2.0
// What the side of the Buckets place says about a point of a sweep: a title, sentences, and the part of the DeepSpeed
// JSON that changes. No Qt.
#pragma once
#include "gui/buckets/sweep_model.h"
#include <utility>

namespace shardscope::gui {

struct SnippetLine {
    std::string text;
    bool changed = false;
};

struct Recommendation {
    std::string title;       // "reduce_bucket_size 7.09e6"
    bool recommended = true; // else: a point that the user has chosen
    std::vector<std::string> sentences;
    std::vector<SnippetLine> snippet;
    std::vector<std::pair<std::string, std::string>> values; // dotted key and JSON text, to write
    std::string config;                                      // the whole configuration of the point, for a new file
};

Recommendation recommendationFor(const SweepModel&, size_t point);
// What the numbers rest on: name and value.
std::vector<std::pair<std::string, std::string>> groundsOf(const SweepModel&);

} // namespace shardscope::gui
