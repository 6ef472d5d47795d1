// SPDX-License-Identifier: Apache-2.0
// What the two viewers need beyond the format's description: thread ids that are unique over the whole file (Perfetto
// keeps names by thread alone), slices of a thread that nest, flow ids that are unique and lie inside their slices, and
// counters with one name per tier, which chrome://tracing stacks by category.
#include "traces/exporters/json_text.h"
#include "traces/exporters/lane_stream.h"
#include "traces/exporters/output_file.h"
#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <set>
#include <unordered_map>

namespace shardscope {

namespace {

class ChromeFile {
public:
    ChromeFile(const TraceReader& trace, TimeRange range, OutputFile& out)
        : m_trace(trace)
        , m_range(range)
        , m_base(std::min<int64_t>(range.start_ns, 0))
        , m_out(out) {}

    void begin() {
        m_out.write(fmt::format("{{\"displayTimeUnit\":\"ms\",\"baseTimeNanoseconds\":{},\"otherData\":{{", m_base));
        const char* separator = "";
        for (const char* key : {"status", "stage", "ranks", "model", "link", "precision", "software", "trace_id"}) {
            if (m_trace.runValue(key).empty()) continue;
            m_out.write(fmt::format("{}\"{}\":{}", separator, key, jsonString(m_trace.runValue(key))));
            separator = ",";
        }
        m_out.write("},\"traceEvents\":[");
    }
    void end() { m_out.write("\n]}\n"); }
    int64_t events() const { return m_events; }

    void steps() {
        if (m_trace.steps().empty()) return;
        const int tid = m_next_tid++;
        process(0, "steps");
        thread(0, tid, "steps");
        NestingRows rows; // steps that overlap would not nest; only those that do are drawn
        for (const StepEvent& step : m_trace.steps()) {
            const int64_t start = std::max(step.start_ns, m_range.start_ns),
                          end = std::min(step.end_ns, m_range.end_ns);
            if (end <= start || rows.rowFor(start, end) > 0) continue;
            put(fmt::format(
                "{{\"ph\":\"X\",\"pid\":0,\"tid\":{},\"ts\":{},\"dur\":{},\"name\":\"step {}\",\"cat\":\"step\","
                "\"args\":{{\"loss\":{},\"tokens\":{}}}}}",
                tid, time(start), microseconds(end - start), step.step, real(step.loss), step.tokens));
        }
    }

    Result<void> lanes(const std::string& path, int32_t rank, bool flows) {
        const auto all = m_trace.lanes();
        m_ends.clear();
        m_waits.clear();
        for (size_t i = 0; i < all.size(); ++i) {
            if (all[i].rank != rank) continue;
            NestingRows rows;
            std::vector<int> tids;
            const auto streamed =
                forEachOfLane(path, static_cast<LaneId>(i), m_range, [&](const IntervalEvent& e, bool whole) {
                    const size_t row = rows.rowFor(e.start_ns, e.end_ns);
                    while (tids.size() <= row) {
                        tids.push_back(m_next_tid++);
                        const std::string copy = tids.size() > 1 ? fmt::format(" ({})", tids.size()) : "";
                        thread(pidOf(rank), tids.back(), all[i].name + copy);
                    }
                    interval(rank, tids[row], e, whole);
                    if (flows) remember(tids[row], e);
                });
            if (!streamed) return streamed.error();
        }
        for (const Wait& wait : m_waits) flow(rank, wait);
        return {};
    }

