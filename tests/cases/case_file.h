// SPDX-License-Identifier: Apache-2.0
// A test as text: traces written event by event, questions to the program, the answers expected. See README.md here.
#pragma once
#include <string>
#include <vector>

namespace shardscope::test {

struct CaseQuestion {
    std::vector<std::string> arguments;  // of the program; @name stands for the path of a trace, @/name for a new file
    int exit_code = 0;                   // not 0: the answer is what stands on stderr
    std::string expected;                // lines, each with its end
    size_t first_line = 0, end_line = 0; // of the expected answer in the file
};

struct CaseTrace {
    std::string name;
    std::vector<std::pair<size_t, std::string>> lines; // with their numbers in the file
};

// What another program wrote, to be imported as @/name.
struct CaseSource {
    std::string name, content;
};

struct CaseFile {
    std::string path;
    std::vector<std::string> lines;
    std::vector<CaseSource> sources;
    std::vector<CaseTrace> traces;
    std::vector<CaseQuestion> questions;
};

// Throw std::runtime_error with file and line when the case itself is wrong.
CaseFile readCase(const std::string& path);
void writeCaseTrace(const CaseFile&, const CaseTrace&, const std::string& trace_path);
// Puts the answers in the place of those that were expected.
void rewriteCase(const CaseFile&, const std::vector<std::string>& answers);

} // namespace shardscope::test
