// SPDX-License-Identifier: Apache-2.0
// Writes a *.shardscope file (SQLite, see FORMAT.md) while the run goes on: WAL, batched transactions, readable by
// others at any moment. Until the first commit it has a temporary name in the same folder; then it takes the final one
// by rename, so an older trace there is replaced whole or not at all. A sorted writer serves imports: its file appears
// complete or not at all.
#pragma once
#include "traces/result.h"
#include "traces/trace_sink.h"
#include <memory>
#include <string>

namespace shardscope {

class TraceWriter final : public TraceSink {
public:
    // Fails with a sentence when the path cannot be written or is a directory or a file that is not a trace.
    static Result<std::unique_ptr<TraceWriter>> create(const std::string& path);
    // Intervals come lane after lane, each in order of start. They go straight into columns, and into rows only if
    // asked for, because rows cost ten times as much. Without finish() nothing is left behind.
    static Result<std::unique_ptr<TraceWriter>> createSorted(const std::string& path, bool rows);
    // Whether `path` can become a trace: the checks of create(), without making anything.
    static Result<void> check(const std::string& path);
    ~TraceWriter() override; // without finish(): commits what it has and leaves a readable file

    NameId intern(std::string_view) override;
    LaneId addLane(const LaneInfo&) override;
    void append(std::span<const TraceEvent>) override;
    void append(std::span<const IntervalEvent>); // the same for many of the commonest kind

    // Ends the current transaction, so that readers see everything appended so far. Cheap when nothing is pending.
    Result<void> commit();
    // Columns, pyramid, indexes, checkpoint of the WAL. `status`: finished | stopped | failed.
    Result<void> finish(std::string_view status);
    // The first write error (full disk ...), if any; later appends are ignored and counted.
    const Error* failure() const;
    int64_t ignored() const; // events not written because of it

private:
    struct Impl;
    explicit TraceWriter(std::unique_ptr<Impl>);
    std::unique_ptr<Impl> m_impl;
};

} // namespace shardscope
