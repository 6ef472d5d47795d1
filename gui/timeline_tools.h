// SPDX-License-Identifier: Apache-2.0
// What the timeline knows beside range and selection: colours, collapsed ranks and hidden lanes of each trace, the
// search with its matches, the range whose budget is shown, and what stands in relation to the selected operation.
// Answers come from workers; until they do, the ones before stay.
#pragma once
#include "gui/canvas/timeline.h"
#include "gui/event_relations.h"
#include "gui/range_budget.h"
#include "gui/search_query.h"
#include "gui/trace_worker.h"
#include <QObject>
#include <map>

namespace shardscope::gui {

class Session;
struct PickedEvent;
struct PlaceModel;

class TimelineTools : public QObject {
    Q_OBJECT
public:
    explicit TimelineTools(Session&);

    // What was chosen; until then operations, and names where there are nothing but host threads, all of one kind.
    TimelineColouring colouring() const;
    void setColouring(TimelineColouring);
    bool showsFlows() const { return m_flows; }
    void setShowsFlows(bool);

    // --- groups and lanes, remembered by the path of the trace
    void toggleRank(int trace_id, int32_t rank);
    void collapseAll(bool); // every rank of the traces that are shown
    bool allCollapsed() const;
    void hideLane(int trace_id, LaneId);
    void moveRank(int trace_id, int32_t rank, int32_t to);          // where `to` stands
    void moveRankBy(int trace_id, int32_t rank, int by);            // -1: up
    using RankOrders = std::map<std::string, std::vector<int32_t>>; // by path, of traces whose ranks were moved
    RankOrders rankOrders() const;
    void setRankOrders(const RankOrders&);
    void showAllLanes();
    bool hidesLanes() const;
    struct Lanes {
        std::set<int32_t> collapsed;
        std::set<LaneId> hidden;
        std::vector<int32_t> rank_order = {}; // from the top; empty: by their numbers
    };
    Lanes lanes(const std::string& path) const;
    void setLanes(const std::string& path, Lanes);

    // --- the range
    std::optional<TimeRange> range() const { return m_range; } // view time
    void setRange(std::optional<TimeRange>, bool done);        // the budget is computed when the drag is done
    struct TraceBudget {
        int trace_id = 0;
        RangeBudget budget;
    };
    const std::vector<TraceBudget>& budgets() const { return m_budgets; }
    bool budgetPending() const { return m_range_worker.pending(); }

    // --- the search
    void search(const QString&);
    const QString& searched() const { return m_search; }
    QString searchMistake() const { return m_mistake; } // a sentence; empty if there is none
    bool searchPending() const { return m_search_worker.pending(); }
    int64_t matchCount() const;
    int64_t matchPosition() const; // of the selection among them, from 1; 0: it is none of them
    void goToMatch(bool forwards);
    void step(int direction); // to the next match while something is searched for, else along the lane
    bool clear();             // the range, else the search; false if there was neither

    // --- relations of the selected operation
    const std::optional<EventRelations>& relations() const { return m_relations; }
    bool relationsPending() const { return m_relation_worker.pending(); }
    void goTo(int trace_id, const RelatedEvent&); // selects it and brings it into sight
    void moveSelection(int along, int across);    // to the neighbour in its lane, or the nearest in the next lane

    void syncActions(bool enabled);
    bool busy() const { return searchPending() || budgetPending() || relationsPending(); }
    void keepReaders(const std::vector<std::string>& paths); // those of other traces are closed
    void decorate(PlaceModel&) const;                        // adds all this to what a canvas draws
    void apply(const TimelineIntents&, const PlaceModel&);

signals:
    void changed();                          // what is drawn
    void answered();                         // a budget, a search or relations
    void revealWanted(int trace_id, LaneId); // scroll there
    void menuWanted(const TimelineMenu&, int trace_id);

private:
    Lanes* lanesOf(int trace_id);
    void select(int trace_id, EventId, LaneId, TimeRange);
    void goToMatchFrom(int trace_id, int64_t from_ns, LaneId, bool forwards);
    void connectActions();
    void askRelations();
    void runSearch();
    std::vector<int> shownTraces() const;
    bool knowsSelected() const; // what is selected was looked up
    std::vector<TraceSource> sourcesOf(const std::vector<int>& trace_ids) const;

    Session& m_session;
    std::optional<TimelineColouring> m_colouring;
    bool m_flows = true, m_actions_enabled = false;
    std::map<std::string, Lanes> m_lanes;
    std::optional<TimeRange> m_range;
    std::vector<TraceBudget> m_budgets;
    QString m_search, m_mistake;
    SearchQuery m_query;
    std::map<int, std::shared_ptr<const TraceMatches>> m_matches; // by trace
    std::vector<int> m_searched_traces;
    std::optional<MatchRef> m_last_match; // that was gone to
    std::optional<EventRelations> m_relations;
    int m_related_trace = 0;
    EventId m_related_event = EventId::none;
    TraceWorker m_range_worker, m_search_worker, m_relation_worker;
};

} // namespace shardscope::gui
