// SPDX-License-Identifier: Apache-2.0
// Every mistake ends in exit code 1 and one sentence on stderr that says where and what to do; nothing on disk is
// harmed.
#include "program.h"
#include "support/contains.h"
#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>
#include <sys/stat.h>
#include <unistd.h>

using namespace shardscope::test;

namespace {

std::string refused(const std::vector<std::string>& arguments) {
    const ProcessResult result = shardscopeProgram(arguments);
    INFO(result.err);
    CHECK(result.exit_code == 1);
    CHECK(result.out.empty());
    CHECK(result.err.starts_with("shardscope: "));
    CHECK(std::count(result.err.begin(), result.err.end(), '\n') == 1);
    return result.err;
}

} // namespace

TEST_CASE("a wrong configuration is explained") {
    const TestFolder folder;
    const auto run = [&](std::vector<std::string> more) { return refused(smallRun(folder, std::move(more))); };
    CHECK_THAT(run({"--stage", "7"}), Contains("zero_optimization.stage is 7") && Contains("choose 0, 1, 2 or 3"));
    const auto config = [&](const std::string& text) { return run({"--config", folder.write("ds.json", text)}); };
    CHECK_THAT(config("{\n  \"train_batch_size\": 4,\n  oops\n}"), Contains("ds.json, line 3, column 3"));
    CHECK_THAT(config(R"({"train_batch_size": 4, "zero_optimization": {"reduce_bucketsize": 5}})"),
               Contains("ds.json: zero_optimization.reduce_bucketsize") &&
                   Contains("did you mean reduce_bucket_size?"));
    CHECK_THAT(config(R"({"train_batch_size": 5})"), Contains("cannot be divided by 2 ranks; use 4 or 6"));
    CHECK_THAT(config(R"({"train_batch_size": 4, "gradient_clipping": -1})"), Contains("gradient_clipping is -1"));
    CHECK_THAT(config(""), Contains("is empty"));
    CHECK_THAT(run({"--config", folder.path("absent.json")}), Contains("absent.json"));
    CHECK_THAT(run({"--config", folder.path("")}), Contains("is a directory"));
    CHECK_THAT(run({"--set", "zero_optimization"}), Contains("KEY=VALUE"));
    CHECK_THAT(run({"--set", "stage=7"}), Contains("zero_optimization.stage is 7")); // the last part is enough
    CHECK_THAT(run({"--set", "enabled=true"}), Contains("bf16.enabled or fp16.enabled; write the whole name"));
    CHECK_THAT(run({"--set", "train_batch_size=4", "--set", "train_batch_size.x=4"}), Contains("not an object"));
    CHECK_THAT(run({"--set", "zero_optimization..stage=1"}), Contains("empty part"));
    CHECK_THAT(run({"--set", "optimizer.type=SGD"}), Contains("optimizer.type is \"SGD\""));
}

TEST_CASE("wrong values of options are explained") {
    const TestFolder folder;
    CHECK_THAT(refused({"run", "--model", "gpt3"}), Contains("did you mean gpt2-"));
    const auto run = [&](std::vector<std::string> more) { return refused(smallRun(folder, std::move(more))); };
    CHECK_THAT(run({"--link", "pcie44"}), Contains("did you mean pcie4?"));
    CHECK_THAT(run({"--steps", "0"}), Contains("--steps is 0"));
    CHECK_THAT(run({"--sequence", "-1"}), Contains("--sequence is -1"));
    CHECK_THAT(run({"--sequence", "17"}), Contains("17"));
    CHECK_THAT(run({"--data", folder.path("absent.txt")}), Contains("absent.txt"));
    CHECK_THAT(run({"--data", folder.write("one.txt", "x")}), Contains("at least 2"));
    CHECK_THAT(refused({"run", "--ranks", "0"}), Contains("--ranks is 0"));
    CHECK_THAT(refused({"run", "--ranks", "100000"}), Contains("--ranks is 100000"));
}

TEST_CASE("wrong command lines end in exit code 2") {
    for (const std::vector<std::string>& arguments : {std::vector<std::string>{},
                                                      {"fly"},
                                                      {"run", "--steps", "many"},
                                                      {"run", "--format", "xml"},
                                                      {"summary"},
                                                      {"bench", "all"},
                                                      {"summary", "a.shardscope", "--table", "steps"},
                                                      {"compare", "a.shardscope"},
                                                      {"compare", "a", "b", "c", "d", "e"},
                                                      {"run", "--progress", "loud"}}) {
        const ProcessResult result = shardscopeProgram(arguments);
        INFO(result.err);
        CHECK(result.exit_code == 2);
        CHECK(result.err.starts_with("shardscope: "));
    }
}

