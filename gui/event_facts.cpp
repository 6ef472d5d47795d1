// SPDX-License-Identifier: Apache-2.0
#include "gui/event_facts.h"
#include "gui/canvas/format.h"
#include "gui/units.h"
#include <algorithm>

namespace shardscope::gui {
namespace {

std::string capitalised(std::string text) {
    if (!text.empty()) text[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[0])));
    return text;
}

std::string collectiveName(OpClass op_class) {
    std::string name(toText(op_class));
    std::replace(name.begin(), name.end(), '_', '-');
    return capitalised(name);
}

const BucketEvent* bucketOf(const TraceReader& reader, int32_t bucket) {
    for (const BucketEvent& candidate : reader.buckets())
        if (candidate.bucket == bucket) return &candidate;
    return nullptr;
}

const ProgramOpEvent* programOp(const TraceReader& reader, OpId op) {
    const auto index = static_cast<int64_t>(op);
    const auto program = reader.program();
    if (index >= 0 && index < std::ssize(program) && program[static_cast<size_t>(index)].op == op)
        return &program[static_cast<size_t>(index)];
    for (const ProgramOpEvent& candidate : program)
        if (candidate.op == op) return &candidate;
    return nullptr;
}

int64_t layerCount(const TraceReader& reader) { // layers == index of the final norm; see IntervalEvent::layer
    int32_t last = -1;
    for (const ProgramOpEvent& op : reader.program()) last = std::max(last, op.layer);
    return last;
}

std::string layerName(const TraceReader& reader, int32_t layer) {
    if (layer == -2) return "embedding";
    if (layer < 0) return "";
    return layer == layerCount(reader) && layer > 0 ? "final norm and head" : "block " + std::to_string(layer);
}

std::string titleOf(const IntervalDetails& details) {
    if (!isCollective(details.event.op_class)) return capitalised(details.name);
    std::string title = collectiveName(details.event.op_class);
    if (details.event.bucket >= 0)
        title += ", bucket " + std::to_string(details.event.bucket);
    else if (!details.name.empty()) {
        title = capitalised(details.name);
        std::replace(title.begin(), title.end(), '_', '-');
    }
    return title;
}

std::string sentenceFor(const TraceReader& reader, const IntervalEvent& event, const std::string& key,
                        int64_t exposed) {
    const std::string leaf = key.substr(key.rfind('.') + 1);
    const BucketEvent* bucket = bucketOf(reader, event.bucket);
    if (leaf == "reduce_bucket_size" && bucket) {
        std::string text = "Bucket " + std::to_string(bucket->bucket + 1) + " of " +
                           std::to_string(reader.buckets().size()) + " holds " + formatCount(bucket->elements) +
                           " gradient elements";
        if (bucket->padded_elements > bucket->elements)
            text += " and " + formatCount(bucket->padded_elements - bucket->elements) + " of padding";
        text += ".";
        if (!bucket->closed_because.empty()) text += " It was closed because: " + bucket->closed_because + ".";
        return text;
    }
    if (leaf == "overlap_comm")
        return exposed == 0 ? "It ran entirely beside compute of its rank."
                            : "Its rank computed nothing for " + formatDuration(exposed) + " of it.";
    if (leaf == "allgather_bucket_size")
        return "After the optimizer every rank holds new values of its shard only; this piece gathers " +
               formatCount(event.elements) + " of them for everyone.";
    if (leaf.find("prefetch_bucket_size") != std::string::npos)
        return "The parameters of this unit were gathered ahead of their use" +
               std::string(exposed == 0 ? ", entirely beside compute."
                                        : ", " + formatDuration(exposed) + " of it exposed.");
    if (leaf.find("persistence_threshold") != std::string::npos)
        return "Parameters of at most this many elements stay gathered on every rank and are not fetched again.";
    if (leaf == "stage") {
        if (event.op_class == OpClass::all_gather)
            return "At this stage parameters are sharded, so they are gathered before use.";
        if (event.op_class == OpClass::reduce_scatter)
            return "At this stage each rank keeps only its slice of the reduced gradients.";
        if (event.op_class == OpClass::all_reduce) return "At this stage every rank keeps the whole reduced gradient.";
        return "At this stage each rank updates only what it owns.";
    }
    if (leaf == "train_micro_batch_size_per_gpu") return "The work of this op grows with the micro-batch of its rank.";
    return "";
}

} // namespace

int64_t exposedNs(const TraceReader& reader, const IntervalEvent& event) {
    const auto lanes = reader.lanes();
    const auto lane = static_cast<size_t>(event.lane);
    if (event.lane == LaneId::none || lane >= lanes.size()) return 0;
    std::vector<TimeRange> compute; // streams of imported traces hold compute and communication alike
    for (size_t i = 0; i < lanes.size(); ++i) {
        if (lanes[i].rank != lanes[lane].rank) continue;
        for (const IntervalEvent& e : reader.events(static_cast<LaneId>(i), {event.start_ns, event.end_ns}))
            if (e.op_class == OpClass::compute)
                compute.push_back({std::max(e.start_ns, event.start_ns), std::min(e.end_ns, event.end_ns)});
    }
    std::sort(compute.begin(), compute.end(),
              [](const TimeRange& a, const TimeRange& b) { return a.start_ns < b.start_ns; });
    int64_t covered = 0, reached = event.start_ns;
    for (const TimeRange& range : compute) {
        covered += std::max<int64_t>(0, range.end_ns - std::max(range.start_ns, reached));
        reached = std::max(reached, range.end_ns);
    }
    return std::max<int64_t>(0, event.end_ns - event.start_ns - covered);
}

