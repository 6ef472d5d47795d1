// SPDX-License-Identifier: Apache-2.0
// Traces that are still being written, were killed, or lie where nothing may be written.
#include "support/catch.h"
#include "support/sample_trace.h"
#include "support/temporary_folder.h"
#include "traces/trace_reader.h"
#include "traces/trace_writer.h"
#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <set>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

using namespace shardscope;
namespace fs = std::filesystem;

namespace {

// Everything a reader can tell, to compare two views of the same run.
std::vector<std::vector<IntervalEvent>> allEvents(const TraceReader& reader) {
    std::vector<std::vector<IntervalEvent>> lanes;
    for (size_t i = 0; i < reader.lanes().size(); ++i)
        lanes.push_back(reader.events(static_cast<LaneId>(i), reader.span()));
    return lanes;
}

void checkSameTrace(const TraceReader& a, const TraceReader& b) {
    CHECK(a.eventCount() == b.eventCount());
    CHECK(a.span() == b.span());
    const auto events_a = allEvents(a), events_b = allEvents(b);
    REQUIRE(events_a.size() == events_b.size());
    for (size_t lane = 0; lane < events_a.size(); ++lane) {
        REQUIRE(events_a[lane].size() == events_b[lane].size());
        const auto rects_a = a.rects(static_cast<LaneId>(lane), a.span(), 1),
                   rects_b = b.rects(static_cast<LaneId>(lane), b.span(), 1);
        REQUIRE(rects_a.size() == rects_b.size());
        for (size_t i = 0; i < rects_a.size(); ++i) REQUIRE(rects_a[i].event == rects_b[i].event);
        for (size_t i = 0; i < events_a[lane].size(); ++i) {
            REQUIRE(events_a[lane][i].start_ns == events_b[lane][i].start_ns);
            REQUIRE(events_a[lane][i].wait_ns == events_b[lane][i].wait_ns);
        }
    }
    for (int32_t rank = 0; rank < a.ranks(); ++rank) {
        const MemoryCurve &m = a.memory(rank, MemoryTier::device), &n = b.memory(rank, MemoryTier::device);
        CHECK(m.time_ns == n.time_ns);
        CHECK(m.total_bytes == n.total_bytes);
        CHECK(m.bytes == n.bytes);
        CHECK(m.peak_bytes == n.peak_bytes);
        CHECK(m.peak_time_ns == n.peak_time_ns);
    }
    CHECK(a.steps().size() == b.steps().size());
    CHECK(a.program().size() == b.program().size());
    CHECK(a.plannedPeaks().size() == b.plannedPeaks().size());
}

} // namespace

