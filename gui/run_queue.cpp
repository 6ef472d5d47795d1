// SPDX-License-Identifier: Apache-2.0
#include "gui/run_queue.h"
#include "gui/canvas/format.h"
#include "gui/session.h"
#include "gui/style.h"
#include <algorithm>
#include <cmath>
#include <utility>

namespace shardscope::gui {
namespace {

constexpr int open_retry_ms = 50;

int64_t medianStep(const std::vector<RunProgress>& progress) { // the first step warms up
    std::vector<int64_t> times;
    for (size_t i = progress.size() > 2 ? 1 : 0; i < progress.size(); ++i) times.push_back(progress[i].step_ns);
    if (times.empty()) return 0;
    std::nth_element(times.begin(), times.begin() + std::ssize(times) / 2, times.end());
    return times[times.size() / 2];
}

} // namespace

QString durationText(double seconds) {
    if (seconds < 60) return QString("%1 s").arg(std::max(1, static_cast<int>(std::lround(seconds))));
    const auto whole = static_cast<int64_t>(seconds);
    if (whole < 3600) return QString("%1 min %2 s").arg(whole / 60).arg(whole % 60);
    return QString("%1 h %2 min").arg(whole / 3600).arg(whole / 60 % 60);
}

QString statusText(const QueuedRun& run) {
    const QString of = QString("%1 of %2").arg(run.steps_done).arg(run.steps);
    switch (run.state) {
    case RunState::idle:
        return "waiting";
    case RunState::starting:
        return "starting";
    case RunState::running:
        return "step " + of + (run.seconds_left >= 0 ? " · " + durationText(run.seconds_left) + " left" : QString());
    case RunState::stopping:
        return "stopping after this step";
    case RunState::finished:
        return "done · " + text(formatDuration(run.step_ns)) + "/step";
    case RunState::stopped:
        return "stopped after " + of + " steps";
    case RunState::failed:
        return "failed";
    case RunState::killed:
        return "killed after " + of + " steps";
    }
    return {};
}

RunQueue::RunQueue(Session& session)
    : m_session(session) {
    m_open_timer.setInterval(open_retry_ms);
    connect(&m_open_timer, &QTimer::timeout, this, &RunQueue::openTrace);
    connect(&session.run(), &RunProcess::changed, this, &RunQueue::follow);
    connect(&session.run(), &RunProcess::ended, this, &RunQueue::finish);
}

QueuedRun* RunQueue::find(int id) {
    const auto found = std::find_if(m_runs.begin(), m_runs.end(), [id](const QueuedRun& r) { return r.id == id; });
    return found == m_runs.end() ? nullptr : &*found;
}

const QueuedRun* RunQueue::run(int id) const { return const_cast<RunQueue*>(this)->find(id); }

bool RunQueue::active() const { return m_session.run().active(); }

size_t RunQueue::waiting() const {
    return static_cast<size_t>(
        std::count_if(m_runs.begin(), m_runs.end(), [](const QueuedRun& r) { return r.waits(); }));
}

// A path that no other run of the queue writes: two of them must not take each other's trace.
std::string RunQueue::freeTracePath(const std::string& wanted) const {
    if (wanted.empty()) return wanted;
    const auto taken = [&](const std::string& path) {
        return std::any_of(m_runs.begin(), m_runs.end(),
                           [&](const QueuedRun& r) { return r.request.trace == path || r.trace_path == path; });
    };
    std::string path = wanted;
    for (int number = 2; taken(path); ++number) path = numberedPath(wanted, number);
    return path;
}

int RunQueue::add(RunRequest request) {
    request.trace = freeTracePath(request.trace);
    QueuedRun added;
    added.id = m_next_id++;
    added.steps = integerOr(request.steps, 0);
    added.request = std::move(request);
    m_runs.push_back(std::move(added));
    emit changed();
    return m_runs.back().id;
}

void RunQueue::start(RunRequest request) {
    if (active()) return;
    QueuedRun added;
    added.id = m_next_id++;
    added.steps = integerOr(request.steps, 0);
    added.request = std::move(request);
    const int id = added.id;
    const auto first = std::find_if(m_runs.begin(), m_runs.end(), [](const QueuedRun& r) { return r.waits(); });
    m_runs.insert(first, std::move(added));
    m_going = true;
    begin(*find(id));
}

void RunQueue::startWaiting() {
    m_going = true;
    if (!active()) beginNext();
}

void RunQueue::stop() {
    m_going = false;
    m_session.run().stop();
    emit changed();
}

void RunQueue::remove(int id) {
    const QueuedRun* removed = run(id);
    if (!removed || (id == m_latest && active())) return;
    std::erase_if(m_runs, [id](const QueuedRun& r) { return r.id == id; });
    emit changed();
}

void RunQueue::move(int id, int by) {
    const auto from = std::find_if(m_runs.begin(), m_runs.end(), [id](const QueuedRun& r) { return r.id == id; });
    if (from == m_runs.end() || !from->waits()) return;
    const auto to = from - m_runs.begin() + by;
    if (to < 0 || to >= std::ssize(m_runs) || !m_runs[static_cast<size_t>(to)].waits()) return;
    std::iter_swap(from, m_runs.begin() + to);
    emit changed();
}

void RunQueue::begin(QueuedRun& run) {
    if (run.request.trace.empty()) run.request.trace = defaultTracePath(run.request);
    for (const OpenTrace& open : m_session.traces()) // the run replaces this file: what is open is about to be gone
        if (open.reader->path() == run.request.trace) {
            m_session.closeTrace(open.id);
            break;
        }
    m_latest = run.id;
    m_unended = true;
    run.trace_path = run.request.trace;
    run.state = RunState::starting;
    m_file_before = fileIdentity(run.request.trace);
    const RunRequest request = run.request; // what is started may change the list
    emit begun(run.id);
    if (m_session.run().start(request))
        m_open_timer.start();
    else
        finish(); // it could not even be tried
}

void RunQueue::beginNext() {
    const auto next = std::find_if(m_runs.begin(), m_runs.end(), [](const QueuedRun& r) { return r.waits(); });
    if (next != m_runs.end())
        begin(*next);
    else
        m_going = false;
}

void RunQueue::openTrace() {
    RunProcess& process = m_session.run();
    QueuedRun* run = find(m_latest);
    if (!run || run->trace_id != 0) return m_open_timer.stop();
    const uint64_t now = fileIdentity(run->trace_path);
    if (now == 0 || now == m_file_before) {
        if (!process.active()) m_open_timer.stop();
        return;
    }
    if (m_opening == run->id) return;
    m_opening = run->id;
    m_session.openLater(run->trace_path, [this, id = run->id](const Result<int>& opened) {
        if (m_opening == id) m_opening = 0;
        const bool goes_on = id == m_latest && m_session.run().active();
        if (!opened && goes_on) return; // it may still be making the file: the timer tries again
        if (id == m_latest) m_open_timer.stop();
        if (!opened) return m_session.notify(QString::fromStdString(opened.error().message), true);
        if (QueuedRun* begun = find(id)) begun->trace_id = *opened;
        if (!goes_on) m_session.stopFollowing(*opened); // it ended while its file was read
        emit traceOpened(*opened);
        emit changed();
    });
}

void RunQueue::follow() {
    QueuedRun* run = find(m_latest);
    if (!run) return;
    const RunProcess& process = m_session.run();
    run->state = process.state();
    run->steps = std::max(run->steps, process.steps());
    const auto& progress = process.progress();
    run->steps_done = progress.empty() ? 0 : progress.back().step + 1;
    run->seconds_left = progress.empty() ? -1 : progress.back().eta_s;
    run->message = process.message();
    emit changed();
}

void RunQueue::finish() {
    if (!std::exchange(m_unended, false)) return; // a child that cannot be started may say so twice
    openTrace();
    m_open_timer.stop();
    if (QueuedRun* run = find(m_latest)) {
        if (run->trace_id != 0) m_session.stopFollowing(run->trace_id);
        run = find(m_latest);
        run->state = m_session.run().state();
        run->message = m_session.run().message();
        run->output = m_session.run().output();
        run->step_ns = medianStep(m_session.run().progress());
    }
    emit changed();
    emit ended(m_latest);
    if (m_going && waiting() > 0)
        QTimer::singleShot(0, this, [this] { // not from within the end of the one before
            if (m_going && !active()) beginNext();
        });
    else if (waiting() == 0)
        m_going = false;
}

} // namespace shardscope::gui