    void memory(int32_t rank) {
        for (const MemoryTier tier : all_memory_tiers) {
            const MemoryCurve& curve = m_trace.memory(rank, tier);
            std::vector<size_t> used; // categories that ever hold something
            for (size_t c = 0; c < curve.bytes.size(); ++c)
                if (std::any_of(curve.bytes[c].begin(), curve.bytes[c].end(), [](int64_t b) { return b != 0; }))
                    used.push_back(c);
            size_t i = 0; // the last value before the range holds at its start
            while (i + 1 < curve.time_ns.size() && curve.time_ns[i + 1] <= m_range.start_ns) ++i;
            for (; i < curve.time_ns.size() && curve.time_ns[i] < m_range.end_ns; ++i) {
                std::string values;
                for (const size_t c : used)
                    values += fmt::format("{}\"{}\":{}", values.empty() ? "" : ",", toText(all_memory_categories[c]),
                                          curve.bytes[c][i]);
                put(fmt::format("{{\"ph\":\"C\",\"pid\":{},\"ts\":{},\"name\":\"{} memory, bytes\",\"args\":{{{}}}}}",
                                pidOf(rank), time(std::max(curve.time_ns[i], m_range.start_ns)), toText(tier), values));
            }
        }
    }

    void process(int pid, const std::string& name) {
        put(fmt::format("{{\"ph\":\"M\",\"pid\":{},\"tid\":0,\"name\":\"process_name\",\"args\":{{\"name\":{}}}}}", pid,
                        jsonString(name)));
        put(fmt::format(
            "{{\"ph\":\"M\",\"pid\":{0},\"tid\":0,\"name\":\"process_sort_index\",\"args\":{{\"sort_index\":{0}}}}}",
            pid));
    }
    static int pidOf(int32_t rank) { return rank + 1; }

private:
    struct Point {
        int tid;
        int64_t start_ns, end_ns;
    };
    struct Wait {
        Point at;
        int32_t step;
        OpId op;
    };
    static uint64_t keyOf(int32_t step, OpId op) {
        return static_cast<uint64_t>(static_cast<uint32_t>(step)) << 32 | static_cast<uint32_t>(op);
    }

    void put(const std::string& event) {
        m_out.write(m_first ? "\n" : ",\n");
        m_out.write(event);
        m_first = false;
    }
    std::string time(int64_t ns) const { return microseconds(std::max<int64_t>(ns - m_base, 0)); }
    static std::string real(double value) { return value - value == 0 ? fmt::format("{}", value) : "null"; }

    void thread(int pid, int tid, const std::string& name) {
        put(fmt::format("{{\"ph\":\"M\",\"pid\":{},\"tid\":{},\"name\":\"thread_name\",\"args\":{{\"name\":{}}}}}", pid,
                        tid, jsonString(name)));
        put(fmt::format(
            "{{\"ph\":\"M\",\"pid\":{0},\"tid\":{1},\"name\":\"thread_sort_index\",\"args\":{{\"sort_index\":{1}}}}}",
            pid, tid));
    }

    const std::string& name(const IntervalEvent& e) {
        std::string& text = m_names[e.name];
        if (text.empty()) {
            const std::string plain = m_trace.name(e.name);
            text = jsonString(plain.empty() ? toText(e.op_class) : plain);
        }
        return text;
    }

    void slice(int pid, int tid, const std::string& quoted_name, std::string_view category, TimeRange r,
               const std::string& args) {
        put(fmt::format(
            "{{\"ph\":\"X\",\"pid\":{},\"tid\":{},\"ts\":{},\"dur\":{},\"name\":{},\"cat\":\"{}\",\"args\":{{{}}}}}",
            pid, tid, time(r.start_ns), microseconds(r.duration()), quoted_name, category, args));
    }

    void interval(int32_t rank, int tid, const IntervalEvent& e, bool whole) {
        std::string args = fmt::format("\"phase\":\"{}\"", toText(e.phase));
        const auto add = [&](const char* key, int64_t value, int64_t none) {
            if (value != none) args += fmt::format(",\"{}\":{}", key, value);
        };
        add("step", e.step, -1);
        add("layer", e.layer, -1);
        add("bucket", e.bucket, -1);
        add("op", static_cast<int64_t>(e.op), -1);
        add("elements", e.elements, 0);
        add("bytes", e.bytes, 0);
        add("sent_bytes", e.sent_bytes, 0);
        add("wait_ns", e.wait_ns, 0);
        add("emulated_ns", e.emulated_ns, 0);
        if (!whole) args += ",\"cut\":true";
        slice(pidOf(rank), tid, name(e), toText(e.op_class), {e.start_ns, e.end_ns}, args);
        ++m_events;
        if (!whole) return;
        // Parts of a collective lie inside it.
        if (e.wait_ns > 0 && e.wait_ns <= e.end_ns - e.start_ns)
            slice(pidOf(rank), tid, "\"waiting for the last rank\"", "wait", {e.start_ns, e.start_ns + e.wait_ns}, "");
        if (e.emulated_ns > 0 && e.emulated_ns + std::max<int64_t>(e.wait_ns, 0) <= e.end_ns - e.start_ns)
            slice(pidOf(rank), tid, "\"emulated, not measured\"", "emulated", {e.end_ns - e.emulated_ns, e.end_ns}, "");
    }

