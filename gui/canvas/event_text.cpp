// SPDX-License-Identifier: Apache-2.0
// Names of events: short ones that fit on blocks, and the full story in the tooltip.
#include "gui/canvas/format.h"
#include "gui/canvas/timeline_drawing.h"
#include <cctype>
#include <cstring>

namespace shardscope::gui {

namespace {

std::string layerName(int32_t layer, int32_t head_layer, bool spelled_out) {
    if (layer == -2) return spelled_out ? "embedding" : "emb";
    if (layer == head_layer && head_layer > 0) return "head";
    return std::string(spelled_out ? "block " : "").append(std::to_string(layer));
}

std::string_view collectivePrefix(OpClass op_class) {
    switch (op_class) {
    case OpClass::all_gather:
        return "AG";
    case OpClass::reduce_scatter:
        return "RS";
    case OpClass::all_reduce:
        return "AR";
    case OpClass::broadcast:
        return "BC";
    default:
        return "";
    }
}

std::string_view phaseLetter(Phase phase) {
    switch (phase) {
    case Phase::forward:
        return "F";
    case Phase::backward:
        return "B";
    case Phase::recompute:
        return "R";
    default:
        return "";
    }
}

bool mentionsAdam(std::string name) {
    for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return name.find("adam") != std::string::npos;
}

std::string spaced(std::string_view word) { // "reduce_scatter" as people write it
    std::string text(word);
    for (char& c : text)
        if (c == '_') c = '-';
    return text;
}

// "void scale<float>(float*, int)" is "scale", without its namespaces; what is no function's signature stays.
std::string functionName(const std::string& signature) {
    const size_t arguments = signature.find('(');
    if (arguments == std::string::npos || arguments == 0) return signature;
    std::string name = signature.substr(0, std::min(arguments, signature.find('<')));
    for (const char* before : {" ", "::"})
        if (const size_t at = name.rfind(before); at != std::string::npos) name.erase(0, at + std::strlen(before));
    return name.empty() ? signature : name;
}

} // namespace

std::vector<std::string> blockLabels(const LaneBlock& block, const std::string& name, int32_t head_layer) {
    if (block.merged) return {};
    const std::string prefix(collectivePrefix(block.op_class));
    if (!prefix.empty()) {
        if (block.bucket >= 0)
            return {prefix + " bucket " + std::to_string(block.bucket), prefix + " " + std::to_string(block.bucket),
                    prefix};
        if (block.layer != -1)
            return {prefix + " " + layerName(block.layer, head_layer, true),
                    prefix + " " + layerName(block.layer, head_layer, false), prefix};
        const size_t subject = name.find(' '); // "all_gather parameters 0"
        if (subject != std::string::npos) return {prefix + name.substr(subject), prefix};
        return {prefix};
    }
    std::vector<std::string> labels;
    if (!name.empty() && !block.joined) {
        labels.push_back(name);
        if (const std::string function = functionName(name); function != name) labels.push_back(function);
        std::string subject = "block ";
        subject.append(std::to_string(block.layer)).append(" ");
        if (name.starts_with(subject)) labels.push_back(name.substr(subject.size()));
        std::string brief = labels.back(); // the colour says forward or backward
        const std::string phase = std::string(" ").append(toText(block.phase));
        if (const size_t at = brief.find(phase); at != std::string::npos)
            labels.push_back(brief.erase(at, phase.size()));
    }
    if (block.phase == Phase::optimizer && mentionsAdam(name)) labels.push_back("AdamW");
    const std::string_view letter = phaseLetter(block.phase);
    if (block.whole && block.op_class == OpClass::compute && block.layer != -1 && !letter.empty()) {
        const std::string layer = layerName(block.layer, head_layer, false);
        const bool numbered = block.layer >= 0 && layer != "head";
        labels.push_back(std::string(letter).append(numbered ? "" : " ").append(layer));
    }
    return labels;
}

TooltipText blockTooltip(TimelineDrawing& d, const HoveredBlock& hovered) {
    const TraceView& view = d.view(hovered.ref.trace);
    const TraceReader& reader = *view.reader;
    const LaneBlock& block = hovered.block;
    const std::optional<IntervalDetails>& details = d.cache.details(reader, block);
    TooltipText text;
    if (!details) return text;
    const IntervalEvent& event = details->event;
    const std::string where = (view.label.empty() ? "" : view.label + " · ") + "rank " +
                              std::to_string(details->lane.rank) + " · " + laneLabel(details->lane, reader.lanes());
    if (block.joined || block.merged) {
        text.title = block.joined ? std::string(toText(block.phase)) : formatCount(block.count) + " events";
        if (block.joined && block.layer != -1)
            text.title += ", " + layerName(block.layer, d.cache.headLayer(reader), true);
        text.subtitle = where + (block.merged ? " · zoom in to tell them apart" : "");
        if (block.joined) text.rows.emplace_back("operations", formatCount(block.count));
        text.rows.emplace_back("from first to last", formatDuration(block.end_ns - block.start_ns));
        text.rows.emplace_back("longest", details->name);
        text.rows.emplace_back("its duration", formatDuration(event.end_ns - event.start_ns));
    } else {
        text.title = details->name;
        text.subtitle = where + " · " + spaced(toText(event.phase)) +
                        (event.step >= 0 ? " · step " + std::to_string(event.step) : "");
        if (const ProgramOpEvent* op = reader.op(event.op); op && op->name != details->name)
            text.rows.emplace_back("launched for", op->name);
        text.rows.emplace_back("duration", formatDuration(event.end_ns - event.start_ns));
        if (event.wait_ns > 0) text.rows.emplace_back("waiting for other ranks", formatDuration(event.wait_ns));
        if (event.emulated_ns > 0)
            text.rows.emplace_back("emulated by the link model", formatDuration(event.emulated_ns));
        if (event.bytes > 0) text.rows.emplace_back("size", formatBytes(event.bytes));
        if (event.sent_bytes > 0) text.rows.emplace_back("sent by this rank", formatBytes(event.sent_bytes));
        if (event.elements > 0) text.rows.emplace_back("elements", formatCount(event.elements));
        if (event.bucket >= 0) text.rows.emplace_back("bucket", std::to_string(event.bucket));
    }
    if (const OpMark* mark = differenceOf(d, hovered.ref.trace, block, 1e3f))
        text.rows.emplace_back("difference", mark->words);
    if (const ProgramOpEvent* op = reader.op(event.op)) text.because = op->config_key;
    return text;
}

TooltipText memoryTooltip(TimelineDrawing& d, const MemoryRef& hovered) {
    const TraceView& view = d.view(hovered.trace);
    const MemoryCurve& curve = view.reader->memory(hovered.rank, hovered.tier);
    TooltipText text;
    const auto after = std::upper_bound(curve.time_ns.begin(), curve.time_ns.end(), hovered.time_ns);
    if (after == curve.time_ns.begin()) return text;
    const auto at = static_cast<size_t>(after - curve.time_ns.begin()) - 1;
    text.title = formatBytes(curve.total_bytes[at]) + " in use";
    text.subtitle = (view.label.empty() ? "" : view.label + " · ") + "rank " + std::to_string(hovered.rank) + " · " +
                    std::string(toText(hovered.tier)) + " memory";
    for (MemoryCategory category : all_memory_categories) {
        const int64_t bytes = curve.bytes[static_cast<size_t>(category)][at];
        std::string name(toText(category));
        std::replace(name.begin(), name.end(), '_', ' ');
        if (bytes != 0) text.rows.emplace_back(name, formatBytes(bytes));
    }
    if (view.planned) {
        const auto plan = view.planned->find({hovered.rank, hovered.tier});
        const auto promised = plan == view.planned->end() ? std::nullopt : plan->second.at(hovered.time_ns);
        if (promised && *promised == curve.total_bytes[at])
            text.rows.emplace_back("planned here", "the same, to the byte");
        else if (promised)
            text.rows.emplace_back("planned here", formatCount(*promised) + " B");
    }
    text.rows.emplace_back("peak of the trace", formatBytes(curve.peak_bytes));
    return text;
}

} // namespace shardscope::gui
