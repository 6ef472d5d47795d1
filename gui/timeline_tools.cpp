// SPDX-License-Identifier: Apache-2.0
#include "gui/timeline_tools.h"
#include "gui/canvas/rank_order.h"
#include "gui/session.h"
#include <algorithm>

namespace shardscope::gui {

TimelineTools::TimelineTools(Session& session)
    : QObject(&session)
    , m_session(session) {
    connect(&session, &Session::selectionChanged, this, &TimelineTools::askRelations);
    connect(&session, &Session::tracesChanged, this, [this] {
        std::erase_if(m_matches, [this](const auto& entry) { return !m_session.trace(entry.first); });
        if (!m_search.isEmpty() && shownTraces() != m_searched_traces) runSearch();
    });
    connect(&session, &Session::viewChanged, this, [this] { // another place shows other traces
        if (!m_search.isEmpty() && shownTraces() != m_searched_traces) runSearch();
    });
    connectActions();
    for (TraceWorker* worker : {&m_range_worker, &m_search_worker, &m_relation_worker})
        connect(worker, &TraceWorker::settled, this, &TimelineTools::answered);
}

void TimelineTools::connectActions() {
    using enum ActionId;
    const auto on = [this](ActionId id, auto&& what) {
        connect(m_session.actions().get(id), &QAction::triggered, this, std::forward<decltype(what)>(what));
    };
    for (const auto& [id, colouring] : {std::pair{colour_operation, TimelineColouring::operation},
                                        {colour_layer, TimelineColouring::layer},
                                        {colour_bucket, TimelineColouring::bucket},
                                        {colour_name, TimelineColouring::name}})
        on(id, [this, colouring = colouring] { setColouring(colouring); });
    on(flow_arrows, [this](bool checked) { setShowsFlows(checked); });
    on(collapse_ranks, [this](bool checked) { collapseAll(checked); });
    on(show_hidden_lanes, [this] { showAllLanes(); });
    for (const auto& [id, by] : {std::pair{move_rank_up, -1}, {move_rank_down, 1}})
        on(id, [this, by = by] {
            if (const auto selected = m_session.selected())
                if (knowsSelected()) moveRankBy(selected->trace_id, m_relations->self.rank, by);
        });
    on(zoom_to_range, [this] {
        if (m_range) m_session.setVisible(*m_range);
    });
    connect(this, &TimelineTools::changed, this, [this] { syncActions(m_actions_enabled); });
}

void TimelineTools::syncActions(bool enabled) {
    using enum ActionId;
    m_actions_enabled = enabled;
    const auto action = [this](ActionId id) { return m_session.actions().get(id); };
    for (const ActionId id :
         {search, flow_arrows, collapse_ranks, colour_operation, colour_layer, colour_bucket, colour_name})
        action(id)->setEnabled(enabled);
    action(zoom_to_range)->setEnabled(enabled && m_range);
    const bool several = enabled && knowsSelected() && m_session.onlyRank() < 0;
    for (const ActionId id : {move_rank_up, move_rank_down}) action(id)->setEnabled(several);
    action(show_hidden_lanes)->setEnabled(enabled && hidesLanes());
    action(flow_arrows)->setChecked(m_flows);
    action(collapse_ranks)->setChecked(enabled && allCollapsed());
    constexpr ActionId colours[] = {colour_operation, colour_layer, colour_bucket, colour_name};
    action(colours[static_cast<size_t>(colouring())])->setChecked(true);
}

bool TimelineTools::clear() {
    if (m_range)
        setRange(std::nullopt, true);
    else if (!m_search.isEmpty())
        search({});
    else
        return false;
    return true;
}

TimelineColouring TimelineTools::colouring() const {
    if (m_colouring) return *m_colouring;
    const auto on_host = [](const OpenTrace& trace) {
        return std::ranges::all_of(trace.reader->lanes(),
                                   [](const LaneInfo& lane) { return lane.kind == LaneKind::host; });
    };
    const auto& traces = m_session.traces();
    return !traces.empty() && std::ranges::all_of(traces, on_host) ? TimelineColouring::name
                                                                   : TimelineColouring::operation;
}

void TimelineTools::setColouring(TimelineColouring colouring) {
    m_colouring = colouring;
    emit changed();
}

void TimelineTools::setShowsFlows(bool shows) {
    m_flows = shows;
    emit changed();
}

bool TimelineTools::knowsSelected() const {
    const auto selected = m_session.selected();
    return selected && m_relations && m_related_trace == selected->trace_id &&
           m_relations->self.event == selected->event;
}

std::vector<int> TimelineTools::shownTraces() const { return m_session.model().trace_ids; }

std::vector<TraceSource> TimelineTools::sourcesOf(const std::vector<int>& trace_ids) const {
    std::vector<TraceSource> sources;
    for (const int id : trace_ids) {
        const OpenTrace& open = *m_session.trace(id);
        sources.push_back({open.reader->path(), open.file});
    }
    return sources;
}

void TimelineTools::keepReaders(const std::vector<std::string>& paths) {
    for (TraceWorker* worker : {&m_range_worker, &m_search_worker, &m_relation_worker}) worker->keepOnly(paths);
}

// --- groups and lanes ----------------------------------------------------------------------------------------------

TimelineTools::Lanes* TimelineTools::lanesOf(int trace_id) {
    const OpenTrace* trace = m_session.trace(trace_id);
    return trace ? &m_lanes[trace->reader->path()] : nullptr;
}

TimelineTools::Lanes TimelineTools::lanes(const std::string& path) const {
    const auto found = m_lanes.find(path);
    return found == m_lanes.end() ? Lanes() : found->second;
}

void TimelineTools::setLanes(const std::string& path, Lanes lanes) {
    m_lanes[path] = std::move(lanes);
    emit changed();
}

void TimelineTools::toggleRank(int trace_id, int32_t rank) {
    Lanes* lanes = lanesOf(trace_id);
    if (!lanes) return;
    if (lanes->collapsed.erase(rank) == 0) lanes->collapsed.insert(rank);
    emit changed();
}

void TimelineTools::collapseAll(bool collapse) {
    for (const int id : shownTraces()) {
        Lanes* lanes = lanesOf(id);
        lanes->collapsed.clear();
        if (!collapse) continue;
        for (const LaneInfo& lane : m_session.trace(id)->reader->lanes()) lanes->collapsed.insert(lane.rank);
    }
    emit changed();
}

bool TimelineTools::allCollapsed() const {
    bool any = false;
    for (const int id : shownTraces()) {
        const auto found = m_lanes.find(m_session.trace(id)->reader->path());
        for (const LaneInfo& lane : m_session.trace(id)->reader->lanes()) {
            if (found == m_lanes.end() || !found->second.collapsed.contains(lane.rank)) return false;
            any = true;
        }
    }
    return any;
}

void TimelineTools::hideLane(int trace_id, LaneId lane) {
    Lanes* lanes = lanesOf(trace_id);
    if (!lanes) return;
    lanes->hidden.insert(lane);
    emit changed();
}

void TimelineTools::moveRank(int trace_id, int32_t rank, int32_t to) {
    Lanes* lanes = lanesOf(trace_id);
    if (!lanes || rank == to) return;
    lanes->rank_order = orderAfterMove(m_session.trace(trace_id)->reader->ranks(), lanes->rank_order, rank, to);
    emit changed();
}

void TimelineTools::moveRankBy(int trace_id, int32_t rank, int by) {
    const Lanes* lanes = lanesOf(trace_id);
    if (!lanes) return;
    std::vector<int32_t> ranks;
    for (int32_t r = 0; r < m_session.trace(trace_id)->reader->ranks(); ++r) ranks.push_back(r);
    ranks = inOrder(ranks, lanes->rank_order);
    const auto at = std::find(ranks.begin(), ranks.end(), rank) - ranks.begin() + by;
    if (at >= 0 && at < std::ssize(ranks)) moveRank(trace_id, rank, ranks[static_cast<size_t>(at)]);
}

TimelineTools::RankOrders TimelineTools::rankOrders() const {
    RankOrders orders;
    for (const auto& [path, lanes] : m_lanes)
        if (!lanes.rank_order.empty()) orders[path] = lanes.rank_order;
    return orders;
}

void TimelineTools::setRankOrders(const RankOrders& orders) {
    if (orders == rankOrders()) return;
    for (auto& [path, lanes] : m_lanes) lanes.rank_order.clear();
    for (const auto& [path, order] : orders) m_lanes[path].rank_order = order;
    emit changed();
}

void TimelineTools::showAllLanes() {
    for (auto& [path, lanes] : m_lanes) lanes.hidden.clear();
    emit changed();
}

bool TimelineTools::hidesLanes() const {
    return std::any_of(m_lanes.begin(), m_lanes.end(), [](const auto& entry) { return !entry.second.hidden.empty(); });
}

// --- the range -----------------------------------------------------------------------------------------------------

void TimelineTools::setRange(std::optional<TimeRange> range, bool done) {
    const bool same = range == m_range;
    m_range = range;
    if (!range || !done) {
        m_range_worker.cancel();
        if (!range) m_budgets.clear();
    } else {
        const PlaceModel place = m_session.model();
        std::vector<TimeRange> ranges; // each trace's own time
        for (const TraceView& view : place.timeline.traces)
            ranges.push_back({range->start_ns + view.origin_ns, range->end_ns + view.origin_ns});
        m_range_worker.ask(sourcesOf(place.trace_ids),
                           [this, ids = place.trace_ids, ranges](const TraceWorker::Readers& readers,
                                                                 const TraceWorker::Cancelled& cancelled) {
                               std::vector<TraceBudget> budgets;
                               for (size_t i = 0; i < readers.size(); ++i)
                                   if (readers[i])
                                       budgets.push_back({ids[i], rangeBudget(*readers[i], ranges[i], cancelled)});
                               return [this, budgets = std::move(budgets)] { m_budgets = budgets; };
                           });
    }
    if (!same || done) {
        emit changed();
        emit answered();
    }
}

// --- the search ----------------------------------------------------------------------------------------------------

void TimelineTools::search(const QString& text) {
    const QString wanted = text.trimmed();
    if (wanted == m_search) return;
    m_search = wanted;
    m_last_match.reset();
    m_mistake.clear();
    const Result<SearchQuery> query = parseSearch(wanted);
    if (!query) {
        m_search_worker.cancel();
        m_mistake = QString::fromStdString(query.error().message);
        m_query = {};
        m_matches.clear();
    } else {
        m_query = *query;
        runSearch();
    }
    emit changed();
    emit answered();
}

void TimelineTools::runSearch() {
    m_searched_traces = shownTraces();
    if (m_query.empty()) {
        m_search_worker.cancel();
        m_matches.clear();
        return;
    }
    m_search_worker.ask(sourcesOf(m_searched_traces), [this, ids = m_searched_traces,
                                                       query = m_query](const TraceWorker::Readers& readers,
                                                                        const TraceWorker::Cancelled& cancelled) {
        std::map<int, std::shared_ptr<const TraceMatches>> matches;
        for (size_t i = 0; i < readers.size(); ++i)
            if (readers[i])
                matches[ids[i]] = std::make_shared<const TraceMatches>(findMatches(*readers[i], query, cancelled));
        return [this, matches = std::move(matches)] {
            m_matches = matches;
            emit changed();
        };
    });
}

int64_t TimelineTools::matchCount() const {
    int64_t count = 0;
    for (const auto& [id, matches] : m_matches) count += matches->count;
    return count;
}

// --- relations -----------------------------------------------------------------------------------------------------

void TimelineTools::askRelations() {
    const auto selected = m_session.selected();
    if (!selected) {
        if (!m_relations && m_related_event == EventId::none) return;
        m_relation_worker.cancel();
        m_relations.reset();
        m_related_event = EventId::none;
        emit changed();
        return;
    }
    if (selected->trace_id == m_related_trace && selected->event == m_related_event) return;
    const OpenTrace* trace = m_session.trace(selected->trace_id);
    if (!trace) return;
    m_related_trace = selected->trace_id;
    m_related_event = selected->event;
    m_relations.reset(); // arrows of another operation would be wrong
    m_relation_worker.ask(
        {{trace->reader->path(), trace->file}},
        [this, event = selected->event](const TraceWorker::Readers& readers, const TraceWorker::Cancelled& cancelled) {
            EventRelations relations;
            if (readers.front()) relations = relationsOf(*readers.front(), event, cancelled);
            return [this, relations = std::move(relations)] {
                m_relations = relations;
                emit changed();
            };
        });
}

// --- the canvas ----------------------------------------------------------------------------------------------------

void TimelineTools::decorate(PlaceModel& place) const {
    place.timeline.colouring = colouring();
    for (size_t i = 0; i < place.trace_ids.size(); ++i) {
        TraceView& view = place.timeline.traces[i];
        if (const auto lanes = m_lanes.find(view.reader->path()); lanes != m_lanes.end()) {
            view.collapsed = lanes->second.collapsed;
            view.hidden = lanes->second.hidden;
            view.rank_order = lanes->second.rank_order;
        }
        if (const auto found = m_matches.find(place.trace_ids[i]); found != m_matches.end())
            view.marks.matches = found->second;
        if (m_relations && m_related_trace == place.trace_ids[i]) {
            view.marks.twins = m_relations->twins;
            if (m_flows) view.marks.flows = m_relations->flows;
        }
    }
}

void TimelineTools::apply(const TimelineIntents& intents, const PlaceModel& place) {
    const auto id = [&](int trace) { return place.trace_ids[static_cast<size_t>(trace)]; };
    if (intents.range) setRange(intents.range, intents.range_done);
    if (intents.folded) toggleRank(id(intents.folded->trace), intents.folded->rank);
    if (intents.moved) moveRank(id(intents.moved->rank.trace), intents.moved->rank.rank, intents.moved->to);
    if (intents.menu) emit menuWanted(*intents.menu, id(intents.menu->trace));
}

} // namespace shardscope::gui