    // Only ops that somebody waits for, and those that wait, take memory.
    void remember(int tid, const IntervalEvent& e) {
        if (m_waited_for.empty())
            for (const ProgramOpEvent& op : m_trace.program())
                m_waited_for.insert(op.waits_for.begin(), op.waits_for.end());
        const ProgramOpEvent* op = m_trace.op(e.op);
        if (!op) return;
        const Point point{tid, e.start_ns, e.end_ns};
        if (m_waited_for.count(e.op)) m_ends[keyOf(e.step, e.op)].push_back(point);
        if (!op->waits_for.empty()) m_waits.push_back({point, e.step, e.op});
    }

    void flow(int32_t rank, const Wait& wait) {
        for (const OpId w : m_trace.op(wait.op)->waits_for) {
            const auto found = m_ends.find(keyOf(wait.step, w));
            if (found == m_ends.end()) continue;
            const Point* from = nullptr; // the latest that had ended
            for (const Point& point : found->second)
                if (point.end_ns <= wait.at.start_ns) from = &point;
            if (!from) continue;
            const int64_t id = ++m_flows;
            put(fmt::format(
                "{{\"ph\":\"s\",\"pid\":{},\"tid\":{},\"ts\":{},\"id\":{},\"name\":\"waits for\",\"cat\":\"wait\"}}",
                pidOf(rank), from->tid, time(std::max(from->start_ns, from->end_ns - 1)), id));
            put(fmt::format(
                "{{\"ph\":\"f\",\"bp\":\"e\",\"pid\":{},\"tid\":{},\"ts\":{},\"id\":{},\"name\":\"waits for\","
                "\"cat\":\"wait\"}}",
                pidOf(rank), wait.at.tid, time(wait.at.start_ns), id));
        }
    }

    const TraceReader& m_trace;
    TimeRange m_range;
    int64_t m_base;
    OutputFile& m_out;
    bool m_first = true;
    int m_next_tid = 1;
    int64_t m_events = 0, m_flows = 0;
    std::unordered_map<NameId, std::string> m_names;
    std::set<OpId> m_waited_for;
    std::unordered_map<uint64_t, std::vector<Point>> m_ends; // of the rank being written
    std::vector<Wait> m_waits;
};

} // namespace

Result<ExportEnd> exportChrome(const std::string& path, const std::string& output, const ExportOptions& options) {
    const auto trace = TraceReader::open(path);
    if (!trace) return trace.error();
    const auto range = exportedRange(**trace, options);
    if (!range) return range.error();
    auto out = OutputFile::create(output);
    if (!out) return out.error();
    ChromeFile file(**trace, *range, **out);
    file.begin();
    file.steps();
    std::set<int32_t> ranks;
    for (const LaneInfo& lane : (*trace)->lanes()) ranks.insert(lane.rank);
    for (const int32_t rank : ranks) {
        file.process(ChromeFile::pidOf(rank), fmt::format("rank {}", rank));
        if (const auto lanes = file.lanes(path, rank, options.flows); !lanes) return lanes.error();
        file.memory(rank);
        if ((*out)->failed()) break;
    }
    file.end();
    if (const auto finished = (*out)->finish(); !finished) return finished.error();
    return ExportEnd{{output}, file.events()};
}

} // namespace shardscope
