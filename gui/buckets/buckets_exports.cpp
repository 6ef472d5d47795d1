// SPDX-License-Identifier: Apache-2.0
// What the Buckets place offers to be exported: the chart of a sweep with its head, the steps as small timelines, and
// the table of collectives. Pictures are painted by widgets of their own that are never shown.
#include "gui/buckets/bucket_table_model.h"
#include "gui/buckets/buckets_panel.h"
#include "gui/buckets/mini_timeline.h"
#include "gui/buckets/sweep_chart.h"
#include "gui/style.h"
#include <QLabel>
#include <QPainter>
#include <QPointer>
#include <QSortFilterProxyModel>

namespace shardscope::gui {
namespace {

constexpr int margin = 16, title_height = 22, line_height = 18;

void paintLine(QPainter& painter, QRect line, const QString& said) {
    painter.drawText(line, Qt::AlignLeft | Qt::AlignVCenter,
                     painter.fontMetrics().elidedText(said, Qt::ElideRight, line.width()));
}

// The pens of the curves, where a second key makes several.
void paintCurveNames(QPainter& painter, const SweepModel& model, QRect line, const Theme& theme) {
    int x = line.left();
    for (size_t i = 0; i < model.curves.size(); ++i) {
        const QString name = text(model.curves[i].label);
        painter.setPen(QPen(toColour(traceColour(static_cast<int>(i))), 1.5, i % 2 ? Qt::DashLine : Qt::SolidLine));
        painter.drawLine(x, line.center().y(), x + 22, line.center().y());
        painter.setPen(toColour(theme.dim));
        painter.drawText(QRect(x + 28, line.top(), line.width(), line.height()), Qt::AlignLeft | Qt::AlignVCenter,
                         name);
        x += 28 + painter.fontMetrics().horizontalAdvance(name) + 20;
    }
}

struct SweepPicture { // what is on the screen when the dialog opens: a sweep that goes on may change behind it
    SweepModel model;
    QString title, subtitle;
    int32_t selected = -1;
    std::optional<double> in_use;
};

void paintSweep(QPainter& painter, const SweepPicture& shown, QSize size, const Theme& theme) {
    painter.fillRect(QRect(QPoint(), size), toColour(theme.background)); // the chart's own, around its head as well
    const int width = std::max(1, size.width() - 2 * margin);
    QRect line(margin, 10, width, title_height);
    painter.setFont(uiFont(metrics::font, true));
    painter.setPen(toColour(theme.text));
    paintLine(painter, line, shown.title);
    line = QRect(margin, line.bottom() + 1, width, line_height);
    painter.setFont(uiFont(metrics::font_small));
    painter.setPen(toColour(theme.dim));
    paintLine(painter, line, shown.subtitle);
    if (shown.model.curves.size() > 1) {
        line.translate(0, line_height);
        paintCurveNames(painter, shown.model, line, theme);
    }
    const int top = line.bottom() + 6;
    SweepChart chart;
    chart.setTheme(theme);
    chart.setInUse(shown.in_use);
    chart.setSelected(shown.selected);
    chart.setModel(&shown.model);
    painter.drawPicture(0, top, chart.picture({size.width(), std::max(40, size.height() - top)}));
}

} // namespace

std::vector<Exportable> BucketsPanel::exports() {
    std::vector<Exportable> all;
    if (m_session.place() != Place::buckets) return all;
    if (m_model && !m_model->curves.empty()) {
        const auto shown = std::make_shared<const SweepPicture>(
            SweepPicture{*m_model, m_title->text(), m_subtitle->text(), m_point, m_chart->inUse()});
        all.push_back({.name = "Sweep",
                       .file_stem = "sweep_" + text(shortKey(m_model->sweep.keys[m_model->key])),
                       .size = m_chart->size().expandedTo({800, 440}),
                       .page = [shown](QPainter& painter, QSize size, const Theme& theme) {
                           paintSweep(painter, *shown, size, theme);
                       }});
    }
    if (!m_steps->steps().empty())
        all.push_back({.name = "Steps",
                       .file_stem = "bucket_steps",
                       .size = m_steps->size().expandedTo(m_steps->sizeHint()),
                       .page = [steps = m_steps->steps()](QPainter& painter, QSize size, const Theme& theme) {
                           MiniTimeline picture;
                           picture.setTheme(theme);
                           picture.setSteps(steps);
                           picture.resize(size);
                           picture.paint(painter);
                       }});
    if (m_now)
        all.push_back({.name = "Table of collectives",
                       .file_stem = "collectives",
                       .size = {},
                       .csv = [table = QPointer(m_sorted)]() -> CsvText { // max_bucket_rows keeps it short
                           return [csv = table ? tableCsv(*table).toStdString() : std::string()] { return csv; };
                       }});
    return all;
}

} // namespace shardscope::gui
