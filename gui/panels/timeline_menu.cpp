// SPDX-License-Identifier: Apache-2.0
#include "gui/panels/timeline_menu.h"
#include "gui/session.h"
#include "gui/style.h"
#include "gui/timeline_tools.h"
#include <QApplication>
#include <QClipboard>
#include <QJsonDocument>
#include <QJsonObject>
#include <QMenu>

namespace shardscope::gui {
namespace {

QJsonObject fieldsOf(const TraceReader& reader, const IntervalDetails& details) {
    QJsonObject fields;
    const IntervalEvent& e = details.event;
    fields["id"] = static_cast<qint64>(details.id);
    fields["name"] = text(details.name);
    fields["rank"] = details.lane.rank;
    fields["lane"] = text(toText(details.lane.kind));
    fields["lane_name"] = text(details.lane.name);
    fields["op_class"] = text(toText(e.op_class));
    fields["phase"] = text(toText(e.phase));
    fields["start_ns"] = static_cast<qint64>(e.start_ns);
    fields["end_ns"] = static_cast<qint64>(e.end_ns);
    fields["duration_ns"] = static_cast<qint64>(e.end_ns - e.start_ns);
    const auto add = [&](const char* name, int64_t value, int64_t none) {
        if (value != none) fields[name] = static_cast<qint64>(value);
    };
    add("step", e.step, -1);
    add("layer", e.layer, -1);
    add("bucket", e.bucket, -1);
    add("elements", e.elements, 0);
    add("bytes", e.bytes, 0);
    add("sent_bytes", e.sent_bytes, 0);
    add("wait_ns", e.wait_ns, 0);
    add("emulated_ns", e.emulated_ns, 0);
    add("correlation", e.correlation, -1);
    add("process_group", e.process_group, -1);
    add("op", static_cast<int64_t>(e.op), -1);
    if (const ProgramOpEvent* op = reader.op(e.op); op && !op->config_key.empty())
        fields["config_key"] = text(op->config_key);
    return fields;
}

QString inQuotes(const std::string& name) { // a regular expression that means exactly this name
    return "/^" + QRegularExpression::escape(text(name)) + "$/";
}

void addSearches(QMenu* menu, Session& session, const OpenTrace& trace, const IntervalDetails& details) {
    const IntervalEvent& e = details.event;
    const auto add = [&](const QString& label, const QString& query) {
        menu->addAction(label, &session, [&session, query] { session.timelineTools().search(query); });
    };
    if (!details.name.empty()) {
        const QString name = text(details.name);
        add("All named " + (name.size() > 40 ? name.left(39) + "…" : name), inQuotes(details.name));
    }
    if (e.bucket >= 0) add(QString("All of bucket %1").arg(e.bucket), QString("bucket:%1").arg(e.bucket));
    if (e.layer >= 0) add(QString("All of layer %1").arg(e.layer), QString("layer:%1").arg(e.layer));
    if (e.layer == -2) add("All of the embedding", "layer:embedding");
    if (isCollective(e.op_class)) {
        const QString word = text(toText(e.op_class));
        add("All " + QString(word).replace('_', '-'), "class:" + word);
    }
    if (const ProgramOpEvent* op = trace.reader->op(e.op); op && !op->config_key.empty()) {
        const QString leaf = text(op->config_key.substr(op->config_key.rfind('.') + 1));
        add("All because of " + leaf, "key:" + leaf);
        menu->addAction("Change " + leaf + " in a new run", &session,
                        [&session, id = trace.id, key = text(op->config_key)] { emit session.changeWanted(id, key); });
    }
}

void addTwinEntries(QMenu* menu, Session& session, int trace_id, EventId event) {
    const auto& relations = session.timelineTools().relations();
    if (!relations || relations->self.event != event) return;
    const auto add = [&](QMenu* to, const QString& label, const RelatedEvent& twin) {
        to->addAction(label, &session, [&session, trace_id, twin] { session.timelineTools().goTo(trace_id, twin); });
    };
    if (relations->ranks.size() > 1) {
        QMenu* ranks = menu->addMenu("The same in rank");
        for (const RelatedEvent& twin : relations->ranks)
            if (twin.event != event) add(ranks, QString("rank %1").arg(twin.rank), twin);
    }
    if (relations->previous_step) add(menu, "The same in the step before", *relations->previous_step);
    if (relations->next_step) add(menu, "The same in the step after", *relations->next_step);
}

} // namespace

QString operationText(const TraceReader& reader, const IntervalDetails& event) {
    QString lines;
    const QJsonObject fields = fieldsOf(reader, event);
    for (auto field = fields.begin(); field != fields.end(); ++field)
        lines += field.key() + ": " + field.value().toVariant().toString() + "\n";
    return lines;
}

QString operationJson(const TraceReader& reader, const IntervalDetails& event) {
    return QString::fromUtf8(QJsonDocument(fieldsOf(reader, event)).toJson(QJsonDocument::Indented));
}

QMenu* makeTimelineMenu(Session& session, const TimelineMenu& at, int trace_id, const IntervalDetails* details,
                        QWidget* parent) {
    const OpenTrace* trace = session.trace(trace_id);
    if (!trace) return nullptr;
    TimelineTools& tools = session.timelineTools();
    auto* menu = new QMenu(parent);
    menu->setAttribute(Qt::WA_DeleteOnClose);
    menu->setObjectName("timelineMenu");
    if (details) {
        const EventId event = details->id;
        menu->addAction("Zoom to it", &session, [&session, trace_id, event] {
            session.select(PickedEvent{trace_id, event});
            session.focus();
        });
        menu->addSeparator();
        addSearches(menu, session, *trace, *details);
        menu->addSeparator();
        addTwinEntries(menu, session, trace_id, event);
        menu->addSeparator();
        for (const auto& [label, make] : {std::pair{"Copy as text", &operationText}, {"Copy as JSON", &operationJson}})
            menu->addAction(label, &session, [&session, trace_id, details = *details, make = make] {
                if (const OpenTrace* open = session.trace(trace_id))
                    QApplication::clipboard()->setText(make(*open->reader, details));
            });
        menu->addSeparator();
    }
    const LaneId lane = details ? details->event.lane : at.lane;
    if (at.lane != LaneId::none && static_cast<size_t>(lane) < trace->reader->lanes().size()) {
        const int32_t rank = trace->reader->lanes()[static_cast<size_t>(lane)].rank;
        menu->addAction(QString("Collapse rank %1").arg(rank), &session,
                        [&tools, trace_id, rank] { tools.toggleRank(trace_id, rank); });
        if (session.onlyRank() < 0 && trace->reader->ranks() > 1)
            for (const auto& [where, by] : {std::pair{"up", -1}, {"down", 1}})
                menu->addAction(QString("Move rank %1 %2").arg(rank).arg(where), &session,
                                [&tools, trace_id, rank, by = by] { tools.moveRankBy(trace_id, rank, by); });
        menu->addAction("Hide this lane", &session,
                        [&tools, trace_id, lane = at.lane] { tools.hideLane(trace_id, lane); });
    }
    if (tools.hidesLanes()) menu->addAction("Show hidden lanes", &session, [&tools] { tools.showAllLanes(); });
    return menu;
}

} // namespace shardscope::gui
