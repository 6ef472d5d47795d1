// SPDX-License-Identifier: Apache-2.0
#include "case_file.h"
#include "traces/trace_writer.h"
#include <charconv>
#include <cmath>
#include <fstream>
#include <map>
#include <sstream>
#include <stdexcept>

namespace shardscope::test {

namespace {

[[noreturn]] void wrong(const std::string& path, size_t line, const std::string& what) {
    throw std::runtime_error(path + ":" + std::to_string(line + 1) + ": " + what);
}

// Words separated by spaces; "..." is one word and may follow a '=': name="a b". A quote inside is written \".
std::vector<std::string> wordsOf(const std::string& line) {
    std::vector<std::string> words;
    std::string word;
    bool quoted = false, any = false;
    for (size_t i = 0; i < line.size(); ++i) {
        const char c = line[i];
        if (c == '\\' && i + 1 < line.size() && line[i + 1] == '"') {
            word += line[++i];
            any = true;
        } else if (c == '"') {
            quoted = !quoted;
            any = true;
        } else if (c == ' ' && !quoted) {
            if (any) words.push_back(std::move(word));
            word.clear();
            any = false;
        } else {
            word += c;
            any = true;
        }
    }
    if (any) words.push_back(std::move(word));
    return words;
}

// One line of a trace: a kind, words without '=', and settings.
struct Line {
    std::string kind;
    std::vector<std::string> words;
    std::map<std::string, std::string> settings;

    explicit Line(const std::string& text) {
        for (const std::string& word : wordsOf(text)) {
            const size_t equals = word.find('=');
            if (kind.empty())
                kind = word;
            else if (equals == std::string::npos || word[0] == '{')
                words.push_back(word);
            else
                settings[word.substr(0, equals)] = word.substr(equals + 1);
        }
    }
    std::string text(const std::string& key, const std::string& otherwise = {}) const {
        const auto found = settings.find(key);
        return found == settings.end() ? otherwise : found->second;
    }
    int64_t number(const std::string& key, int64_t otherwise) const {
        const auto found = settings.find(key);
        return found == settings.end() ? otherwise : parse(found->second);
    }
    int64_t number(size_t word) const { return parse(words.at(word)); }
    template <class E> E choice(const std::string& key, E otherwise) const {
        const auto found = settings.find(key);
        return found == settings.end() ? otherwise : choiceOf<E>(found->second);
    }
    template <class E> static E choiceOf(const std::string& word) {
        const auto value = fromText<E>(word);
        if (!value) throw std::runtime_error("no such word: " + word);
        return *value;
    }
    static int64_t parse(const std::string& text) {
        int64_t value = 0;
        const size_t sign = text.starts_with('+') ? 1 : 0;
        const auto [end, error] = std::from_chars(text.data() + sign, text.data() + text.size(), value);
        if (error != std::errc() || end != text.data() + text.size())
            throw std::runtime_error("not a whole number: " + text);
        return value;
    }
};

class Writing {
public:
    explicit Writing(TraceWriter& writer)
        : m_writer(writer) {}

    void add(const Line& line) {
        if (line.kind == "run") {
            for (const auto& [key, value] : line.settings) emit(RunInfoEvent{key, value});
        } else if (line.kind == "lane") {
            const auto rank = static_cast<int32_t>(line.number(0));
            const LaneKind kind = Line::choiceOf<LaneKind>(line.words.at(1));
            m_lanes.push_back(m_writer.addLane({rank, kind, "rank " + line.words[0] + " " + line.words[1]}));
        } else if (line.kind == "op") {
            addOp(line);
        } else if (line.kind == "event") {
            addEvent(line);
        } else if (line.kind == "memory") {
            emit(MemoryEvent{.time_ns = line.number(0),
                             .rank = static_cast<int32_t>(line.number("rank", 0)),
                             .tier = line.choice("tier", MemoryTier::device),
                             .category = line.choice("category", MemoryCategory::other),
                             .delta_bytes = line.number(1),
                             .buffer =
                                 line.settings.count("buffer") ? m_writer.intern(line.text("buffer")) : NameId::none,
                             .op = static_cast<OpId>(line.number("op", -1)),
                             .step = static_cast<int32_t>(line.number("step", -1))});
        } else if (line.kind == "planned") {
            std::optional<MemoryCategory> category;
            if (line.words.at(0) != "total") category = Line::choiceOf<MemoryCategory>(line.words[0]);
            emit(PlannedPeakEvent{static_cast<int32_t>(line.number("rank", 0)), line.choice("tier", MemoryTier::device),
                                  category, line.number(1)});
        } else if (line.kind == "bucket") {
            emit(BucketEvent{.bucket = static_cast<int32_t>(line.number(0)),
                             .elements = line.number("elements", 0),
                             .padded_elements = line.number("elements", 0),
                             .bytes = line.number("bytes", 0),
                             .parameters = line.text("parameters"),
                             .closed_because = line.text("closed_because")});
        } else if (line.kind == "step") {
            emit(StepEvent{.step = static_cast<int32_t>(line.number(0)),
                           .start_ns = line.number(1),
                           .end_ns = line.number(2),
                           .loss =
                               line.settings.count("loss") ? static_cast<double>(line.number("loss", 0)) : std::nan(""),
                           .tokens = line.number("tokens", 0)});
        } else if (line.kind == "warning") {
            emit(WarningEvent{line.words.at(0), line.words.at(1), line.number("count", 1)});
        } else {
            throw std::runtime_error("a trace has no '" + line.kind + "'");
        }
    }

private:
    void emit(TraceEvent event) { m_writer.append({&event, 1}); }