TEST_CASE("a slip in a subcommand is named") {
    const ProcessResult slip = shardscopeProgram({"summery", "a.shardscope"});
    CHECK(slip.exit_code == 2);
    CHECK_THAT(slip.err, Contains("no subcommand 'summery'; did you mean summary?"));
    CHECK(shardscopeProgram({"summery", "--help"}).exit_code == 2);
    CHECK_THAT(shardscopeProgram({"run", "--steps", "many"}).err, Contains("--steps is many; write a number"));
}

TEST_CASE("help and version succeed and teach") {
    for (const std::string command : {"run", "sweep", "estimate", "compare"}) {
        const ProcessResult result = shardscopeProgram({command, "--help"});
        std::istringstream lines(result.out.substr(0, result.out.find("Examples:")));
        for (std::string line; std::getline(lines, line);) {
            INFO(line);
            CHECK(line.size() <= 124);
        }
    }
    for (const std::string command : {"run", "plan", "info", "summary", "compare", "bench"}) {
        const ProcessResult result = shardscopeProgram({command, "--help"});
        CHECK(result.exit_code == 0);
        CHECK_THAT(result.out, Contains("shardscope " + command)); // the example
    }
    CHECK_THAT(shardscopeProgram({"--version"}).out, Contains("shardscope "));
    CHECK(shardscopeProgram({"--help"}).exit_code == 0);
}

TEST_CASE("files that are no traces are refused by their name") {
    const TestFolder folder;
    const std::string text = folder.write("notes.txt", std::string(5000, 'x'));
    for (const std::string command : {"info", "summary"}) {
        CHECK_THAT(refused({command, text}), Contains("notes.txt"));
        CHECK_THAT(refused({command, folder.path("absent.shardscope")}), Contains("absent.shardscope"));
        CHECK_THAT(refused({command, folder.path("")}), Contains(folder.path("")));
    }
    CHECK_THAT(refused({"compare", text, text}), Contains("notes.txt"));
}

TEST_CASE("a trace that cannot be written is known before the run, and no other file is harmed") {
    const TestFolder folder;
    CHECK_THAT(refused(smallRun(folder, {"--trace", folder.path("no/such/folder/run.shardscope")})),
               Contains("no/such/folder"));
    CHECK_THAT(refused(smallRun(folder, {"--trace", folder.path("")})), Contains("name a file"));
    const std::string notes = folder.write("notes.txt", "my notes");
    CHECK_THAT(refused(smallRun(folder, {"--trace", notes})), Contains("notes.txt"));
    CHECK(readFile(notes) == "my notes");
    CHECK_THAT(refused(smallRun(folder, {"--save-weights", folder.path("no/such/weights.safetensors")})),
               Contains("no/such/weights"));
    CHECK_THAT(refused(smallRun(folder, {"--save-weights", folder.path("")})), Contains("it is a directory"));
    if (geteuid() != 0) { // nothing is unwritable for root
        mkdir(folder.path("locked").c_str(), 0500);
        CHECK_THAT(refused(smallRun(folder, {"--trace", folder.path("locked/run.shardscope")})), Contains("locked"));
    }
}

TEST_CASE("a good trace stays when the next run to its name fails early") {
    const TestFolder folder;
    const std::string trace = folder.path("run.shardscope");
    REQUIRE(shardscopeProgram(smallRun(folder, {"--steps", "2", "--trace", trace})).exit_code == 0);
    const std::string before = readFile(trace);
    refused(smallRun(folder, {"--stage", "9", "--trace", trace}));
    refused(smallRun(folder, {"--sequence", "1000", "--trace", trace}));
    refused(smallRun(folder, {"--save-weights", folder.path("no/such/weights"), "--trace", trace}));
    const std::string huge = folder.write(
        "huge.json", R"({"layers": 100, "channels": 65536, "heads": 64, "vocabulary": 256, "context": 16})");
    CHECK_THAT(refused({"run", "--model", huge, "--trace", trace}), Contains("GiB") && Contains("fewer ranks"));
    CHECK(readFile(trace) == before);
    for (const auto& entry : std::filesystem::directory_iterator(folder.path(""))) {
        const std::string name = entry.path().filename().string();
        INFO(name);
        CHECK((name == "run.shardscope" || name == "small.json" || name == "huge.json")); // and no leftovers
    }
}

TEST_CASE("a program that started us reads the mistake as JSON") {
    const TestFolder folder;
    const ProcessResult result = shardscopeProgram(smallRun(folder, {"--stage", "9", "--progress", "json"}));
    CHECK(result.exit_code == 1);
    const auto line = nlohmann::json::parse(result.err);
    CHECK(line["event"] == "error");
    CHECK_THAT(line["message"].get<std::string>(), Contains("stage is 9"));
}