EventId longestExposed(const TraceReader& reader, int32_t rank, TimeRange range) {
    const auto lanes = reader.lanes();
    int64_t longest = 0;
    EventId best = EventId::none;
    for (size_t i = 0; i < lanes.size(); ++i) {
        if (lanes[i].kind == LaneKind::host || (rank >= 0 && lanes[i].rank != rank)) continue;
        const auto lane = static_cast<LaneId>(i);
        for (const IntervalEvent& event : reader.events(lane, range)) {
            if (!isCollective(event.op_class) || event.end_ns - event.start_ns <= longest) continue;
            if (event.start_ns < range.start_ns || event.end_ns > range.end_ns) continue;
            const int64_t exposed = exposedNs(reader, event);
            if (exposed <= longest) continue;
            // Events carry no id; at its own width the event is one rectangle of its lane.
            for (const LaneRect& rect : reader.rects(lane, {event.start_ns, event.end_ns}, 1.0))
                if (rect.start_ns == event.start_ns && rect.end_ns == event.end_ns && rect.count == 1) {
                    longest = exposed;
                    best = rect.event;
                }
        }
    }
    return best;
}

std::string nothingExposed(const TraceReader& reader, int32_t rank, TimeRange range) {
    const auto lanes = reader.lanes();
    for (size_t i = 0; i < lanes.size(); ++i) {
        if (lanes[i].kind == LaneKind::host || (rank >= 0 && lanes[i].rank != rank)) continue;
        if (std::ranges::any_of(reader.events(static_cast<LaneId>(i), range),
                                [](const IntervalEvent& e) { return isCollective(e.op_class); }))
            return "Compute covers all communication of this rank here; nothing is exposed.";
    }
    return "No communication of this rank was recorded here, so nothing is exposed.";
}

std::optional<EventFacts> eventFacts(const TraceReader& reader, EventId id) {
    const auto details = reader.details(id);
    if (!details) return std::nullopt;
    const IntervalEvent& event = details->event;
    const bool collective = isCollective(event.op_class);
    const bool may_be_exposed = collective || event.op_class == OpClass::copy;
    const int64_t exposed = may_be_exposed ? exposedNs(reader, event) : 0;
    const int64_t duration = event.end_ns - event.start_ns;

    EventFacts facts;
    facts.place = "rank " + std::to_string(details->lane.rank) + " · " + std::string(toText(details->lane.kind));
    facts.title = titleOf(*details);
    facts.subtitle = std::string(toText(event.phase));
    const std::string layer = layerName(reader, event.layer);
    if (!layer.empty()) facts.subtitle += " of " + layer;
    if (event.step >= 0) facts.subtitle += ", step " + std::to_string(event.step);

    const auto add = [&](const char* name, std::string value, Tone tone = Tone::normal, const char* tooltip = "") {
        facts.facts.push_back({name, std::move(value), tone, tooltip});
    };
    int64_t step_start = 0;
    bool in_step = false;
    for (const StepEvent& step : reader.steps())
        if (step.step == event.step) {
            step_start = step.start_ns;
            in_step = true;
        }
    add("start", formatDuration(event.start_ns - step_start), Tone::normal,
        in_step ? "since the start of its step" : "since the start of the recording");
    add("duration", formatDuration(duration));
    if (collective) {
        add("wait", formatDuration(event.wait_ns), Tone::normal, "own arrival until the last rank arrived");
        add("transfer", formatDuration(std::max<int64_t>(0, duration - event.wait_ns)));
        if (event.emulated_ns > 0)
            add("of it emulated", formatDuration(event.emulated_ns), Tone::attention,
                "added by the link model, not measured");
    }
    if (may_be_exposed)
        add("exposed", formatDuration(exposed), exposed > 0 ? Tone::bad : Tone::good,
            "time during which this rank computed nothing");
    add("operation", details->name);
    if (const ProgramOpEvent* op = programOp(reader, event.op); op && op->name != details->name)
        add("launched for", op->name, Tone::normal, "the op of the step program that this kernel or copy belongs to");
    add("class", std::string(toText(event.op_class)));
    if (event.layer >= 0 || event.layer == -2)
        add("layer", event.layer == -2 ? "embedding" : std::to_string(event.layer));
    if (event.bucket >= 0) add("bucket", std::to_string(event.bucket));
    if (event.bytes > 0) add("size", formatBytes(event.bytes));
    if (event.elements > 0) add("elements", formatCount(event.elements));
    if (collective && event.sent_bytes > 0) {
        add("sent by this rank", formatBytes(event.sent_bytes));
        const int64_t transfer = duration - event.wait_ns;
        if (transfer > 0)
            add("bus bandwidth",
                significant(static_cast<double>(event.sent_bytes) / static_cast<double>(transfer), 3) + " GB/s",
                Tone::normal, "bytes sent by this rank over transfer time, emulated part included");
    }
    if (details->lane.name != toText(details->lane.kind)) add("lane", details->lane.name);
    if (event.correlation >= 0)
        add("correlation", std::to_string(event.correlation), Tone::normal, "shared by a launch and what it launched");
    if (event.process_group >= 0) add("process group", std::to_string(event.process_group));
    if (const ProgramOpEvent* op = programOp(reader, event.op)) {
        facts.cause = configFact(reader, op->config_key);
        if (facts.cause) facts.sentence = sentenceFor(reader, event, op->config_key, exposed);
    }
    return facts;
}

} // namespace shardscope::gui