    void addOp(const Line& line) {
        ProgramOpEvent op{.op = static_cast<OpId>(line.number(0)),
                          .name = line.words.at(1),
                          .lane = line.choice("lane", LaneKind::compute),
                          .phase = line.choice("phase", Phase::forward),
                          .op_class = line.choice("class", OpClass::compute),
                          .layer = static_cast<int32_t>(line.number("layer", -1)),
                          .bucket = static_cast<int32_t>(line.number("bucket", -1)),
                          .elements = line.number("elements", 0),
                          .bytes = line.number("bytes", 0),
                          .config_key = line.text("config_key"),
                          .waits_for = {}};
        std::istringstream waits(line.text("waits"));
        for (std::string id; std::getline(waits, id, ',');) op.waits_for.push_back(static_cast<OpId>(Line::parse(id)));
        m_ops[op.op] = op;
        emit(op);
    }

    // What an event does not say it has from its op.
    void addEvent(const Line& line) {
        ProgramOpEvent op;
        const auto id = static_cast<OpId>(line.number("op", -1));
        if (const auto found = m_ops.find(id); found != m_ops.end()) op = found->second;
        const std::string name = line.text("name", op.name);
        emit(IntervalEvent{.lane = m_lanes.at(static_cast<size_t>(line.number(0))),
                           .op = id,
                           .name = name.empty() ? NameId::none : m_writer.intern(name),
                           .start_ns = line.number(1),
                           .end_ns = line.number(2),
                           .step = static_cast<int32_t>(line.number("step", -1)),
                           .phase = line.choice("phase", op.phase),
                           .op_class = line.choice("class", op.op_class),
                           .layer = static_cast<int32_t>(line.number("layer", op.layer)),
                           .bucket = static_cast<int32_t>(line.number("bucket", op.bucket)),
                           .elements = line.number("elements", op.elements),
                           .bytes = line.number("bytes", op.bytes),
                           .sent_bytes = line.number("sent_bytes", 0),
                           .wait_ns = line.number("wait_ns", 0),
                           .emulated_ns = line.number("emulated_ns", 0)});
    }

    TraceWriter& m_writer;
    std::vector<LaneId> m_lanes;
    std::map<OpId, ProgramOpEvent> m_ops;
};

} // namespace

CaseFile readCase(const std::string& path) {
    CaseFile file;
    file.path = path;
    std::ifstream stream(path);
    if (!stream) throw std::runtime_error(path + " cannot be read");
    for (std::string line; std::getline(stream, line);) file.lines.push_back(line);
    enum { nothing, trace, source, answer } in = nothing;
    for (size_t i = 0; i < file.lines.size(); ++i) {
        const std::string& line = file.lines[i];
        if (line.starts_with("? ") || (line.starts_with("?") && line.find(' ') == 2)) {
            CaseQuestion question;
            question.arguments = wordsOf(line.substr(line.find(' ') + 1));
            question.exit_code = line[1] == ' ' ? 0 : line[1] - '0';
            question.first_line = question.end_line = i + 1;
            file.questions.push_back(std::move(question));
            in = answer;
        } else if (line.empty() || (line[0] == '#' && in != answer)) {
            if (line.empty() && (in == answer || in == source)) in = nothing;
        } else if (in == answer) {
            file.questions.back().expected += line + "\n";
            file.questions.back().end_line = i + 1;
        } else if (in == source) {
            file.sources.back().content += line + "\n";
        } else if (line.starts_with("file ")) {
            file.sources.push_back({line.substr(5), {}});
            in = source;
        } else if (line.starts_with("trace ")) {
            file.traces.push_back({line.substr(6), {}});
            in = trace;
        } else if (in == trace) {
            file.traces.back().lines.emplace_back(i, line);
        } else {
            wrong(path, i, "expected 'trace NAME', 'file NAME' or '? question'");
        }
    }
    if (file.questions.empty()) throw std::runtime_error(path + " asks nothing");
    return file;
}

void writeCaseTrace(const CaseFile& file, const CaseTrace& trace, const std::string& trace_path) {
    auto writer = TraceWriter::create(trace_path);
    if (!writer) throw std::runtime_error(writer.error().message);
    Writing writing(**writer);
    for (const auto& [number, text] : trace.lines) {
        try {
            writing.add(Line(text));
        } catch (const std::exception& error) {
            wrong(file.path, number, error.what());
        }
    }
    if (const auto finished = (*writer)->finish("finished"); !finished)
        throw std::runtime_error(finished.error().message);
}

void rewriteCase(const CaseFile& file, const std::vector<std::string>& answers) {
    std::ofstream out(file.path);
    size_t line = 0;
    for (size_t q = 0; q < file.questions.size(); ++q) {
        for (; line < file.questions[q].first_line; ++line) out << file.lines[line] << '\n';
        out << answers[q];
        line = file.questions[q].end_line;
    }
    for (; line < file.lines.size(); ++line) out << file.lines[line] << '\n';
}

} // namespace shardscope::test
