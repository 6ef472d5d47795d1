// SPDX-License-Identifier: Apache-2.0
// Where a trace may be written and what happens to what was there before.
#include "support/catch.h"
#include "support/sample_trace.h"
#include "support/temporary_folder.h"
#include "traces/trace_reader.h"
#include "traces/trace_writer.h"
#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace shardscope;
namespace fs = std::filesystem;

namespace {

std::string contentOf(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

void write(const std::string& path, const std::string& content) { std::ofstream(path, std::ios::binary) << content; }

size_t filesIn(const TemporaryFolder& folder) {
    return static_cast<size_t>(std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator()));
}

std::string refusal(const std::string& path) {
    auto writer = TraceWriter::create(path);
    return writer ? "" : writer.error().message;
}

// Runs in a child process, so that limits and a killed writer do not touch the test itself.
int inChild(const std::function<int()>& body) {
    const pid_t pid = fork();
    if (pid == 0) _exit(body());
    int status = 0;
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

} // namespace

TEST_CASE("a writer refuses what it cannot or must not write, in words") {
    const TemporaryFolder folder;
    using Catch::Matchers::Contains;
    CHECK_THAT(refusal(""), Contains("no name"));
    CHECK_THAT(refusal(folder.path().string()), Contains("is a folder"));
    CHECK_THAT(refusal(folder / "no/such/run.shardscope"), Contains("does not exist"));
    write(folder / "notes.txt", "dear diary");
    CHECK_THAT(refusal(folder / "notes.txt"), Contains("is not a Shardscope trace"));
    CHECK(contentOf(folder / "notes.txt") == "dear diary");
    sqlite3* other = nullptr;
    REQUIRE(sqlite3_open((folder / "other.db").c_str(), &other) == SQLITE_OK);
    REQUIRE(sqlite3_exec(other, "CREATE TABLE event_row(x)", nullptr, nullptr, nullptr) == SQLITE_OK);
    sqlite3_close(other);
    const std::string before = contentOf(folder / "other.db");
    CHECK_THAT(refusal(folder / "other.db"), Contains("is not a Shardscope trace"));
    CHECK(contentOf(folder / "other.db") == before);
    CHECK(filesIn(folder) == 2);
    if (geteuid() != 0) return; // the rest needs to become somebody else
    const int code = inChild([&] {
        fs::permissions(folder.path(), fs::perms::owner_all | fs::perms::others_read | fs::perms::others_exec);
        if (setgid(65534) != 0 || setuid(65534) != 0) return 9;
        const std::string words = refusal(folder / "run.shardscope");
        return words.find("Cannot write into the folder") == std::string::npos ? 1 : 0;
    });
    CHECK(code == 0);
}

TEST_CASE("an older trace is replaced whole at the first commit, not before") {
    const TemporaryFolder folder;
    const std::string path = folder / "run.shardscope";
    writeSampleTrace(path);
    const std::string before = contentOf(path);
    {
        auto writer = std::move(TraceWriter::create(path)).value();
        const LaneId lane = writer->addLane({0, LaneKind::compute, "rank 0 compute"});
        const TraceEvent event = IntervalEvent{.lane = lane, .start_ns = 1, .end_ns = 2};
        writer->append({&event, 1});
        CHECK(contentOf(path) == before);
        REQUIRE(writer->commit());
        auto reader = TraceReader::open(path);
        REQUIRE(reader);
        CHECK((*reader)->eventCount() == 1);
    }
    CHECK(TraceReader::open(path));
    { auto unused = TraceWriter::create(path); }
    CHECK((*TraceReader::open(path))->eventCount() == 1);
    for (const auto& file : fs::directory_iterator(folder.path()))
        CHECK(file.path().filename().string().find(".part-") == std::string::npos);
}

TEST_CASE("two writers cannot share a file") {
    const TemporaryFolder folder;
    const std::string path = folder / "run.shardscope";
    auto first = std::move(TraceWriter::create(path)).value();
    first->intern("a");
    REQUIRE(first->commit());
    auto second = std::move(TraceWriter::create(path)).value();
    second->intern("b");
    const auto refused = second->commit();
    REQUIRE_FALSE(refused);
    CHECK_THAT(refused.error().message, Catch::Matchers::Contains("another program"));
    REQUIRE(first->commit());
    REQUIRE(first->finish("finished"));
    CHECK((*TraceReader::open(path))->name(NameId{0}) == "a");
}

TEST_CASE("the log of a killed run is not taken for that of the run that replaces it") {
    const TemporaryFolder folder;
    const std::string path = folder / "run.shardscope";
    SampleTraceOptions options;
    options.after_step = [](int step) {
        if (step == 2) raise(SIGKILL);
    };
    REQUIRE(inChild([&] {
                writeSampleTrace(path, options);
                return 0;
            }) == 1000 + SIGKILL);
    REQUIRE(fs::exists(path + "-wal"));
    options.after_step = nullptr;
    options.steps = 1;
    writeSampleTrace(path, options);
    CHECK_FALSE(fs::exists(path + "-wal"));
    auto reader = TraceReader::open(path);
    REQUIRE(reader);
    CHECK((*reader)->steps().size() == 1);
    CHECK_FALSE((*reader)->live());
}

TEST_CASE("a full disk ends the recording in words and keeps what was committed") {
    const TemporaryFolder folder;
    const std::string path = folder / "run.shardscope";
    const int code = inChild([&] {
        signal(SIGXFSZ, SIG_IGN);
        const rlimit limit{1 << 20, 1 << 20}; // no file may pass 1 MiB
        setrlimit(RLIMIT_FSIZE, &limit);
        auto writer = TraceWriter::create(path);
        if (!writer) return 2;
        const LaneId lane = (*writer)->addLane({0, LaneKind::compute, "rank 0 compute"});
        std::vector<TraceEvent> batch(1000, IntervalEvent{.lane = lane, .start_ns = 1, .end_ns = 2});
        for (int i = 0; i < 200; ++i) {
            (*writer)->append(batch);
            (void)(*writer)->commit();
        }
        if (!(*writer)->failure()) return 3;
        if ((*writer)->failure()->message.find("try again") == std::string::npos) return 4;
        if ((*writer)->ignored() < 1000) return 5;
        return (*writer)->finish("finished") ? 6 : 0;
    });
    CHECK(code == 0);
    auto reader = TraceReader::open(path);
    REQUIRE(reader);
    CHECK((*reader)->eventCount() >= 1000);
    CHECK((*reader)->eventCount() % 1000 == 0);
    CHECK_FALSE((*reader)->live());
    CHECK((*reader)->runValue("status") == "failed");
    CHECK_THAT((*reader)->runValue("error"), Catch::Matchers::Contains("try again"));
    const auto warnings = (*reader)->warnings();
    CHECK(std::any_of(warnings.begin(), warnings.end(),
                      [](const WarningEvent& w) { return w.kind == "events_not_written" && w.count >= 1000; }));
}
