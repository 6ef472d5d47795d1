// SPDX-License-Identifier: Apache-2.0
// The one object that owns what the window is about: the open traces, what is visible and selected in them, the run
// that is going on, and the actions that change all this. Panels show a Session and obey its signals; nothing reaches
// the other way.
#pragma once
#include "gui/actions.h"
#include "gui/analysis_job.h"
#include "gui/canvas/timeline.h"
#include "gui/memory/memory_data.h"
#include "gui/notes.h"
#include "gui/run_facts.h"
#include "gui/run_process.h"
#include "gui/trace_worker.h"
#include "traces/trace_reader.h"
#include <QObject>
#include <QTimer>
#include <array>
#include <functional>
#include <set>

namespace shardscope::gui {

enum class Place { run, timeline, compare, buckets, memory };
inline constexpr size_t place_count = 5;
enum class Align { step, time };
enum class FileState { as_opened, deleted, replaced }; // what became of a trace's file while it is open

class TimelineTools;

struct OpenTrace {
    int id = 0; // stays the same while other traces come and go
    std::unique_ptr<TraceReader> reader;
    RunFacts facts;
    std::string label;     // "A".."D", empty when not compared
    bool compared = true;  // takes part in the comparison
    bool followed = false; // still being written, as far as we know
    bool ended = false;    // its writer has ended: one more look, and it is not followed any more
    bool quiet = false;    // followed, but nothing was added for a while: its writer may be gone
    uint64_t file = 0;     // identity of the file when it was opened
    FileState file_state = FileState::as_opened;
    std::string name; // given by the user
    std::vector<std::string> tags;
    qint64 grew_at_ms = 0;
    std::optional<RunFigures> figures;                  // from the last analysis it took part in
    std::shared_ptr<const DifferenceMarks> differences; // against the baseline, while they are marked
    std::string title() const { return name.empty() ? facts.title() : name; }
};

struct PickedEvent { // an event of an open trace, whatever place shows it
    int trace_id = 0;
    EventId event = EventId::none;
    bool operator==(const PickedEvent&) const = default;
};

struct PickedMoment { // of the memory of one rank: its live buffers are listed
    int trace_id = 0;
    int32_t rank = 0;
    MemoryTier tier = MemoryTier::device;
    int64_t time_ns = 0; // trace time
    bool operator==(const PickedMoment&) const = default;
};

// What one canvas draws: the model and, for each of its traces, whose it is.
struct PlaceModel {
    TimelineModel timeline;
    std::vector<int> trace_ids;
};

struct ViewPoint { // which time is on the screen; a range alone means nothing without what it is counted from
    Align align = Align::step;
    int32_t step = -1;
    TimeRange visible;
    bool operator==(const ViewPoint&) const = default;
};

class Session : public QObject {
    Q_OBJECT
public:
    static constexpr int max_compared = 4;
    explicit Session(QObject* parent = nullptr);
    ~Session() override;

    Actions& actions() { return m_actions; }
    RunProcess& run() { return m_run; }
    MemoryData& memoryData() { return m_memory_data; }
    TimelineTools& timelineTools() { return *m_timeline_tools; }
    const Theme& theme() const { return *m_theme; }
    void setTheme(const Theme&);
    bool reducedMotion() const { return m_reduced_motion; } // nothing slides or fades
    void setReducedMotion(bool reduced) { m_reduced_motion = reduced; }

    // --- the library
    // A worker opens the file and reads what the first picture needs; the window goes on, and traces appear in the
    // order in which they were asked for. Opening a file twice activates it. Without `then` a failure is a notice.
    using Opened = std::function<void(const Result<int>& id)>;
    void openLater(const std::string& path, Opened then = {});
    void whenOpened(std::function<void()>); // at once, or when nothing is being opened any more
    Result<int>
    openTrace(const std::string& path); // the same at once, for programs without a window that must not wait
    size_t opening() const { return m_opening.size(); }
    void closeTrace(int id);
    void closeAll(); // also what is still being opened
    const std::vector<OpenTrace>& traces() const { return m_traces; }
    const OpenTrace* trace(int id) const;
    const OpenTrace* active() const { return trace(m_active); }
    void setActive(int id);
    void setName(int id, const std::string&); // empty: as the trace calls itself
    void setTags(int id, const std::vector<std::string>&);
    void setFileState(int id, FileState);
    NoteBook& notes() { return m_notes; }
    const NoteBook& notes() const { return m_notes; }
    void setCompared(int id, bool); // refused with a notice when four are compared already
    void stopFollowing(int id);     // its writer has ended
    void setQuietAfter(qint64 ms) { m_quiet_after_ms = ms; }
    const Comparison& comparison() const { return m_comparison; }
    int baselineId() const; // what the others are compared with: the first compared trace unless one was chosen
    void setBaseline(int trace_id);
    bool marksDifferences() const { return m_marks_differences; }
    void setMarksDifferences(bool);
    bool busy() const; // figures are still being computed, traces read or questions answered

    // --- questions to a trace: a worker answers them in their order, and the answer is called here unless the trace
    // was closed. The window never asks a reader of its own for events: that may read the file.
    using Answer = std::function<void()>;
    using Question = std::function<Answer(const TraceReader&)>;
    void ask(int trace_id, Question, Answer lost = {}); // lost: there will be no answer
    // At once where it is known, as it is of what is selected; null: there is no such event.
    using Details = std::function<void(const IntervalDetails*)>;
    void withDetails(const PickedEvent&, Details);

