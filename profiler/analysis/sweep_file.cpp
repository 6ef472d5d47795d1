// SPDX-License-Identifier: Apache-2.0
#include "profiler/analysis/sweep.h"
#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

namespace shardscope {
namespace {

using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

constexpr int64_t version = 1;
constexpr uintmax_t largest_file = uintmax_t{32} << 20;
constexpr size_t most_points = 10'000, most_runs = 10'000, most_keys = 8, longest_text = 1 << 20;
constexpr double longest_time = 1e18; // 30 years in nanoseconds

// Reads one member after another; the first that is not what it should be makes the sentence.
class Members {
public:
    Members(const Json& object, std::string where, std::string& problem)
        : m_object(object)
        , m_where(std::move(where))
        , m_problem(problem) {
        if (!object.is_object()) fail("is no object");
    }
    std::string text(const char* key) {
        const Json* value = find(key);
        if (!value || !value->is_string() || value->get_ref<const std::string&>().size() > longest_text) {
            fail(fmt::format("has no text \"{}\"", key));
            return {};
        }
        return value->get<std::string>();
    }
    int64_t integer(const char* key, int64_t least, int64_t most) {
        const Json* value = find(key);
        if (!value || !value->is_number_integer() ||
            (value->is_number_unsigned() && value->get<uint64_t>() > INT64_MAX) || value->get<int64_t>() < least ||
            value->get<int64_t>() > most) {
            fail(fmt::format("has no whole number \"{}\" from {} to {}", key, least, most));
            return least;
        }
        return value->get<int64_t>();
    }
    int64_t nanoseconds(const char* key) { return integer(key, 0, static_cast<int64_t>(longest_time)); }
    double real(const char* key, double least, double most) {
        const Json* value = find(key);
        if (!value || !value->is_number() || !(value->get<double>() >= least && value->get<double>() <= most)) {
            fail(fmt::format("has no number \"{}\" from {:g} to {:g}", key, least, most));
            return 0;
        }
        return value->get<double>();
    }
    bool flag(const char* key) {
        const Json* value = find(key);
        if (value && value->is_boolean()) return value->get<bool>();
        fail(fmt::format("has no \"{}\" that is true or false", key));
        return false;
    }
    const Json& array(const char* key, size_t most) {
        static const Json nothing = Json::array();
        const Json* value = find(key);
        if (value && value->is_array() && value->size() <= most) return *value;
        fail(fmt::format("has no list \"{}\" of at most {}", key, most));
        return nothing;
    }
    const Json* find(const char* key) const {
        if (!m_object.is_object()) return nullptr;
        const auto found = m_object.find(key);
        return found == m_object.end() ? nullptr : &*found;
    }
    void fail(const std::string& what) {
        if (m_problem.empty()) m_problem = m_where + " " + what;
    }

private:
    const Json& m_object;
    std::string m_where;
    std::string& m_problem;
};

// Only names below the sweep's own folder: a file from elsewhere must not make us open other files.
bool staysInside(const std::string& name) {
    const fs::path path(name);
    return !path.is_absolute() && name.find('\0') == std::string::npos &&
           std::none_of(path.begin(), path.end(), [](const fs::path& part) { return part == ".."; });
}

SweepRun runFrom(const Json& json, const std::string& where, std::string& problem) {
    Members m(json, where, problem);
    SweepRun run;
    run.round = m.integer("round", 0, 1'000'000);
    run.error = m.text("error");
    run.seconds = m.real("seconds", 0, 1e12);
    if (!run.measured()) return run;
    run.steps = m.integer("steps", 1, 1'000'000'000);
    run.step_ns = m.nanoseconds("step_ns");
    run.exposed_comm_ns = m.nanoseconds("exposed_comm_ns");
    run.comm_ns = m.nanoseconds("comm_ns");
    run.overlap_percent = m.real("overlap_percent", 0, 100);
    run.collectives = m.real("collectives", 0, 1e12);
    run.peak_bytes = m.integer("peak_bytes", 0, int64_t{1} << 60);
    const Json* loss = m.find("final_loss"); // null: not a number, as JSON writes it
    run.final_loss = loss && loss->is_null() ? std::nan("") : m.real("final_loss", -1e300, 1e300);
    run.loss_bits = m.text("loss_bits");
    run.trace = m.text("trace");
    if (!staysInside(run.trace)) m.fail("names a trace outside its folder");
    return run;
}

Json runJson(const SweepRun& run) {
    Json json = {{"round", run.round}, {"error", run.error}, {"seconds", run.seconds}};
    if (!run.measured()) return json;
    json.update({{"steps", run.steps},
                 {"step_ns", run.step_ns},
                 {"exposed_comm_ns", run.exposed_comm_ns},
                 {"comm_ns", run.comm_ns},
                 {"overlap_percent", run.overlap_percent},
                 {"collectives", run.collectives},
                 {"peak_bytes", run.peak_bytes},
                 {"final_loss", run.final_loss},
                 {"loss_bits", run.loss_bits},
                 {"trace", run.trace}});
    return json;
}

Json valueJson(const std::string& text) {
    Json value = Json::parse(text, nullptr, false);
    return value.is_discarded() ? Json(text) : value;
}

} // namespace

Result<Sweep> sweepFromJson(const std::string& text, const std::string& source) {
    const Json json = Json::parse(text, nullptr, false);
    if (json.is_discarded())
        return Error{source + " is damaged: it is no JSON; run the sweep again into another folder"};
    std::string problem;
    Members m(json, "it", problem);
    if (!m.find("shardscope_sweep"))
        return Error{source + " is no sweep of shardscope: \"shardscope_sweep\" is missing; open the sweep.json that "
                              "shardscope sweep wrote"};
    if (const int64_t found = m.integer("shardscope_sweep", 1, INT32_MAX); problem.empty() && found > version)
        return Error{fmt::format("{} was written by a newer version (format {}, this program reads {}); update "
                                 "shardscope",
                                 source, found, version)};
    Sweep sweep;
    sweep.status = m.text("status");
    sweep.title = m.text("title");
    sweep.repeat = m.integer("repeat", 1, 1'000'000);
    sweep.steps = m.integer("steps", 1, 1'000'000'000);
    sweep.warmup_steps = m.integer("warmup_steps", 0, 1'000'000'000);
    sweep.link_emulated = m.flag("link_emulated");
    for (const Json& key : m.array("keys", most_keys)) {
        if (key.is_string() && !key.get_ref<const std::string&>().empty())
            sweep.keys.push_back(key.get<std::string>());
        else
            m.fail("has a key that is no text");
    }
    if (sweep.keys.empty()) m.fail("names no key");
    if (const Json* base = m.find("base"); base && base->is_object()) {
        for (const auto& [key, value] : base->items())
            if (value.is_string()) sweep.base[key] = value.get<std::string>();
    } else {
        m.fail("has no \"base\"");
    }
    std::set<std::vector<std::string>> seen;
    for (const Json& entry : m.array("points", most_points)) {
        const std::string where = fmt::format("point {}", sweep.points.size() + 1);
        Members p(entry, where, problem);
        SweepPoint point;
        const Json* values = p.find("values");
        for (const std::string& key : sweep.keys) {
            const auto value = values && values->is_object() ? values->find(key) : Json::const_iterator();
            if (!values || !values->is_object() || value == values->end() || value->is_structured())
                p.fail("has no value of " + key);
            else
                point.values.push_back(value->dump(-1, ' ', true, Json::error_handler_t::replace));
        }
        point.same_plan_as = static_cast<int32_t>(p.integer("same_plan_as", -1, most_points));
        point.is_default = p.flag("is_default");
        for (const Json& run : p.array("runs", most_runs)) {
            point.runs.push_back(runFrom(run, fmt::format("{}, run {}", where, point.runs.size() + 1), problem));
            if (!problem.empty()) break;
        }
        if (problem.empty() && !seen.insert(point.values).second) p.fail("has the values of an earlier one");
        if (!problem.empty()) break;
        sweep.points.push_back(std::move(point));
    }
    for (const SweepPoint& point : sweep.points) { // a point that was not run refers to one that was, in one hop
        const auto other = static_cast<size_t>(point.same_plan_as);
        if (point.same_plan_as >= 0 &&
            (other >= sweep.points.size() || sweep.points[other].same_plan_as >= 0 || !point.runs.empty()))
            m.fail("has a \"same_plan_as\" that leads nowhere");
    }
    if (!problem.empty())
        return Error{fmt::format("{} is damaged: {}; run the sweep again into another folder", source, problem)};
    return sweep;
}

bool mayBeSweep(const std::string& path) {
    std::error_code ignored;
    const fs::path given(path);
    if (fs::is_directory(given, ignored)) return fs::exists(given / sweep_file_name, ignored);
    return given.filename() == sweep_file_name;
}

Result<Sweep> readSweep(const std::string& path) {
    std::error_code problem;
    fs::path file(path);
    if (fs::is_directory(file, problem)) file /= sweep_file_name;
    if (!fs::exists(file, problem))
        return Error{file.string() + " does not exist; name the folder that shardscope sweep -o wrote"};
    if (!fs::is_regular_file(file, problem)) return Error{file.string() + " is no file; name a sweep.json"};
    const uintmax_t bytes = fs::file_size(file, problem);
    if (problem)
        return Error{fmt::format("cannot read {}: {}; check its permissions", file.string(), problem.message())};
    if (bytes > largest_file)
        return Error{fmt::format("{} has {} MiB, a sweep has at most {}; name another file", file.string(), bytes >> 20,
                                 largest_file >> 20)};
    std::ifstream in(file, std::ios::binary);
    std::string text(static_cast<size_t>(bytes), '\0');
    if (!in.read(text.data(), static_cast<std::streamsize>(bytes)))
        return Error{fmt::format("cannot read {}: {}; check its permissions", file.string(), std::strerror(errno))};
    Result<Sweep> sweep = sweepFromJson(text, file.string());
    if (sweep) sweep->folder = file.has_parent_path() ? file.parent_path().string() : std::string(".");
    return sweep;
}

std::string sweepJson(const Sweep& sweep) {
    Json base = Json::object(), points = Json::array();
    for (const auto& [key, value] : sweep.base) base[key] = value;
    const std::vector<PointFigures> figures = figuresOf(sweep);
    const SweepVerdict verdict = verdictOf(sweep, figures);
    for (size_t p = 0; p < sweep.points.size(); ++p) {
        const SweepPoint& point = sweep.points[p];
        Json values = Json::object(), runs = Json::array();
        for (size_t k = 0; k < sweep.keys.size(); ++k) values[sweep.keys[k]] = valueJson(point.values[k]);
        for (const SweepRun& run : point.runs) runs.push_back(runJson(run));
        Json entry = {{"values", values}, {"same_plan_as", point.same_plan_as}, {"is_default", point.is_default}};
        if (const PointFigures& f = figures[p]; f.runs > 0) { // for readers other than ours
            entry["step_ns"] = std::llround(f.step_ns.value);
            if (f.step_ns.has_interval)
                entry["step_interval_ns"] = {std::llround(f.step_ns.low), std::llround(f.step_ns.high)};
            entry["exposed_comm_ns"] = std::llround(f.exposed_comm_ns.value);
            entry["overlap_percent"] = f.overlap_percent;
            entry["peak_bytes"] = f.peak_bytes;
        }
        entry["runs"] = runs;
        points.push_back(entry);
    }
    const auto index = [](int32_t point) { return point < 0 ? Json() : Json(point); };
    const Json document = {{"shardscope_sweep", version},
                           {"status", sweep.status},
                           {"title", sweep.title},
                           {"repeat", sweep.repeat},
                           {"steps", sweep.steps},
                           {"warmup_steps", sweep.warmup_steps},
                           {"link_emulated", sweep.link_emulated},
                           {"keys", sweep.keys},
                           {"base", base},
                           {"points", points},
                           {"fastest", index(verdict.fastest)},
                           {"recommended", index(verdict.recommended)},
                           {"default", index(verdict.reference)},
                           {"loss", verdict.loss == LossAgreement::equal       ? "bitwise equal"
                                    : verdict.loss == LossAgreement::different ? "different"
                                                                               : "unknown"},
                           {"sentences", verdictSentences(sweep, figures, verdict)}};
    return document.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

} // namespace shardscope
