// SPDX-License-Identifier: Apache-2.0
#include "cli/sweep_child.h"
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <fmt/core.h>
#include <nlohmann/json.hpp>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace shardscope::cli {
namespace {

constexpr int child_patience_ms = 200; // between looks at `stop`, beside the signal itself
constexpr size_t longest_child_line = 65'536;

// Takes whole lines of the child's stderr.
class Listener {
public:
    explicit Listener(const std::function<void(int64_t)>& on_step)
        : m_on_step(on_step) {}
    void add(const char* bytes, size_t count) {
        m_line.append(bytes, count);
        for (size_t end = m_line.find('\n'); end != std::string::npos; end = m_line.find('\n')) {
            take(m_line.substr(0, end));
            m_line.erase(0, end + 1);
        }
        if (m_line.size() > longest_child_line) m_line.clear();
    }
    void end() {
        if (!m_line.empty()) take(m_line);
    }
    const std::string& message() const { return m_message.empty() ? m_last_words : m_message; }

private:
    void take(const std::string& line) {
        const auto json = nlohmann::json::parse(line, nullptr, false);
        if (!json.is_object()) {
            if (!line.empty()) m_last_words = line.substr(0, 1'000);
            return;
        }
        const auto event = json.value("event", nlohmann::json());
        if (event == "step" && json.contains("step") && json["step"].is_number_integer())
            m_on_step(json["step"].get<int64_t>() + 1);
        if (event == "error" && json.contains("message") && json["message"].is_string())
            m_message = json["message"].get<std::string>();
    }
    const std::function<void(int64_t)>& m_on_step;
    std::string m_line, m_message, m_last_words;
};

[[noreturn]] void becomeChild(std::vector<char*>& arguments, int errors, pid_t parent) {
    setpgid(0, 0); // Ctrl-C of the terminal is for the sweep, which ends us
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(127); // it died before we said so
    const int nothing = open("/dev/null", O_RDWR);
    if (nothing >= 0) {
        dup2(nothing, STDIN_FILENO);
        dup2(nothing, STDOUT_FILENO);
    }
    dup2(errors, STDERR_FILENO);
    execv("/proc/self/exe", arguments.data());
    _exit(127);
}

} // namespace

ChildOutcome runChild(const std::vector<std::string>& arguments, const std::atomic<bool>& stop,
                      const std::function<void(int64_t)>& on_step) {
    ChildOutcome outcome;
    const auto start = std::chrono::steady_clock::now();
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0) {
        outcome.error = fmt::format("no pipe for the run: {}; end other programs", std::strerror(errno));
        return outcome;
    }
    std::string name = "shardscope";
    std::vector<std::string> owned = arguments;
    std::vector<char*> pointers = {name.data()};
    for (std::string& argument : owned) pointers.push_back(argument.data());
    pointers.push_back(nullptr);
    const pid_t parent = getpid(), child = fork();
    if (child == 0) becomeChild(pointers, ends[1], parent);
    close(ends[1]);
    if (child < 0) {
        close(ends[0]);
        outcome.error = fmt::format("the run could not be started: {}; end other programs", std::strerror(errno));
        return outcome;
    }
    Listener listener(on_step);
    std::array<char, 4096> bytes{};
    for (bool open = true; open;) {
        if (stop && !outcome.stopped) {
            outcome.stopped = true;
            kill(child, SIGKILL); // an incomplete run is of no use
        }
        pollfd waiting{ends[0], POLLIN, 0};
        if (poll(&waiting, 1, child_patience_ms) <= 0) continue;
        const ssize_t count = read(ends[0], bytes.data(), bytes.size());
        if (count > 0) listener.add(bytes.data(), static_cast<size_t>(count));
        open = count > 0 || (count < 0 && errno == EINTR);
    }
    listener.end();
    close(ends[0]);
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    outcome.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (outcome.stopped) return outcome;
    if (WIFSIGNALED(status))
        outcome.error =
            fmt::format("its process was killed by signal {} ({}){}", WTERMSIG(status), strsignal(WTERMSIG(status)),
                        WTERMSIG(status) == SIGKILL ? "; if memory ran out, take fewer ranks, a smaller "
                                                      "model or micro-batch, or a higher stage"
                                                    : "; the other points go on");
    else if (WEXITSTATUS(status) != 0)
        outcome.error = !listener.message().empty()
                            ? listener.message()
                            : fmt::format("it ended with exit code {} and said nothing", WEXITSTATUS(status));
    return outcome;
}

} // namespace shardscope::cli
