// SPDX-License-Identifier: Apache-2.0
// A child process for tests that drive a real program: arguments in, exit code and texts out, signals in between.
#pragma once
#include <string>
#include <sys/types.h>
#include <vector>

namespace shardscope::test {

struct ProcessResult {
    int exit_code = -1; // -1 when a signal ended it
    int signal = 0;
    long peak_resident_kib = 0;
    std::string out, err;
};

class Process {
public:
    explicit Process(const std::vector<std::string>& command);
    ~Process(); // kills what still runs
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;

    bool waitForError(const std::string& text); // until stderr holds it; false when the child ended without
    void signal(int number) const;
    ProcessResult wait();

private:
    bool readMore(); // false at the end of both streams; kills the child after two minutes
    pid_t m_pid = -1;
    int m_out = -1, m_err = -1;
    ProcessResult m_result;
};

ProcessResult runProcess(const std::vector<std::string>& command);

// A folder of this test, removed at the end.
class TestFolder {
public:
    TestFolder();
    ~TestFolder();
    std::string path(const std::string& name) const { return m_path + "/" + name; }
    std::string write(const std::string& name, const std::string& content) const; // gives its path

private:
    std::string m_path;
};

std::string readFile(const std::string& path);

} // namespace shardscope::test
