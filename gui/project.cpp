// SPDX-License-Identifier: Apache-2.0
#include "gui/project.h"
#include "gui/style.h"
#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QSaveFile>
#include <algorithm>

namespace shardscope::gui {
namespace {

constexpr qint64 largest_file = 16 << 20;
constexpr size_t most_traces = 256, most_tags = 32;
constexpr qsizetype longest_string = 4'096;
constexpr qint64 most_number = 1 << 20;
constexpr size_t most_numbers = 65'536;
constexpr std::pair<Place, const char*> place_names[] = {{Place::run, "run"},
                                                         {Place::timeline, "timeline"},
                                                         {Place::compare, "compare"},
                                                         {Place::buckets, "buckets"},
                                                         {Place::memory, "memory"}};

// Reads fields and keeps the first mistake; later ones follow from it more often than not.
struct Fields {
    QString mistake;
    void fail(const QString& what) {
        if (mistake.isEmpty()) mistake = what;
    }
    QJsonArray array(const QJsonObject& from, const char* name) {
        const QJsonValue value = from[QLatin1String(name)];
        if (!value.isUndefined() && !value.isArray()) fail(QString("“%1” is not a list").arg(name));
        return value.toArray();
    }
    QJsonObject object(const QJsonValue& value, const QString& name) {
        if (!value.isObject()) fail(QString("%1 is not an object").arg(name));
        return value.toObject();
    }
    std::string string(const QJsonObject& from, const char* name, bool needed = false) {
        const QJsonValue value = from[QLatin1String(name)];
        if (value.isUndefined() && !needed) return {};
        if (!value.isString()) fail(QString("“%1” is not a text").arg(name));
        if (value.toString().size() > longest_string) fail(QString("“%1” is too long").arg(name));
        return value.toString().toStdString();
    }
    int64_t integer(const QJsonObject& from, const char* name, int64_t otherwise) {
        const QJsonValue value = from[QLatin1String(name)];
        if (value.isUndefined()) return otherwise;
        const int64_t wrong = otherwise == 0 ? 1 : 0;
        if (!value.isDouble() || (value.toInteger(otherwise) == otherwise && value.toInteger(wrong) == wrong))
            fail(QString("“%1” is not a whole number").arg(name));
        return value.toInteger(otherwise);
    }
    // Ranks or lanes, which are not negative.
    template <class Number> std::vector<Number> listed(const QJsonObject& from, const char* name) {
        std::vector<Number> found;
        for (const QJsonValue& value : array(from, name)) {
            const qint64 number = value.toInteger(-1);
            if (number < 0 || number > most_number)
                fail(QString("“%1” holds something that is no number of a lane").arg(name));
            if (found.size() < most_numbers) found.push_back(static_cast<Number>(number));
        }
        return found;
    }
    template <class Number> std::set<Number> numbers(const QJsonObject& from, const char* name) {
        const std::vector<Number> found = listed<Number>(from, name);
        return {found.begin(), found.end()};
    }
    bool boolean(const QJsonObject& from, const char* name, bool otherwise) {
        const QJsonValue value = from[QLatin1String(name)];
        if (!value.isUndefined() && !value.isBool()) fail(QString("“%1” is neither true nor false").arg(name));
        return value.toBool(otherwise);
    }
};

template <class Numbers> QJsonArray numbersOf(const Numbers& numbers) {
    QJsonArray array;
    for (const auto number : numbers) array.append(static_cast<qint64>(number));
    return array;
}

QJsonValue textValue(const std::string& value) { return text(value); }

int indexOf(const Project& project, const std::string& path) {
    for (size_t i = 0; i < project.traces.size(); ++i)
        if (project.traces[i].path == path) return static_cast<int>(i);
    return -1;
}

QJsonObject writeBookmark(const Project& project, const Bookmark& bookmark) {
    QJsonObject object{{"place", placeName(bookmark.place)},
                       {"align", bookmark.view.align == Align::step ? "step" : "time"},
                       {"step", bookmark.view.step},
                       {"start_ns", qint64{bookmark.view.visible.start_ns}},
                       {"end_ns", qint64{bookmark.view.visible.end_ns}},
                       {"rank", bookmark.only_rank}};
    if (const int trace = indexOf(project, bookmark.trace); trace >= 0) object["trace"] = trace;
    if (const int trace = indexOf(project, bookmark.selected_trace); trace >= 0) {
        object["selected_trace"] = trace;
        object["selected_event"] = static_cast<qint64>(bookmark.selected);
    }
    return object;
}

std::string pathAt(const Project& project, Fields& fields, const QJsonObject& from, const char* name) {
    const int64_t index = fields.integer(from, name, -1);
    if (index < 0) return {};
    if (index >= static_cast<int64_t>(project.traces.size())) {
        fields.fail(QString("“%1” names trace %2 of %3").arg(name).arg(index).arg(project.traces.size()));
        return {};
    }
    return project.traces[static_cast<size_t>(index)].path;
}

Bookmark readBookmark(const Project& project, Fields& fields, const QJsonObject& object) {
    Bookmark bookmark;
    const auto place = placeOf(object["place"].toString());
    if (!place) fields.fail("“place” of a view is none of run, timeline, compare, memory");
    bookmark.place = place.value_or(Place::timeline);
    const QString align = object["align"].toString("step");
    if (align != "step" && align != "time") fields.fail("“align” is neither step nor time");
    bookmark.view.align = align == "time" ? Align::time : Align::step;
    bookmark.view.step = static_cast<int32_t>(std::clamp<int64_t>(fields.integer(object, "step", -1), -1, INT32_MAX));
    bookmark.view.visible = {fields.integer(object, "start_ns", 0), fields.integer(object, "end_ns", 1)};
    if (bookmark.view.visible.end_ns <= bookmark.view.visible.start_ns) fields.fail("“end_ns” is not after “start_ns”");
    bookmark.only_rank = static_cast<int32_t>(std::clamp<int64_t>(fields.integer(object, "rank", -1), -1, 1 << 20));
    bookmark.trace = pathAt(project, fields, object, "trace");
    bookmark.selected_trace = pathAt(project, fields, object, "selected_trace");
    bookmark.selected = static_cast<EventId>(fields.integer(object, "selected_event", -1));
    return bookmark;
}

ProjectTrace readTrace(Fields& fields, const QJsonObject& object, const QString& folder) {
    ProjectTrace trace;
    const std::string relative = fields.string(object, "relative");
    trace.path = fields.string(object, "path", true);
    if (!relative.empty()) {
        const QString beside = QDir::cleanPath(QDir(folder).absoluteFilePath(text(relative)));
        if (QFileInfo::exists(beside) || trace.path.empty()) trace.path = beside.toStdString();
    }
    if (!QFileInfo(text(trace.path)).isAbsolute()) fields.fail("“path” of a trace is not absolute");
    trace.trace_id = fields.string(object, "trace_id");
    trace.bytes = fields.integer(object, "bytes", 0);
    trace.open = fields.boolean(object, "open", true);
    trace.compared = fields.boolean(object, "compared", false);
    trace.name = fields.string(object, "name");
    for (const QJsonValue& tag : fields.array(object, "tags")) {
        if (!tag.isString() || tag.toString().size() > 64) fields.fail("a tag is not a short text");
        if (trace.tags.size() < most_tags) trace.tags.push_back(tag.toString().toStdString());
    }
    trace.collapsed = fields.numbers<int32_t>(object, "collapsed");
    trace.hidden = fields.numbers<LaneId>(object, "hidden");
    trace.rank_order = fields.listed<int32_t>(object, "rank_order");
    return trace;
}

Note readNote(const Project& project, Fields& fields, const QJsonObject& object) {
    Note note;
    note.trace = pathAt(project, fields, object, "trace");
    if (note.trace.empty()) fields.fail("a note names no trace");
    note.lane = static_cast<LaneId>(fields.integer(object, "lane", -1));
    note.start_ns = fields.integer(object, "start_ns", 0);
    note.end_ns = fields.integer(object, "end_ns", note.start_ns);
    if (note.end_ns < note.start_ns) fields.fail("a note ends before it starts");
    note.event = static_cast<EventId>(fields.integer(object, "event", -1));
    note.text = fields.string(object, "text");
    return note;
}

} // namespace

const char* placeName(Place place) {
    for (const auto& [known, name] : place_names)
        if (known == place) return name;
    return "timeline";
}

std::optional<Place> placeOf(const QString& name) {
    for (const auto& [place, known] : place_names)
        if (name == QLatin1String(known)) return place;
    return std::nullopt;
}

QByteArray projectText(const Project& project, const QString& folder) {
    QJsonArray traces, notes;
    for (const ProjectTrace& trace : project.traces) {
        QJsonArray tags;
        for (const std::string& tag : trace.tags) tags.append(text(tag));
        QJsonObject object{{"path", textValue(trace.path)},
                           {"bytes", qint64{trace.bytes}},
                           {"trace_id", textValue(trace.trace_id)},
                           {"open", trace.open},
                           {"compared", trace.compared},
                           {"name", textValue(trace.name)},
                           {"tags", tags}};
        if (!trace.collapsed.empty()) object["collapsed"] = numbersOf(trace.collapsed);
        if (!trace.hidden.empty()) object["hidden"] = numbersOf(trace.hidden);
        if (!trace.rank_order.empty()) object["rank_order"] = numbersOf(trace.rank_order);
        if (!folder.isEmpty()) object["relative"] = QDir(folder).relativeFilePath(text(trace.path));
        traces.append(object);
    }
    for (const Note& note : project.notes) {
        const int trace = indexOf(project, note.trace);
        if (trace < 0) continue;
        QJsonObject object{{"trace", trace},
                           {"start_ns", qint64{note.start_ns}},
                           {"end_ns", qint64{note.end_ns}},
                           {"text", textValue(note.text)}};
        if (note.lane != LaneId::none) object["lane"] = static_cast<qint64>(note.lane);
        if (note.event != EventId::none) object["event"] = static_cast<qint64>(note.event);
        notes.append(object);
    }
    QJsonObject bookmarks, layouts;
    for (size_t i = 0; i < project.bookmarks.size(); ++i)
        if (project.bookmarks[i]) bookmarks[QString::number(i)] = writeBookmark(project, *project.bookmarks[i]);
    for (const auto& [place, layout] : project.layouts) layouts[text(place)] = QString::fromLatin1(layout.toBase64());
    QJsonObject root{{"shardproj", Project::version},
                     {"traces", traces},
                     {"bookmarks", bookmarks},
                     {"notes", notes},
                     {"layouts", layouts}};
    if (project.view) root["view"] = writeBookmark(project, *project.view);
    if (!project.origin.empty()) root["origin"] = textValue(project.origin);
    return QJsonDocument(root).toJson();
}

Result<Project> parseProject(const QByteArray& bytes, const QString& folder) {
    QJsonParseError syntax;
    const QJsonDocument document = QJsonDocument::fromJson(bytes, &syntax);
    if (syntax.error != QJsonParseError::NoError)
        return Error{"It is not JSON: " + syntax.errorString().toStdString() + " at byte " +
                     std::to_string(syntax.offset) + "."};
    const QJsonObject root = document.object();
    const int64_t version = root["shardproj"].toInteger(0);
    if (version < 1) return Error{"It is not a project: the field “shardproj” with the version is missing."};
    if (version > Project::version)
        return Error{"It was written by a newer version of this program (format " + std::to_string(version) + ")."};
    Fields fields;
    Project project;
    for (const QJsonValue& value : fields.array(root, "traces"))
        if (project.traces.size() < most_traces)
            project.traces.push_back(readTrace(fields, fields.object(value, "an entry of “traces”"), folder));
    for (const QJsonValue& value : fields.array(root, "notes"))
        if (project.notes.size() < NoteBook::most_notes)
            project.notes.push_back(readNote(project, fields, fields.object(value, "an entry of “notes”")));
    const QJsonObject bookmarks = root["bookmarks"].toObject();
    for (size_t i = 0; i < project.bookmarks.size(); ++i)
        if (const QJsonValue value = bookmarks[QString::number(i)]; !value.isUndefined())
            project.bookmarks[i] = readBookmark(project, fields, fields.object(value, "a bookmark"));
    if (!root["view"].isUndefined())
        project.view = readBookmark(project, fields, fields.object(root["view"], "“view”"));
    const QJsonObject layouts = root["layouts"].toObject();
    for (const QString& place : layouts.keys())
        if (placeOf(place))
            project.layouts[place.toStdString()] = QByteArray::fromBase64(layouts[place].toString().toLatin1());
    project.origin = fields.string(root, "origin");
    if (!fields.mistake.isEmpty()) return Error{fields.mistake.toStdString() + "."};
    return project;
}

Result<Project> readProject(const QString& path) {
    const std::string name = QFileInfo(path).fileName().toStdString();
    QFile file(path);
    if (!file.open(QIODevice::ReadOnly))
        return Error{name + " could not be read: " + file.errorString().toStdString() + "."};
    if (file.size() > largest_file) return Error{name + " is no project: it is larger than any project can be."};
    auto project = parseProject(file.readAll(), QFileInfo(path).absolutePath());
    if (!project)
        return Error{name + " could not be opened as a project; what is open stays as it is. " +
                     project.error().message};
    return project;
}

Result<void> writeProject(const Project& project, const QString& path) {
    QSaveFile file(path);
    const QByteArray bytes = projectText(project, QFileInfo(path).absolutePath());
    if (file.open(QIODevice::WriteOnly) && file.write(bytes) == bytes.size() && file.commit()) return {};
    return Error{path.toStdString() + " could not be written: " + file.errorString().toStdString() +
                 ". Choose another folder."};
}

} // namespace shardscope::gui
