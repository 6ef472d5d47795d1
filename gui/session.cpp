// SPDX-License-Identifier: Apache-2.0
#include "gui/session.h"
#include "gui/style.h"
#include "gui/timeline_tools.h"
#include <QDateTime>
#include <QThreadPool>
#include <algorithm>
#include <filesystem>

namespace shardscope::gui {
namespace {

constexpr int poll_ms = 100;
constexpr qint64 live_analysis_ms = 2'000; // a live trace is analysed anew at most this often

} // namespace

Session::Session(QObject* parent)
    : QObject(parent)
    , m_actions(this)
    , m_timeline_tools(new TimelineTools(*this))
    , m_theme(&darkTheme()) {
    connect(m_timeline_tools, &TimelineTools::changed, this, &Session::viewChanged);
    connectActions();
    connect(&m_analysis, &AnalysisJob::ready, this, &Session::takeAnalysis);
    connect(&m_analysis, &AnalysisJob::failed, this, [this](const QString& sentence) { notify(sentence, true); });
    connect(&m_card_analysis, &AnalysisJob::ready, this,
            [this](const std::vector<std::string>&, const Comparison& one) { takeCardFigures(&one); });
    connect(&m_card_analysis, &AnalysisJob::failed, this, [this] { takeCardFigures(nullptr); });
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
    Opened then;
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
            // Written anew; what is open is the file that was there before.
            if (open.file != fileIdentity(path) || open.file_state != FileState::as_opened) {
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
    readAhead(**reader);
    return adopt(std::move(reader).value(), file);
}

void Session::openLater(const std::string& given_path, Opened then) {
    auto opening = std::make_shared<Opening>();
    opening->path = spelled(given_path);
    opening->then = std::move(then);
    m_opening.push_back(opening);
    emit tracesChanged(); // the status line says that something is being read
    QThreadPool::globalInstance()->start([this, opening] {
        opening->file = fileIdentity(opening->path);
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
    bool any = false;
    while (!m_opening.empty() && m_opening.front()->done) {
        const std::shared_ptr<Opening> next = m_opening.front();
        m_opening.erase(m_opening.begin());
        any = true;
        Result<int> id = Error{next->failure};
        if (next->reader) {
            const auto open = activateIfOpen(next->path);
            id = open ? *open : adopt(std::move(next->reader), next->file);
        }
        if (next->then)
            next->then(id);
        else if (!id)
            notify(QString::fromStdString(next->failure), true);
    }
    if (!any) return; // one before it is still being read, or nobody waits for it any more
    emit tracesChanged();
    if (!m_opening.empty()) return;
    for (const auto& then : std::exchange(m_when_opened, {})) then();
}

void Session::whenOpened(std::function<void()> then) {
    if (m_opening.empty())
        then();
    else
        m_when_opened.push_back(std::move(then));
}

void Session::closeAll() {
    m_opening.clear();
    m_when_opened.clear();
    while (!m_traces.empty()) closeTrace(m_traces.front().id);
}

int Session::adopt(std::unique_ptr<TraceReader> reader, uint64_t file) {
    const std::string path = reader->path();
    OpenTrace opened;
    opened.id = m_next_id++;
    opened.reader = std::move(reader);
    opened.facts = runFacts(*opened.reader);
    opened.followed = opened.reader->live();
    opened.file = file;
    opened.grew_at_ms = QDateTime::currentMSecsSinceEpoch();
    const auto compared =
        std::count_if(m_traces.begin(), m_traces.end(), [](const OpenTrace& t) { return t.compared; });
    if (compared ==
        max_compared) // the newest is what the user wants to see; the first steps back, unless it was chosen
        std::find_if(m_traces.begin(), m_traces.end(), [this](const OpenTrace& t) {
            return t.compared && t.id != m_baseline_id;
        })->compared = false;
    m_traces.push_back(std::move(opened));
    const bool first = m_traces.size() == 1;
    m_active = m_traces.back().id;
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

bool Session::busy() const {
    return m_analysis.pending() || m_card_analysis.pending() || m_memory_data.pending() || m_timeline_tools->busy() ||
           m_questions.pending() || !m_opening.empty() ||
           std::any_of(m_traces.begin(), m_traces.end(), [](const OpenTrace& t) { return t.ended; });
}

void Session::closeTrace(int id) {
    const auto found = std::find_if(m_traces.begin(), m_traces.end(), [id](const OpenTrace& t) { return t.id == id; });
    if (found == m_traces.end()) return;
    const bool everything = showsEverything();
    const auto next = m_traces.erase(found);
    m_spare_readers.erase(id);
    keepReaders();
    std::erase_if(m_known_details, [id](const auto& entry) { return entry.first.first == id; });
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
    if (everything) m_visible = fullRange(model().timeline);
    requestAnalysis();
    syncActions();
    emit tracesChanged();
    emit viewChanged();
    emit selectionChanged();
}

void Session::setActive(int id) {
    if (id == m_active || !trace(id)) return;
    const bool everything = showsEverything();
    m_active = id;
    if (everything) m_visible = fullRange(model().timeline);
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

void Session::keepReaders() {
    std::vector<std::string> paths;
    for (const OpenTrace& open : m_traces) paths.push_back(open.reader->path());
    m_questions.keepOnly(paths);
    m_timeline_tools->keepReaders(paths);
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
    figureOthers();
}

// --- live traces ---------------------------------------------------------------------------------------------------
// A reader belongs to one thread at a time, and taking in what was committed reads the file. So a live trace has two:
// one is shown while a worker brings the other up to date, and then they change places.

struct Session::Look {
    int id = 0;
    bool last = false; // its writer had ended before
    std::unique_ptr<TraceReader> reader;
    bool changed = false;
    std::string failure; // a sentence
};

void Session::pollLiveTraces() {
    bool following = false;
    for (OpenTrace& open : m_traces) {
        if (!open.followed) continue;
        following = true;
        lookAt(open);
    }
    if (!following) m_poll.stop();
}

void Session::stopFollowing(int id) {
    OpenTrace* ended = find(id);
    if (!ended || !ended->followed) return;
    ended->ended = true;
    lookAt(*ended);
}

void Session::lookAt(OpenTrace& open) {
    if (!m_looking.insert(open.id).second) return; // a slow file is not asked twice
    auto look = std::make_shared<Look>();
    look->id = open.id;
    look->last = open.ended;
    look->reader = std::move(m_spare_readers[open.id]);
    QThreadPool::globalInstance()->start(
        [this, look, path = open.reader->path(), events = open.reader->eventCount(), live = open.reader->live()] {
            if (look->reader) {
                const auto changed = look->reader->refresh();
                look->changed = changed && *changed;
                if (!changed) look->failure = changed.error().message;
            } else if (auto opened = TraceReader::open(path)) {
                look->reader = std::move(opened).value();
                look->changed = look->reader->eventCount() != events || look->reader->live() != live;
            } else {
                look->failure = opened.error().message;
            }
            if (look->changed) readAhead(*look->reader);
            QMetaObject::invokeMethod(
                this, [this, look] { takeLook(look); }, Qt::QueuedConnection);
        });
}

void Session::takeLook(const std::shared_ptr<Look>& look) {
    m_looking.erase(look->id);
    OpenTrace* open = find(look->id);
    if (!open) return; // closed meanwhile
    const qint64 now = QDateTime::currentMSecsSinceEpoch();
    if (look->changed) {
        std::swap(open->reader, look->reader);
        open->facts = runFacts(*open->reader);
        open->grew_at_ms = now;
    }
    const bool quiet = now - open->grew_at_ms > m_quiet_after_ms;
    const bool over = look->last || !look->failure.empty() || !open->reader->live();
    const bool news = over || quiet != open->quiet;
    open->quiet = quiet;
    if (over) {
        open->followed = open->ended = false;
    } else {
        m_spare_readers[look->id] = std::move(look->reader);
        if (open->ended) lookAt(*open); // its writer ended while the worker was looking
    }
    if (!look->failure.empty()) notify(QString::fromStdString(look->failure), true);
    if (look->changed || over) {
        if (m_step < 0) m_step = middleStep();
        if (m_follow_everything) m_visible = m_align == Align::step ? stepRange() : fullRange(model().timeline);
        if (over || now - m_analysed_at_ms > live_analysis_ms) requestAnalysis();
        emit traceGrew(look->id);
    }
    if (news) emit tracesChanged();
    if (look->changed || over) emit viewChanged();
}

// --- questions -----------------------------------------------------------------------------------------------------

void Session::ask(int trace_id, Question question, Answer lost) {
    const OpenTrace* open = trace(trace_id);
    if (!open) {
        if (lost) lost();
        return;
    }
    m_questions.ask({{open->reader->path(), open->file}},
                    [this, trace_id, question = std::move(question),
                     lost = std::move(lost)](const TraceWorker::Readers& readers, const TraceWorker::Cancelled&) {
                        Answer answer = readers.front() ? question(*readers.front()) : Answer();
                        return [this, trace_id, lost, answer = std::move(answer)] {
                            if (answer && trace(trace_id))
                                answer();
                            else if (lost)
                                lost();
                        };
                    });
}

void Session::withDetails(const PickedEvent& picked, Details then) {
    constexpr size_t most_known = 256;
    const std::pair key{picked.trace_id, picked.event};
    if (const auto known = m_known_details.find(key); known != m_known_details.end()) {
        const IntervalDetails details = known->second; // what is called may forget it
        return then(&details);
    }
    ask(picked.trace_id, [this, key, then = std::move(then)](const TraceReader& reader) -> Answer {
        return [this, key, then, details = reader.details(key.second)] {
            if (m_known_details.size() >= most_known) m_known_details.clear();
            if (details) m_known_details.insert_or_assign(key, *details);
            then(details ? &*details : nullptr);
        };
    });
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
    enable({close_trace, copy_comparison, export_report}, any);
    enable({export_view}, any || m_place == Place::buckets); // a sweep needs no trace
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