TEST_CASE("a reader in another thread follows a run to its end") {
    const TemporaryFolder folder;
    const std::string path = folder / "run.shardscope";
    std::atomic<int> steps_written = 0;
    SampleTraceOptions options;
    options.steps = 30;
    options.after_step = [&](int step) {
        steps_written = step + 1;
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    };
    std::thread writer([&] { writeSampleTrace(path, options); });
    while (steps_written == 0) std::this_thread::yield();

    auto opened = TraceReader::open(path);
    if (!opened) {
        writer.join();
        FAIL(opened.error().message);
    }
    TraceReader& reader = **opened;
    std::set<int64_t> sizes;
    std::string failure;
    bool shrank = false;
    while (reader.live() && failure.empty()) {
        const int promised = steps_written;
        const int64_t before = reader.eventCount();
        const auto refreshed = reader.refresh();
        if (!refreshed)
            failure = refreshed.error().message;
        else if (*refreshed && static_cast<int>(reader.steps().size()) < promised)
            failure = "a committed step is missing";
        shrank = shrank || reader.eventCount() < before;
        sizes.insert(reader.eventCount());
        (void)reader.rects(LaneId{0}, reader.span(), 1e4);
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    writer.join();
    CHECK(failure.empty());
    CHECK_FALSE(shrank);
    CHECK(sizes.size() > 3); // it did grow while we looked
    CHECK(reader.runValue("status") == "finished");
    CHECK(reader.steps().size() == 30);
    const auto again = reader.refresh();
    REQUIRE(again);
    CHECK_FALSE(*again);
    CHECK_FALSE(fs::exists(path + "-wal")); // the reader did not keep the writer from cleaning up

    auto finished = TraceReader::open(path);
    REQUIRE(finished);
    checkSameTrace(reader, **finished);
    const auto rects = reader.rects(LaneId{1}, reader.span(), 1);
    REQUIRE_FALSE(rects.empty());
    const auto live_details = reader.details(rects[3].event), finished_details = (*finished)->details(rects[3].event);
    REQUIRE(live_details);
    REQUIRE(finished_details);
    CHECK(live_details->name == finished_details->name);
    CHECK(live_details->event.start_ns == finished_details->event.start_ns);
}

TEST_CASE("two viewers follow one run, each at its own pace") {
    const TemporaryFolder folder;
    const std::string path = folder / "run.shardscope";
    std::unique_ptr<TraceReader> quick, slow;
    std::string failure;
    std::vector<int64_t> seen;
    SampleTraceOptions options;
    options.steps = 12;
    options.after_step = [&](int step) {
        auto& reader = step == 2 ? quick : slow;
        if (step == 2 || step == 4) {
            auto opened = TraceReader::open(path);
            opened ? void(reader = *std::move(opened)) : void(failure = opened.error().message);
        }
        if (quick) {
            const auto refreshed = quick->refresh();
            if (!refreshed) failure = refreshed.error().message;
            seen.push_back(quick->eventCount());
        }
        if (slow && step % 3 == 0) (void)slow->refresh();
    };
    writeSampleTrace(path, options);
    CHECK(failure.empty());
    REQUIRE(quick);
    REQUIRE(slow);
    CHECK(std::is_sorted(seen.begin(), seen.end()));
    CHECK(seen.front() < seen.back());
    CHECK_FALSE(fs::exists(path + "-wal")); // neither kept the writer from cleaning up
    for (TraceReader* reader : {quick.get(), slow.get()}) {
        const auto last = reader->refresh();
        REQUIRE(last);
        CHECK(*last);
        CHECK(reader->runValue("status") == "finished");
    }
    auto finished = TraceReader::open(path);
    REQUIRE(finished);
    checkSameTrace(*quick, **finished);
    checkSameTrace(*slow, **finished);
}

TEST_CASE("a refresh without news is quiet, and a replaced or removed file is an error") {
    const TemporaryFolder folder;
    const std::string path = folder / "run.shardscope";
    auto writer = std::move(TraceWriter::create(path)).value();
    writer->intern("first");
    REQUIRE(writer->commit());
    auto reader = std::move(TraceReader::open(path)).value();
    auto same = reader->refresh();
    REQUIRE(same);
    CHECK_FALSE(*same);
    std::this_thread::sleep_for(std::chrono::milliseconds(80)); // long enough for the times of the file to be trusted
    REQUIRE(reader->refresh());
    writer->intern("second");
    REQUIRE(writer->commit());
    auto changed = reader->refresh();
    REQUIRE(changed);
    CHECK(*changed);
    CHECK(reader->name(NameId{1}) == "second");
    writer.reset(); // without finish: stays "running"
    CHECK(reader->live());

    SampleTraceOptions options;
    options.finish = false;
    writeSampleTrace(path, options);
    const auto replaced = reader->refresh();
    REQUIRE_FALSE(replaced);
    CHECK_THAT(replaced.error().message, Catch::Matchers::Contains("replaced"));
    fs::remove(path);
    const auto removed = reader->refresh();
    REQUIRE_FALSE(removed);
    CHECK_THAT(removed.error().message, Catch::Matchers::Contains("deleted"));
}

TEST_CASE("a killed writer leaves every committed step") {
    const TemporaryFolder folder;
    const std::string path = folder / "run.shardscope";
    const int killed_after = GENERATE(0, 1, 7);
    const pid_t pid = fork();
    if (pid == 0) {
        SampleTraceOptions options;
        options.steps = 20;
        options.after_step = [&](int step) {
            if (step == killed_after) raise(SIGKILL);
        };
        writeSampleTrace(path, options);
        _exit(0);
    }
    int status = 0;
    waitpid(pid, &status, 0);
    REQUIRE(WIFSIGNALED(status));
    REQUIRE(WTERMSIG(status) == SIGKILL);

    auto reader = TraceReader::open(path);
    REQUIRE(reader);
    CHECK((*reader)->live()); // nobody wrote the end
    CHECK(static_cast<int>((*reader)->steps().size()) == killed_after + 1);
    CHECK((*reader)->eventCount() == (killed_after + 1) * (4 * (33 + 10)));
    const auto refreshed = (*reader)->refresh();
    REQUIRE(refreshed);
    CHECK_FALSE(*refreshed);

    SampleTraceOptions options;
    options.steps = killed_after + 1;
    writeSampleTrace(folder / "whole.shardscope", options);
    auto whole = TraceReader::open(folder / "whole.shardscope");
    REQUIRE(whole);
    CHECK((*whole)->eventCount() == (*reader)->eventCount());
}

TEST_CASE("a finished trace opens in a folder where nothing may be written") {
    const TemporaryFolder folder;
    const std::string path = folder / "run.shardscope";
    writeSampleTrace(path);
    CHECK_FALSE(fs::exists(path + "-wal"));
    CHECK_FALSE(fs::exists(path + "-shm"));
    fs::permissions(path, fs::perms::owner_read | fs::perms::group_read | fs::perms::others_read);
    const auto read_only =
        fs::perms::owner_read | fs::perms::owner_exec | fs::perms::others_read | fs::perms::others_exec;
    fs::permissions(folder.path(), read_only);
    const pid_t pid = fork();
    if (pid == 0) { // nobody, where root would be allowed everything
        if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0)) _exit(9);
        auto reader = TraceReader::open(path);
        if (!reader) _exit(1);
        if ((*reader)->eventCount() != 688 || (*reader)->events(LaneId{0}, (*reader)->span()).empty()) _exit(2);
        _exit((*reader)->memory(0, MemoryTier::device).peak_bytes > 0 ? 0 : 3);
    }
    int status = 0;
    waitpid(pid, &status, 0);
    fs::permissions(folder.path(), fs::perms::owner_all);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
    CHECK(std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator()) == 1);
}

TEST_CASE("a killed run in a read-only folder opens or says what to do") {
    const TemporaryFolder folder;
    const std::string path = folder / "run.shardscope";
    const pid_t writer = fork();
    if (writer == 0) {
        SampleTraceOptions options;
        options.after_step = [](int step) {
            if (step == 1) raise(SIGKILL);
        };
        writeSampleTrace(path, options);
        _exit(0);
    }
    int status = 0;
    waitpid(writer, &status, 0);
    fs::remove(path + "-shm"); // as after a restart of the machine
    for (const auto& file : fs::directory_iterator(folder.path())) fs::permissions(file.path(), fs::perms(0444));
    fs::permissions(folder.path(), fs::perms(0555));
    const pid_t pid = fork();
    if (pid == 0) {
        if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0)) _exit(9);
        auto reader = TraceReader::open(path);
        if (reader) _exit((*reader)->steps().size() == 2 ? 0 : 1);
        _exit(reader.error().message.find("copy it together with") != std::string::npos ? 0 : 2);
    }
    waitpid(pid, &status, 0);
    fs::permissions(folder.path(), fs::perms::owner_all);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
}
