// SPDX-License-Identifier: Apache-2.0
// A run that is interrupted ends cleanly; one that is killed leaves a trace that opens.
#include "program.h"
#include "support/contains.h"
#include "traces/trace_reader.h"
#include <chrono>
#include <csignal>
#include <filesystem>
#include <thread>

using namespace shardscope;
using namespace shardscope::test;

namespace {

std::vector<std::string> longRun(const TestFolder& folder, const std::string& trace) {
    std::vector<std::string> command = smallRun(folder, {"--steps", "1000000", "--progress", "json", "--trace", trace});
    command.insert(command.begin(), SHARDSCOPE_PROGRAM);
    return command;
}

int64_t count(const std::string& text, const std::string& word) {
    int64_t found = 0;
    for (size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) ++found;
    return found;
}

} // namespace

TEST_CASE("an interrupt ends the run after its step, with a complete trace") {
    for (const int signal : {SIGINT, SIGTERM}) {
        const TestFolder folder;
        const std::string path = folder.path("run.shardscope");
        Process process(longRun(folder, path));
        REQUIRE(process.waitForError(R"("step":2)"));
        process.signal(signal);
        const ProcessResult result = process.wait();
        INFO(result.err.substr(result.err.size() > 500 ? result.err.size() - 500 : 0));
        CHECK(result.exit_code == 130);
        CHECK_THAT(result.err, Contains(R"({"event":"end","status":"stopped"})"));
        const auto trace = TraceReader::open(path);
        REQUIRE(trace);
        CHECK((*trace)->runValue("status") == "stopped");
        CHECK(static_cast<int64_t>((*trace)->steps().size()) == count(result.err, R"("event":"step")"));
        CHECK((*trace)->eventCount() > 0);
        CHECK_FALSE((*trace)->live());
    }
}

TEST_CASE("an interrupted run says so in words") {
    const TestFolder folder;
    std::vector<std::string> command = smallRun(folder, {"--steps", "1000000", "--progress", "plain"});
    command.insert(command.begin(), SHARDSCOPE_PROGRAM);
    Process process(command);
    REQUIRE(process.waitForError("step 1/"));
    process.signal(SIGINT);
    const ProcessResult result = process.wait();
    CHECK(result.exit_code == 130);
    CHECK_THAT(result.err, Contains("stopped after step"));
}

TEST_CASE("a second interrupt does not wait for the step") {
    const TestFolder folder;
    // Two hops of a second each: the step lasts longer than the pauses between the signals.
    std::vector<std::string> command =
        smallRun(folder, {"--steps", "1000", "--progress", "json", "--link", "1000000:1"});
    command.insert(command.begin(), SHARDSCOPE_PROGRAM);
    Process process(command);
    REQUIRE(process.waitForError(R"("step":0)"));
    std::this_thread::sleep_for(std::chrono::milliseconds(200)); // into the next step
    process.signal(SIGINT);
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    process.signal(SIGINT);
    const ProcessResult result = process.wait();
    CHECK(result.exit_code == 130);
    CHECK(result.err.find(R"("event":"end")") == std::string::npos);
}

TEST_CASE("a killed run leaves a trace that opens and can be summarised") {
    const TestFolder folder;
    const std::string path = folder.path("run.shardscope");
    Process process(longRun(folder, path));
    REQUIRE(process.waitForError(R"("step":200)"));
    process.signal(SIGKILL);
    CHECK(process.wait().signal == SIGKILL);
    const auto trace = TraceReader::open(path);
    REQUIRE(trace);
    CHECK((*trace)->live()); // nobody could write another status
    CHECK((*trace)->eventCount() > 0);
    CHECK_FALSE((*trace)->program().empty());
    CHECK(shardscopeProgram({"summary", path}).exit_code == 0);
    CHECK_THAT(shardscopeProgram({"info", path}).out, Contains("killed before it could end"));
    // The name is free for the next run.
    CHECK(shardscopeProgram(smallRun(folder, {"--steps", "2", "--trace", path})).exit_code == 0);
    const auto next = TraceReader::open(path);
    REQUIRE(next);
    CHECK((*next)->steps().size() == 2);
}

TEST_CASE("a limit of file size ends a run with a readable trace, and an import with nothing") {
    const TestFolder folder;
    const auto limited = [](std::vector<std::string> arguments) { // to 150 KiB
        arguments.insert(arguments.begin(), {"/bin/sh", "-c", "ulimit -f 300; exec \"$0\" \"$@\"", SHARDSCOPE_PROGRAM});
        return runProcess(arguments);
    };
    const std::string path = folder.path("run.shardscope");
    const ProcessResult run = limited(smallRun(folder, {"--steps", "2000", "--trace", path}));
    CHECK(run.signal == 0);
    CHECK(run.exit_code == 1);
    CHECK_THAT(run.err, Contains("run.shardscope"));
    CHECK(TraceReader::open(path));

    std::string events;
    for (int i = 0; i < 30'000; ++i)
        events += (i ? "," : "") + std::string(R"({"ph":"X","name":"k)") + std::to_string(i * 7919 % 30'011) +
                  R"(","ts":)" + std::to_string(i * 3) + R"(,"dur":1,"pid":0,"tid":7,"args":{"stream":7}})";
    const std::string source = folder.write("trace.json", "[" + events + "]");
    const ProcessResult imported = limited({"import", source, "-o", folder.path("imported.shardscope")});
    CHECK(imported.signal == 0);
    CHECK(imported.exit_code == 1);
    CHECK_THAT(imported.err, Contains("imported.shardscope"));
    for (const auto& entry : std::filesystem::directory_iterator(folder.path("")))
        CHECK_THAT(entry.path().filename().string(), !Contains("imported"));
}