    // --- what is shown
    Place place() const { return m_place; }
    void setPlace(Place);
    Align align() const { return m_align; }
    void setAlign(Align);
    int32_t step() const { return m_step; }
    void setStep(int32_t);
    int32_t onlyRank() const; // of the current place; -1: all
    void setOnlyRank(int32_t);
    bool exposedOnly() const { return m_exposed_only; }
    void setExposedOnly(bool);
    bool showsMemory() const { return m_shows_memory; }
    void setShowsMemory(bool);
    TimeRange visible() const { return m_visible; }
    std::optional<int64_t> cursor() const { return m_cursor_ns; } // view time under the mouse
    void setVisible(TimeRange);
    void fit();   // the step; once more: everything
    void focus(); // the selection; without one, or once more, as fit()
    bool followsEverything() const { return m_follow_everything; }
    // All of what the place shows lies in the range, and nobody moved it: other traces shown, and it is theirs.
    bool showsEverything() const;
    ViewPoint viewPoint() const { return {m_align, m_step, m_visible}; }
    void goTo(const ViewPoint&);
    void reveal(int trace_id, TimeRange); // of trace time: activates the trace, moves or widens what is visible
    void zoom(double factor);
    void pan(double fraction);
    PlaceModel model() const;
    TimelineSelection timelineSelection(const PlaceModel&) const;
    void apply(const TimelineIntents&, const PlaceModel&);

    // --- what is selected
    std::optional<PickedEvent> selected() const { return m_selected; }
    std::optional<PickedEvent> hovered() const { return m_hovered; }
    void select(std::optional<PickedEvent>);
    void selectLongestExposed();
    void selectNeighbour(int direction); // the next or previous event of the lane; brings it into view
    std::optional<PickedMoment> moment() const { return m_moment; }
    void setMoment(std::optional<PickedMoment>);
    void reveal(const PickedEvent&); // selects it and brings its step, rank and time into view

    void notify(const QString& sentence, bool is_error);

signals:
    void opened(const std::string& path);
    void tracesChanged();   // opened, closed, relabelled, activated
    void traceGrew(int id); // a live trace has new data
    void analysisChanged();
    void viewChanged();      // place, range, alignment, step, rank, filter
    void selectionChanged(); // selected or hovered
    void momentChanged();
    void themeChanged();
    void noticed(const QString& sentence, bool is_error);
    void changeWanted(int trace_id, const QString& key); // of the configuration that a new run should change

private:
    void connectActions();
    void syncActions();
    void relabel();
    void keepReaders();
    size_t runOf(int trace_id) const; // its place in the comparison
    void markDifferences();
    void requestAnalysis();
    void takeAnalysis(const std::vector<std::string>& paths, const Comparison&);
    void figureOthers();
    void takeCardFigures(const Comparison*); // null: the file could not be read
    void pollLiveTraces();
    struct Opening;
    void takeOpened();
    std::optional<int> activateIfOpen(const std::string& path);
    int adopt(std::unique_ptr<TraceReader>, uint64_t file);
    struct Look;
    void lookAt(OpenTrace&);
    void takeLook(const std::shared_ptr<Look>&);
    void stepBy(int delta);
    void walk();
    int64_t originOf(const OpenTrace&) const;
    TimeRange stepRange() const;
    TimeRange rangeOf(const PickedEvent&, const IntervalDetails&) const; // in view time
    void reveal(const OpenTrace&, const PickedEvent&, const IntervalDetails&);
    void show(TimeRange); // moves what is visible if the range is out of sight
    int32_t middleStep() const;
    void chooseStep();
    OpenTrace* find(int id);

    Actions m_actions;
    RunProcess m_run;
    AnalysisJob m_analysis;
    AnalysisJob m_card_analysis; // of traces that are not compared, one after the other: their cards tell figures too
    int m_card_id = 0;           // whose
    std::set<int> m_without_figures; // what could not be analysed; asked once
    MemoryData m_memory_data;
    NoteBook m_notes;
    TimelineTools* m_timeline_tools;
    const Theme* m_theme;
    std::vector<OpenTrace> m_traces;
    std::vector<std::shared_ptr<Opening>> m_opening; // in the order of the wishes
    std::vector<std::function<void()>> m_when_opened;
    std::map<int, std::unique_ptr<TraceReader>> m_spare_readers; // of live traces, by id: workers bring them up to date
    std::set<int> m_looking;                                     // live traces that a worker looks at
    TraceWorker m_questions{TraceWorker::Order::in_line};
    std::map<std::pair<int, EventId>, IntervalDetails> m_known_details;
    int m_walk = 0; // steps along the lane that are wanted
    bool m_walking = false;
    Comparison m_comparison;
    int m_baseline_id = 0; // as chosen; 0: the first compared trace
    bool m_marks_differences = false;
    int m_next_id = 1;
    int m_active = 0;
    Place m_place = Place::compare;
    Align m_align = Align::step;
    int32_t m_step = -1;
    bool m_step_chosen = false;                                    // by the user; otherwise the middle one is shown
    std::array<int32_t, place_count> m_only_rank{-1, -1, 0, 0, 0}; // by place
    int32_t m_chosen_rank = 0;
    bool m_exposed_only = false, m_reduced_motion = false;
    bool m_shows_memory = true; // the Memory place shows it always
    TimeRange m_visible{0, 1};
    bool m_follow_everything = true; // the range grows with a live trace until the user moves it
    std::optional<int64_t> m_cursor_ns;
    std::optional<PickedEvent> m_selected, m_hovered;
    std::optional<PickedMoment> m_moment;
    QTimer m_poll;
    qint64 m_analysed_at_ms = 0, m_quiet_after_ms = 5'000;
};

} // namespace shardscope::gui
