// SPDX-License-Identifier: Apache-2.0
#include "gui/compare/compare_exports.h"
#include "gui/compare/comparison_charts.h"
#include "gui/lane_reading.h"
#include "gui/panels/section.h"
#include "gui/style.h"
#include "profiler/analysis/table.h"
#include <QPainter>
#include <cmath>

namespace shardscope::gui {
namespace {

constexpr int margin = 18, head_height = 18, verdict_height = 17;

void paintHead(QPainter& painter, QRect area, const QString& head, const QString& line, Tone tone, const Theme& theme) {
    painter.setFont(headFont());
    painter.setPen(toColour(theme.dim));
    painter.drawText(QRect(area.left(), area.top(), area.width(), head_height), Qt::AlignLeft | Qt::AlignVCenter, head);
    const QFont small = uiFont(metrics::font_axis);
    painter.setFont(small);
    if (tone != Tone::normal)
        painter.setPen(toColour(readableOn(theme.panel, tone == Tone::good ? theme.good : theme.attention)));
    painter.drawText(QRect(area.left(), area.top() + head_height, area.width(), verdict_height),
                     Qt::AlignLeft | Qt::AlignVCenter,
                     QFontMetrics(small).elidedText(line, Qt::ElideRight, area.width()));
}

void paintCard(QPainter& painter, const ChartCard& card, QRect area, const Theme& theme) {
    painter.save();
    paintHead(painter, area, headText(card.title, card.unit), card.verdict, Tone::normal, theme);
    const int top = head_height + verdict_height;
    painter.translate(area.left(), area.top() + top);
    paintBarChart(painter, card.chart, {area.width(), std::max(20, area.height() - top)}, uiFont(metrics::font_small),
                  theme);
    painter.restore();
}

void paintLosses(QPainter& painter, const Comparison& c, QRect area, const Theme& theme) {
    painter.save();
    paintHead(painter, area, headText("Loss"), lossSentence(c), lossTone(c), theme);
    LossChart chart("loss");
    chart.setTheme(theme);
    const std::vector<Curve> curves = lossCurves(c, theme);
    chart.setCurves(curves, curves.size() > 1);
    const int top = head_height + verdict_height;
    painter.drawPicture(area.left(), area.top() + top,
                        chart.picture({area.width(), std::max(40, area.height() - top)}));
    painter.restore();
}

ComparedTraces noneActive() { return {}; }

// All charts on one page, with the names of the runs above.
void paintAll(QPainter& painter, const Comparison& c, QSize size, const Theme& theme) {
    const std::vector<ChartCard> cards = allCards(c, noneActive(), theme);
    const bool losses = !lossCurves(c, theme).empty();
    QString names;
    for (const RunFigures& run : c.runs)
        names += (names.isEmpty() ? "" : "      ") + text(run.label + "  " + run.title);
    painter.setFont(uiFont(metrics::font, true));
    painter.setPen(toColour(theme.text));
    painter.drawText(QRect(margin, margin, size.width() - 2 * margin, 20), Qt::AlignLeft | Qt::AlignVCenter, names);
    painter.setFont(uiFont(metrics::font_small));
    painter.setPen(toColour(theme.dim));
    const QString differs =
        QFontMetrics(painter.font()).elidedText(differenceLine(c), Qt::ElideRight, size.width() - 2 * margin);
    painter.drawText(QRect(margin, margin + 22, size.width() - 2 * margin, 18), Qt::AlignLeft | Qt::AlignVCenter,
                     differs);
    const int count = static_cast<int>(cards.size()) + losses,
              columns = std::clamp(size.width() / 320, 1, std::max(1, std::min(3, count)));
    const int rows = (count + columns - 1) / columns, top = margin + 54;
    const int wide = (size.width() - 2 * margin - (columns - 1) * 28) / columns;
    const int high = (size.height() - top - margin - (rows - 1) * 20) / std::max(1, rows);
    for (int i = 0; i < count; ++i) {
        const QRect area(margin + i % columns * (wide + 28), top + i / columns * (high + 20), wide, high);
        if (i < static_cast<int>(cards.size()))
            paintCard(painter, cards[static_cast<size_t>(i)], area, theme);
        else
            paintLosses(painter, c, area, theme);
    }
}

QRect inside(QSize size) { return QRect({0, 0}, size).adjusted(margin, margin, -margin, -margin); }

Exportable tableExport(const Session& session, const QString& name, const char* table) {
    return {.name = name, .file_stem = table, .size = {}, .csv = [&session, table]() -> CsvText {
                return [shown = session.comparison(), table] {
                    const auto csv = reportCsv(comparisonReport(shown), table);
                    return csv ? *csv : std::string();
                };
            }};
}

} // namespace

std::vector<Exportable> timelineExports(Session& session, QSize canvas_size) {
    const PlaceModel place = session.model();
    if (place.timeline.traces.empty() || session.place() == Place::run || session.place() == Place::buckets) return {};
    const char* name = session.place() == Place::memory    ? "Memory curves"
                       : session.place() == Place::compare ? "Timelines"
                                                           : "Timeline";
    Exportable canvas{.name = name, .file_stem = QString(name).toLower().replace(' ', '_'), .size = canvas_size};
    // Everything that scrolls is shown, however small the window is.
    canvas.size.setHeight(std::clamp(static_cast<int>(std::ceil(timelineHeight(place.timeline))), 200, 16'000));
    const auto state = std::make_shared<TimelineState>(); // keeps what was read from frame to frame
    state->defers = true;
    const auto reading = std::make_shared<LaneReading>(session);
    const auto unfinished = std::make_shared<bool>(false);
    canvas.unfinished = [unfinished] { return *unfinished; };
    canvas.read = [state, reading](std::function<void()> then) {
        reading->answerWishes(state->cache);
        if (reading->pending())
            QObject::connect(reading.get(), &LaneReading::settled, reading.get(), std::move(then),
                             Qt::SingleShotConnection);
        else
            QMetaObject::invokeMethod(reading.get(), std::move(then), Qt::QueuedConnection);
    };
    canvas.canvas = [&session, state, unfinished](const CanvasFrame& frame) {
        const PlaceModel now = session.model();
        TimelineSelection selection = session.timelineSelection(now);
        selection.cursor_ns.reset(); // where the mouse happens to be
        *unfinished = drawTimeline(now.timeline, selection, {}, *frame.theme, *state).incomplete;
    };
    return {canvas};
}

std::vector<Exportable> comparisonExports(const Session& session) {
    if (session.comparison().runs.empty() || session.place() == Place::run || session.place() == Place::buckets)
        return {};
    std::vector<Exportable> all;
    all.push_back({.name = "All charts",
                   .file_stem = "comparison",
                   .size = {1200, 640},
                   .page = [&session](QPainter& painter, QSize size, const Theme& theme) {
                       paintAll(painter, session.comparison(), size, theme);
                   }});
    const std::vector<ChartCard> cards = allCards(session.comparison(), noneActive(), session.theme());
    for (size_t i = 0; i < cards.size(); ++i)
        all.push_back({.name = cards[i].title,
                       .file_stem = cards[i].title.toLower().replace(' ', '_'),
                       .size = {640, 300},
                       .page = [&session, i](QPainter& painter, QSize size, const Theme& theme) {
                           const auto now = allCards(session.comparison(), noneActive(), theme);
                           if (i < now.size()) paintCard(painter, now[i], inside(size), theme);
                       }});
    if (!lossCurves(session.comparison(), session.theme()).empty())
        all.push_back({.name = "Loss",
                       .file_stem = "loss",
                       .size = {640, 400},
                       .page = [&session](QPainter& painter, QSize size, const Theme& theme) {
                           paintLosses(painter, session.comparison(), inside(size), theme);
                       }});
    all.push_back(tableExport(session, "Table of what differs", "differences"));
    all.push_back(tableExport(session, "Table of numbers", "metrics"));
    all.push_back(tableExport(session, "Table of ops", "ops"));
    all.push_back(tableExport(session, "Table of ops not in all runs", "unmatched"));
    all.push_back(tableExport(session, "Table of steps", "steps"));
    return all;
}

} // namespace shardscope::gui
