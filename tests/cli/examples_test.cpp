// SPDX-License-Identifier: Apache-2.0
// Every command that --help, the README and the guides show is run as it stands, in a folder that holds the files it
// names; only models, steps and repeats are made small. An example that does not work teaches the wrong thing.
#include "program.h"
#include "support/catch.h"
#include <filesystem>
#include <regex>
#include <set>
#include <sqlite3.h>
#include <sstream>

using namespace shardscope::test;
namespace fs = std::filesystem;

namespace {

std::vector<std::string> linesOf(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) lines.push_back(line);
    return lines;
}

std::string helpOf(std::vector<std::string> command) {
    command.emplace_back("--help");
    return shardscopeProgram(command).out;
}

std::vector<std::string> examplesInHelp() {
    std::vector<std::string> examples;
    const std::regex example(R"(^  (shardscope .*))"), listed(R"(^  ([a-z][a-z-]+)  .*)");
    std::vector<std::vector<std::string>> commands = {{}};
    for (size_t i = 0; i < commands.size(); ++i) { // subcommands of subcommands join the list
        bool in_list = false;
        for (const std::string& line : linesOf(helpOf(commands[i]))) {
            if (line.empty()) in_list = false;
            if (line == "Subcommands:") in_list = true;
            std::smatch match;
            if (std::regex_match(line, match, example)) examples.push_back(match[1]);
            if (!in_list || !std::regex_match(line, match, listed)) continue;
            std::vector<std::string> sub = commands[i];
            sub.push_back(match[1]);
            commands.push_back(sub);
        }
    }
    return examples;
}

// Commands of the program in the shell blocks of a page.
std::vector<std::string> examplesOnPage(const std::string& page) {
    std::vector<std::string> examples;
    bool in_block = false, goes_on = false;
    for (std::string line : linesOf(readFile(std::string(SHARDSCOPE_SOURCE) + "/" + page))) {
        if (line.starts_with("```")) in_block = line == "```sh";
        const bool more = line.ends_with('\\');
        if (more) line.pop_back();
        if (goes_on)
            examples.back() += line;
        else if (in_block && (line.starts_with("shardscope ") || line.starts_with("$shardscope ")))
            examples.push_back(line.substr(line.front() == '$'));
        else
            continue;
        goes_on = more;
    }
    return examples;
}

// The same command for a machine with little time.
std::string madeSmall(std::string command) {
    const auto replace = [&](const char* pattern, const char* with) {
        command = std::regex_replace(command, std::regex(pattern), with);
    };
    replace("\\s+#.*$", "");
    replace("--steps 100\\b", "--steps 2");
    replace("--steps 200\\b", "--steps 4");
    replace("--steps 20\\b", "--steps 2");
    replace("--save-every 10\\b", "--save-every 1");
    replace("global_step90\\b", "global_step2");
    replace("--step 4\\b", "--step 1");
    replace(":log:9\\b", ":log:2");
    replace("--repeat 5\\b", "");
    const bool trains = command.starts_with("shardscope run ") || command.starts_with("shardscope sweep ");
    if (trains && command.find("--model ") == std::string::npos) command += " --model small.json";
    if (trains && command.find("--steps ") == std::string::npos) command += " --steps 3";
    if (command.starts_with("shardscope sweep ")) command += " --repeat 1 --warmup 1";
    return command;
}

ProcessResult shell(const TestFolder& folder, const std::string& command) {
    const std::string program = SHARDSCOPE_PROGRAM;
    return runProcess(
        {"/bin/sh", "-c",
         "cd '" + folder.path("") + "' && exec '" + program + "'" + command.substr(std::string("shardscope").size())});
}

void makeReport(const std::string& path) {
    sqlite3* db = nullptr;
    REQUIRE(sqlite3_open(path.c_str(), &db) == SQLITE_OK);
    sqlite3_exec(db,
                 "CREATE TABLE StringIds(id INTEGER PRIMARY KEY, value TEXT); INSERT INTO StringIds VALUES (1,'gemm');"
                 "CREATE TABLE CUPTI_ACTIVITY_KIND_KERNEL(start INTEGER, \"end\" INTEGER, deviceId INTEGER, streamId "
                 "INTEGER, shortName INTEGER); INSERT INTO CUPTI_ACTIVITY_KIND_KERNEL VALUES (1,2,0,7,1);",
                 nullptr, nullptr, nullptr);
    sqlite3_close(db);
}

// The files that examples name.
void prepare(const TestFolder& folder) {
    smallModel(folder);
    fs::create_directories(folder.path("docs/examples"));
    fs::copy_file(std::string(SHARDSCOPE_SOURCE) + "/docs/examples/demo.json", folder.path("docs/examples/demo.json"));
    fs::copy_file(folder.path("docs/examples/demo.json"), folder.path("ds.json"));
    makeReport(folder.path("report.sqlite"));
    const auto must = [&](const std::string& command) {
        const ProcessResult result = shell(folder, command);
        INFO(command << '\n' << result.err);
        REQUIRE(result.exit_code == 0);
    };
    for (const std::string stage : {"0", "1", "2", "3"})
        must("shardscope run --model small.json --ranks 2 --steps 3 --stage " + stage + " --trace zero" + stage +
             ".shardscope");
    fs::copy_file(folder.path("zero2.shardscope"), folder.path("main.shardscope"));
    fs::copy_file(folder.path("zero2.shardscope"), folder.path("change.shardscope"));
    must("shardscope export zero2.shardscope -o rank{rank}.pt.trace.json");
    must("shardscope export zero2.shardscope -o rank{rank}.json.gz --format kineto");
    for (const std::string rank : {"rank0", "rank1"})
        must("shardscope import " + rank + ".pt.trace.json -o " + rank + ".shardscope");
}

} // namespace

TEST_CASE("every example works") {
    std::vector<std::string> examples = examplesInHelp();
    CHECK(examples.size() >= 30);
    for (const char* page : {"README.md", "docs/checkpoints.md", "docs/sweep.md"}) {
        const std::vector<std::string> more = examplesOnPage(page);
        CHECK_FALSE(more.empty());
        examples.insert(examples.end(), more.begin(), more.end());
    }
    const TestFolder folder;
    prepare(folder);
    std::set<std::string> seen;
    for (const std::string& example : examples) {
        if (!seen.insert(example).second) continue;
        std::string command = madeSmall(example);
        if (command.find("--resume") != std::string::npos)
            REQUIRE(shell(folder, "shardscope run --model small.json --steps 2 --save-checkpoint here").exit_code == 0);
        if (command.find(" -o ") != std::string::npos) fs::remove_all(folder.path("sweep"));
        const bool measures = command.starts_with("shardscope bench "); // takes seconds: only the words are checked
        if (measures) command += " --events words";
        const ProcessResult result = shell(folder, command);
        INFO(example << "\nrun as: " << command << '\n' << result.out << result.err);
        if (measures)
            CHECK(result.err.find("--events") != std::string::npos);
        else
            CHECK(result.exit_code == 0);
    }
}
