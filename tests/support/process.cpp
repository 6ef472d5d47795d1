// SPDX-License-Identifier: Apache-2.0
#include "support/process.h"
#include <cassert>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <poll.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace shardscope::test {
namespace {

constexpr int patience_ms = 120'000; // without a word from the child; a test never waits forever

} // namespace

Process::Process(const std::vector<std::string>& command) {
    int out[2], err[2];
    if (pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0) std::abort();
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, err[1], STDERR_FILENO);
    std::vector<char*> arguments;
    for (const std::string& argument : command) arguments.push_back(const_cast<char*>(argument.c_str()));
    arguments.push_back(nullptr);
    if (posix_spawn(&m_pid, arguments[0], &actions, nullptr, arguments.data(), environ) != 0) std::abort();
    posix_spawn_file_actions_destroy(&actions);
    close(out[1]);
    close(err[1]);
    m_out = out[0];
    m_err = err[0];
}

Process::~Process() {
    if (m_pid < 0) return;
    signal(SIGKILL);
    wait();
}

bool Process::readMore() {
    pollfd ends[] = {{m_out, POLLIN, 0}, {m_err, POLLIN, 0}}; // poll passes over an end that is -1
    if (m_out < 0 && m_err < 0) return false;
    const int ready = poll(ends, 2, patience_ms);
    if (ready == 0) {
        m_result.err += "\n(killed by the test: silent for two minutes)";
        signal(SIGKILL);
        return true;
    }
    for (pollfd& end : ends) {
        if (ready < 0 || end.fd < 0 || end.revents == 0) continue;
        int& file = end.fd == m_out ? m_out : m_err;
        std::string& text = end.fd == m_out ? m_result.out : m_result.err;
        char buffer[4096];
        const ssize_t count = read(file, buffer, sizeof buffer);
        if (count > 0) text.append(buffer, static_cast<size_t>(count));
        if (count > 0 || (count < 0 && errno == EINTR)) continue;
        close(file);
        file = -1;
    }
    return true;
}

bool Process::waitForError(const std::string& text) {
    while (m_result.err.find(text) == std::string::npos)
        if (!readMore()) return false;
    return true;
}

void Process::signal(int number) const {
    if (m_pid > 0) kill(m_pid, number);
}

ProcessResult Process::wait() {
    while (readMore()) {
    }
    int status = 0;
    rusage usage{};
    while (wait4(m_pid, &status, 0, &usage) < 0 && errno == EINTR) {
    }
    m_pid = -1;
    m_result.peak_resident_kib = usage.ru_maxrss;
    if (WIFEXITED(status)) m_result.exit_code = WEXITSTATUS(status);
    if (WIFSIGNALED(status)) m_result.signal = WTERMSIG(status);
    return m_result;
}

ProcessResult runProcess(const std::vector<std::string>& command) { return Process(command).wait(); }

TestFolder::TestFolder() {
    m_path = (std::filesystem::temp_directory_path() / "shardscope-test-XXXXXX").string();
    if (!mkdtemp(m_path.data())) std::abort();
}

TestFolder::~TestFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(m_path, ignored);
}

std::string TestFolder::write(const std::string& name, const std::string& content) const {
    std::ofstream(path(name), std::ios::binary) << content;
    return path(name);
}

std::string readFile(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
}

} // namespace shardscope::test
