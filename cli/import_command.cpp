// SPDX-License-Identifier: Apache-2.0
// import: a trace of another profiler becomes a *.shardscope file.
#include "cli/command.h"
#include "cli/progress.h"
#include "traces/importers/import.h"
#include <CLI/CLI.hpp>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fmt/core.h>
#include <nlohmann/json.hpp>

namespace shardscope::cli {
namespace {

using Json = nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;

volatile std::sig_atomic_t stop_requested = 0;

struct ImportCommand {
    std::vector<std::string> files;
    std::string output, format = "text", progress = "auto", rows = "auto";
    ImportOptions options;
};

// "run.pt.trace.json.gz" becomes run.shardscope, in the current folder.
std::string defaultOutput(const std::string& source) {
    std::string name = std::filesystem::path(source).filename().string();
    for (const std::string_view ending : {".gz", ".json", ".trace", ".pt", ".sqlite"})
        if (name.size() > ending.size() && name.ends_with(ending)) name.resize(name.size() - ending.size());
    return name + ".shardscope";
}

// A bar with bytes and the time left, or nothing: lines in a log would say nothing a summary does not.
class ImportBar {
public:
    explicit ImportBar(ProgressMode mode)
        : m_mode(mode) {}

    void show(const ImportProgress& p) {
        const auto now = Clock::now();
        const bool reading = p.stage == ImportProgress::Stage::reading;
        if (p.stage != m_stage) {
            m_stage = p.stage;
            m_started = now;
        }
        if (m_mode == ProgressMode::none || m_mode == ProgressMode::plain || p.total <= 0 || now - m_shown < interval)
            return;
        m_shown = now;
        const double share = static_cast<double>(p.done) / static_cast<double>(p.total);
        const double spent = std::chrono::duration<double>(now - m_started).count();
        const double left = share > 0 ? spent / share - spent : 0;
        if (m_mode == ProgressMode::json) {
            fmt::print(stderr, "{}\n",
                       Json{{"event", "progress"},
                            {"stage", reading ? "reading" : "writing"},
                            {"done", p.done},
                            {"total", p.total},
                            {"eta_s", left}}
                           .dump());
            return;
        }
        constexpr double mega = 1e6;
        constexpr int width = 30;
        const std::string bar(static_cast<size_t>(share * width), '=');
        fmt::print(stderr, "\r\x1b[K{} [{:<{}}] {:.1f} of {:.1f} {}  {:.0f} s left", reading ? "reading" : "writing",
                   bar, width, static_cast<double>(p.done) / mega, static_cast<double>(p.total) / mega,
                   reading ? "MB" : "million events", left);
        std::fflush(stderr);
        m_drawn = true;
    }
    void clear() {
        if (m_drawn) fmt::print(stderr, "\r\x1b[K");
        m_drawn = false;
    }

private:
    static constexpr auto interval = std::chrono::milliseconds(100);
    ProgressMode m_mode;
    ImportProgress::Stage m_stage = ImportProgress::Stage::reading;
    Clock::time_point m_started = Clock::now(), m_shown;
    bool m_drawn = false;
};

std::string report(const ImportSummary& s, const std::string& output, double seconds, bool json) {
    if (json) {
        Json warnings = Json::array();
        for (const WarningEvent& w : s.warnings)
            warnings.push_back({{"kind", w.kind}, {"text", w.text}, {"count", w.count}});
        return Json{{"trace", output},    {"format", s.format}, {"bytes", s.bytes},
                    {"events", s.events}, {"ranks", s.ranks},   {"lanes", s.lanes},
                    {"rows", s.rows},     {"seconds", seconds}, {"warnings", warnings}}
            .dump(2, ' ', false, Json::error_handler_t::replace);
    }
    std::string text =
        fmt::format("{}: {} events of {} rank{} in {} lane{}, from {:.1f} MB in {:.2f} s{}\n", s.format, s.events,
                    s.ranks, s.ranks == 1 ? "" : "s", s.lanes, s.lanes == 1 ? "" : "s",
                    static_cast<double>(s.bytes) * 1e-6, seconds, s.rows ? "" : "; columns only, no event rows");
    for (const WarningEvent& w : s.warnings) text += fmt::format("  warning: {} ({}x)\n", w.text, w.count);
    return text + fmt::format("trace: {} (shardscope summary {})\n", output, output);
}

int import(ImportCommand command) {
    if (command.output.empty()) {
        if (command.files.size() > 1) return fail({"Several files need a name for the result: give it with -o."});
        command.output = defaultOutput(command.files.front());
    }
    if (command.rows != "auto") command.options.rows = command.rows == "yes";
    stop_requested = 0;
    struct sigaction stop = {};
    stop.sa_handler = [](int) { stop_requested = 1; };
    for (const int signal : {SIGINT, SIGTERM}) sigaction(signal, &stop, nullptr);

    ImportBar bar(progressMode(command.progress));
    const auto start = Clock::now();
    const auto summary = importTrace(command.files, command.output, command.options, [&](const ImportProgress& p) {
        bar.show(p);
        return stop_requested == 0;
    });
    bar.clear();
    if (!summary) {
        const int code = fail(summary.error());
        return stop_requested ? int{interrupted} : code;
    }
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    print(report(*summary, command.output, seconds, command.format == "json"));
    return success;
}

} // namespace

void addImportCommand(CLI::App& app, Invocation& invocation) {
    auto command = std::make_shared<ImportCommand>();
    CLI::App* sub = app.add_subcommand("import", "Turn a trace of Nsight Systems or the PyTorch profiler into ours");
    sub->add_option("files", command->files,
                    "Nsight Systems SQLite export, Kineto or Chrome JSON (.gz too); several "
                    "files are ranks of one run")
        ->required()
        ->type_name("FILE");
    sub->add_option("-o,--output", command->output, "The trace to write; NAME.shardscope when absent")
        ->type_name("FILE");
    sub->add_option("--rows", command->rows, "Event rows for SQL beside the columns; auto: up to a million events")
        ->check(CLI::IsMember({"auto", "yes", "no"}))
        ->capture_default_str();
    sub->add_option("--comm-kernel", command->options.comm_patterns,
                    "Kernels whose name matches this glob count as communication too; may be repeated")
        ->type_name("GLOB");
    sub->add_flag("--with-environment", command->options.with_environment,
                  "Copy environment variables, host and user names of the source into the trace");
    sub->add_option("--progress", command->progress, "bar, plain, json (one object per line on stderr) or none")
        ->check(CLI::IsMember({"auto", "bar", "plain", "json", "none"}))
        ->capture_default_str();
    addFormatOption(*sub, command->format);
    sub->footer("The source is only read. What was repaired, guessed or left out is counted in the trace's warnings.\n"
                "Example:\n  shardscope import rank0.json.gz rank1.json.gz -o run.shardscope");
    sub->callback([command, &invocation] {
        command->options.command = invocation.command_line;
        invocation.exit_code = import(*command);
    });
}

} // namespace shardscope::cli
