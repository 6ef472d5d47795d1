// SPDX-License-Identifier: Apache-2.0
#include "traces/importers/import.h"
#include "traces/importers/byte_source.h"
#include "traces/importers/importer.h"
#include "traces/importers/write_table.h"
#include "traces/trace_file.h"
#include "traces/trace_writer.h"
#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <fmt/format.h>
#include <set>

namespace shardscope {

namespace fs = std::filesystem;
using namespace importers;

namespace {

constexpr size_t head_bytes = 65536;
constexpr size_t most_sources = 4096;

// The first that recognises a file imports it.
constexpr std::array table = {
    Importer{"Nsight Systems", looksLikeNsys, importNsys},
    Importer{"PyTorch profiler", looksLikeKineto, importChrome},
    Importer{"Chrome trace", looksLikeChrome, importChrome},
};

// "rank-3", "rank3", "worker0", "_r12." in the file's name.
std::optional<int32_t> rankInName(const std::string& path) {
    const std::string name = fs::path(path).filename().string();
    for (const std::string_view word : {"rank", "worker"}) {
        for (size_t at = name.find(word); at != std::string::npos; at = name.find(word, at + 1)) {
            size_t digits = at + word.size();
            while (digits < name.size() && (name[digits] == '_' || name[digits] == '-' || name[digits] == '='))
                ++digits;
            int32_t rank = 0;
            const auto [end, error] = std::from_chars(name.data() + digits, name.data() + name.size(), rank);
            if (error == std::errc() && rank >= 0 && rank < 65536) return rank;
        }
    }
    return std::nullopt;
}

Result<const Importer*> importerOf(const std::string& path) {
    const FileIdentity file = identify(path);
    switch (file.kind) {
    case FileKind::missing:
        return Error{fmt::format("There is no file '{}'; check the path.", path)};
    case FileKind::directory:
        return Error{fmt::format("'{}' is a folder; name the trace files in it.", path)};
    case FileKind::unreadable:
        return Error{fmt::format("'{}' cannot be read; check its permissions.", path)};
    case FileKind::empty:
        return Error{fmt::format("'{}' is empty; profile again.", path)};
    case FileKind::trace:
        return Error{fmt::format("'{}' is a Shardscope trace already; open it as it is.", path)};
    case FileKind::other:
    case FileKind::other_sqlite:
        break;
    }
    const std::string head = headOf(path, head_bytes);
    for (const Importer& importer : table)
        if (importer.sniff(path, head)) return &importer;
    return Error{fmt::format("'{}' is no trace that can be imported{}; known are SQLite exports of Nsight Systems "
                             "(nsys export --type sqlite) and PyTorch profiler or Chrome trace JSON, plain or gzip.",
                             path, file.looks_like.empty() ? "" : " (it looks like " + file.looks_like + ")")};
}

// Before anything is read, so that a slip costs no time.
Result<std::vector<const Importer*>> checked(std::span<const std::string> sources, const std::string& destination) {
    if (sources.empty() || sources.size() > most_sources)
        return Error{fmt::format("An import takes 1 to {} files, not {}.", most_sources, sources.size())};
    if (Result<void> possible = TraceWriter::check(destination); !possible) return possible.error();
    std::vector<const Importer*> importers;
    for (const std::string& source : sources) {
        std::error_code ignored;
        if (fs::equivalent(source, destination, ignored))
            return Error{
                fmt::format("'{}' cannot be imported into itself; choose another file name for the result.", source)};
        const auto importer = importerOf(source);
        if (!importer) return importer.error();
        importers.push_back(*importer);
    }
    return importers;
}

} // namespace

Result<ImportSummary> importTrace(std::span<const std::string> sources, const std::string& destination,
                                  const ImportOptions& options, const ImportCallback& callback) {
    const auto importers = checked(sources, destination);
    if (!importers) return importers.error();
    ImportSummary summary;
    for (const std::string& source : sources) summary.bytes += fileSize(source);

    ImportTable events;
    std::set<std::string> formats;
    std::string files;
    int64_t bytes_before = 0;
    for (size_t i = 0; i < sources.size(); ++i) {
        const std::string& source = sources[i];
        const int64_t bytes = fileSize(source);
        ImportJob job{.path = source,
                      .table = events,
                      .options = options,
                      .proceed =
                          [&](int64_t done) {
                              return !callback || callback({.stage = ImportProgress::Stage::reading,
                                                            .done = bytes_before + std::clamp<int64_t>(done, 0, bytes),
                                                            .total = summary.bytes});
                          },
                      .rank_in_name = rankInName(source),
                      .only_source = sources.size() == 1};
        events.beginSource();
        if (!job.proceed(0)) return stopped();
        if (Result<void> read = (*importers)[i]->import(job); !read) return read.error();
        formats.insert((*importers)[i]->name);
        bool repaired = false;
        files += (i ? ", " : "") + validUtf8(fs::path(source).filename().string(), repaired);
        bytes_before += bytes;
    }
    if (events.events() == 0 && events.memory.empty()) {
        std::string reasons;
        for (const auto& [kind, warning] : events.warnings())
            reasons += fmt::format(" {} ({}x)", warning.text, warning.count);
        return Error{
            fmt::format("'{}' holds no events that could be shown; check that the profiler recorded anything.{}",
                        sources.front(), reasons)};
    }
    if (std::none_of(events.tracks.begin(), events.tracks.end(), [](const ImportedTrack& track) {
            return track.kind == TrackKind::device && track.events.size() > 0;
        }))
        events.warn("no_device_work", "No event says on which stream of a device it ran, so compute, communication and "
                                      "busy time are zero.");
    for (const std::string& format : formats) summary.format += (summary.format.empty() ? "" : ", ") + format;
    events.run["source"] = files.substr(0, 4096);
    events.run["source_format"] = summary.format;
    if (!options.command.empty()) events.run["command"] = options.command;
    if (sources.size() > 1)
        events.warn("clocks_not_fitted", "The clocks of the files were taken as they are; times of different ranks may "
                                         "be apart by the difference of their machines' clocks.");

    auto written = writeTable(events, destination, options.rows, [&](int64_t done, int64_t total) {
        return !callback || callback({.stage = ImportProgress::Stage::writing, .done = done, .total = total});
    });
    if (!written) return written.error();
    summary.events = written->events;
    summary.ranks = written->ranks;
    summary.lanes = written->lanes;
    summary.rows = written->rows;
    summary.warnings = std::move(written->warnings);
    return summary;
}

} // namespace shardscope
