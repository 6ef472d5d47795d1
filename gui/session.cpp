// SPDX-License-Identifier: Apache-2.0
#include "gui/session.h"
#include "gui/style.h"
#include "gui/timeline_tools.h"
#include <QDateTime>
#include <QThreadPool>
#include <algorithm>
#include <filesystem>
#include <sys/stat.h>

namespace shardscope::gui {
namespace {

constexpr int poll_ms = 100;
constexpr qint64 live_analysis_ms = 2'000; // a live trace is analysed anew at most this often

} // namespace

uint64_t fileIdentity(const std::string& path) {
    struct stat info {};
    return ::stat(path.c_str(), &info) == 0
               ? static_cast<uint64_t>(info.st_ino) * 31 + static_cast<uint64_t>(info.st_dev)
               : 0;
}

Session::Session(QObject* parent)
    : QObject(parent)
    , m_actions(this)
    , m_timeline_tools(new TimelineTools(*this))
    , m_theme(&darkTheme()) {
    connect(m_timeline_tools, &TimelineTools::changed, this, &Session::viewChanged);
    connectActions();
    connect(&m_analysis, &AnalysisJob::ready, this, &Session::takeAnalysis);
    connect(&m_analysis, &AnalysisJob::failed, this, [this](const QString& sentence) { notify(sentence, true); });
    connect(&m_memory_data, &MemoryData::factsChanged, this, &Session::viewChanged);
    connect(&m_poll, &QTimer::timeout, this, &Session::pollLiveTraces);
    connect(&m_notes, &NoteBook::changed, this, &Session::viewChanged);
    connect(&m_notes, &NoteBook::chosenChanged, this, &Session::viewChanged);
    m_poll.setInterval(poll_ms);
    syncActions();
}

Session::~Session() = default;

void Session::setTheme(const Theme& theme) {
    m_theme = &theme;
    m_actions.setIconColour(toColour(theme.text));
    syncActions();
    emit themeChanged();
}

// --- the library ---------------------------------------------------------------------------------------------------

OpenTrace* Session::find(int id) {
    const auto found = std::find_if(m_traces.begin(), m_traces.end(), [id](const OpenTrace& t) { return t.id == id; });
    return found == m_traces.end() ? nullptr : &*found;
}

const OpenTrace* Session::trace(int id) const { return const_cast<Session*>(this)->find(id); }

struct Session::Opening {
    std::string path;
    uint64_t file = 0;
    std::unique_ptr<TraceReader> reader;
    std::string failure; // a sentence
    bool done = false;
};

namespace {

// Notes and projects know a trace by its path, so it has one spelling.
std::string spelled(const std::string& path) {
    std::error_code ignored;
    return std::filesystem::absolute(path, ignored).lexically_normal().string();
}

// Reads what the first picture needs, so that drawing it waits for nothing.
void readAhead(const TraceReader& reader) {
    const TimeRange span = reader.span();
    const double coarse = static_cast<double>(std::max<int64_t>(1, span.duration())) / 1000;
    for (size_t lane = 0; lane < reader.lanes().size(); ++lane) reader.rects(static_cast<LaneId>(lane), span, coarse);
    for (int32_t rank = 0; rank < reader.ranks(); ++rank)
        for (const MemoryTier tier : {MemoryTier::device, MemoryTier::host, MemoryTier::nvme})
            reader.memory(rank, tier);
}

} // namespace

std::optional<int> Session::activateIfOpen(const std::string& path) {
    std::error_code ignored;
    for (const OpenTrace& open : m_traces)
        if (open.reader->path() == path || std::filesystem::equivalent(open.reader->path(), path, ignored)) {
            const int id = open.id;
            if (open.file != fileIdentity(path)) { // written anew; what is open is the file that was there before
                closeTrace(id);
                return std::nullopt;
            }
            setActive(id);
            return id;
        }
    return std::nullopt;
}

Result<int> Session::openTrace(const std::string& given_path) {
    const std::string path = spelled(given_path);
    if (const auto id = activateIfOpen(path)) return *id;
    const uint64_t file = fileIdentity(path);
    auto reader = TraceReader::open(path);
    if (!reader) return reader.error();
    return adopt(std::move(reader).value(), file, !isLarge(path));
}

bool Session::isLarge(const std::string& path) const {
    std::error_code missing;
    const auto bytes = std::filesystem::file_size(path, missing);
    return !missing && static_cast<int64_t>(bytes) >= m_large_bytes;
}

void Session::openLater(const std::string& given_path) {
    const std::string path = spelled(given_path);
    if (activateIfOpen(path)) return;
    auto opening = std::make_shared<Opening>();
    opening->path = path;
    opening->file = fileIdentity(path);
    m_opening.push_back(opening);
    emit tracesChanged(); // the status line says that something is being read
    QThreadPool::globalInstance()->start([this, opening] {
        auto reader = TraceReader::open(opening->path);
        if (reader) {
            readAhead(**reader);
            opening->reader = std::move(reader).value();
        } else {
            opening->failure = reader.error().message;
        }
        QMetaObject::invokeMethod(
            this,
            [this, opening] {
                opening->done = true;
                takeOpened();
            },
            Qt::QueuedConnection);
    });
}

void Session::takeOpened() {
    while (!m_opening.empty() && m_opening.front()->done) {
        const std::shared_ptr<Opening> next = m_opening.front();
        m_opening.erase(m_opening.begin());
        if (next->reader)
            adopt(std::move(next->reader), next->file, true);
        else
            notify(QString::fromStdString(next->failure), true);
    }
    emit tracesChanged();
}

int Session::adopt(std::unique_ptr<TraceReader> reader, uint64_t file, bool warm) {
    const std::string path = reader->path();
    OpenTrace opened;
    opened.id = m_next_id++;
    opened.reader = std::move(reader);
    opened.facts = runFacts(*opened.reader);
    opened.followed = opened.reader->live();
    opened.file = file;
    opened.warm = warm;
    opened.grew_at_ms = QDateTime::currentMSecsSinceEpoch();
    const auto compared =
        std::count_if(m_traces.begin(), m_traces.end(), [](const OpenTrace& t) { return t.compared; });
    if (compared == max_compared) // the newest is what the user wants to see; the first of the others steps back
        std::find_if(m_traces.begin(), m_traces.end(), [](const OpenTrace& t) { return t.compared; })->compared = false;
    m_traces.push_back(std::move(opened));
    const bool first = m_traces.size() == 1;
    m_active = m_traces.back().id;
    if (!m_traces.back().warm) warmUp(m_traces.back());
    if (m_traces.back().followed) m_poll.start();
    relabel();
    chooseStep();
    if (first || m_follow_everything) {
        m_visible = m_align == Align::step ? stepRange() : fullRange(model().timeline);
        m_follow_everything = true;
    }
    requestAnalysis();
    syncActions();
    emit this->opened(path);
    emit tracesChanged();
    emit viewChanged();
    return m_active;
}

// A reader belongs to one thread at a time: the worker fills one of its own and hands it over.
void Session::warmUp(const OpenTrace& cold) {
    QThreadPool::globalInstance()->start([this, id = cold.id, path = cold.reader->path()] {
        auto opened_again = TraceReader::open(path);
        auto reader =
            std::make_shared<std::unique_ptr<TraceReader>>(opened_again ? std::move(opened_again).value() : nullptr);
        if (*reader) readAhead(**reader);
        QMetaObject::invokeMethod(
            this,
            [this, id, reader] {
                OpenTrace* open = find(id);
                if (!open) return;
                if (*reader) open->reader = std::move(*reader);
                open->warm = true;
                if (m_follow_everything) m_visible = m_align == Align::step ? stepRange() : fullRange(model().timeline);
                emit tracesChanged();
                emit viewChanged();
            },
            Qt::QueuedConnection);
    });
}

bool Session::busy() const {
    return m_analysis.pending() || m_memory_data.pending() || m_timeline_tools->busy() || !m_opening.empty() ||
           std::any_of(m_traces.begin(), m_traces.end(), [](const OpenTrace& t) { return !t.warm; });
}

void Session::closeTrace(int id) {
    const auto found = std::find_if(m_traces.begin(), m_traces.end(), [id](const OpenTrace& t) { return t.id == id; });
    if (found == m_traces.end()) return;
    const auto next = m_traces.erase(found);
    if (m_active == id) m_active = m_traces.empty() ? 0 : (next == m_traces.end() ? m_traces.back().id : next->id);
    if (m_selected && m_selected->trace_id == id) m_selected.reset();
    if (m_hovered && m_hovered->trace_id == id) m_hovered.reset();
    if (m_moment && m_moment->trace_id == id) setMoment({});
    if (m_traces.empty()) {
        m_step = -1;
        m_step_chosen = false;
        m_follow_everything = true;
    }
    relabel();
    requestAnalysis();
    syncActions();
    emit tracesChanged();
    emit viewChanged();
    emit selectionChanged();
}

void Session::setActive(int id) {
    if (id == m_active || !trace(id)) return;
    m_active = id;
    syncActions();
    emit tracesChanged();
    emit viewChanged();
}

void Session::setName(int id, const std::string& name) {
    OpenTrace* named = find(id);
    if (!named || named->name == name) return;
    named->name = name;
    emit tracesChanged();
    emit viewChanged();
}

void Session::setTags(int id, const std::vector<std::string>& tags) {
    OpenTrace* tagged = find(id);
    if (!tagged || tagged->tags == tags) return;
    tagged->tags = tags;
    emit tracesChanged();
}

void Session::setFileState(int id, FileState state) {
    OpenTrace* changed = find(id);
    if (!changed || changed->file_state == state) return;
    changed->file_state = state;
    emit tracesChanged();
}

void Session::setCompared(int id, bool compared) {
    OpenTrace* changed = find(id);
    if (!changed || changed->compared == compared) return;
    const auto count = std::count_if(m_traces.begin(), m_traces.end(), [](const OpenTrace& t) { return t.compared; });
    if (compared && count == max_compared)
        return notify("Four traces are compared already; take one of them out of the comparison first.", false);
    changed->compared = compared;
    relabel();
    requestAnalysis();
    emit tracesChanged();
    emit viewChanged();
}

void Session::stopFollowing(int id) {
    OpenTrace* ended = find(id);
    if (!ended || !ended->followed) return;
    if (const auto refreshed = ended->reader->refresh(); !refreshed)
        notify(QString::fromStdString(refreshed.error().message), true);
    ended->followed = false;
    ended->facts = runFacts(*ended->reader);
    requestAnalysis();
    emit traceGrew(id);
    emit tracesChanged();
    emit viewChanged();
}

void Session::relabel() {
    char letter = 'A';
    for (OpenTrace& open : m_traces) open.label = open.compared ? std::string(1, letter++) : std::string();
}

void Session::requestAnalysis() {
    std::vector<std::string> paths;
    for (const OpenTrace& open : m_traces)
        if (open.compared) paths.push_back(open.reader->path());
    m_analysed_at_ms = QDateTime::currentMSecsSinceEpoch();
    m_analysis.request(std::move(paths));
    std::vector<MemorySource> sources;
    for (const OpenTrace& open : m_traces) sources.push_back({open.id, open.reader->path(), open.reader->eventCount()});
    m_memory_data.setTraces(std::move(sources));
}

void Session::takeAnalysis(const std::vector<std::string>& paths, const Comparison& comparison) {
    m_comparison = comparison;
    if (const size_t run = runOf(baselineId()); run < m_comparison.runs.size() && run != m_comparison.baseline)
        shardscope::setBaseline(m_comparison, run);
    for (size_t i = 0; i < paths.size() && i < comparison.runs.size(); ++i)
        for (OpenTrace& open : m_traces)
            if (open.reader->path() == paths[i]) open.figures = comparison.runs[i];
    markDifferences();
    syncActions();
    emit analysisChanged();
    emit viewChanged(); // head lines of the canvas show differences
}

void Session::pollLiveTraces() {
    bool following = false, grew = false;
    const qint64 now = QDateTime::currentMSecsSinceEpoch();
    for (OpenTrace& open : m_traces) {
        if (!open.followed) continue;
        const auto changed = open.reader->refresh();
        if (!changed) {
            open.followed = false;
            notify(QString::fromStdString(changed.error().message), true);
            continue;
        }
        if (*changed) {
            grew = true;
            open.facts = runFacts(*open.reader);
        }
        if (*changed) open.grew_at_ms = now;
        const bool quiet = now - open.grew_at_ms > m_quiet_after_ms;
        const bool news = quiet != open.quiet || !open.reader->live();
        open.quiet = quiet;
        open.followed = open.reader->live();
        following |= open.followed;
        if (*changed) emit traceGrew(open.id);
        if (news) emit tracesChanged();
    }
    if (!following) m_poll.stop();
    if (!grew) return;
    if (m_step < 0) m_step = middleStep();
    if (m_follow_everything) m_visible = m_align == Align::step ? stepRange() : fullRange(model().timeline);
    if (!following || now - m_analysed_at_ms > live_analysis_ms) requestAnalysis();
    emit viewChanged();
}

void Session::notify(const QString& sentence, bool is_error) { emit noticed(sentence, is_error); }

// --- actions -------------------------------------------------------------------------------------------------------

void Session::connectActions() {
    using enum ActionId;
    const auto on = [this](ActionId id, auto&& what) {
        connect(m_actions.get(id), &QAction::triggered, this, std::forward<decltype(what)>(what));
    };
    on(place_run, [this] { setPlace(Place::run); });
    on(new_run, [this] { setPlace(Place::run); });
    on(place_timeline, [this] { setPlace(Place::timeline); });
    on(place_compare, [this] { setPlace(Place::compare); });
    on(place_buckets, [this] { setPlace(Place::buckets); });
    on(place_memory, [this] { setPlace(Place::memory); });
    on(close_trace, [this] { closeTrace(m_active); });
    on(zoom_in, [this] { zoom(0.8); });
    on(zoom_out, [this] { zoom(1.25); });
    on(pan_left, [this] { pan(-0.15); });
    on(pan_right, [this] { pan(0.15); });
    on(fit, [this] { this->fit(); });
    on(ActionId::focus, [this] { this->focus(); });
    on(previous_event, [this] { m_timeline_tools->step(-1); });
    on(next_event, [this] { m_timeline_tools->step(+1); });
    on(previous_step, [this] { stepBy(-1); });
    on(next_step, [this] { stepBy(+1); });
    on(align_step, [this] { setAlign(Align::step); });
    on(align_time, [this] { setAlign(Align::time); });
    on(all_ranks, [this] { setOnlyRank(-1); });
    on(one_rank, [this] { setOnlyRank(m_chosen_rank); });
    on(previous_rank, [this] { setOnlyRank(m_chosen_rank - 1); });
    on(next_rank, [this] { setOnlyRank(m_chosen_rank + 1); });
    on(exposed_only, [this](bool checked) { setExposedOnly(checked); });
    on(differences, [this](bool checked) { setMarksDifferences(checked); });
    on(use_as_baseline, [this] { setBaseline(m_active); });
    on(memory_curves, [this](bool checked) { setShowsMemory(checked); });
    on(longest_exposed, [this] { selectLongestExposed(); });
    on(clear_selection, [this] {
        if (!m_timeline_tools->clear()) select(std::nullopt);
    });
    on(theme_dark, [this] { setTheme(darkTheme()); });
    on(theme_light, [this] { setTheme(lightTheme()); });
}

void Session::syncActions() {
    using enum ActionId;
    const auto check = [this](ActionId id, bool checked) { m_actions.get(id)->setChecked(checked); };
    const auto enable = [this](std::initializer_list<ActionId> ids, bool enabled) {
        for (const ActionId id : ids) m_actions.get(id)->setEnabled(enabled);
    };
    check(place_run, m_place == Place::run);
    check(place_timeline, m_place == Place::timeline);
    check(place_compare, m_place == Place::compare);
    check(place_buckets, m_place == Place::buckets);
    check(place_memory, m_place == Place::memory);
    check(align_step, m_align == Align::step);
    check(align_time, m_align == Align::time);
    check(all_ranks, onlyRank() < 0);
    check(one_rank, onlyRank() >= 0);
    check(ActionId::exposed_only, m_exposed_only);
    check(memory_curves, m_shows_memory);
    check(differences, m_marks_differences);
    m_timeline_tools->syncActions(!m_traces.empty() && m_place != Place::run);
    check(theme_dark, m_theme->name == "dark");
    check(theme_light, m_theme->name == "light");
    m_actions.get(one_rank)->setText(QString("Rank %1").arg(m_chosen_rank));
    const bool any = !m_traces.empty(), canvas = any && m_place != Place::run && m_place != Place::buckets;
    enable({close_trace, copy_comparison, export_view, export_report}, any);
    enable({differences, use_as_baseline}, canvas && m_comparison.runs.size() > 1);
    enable({go_to_step, go_to_lane, save_project, save_project_as, new_project}, any);
    for (size_t number = 0; number < 10; ++number) enable({bookmarkAction(number), setBookmarkAction(number)}, any);
    enable({mark, add_note}, canvas);
    enable({zoom_in, zoom_out, pan_left, pan_right, ActionId::focus, ActionId::fit, previous_event, next_event,
            previous_step, next_step, align_step, align_time, all_ranks, one_rank, previous_rank, next_rank,
            ActionId::exposed_only, memory_curves, longest_exposed},
           canvas);
}

} // namespace shardscope::gui
