// SPDX-License-Identifier: Apache-2.0
// Runs every *.case file of this folder. With SHARDSCOPE_REWRITE_CASES set the answers are written into the files, to
// be read with care before they are kept.
#include "case_file.h"
#include "support/catch.h"
#include "support/process.h"
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <regex>

using namespace shardscope::test;

namespace {

std::vector<std::string> caseFiles() {
    std::vector<std::string> paths;
    for (const auto& entry : std::filesystem::directory_iterator(SHARDSCOPE_CASES))
        if (entry.path().extension() == ".case") paths.push_back(entry.path().string());
    std::sort(paths.begin(), paths.end());
    return paths;
}

// The folder of the traces, which differs from run to run, as '@/'.
std::string withoutFolder(std::string text, const std::string& folder) {
    for (size_t at = text.find(folder); at != std::string::npos; at = text.find(folder))
        text.replace(at, folder.size(), "@/");
    return text;
}

// How long an import took, as '?'.
std::string withoutTime(const std::string& text) {
    return std::regex_replace(text, std::regex(" MB in [0-9.]+ s"), " MB in ? s");
}

// Lines of an answer, without empty ones: those end an answer in the file.
std::string withoutEmptyLines(const std::string& text) {
    std::string result;
    for (const char c : text)
        if (c != '\n' || (!result.empty() && result.back() != '\n')) result += c;
    if (!result.empty() && result.back() != '\n') result += '\n';
    return result;
}

} // namespace

TEST_CASE("text cases") {
    const std::vector<std::string> paths = caseFiles();
    REQUIRE_FALSE(paths.empty());
    for (const std::string& path : paths) {
        DYNAMIC_SECTION(std::filesystem::path(path).filename().string()) {
            const CaseFile file = readCase(path);
            const TestFolder folder;
            for (const CaseTrace& trace : file.traces)
                writeCaseTrace(file, trace, folder.path(trace.name + ".shardscope"));
            for (const CaseSource& source : file.sources) folder.write(source.name, source.content);
            std::vector<std::string> answers;
            for (const CaseQuestion& question : file.questions) {
                std::vector<std::string> command = {SHARDSCOPE_PROGRAM};
                std::string shown;
                for (std::string argument : question.arguments) {
                    shown += argument + " ";
                    if (argument.starts_with("@/"))
                        argument = folder.path(argument.substr(2));
                    else if (argument.starts_with("@"))
                        argument = folder.path(argument.substr(1) + ".shardscope");
                    command.push_back(argument);
                }
                const ProcessResult result = runProcess(command);
                const std::string& said = question.exit_code == 0 ? result.out : result.err;
                answers.push_back(withoutTime(withoutEmptyLines(withoutFolder(said, folder.path("")))));
                if (std::getenv("SHARDSCOPE_REWRITE_CASES")) continue;
                INFO(path << ":" << question.first_line << ": " << shown);
                INFO(result.err);
                CHECK(result.exit_code == question.exit_code);
                CHECK(answers.back() == question.expected);
            }
            if (std::getenv("SHARDSCOPE_REWRITE_CASES")) rewriteCase(file, answers);
        }
    }
}

TEST_CASE("a wrong case names its line") {
    const TestFolder folder;
    const auto message = [&](const std::string& text) -> std::string {
        const std::string path = folder.write("wrong.case", text);
        try {
            const CaseFile file = readCase(path);
            for (const CaseTrace& trace : file.traces) writeCaseTrace(file, trace, folder.path("x.shardscope"));
        } catch (const std::exception& error) {
            return error.what();
        }
        return "accepted";
    };
    CHECK(message("trace a\nlane 0 compute\n? info @a\n") == "accepted");
    CHECK(message("trace a\nlane 0 compute\nevent 1 0 5\n? info @a\n").find("wrong.case:3: ") != std::string::npos);
    CHECK(message("trace a\nlane zero compute\n? info @a\n").find("wrong.case:2: not a whole number") !=
          std::string::npos);
    CHECK(message("trace a\nlane 0 compute\n").find("asks nothing") != std::string::npos);
    CHECK(message("nonsense\n").find("wrong.case:1: ") != std::string::npos);
}
