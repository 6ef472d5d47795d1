// SPDX-License-Identifier: Apache-2.0
#include "gui/buckets/buckets_panel.h"
#include "gui/bookmarks.h"
#include "gui/buckets/advice_panel.h"
#include "gui/buckets/bucket_table_model.h"
#include "gui/buckets/mini_timeline.h"
#include "gui/buckets/point_slider.h"
#include "gui/buckets/sweep_chart.h"
#include "gui/buckets/write_config.h"
#include "gui/canvas/format.h"
#include "gui/panels/column_scroll.h"
#include "gui/panels/elided_label.h"
#include "gui/panels/section.h"
#include "gui/style.h"
#include "gui/tables/column_fit.h"
#include <QApplication>
#include <QClipboard>
#include <QComboBox>
#include <QFrame>
#include <QHeaderView>
#include <QSortFilterProxyModel>
#include <QTableView>
#include <QToolButton>
#include <QVBoxLayout>
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <set>
#include <utility>

namespace shardscope::gui {
namespace {

constexpr int side_width = 300, table_row = 24, widest_column = 330;

} // namespace

BucketsPanel::BucketsPanel(Session& session, std::function<RunRequest()> run_request, QWidget* parent)
    : QWidget(parent)
    , m_session(session)
    , m_form(new SweepForm(m_process)) {
    m_form->setRequestSource(std::move(run_request));
    m_form->setProgramSource([this] { return m_session.run().program(); });
    m_form->setStepTimeSource([this](const RunRequest& request) -> double {
        for (const OpenTrace& open : m_session.traces())
            if (open.figures && open.facts.model == request.model && std::to_string(open.facts.ranks) == request.ranks)
                return static_cast<double>(open.figures->step_ns);
        return 0;
    });
    setObjectName("canvasSide");
    setAttribute(Qt::WA_StyledBackground);
    auto* row = new QHBoxLayout(this);
    row->setContentsMargins(0, 0, 0, 0);
    row->setSpacing(0);
    auto* line = new QFrame;
    line->setObjectName("separator");
    line->setFixedWidth(1);
    row->addWidget(makeLeft(), 1);
    row->addWidget(line);
    row->addWidget(makeSide());
    connect(&m_job, &BucketsJob::answered, this, &BucketsPanel::takeAnswer);
    connect(&m_job, &BucketsJob::sweepRead, this, &BucketsPanel::takeSweep);
    connect(&m_job, &BucketsJob::sweepFailed, this,
            [this](const QString&, const QString& sentence) { m_session.notify(sentence, true); });
    connect(&m_process, &SweepProcess::measured, this, [this] {
        std::error_code ignored;
        if (std::filesystem::exists(m_process.folder() + "/" + sweep_file_name, ignored))
            m_job.readSweepFile(m_process.folder());
    });
    connect(m_form, &SweepForm::started, this, [this] { m_show_next = true; });
    connect(&m_process, &SweepProcess::ended, this, [this] {
        if (m_process.state().kind == SweepState::failed) m_session.notify(m_process.state().message, true);
        showSweep();
    });
    connect(&session, &Session::tracesChanged, this, [this] {
        showSources();
        ask();
    });
    connect(&session, &Session::viewChanged, this, [this] {
        const bool here = m_session.place() == Place::buckets;
        if (here && !std::exchange(m_here, here)) m_form->refresh(); // the Run form may have changed meanwhile
        m_here = here;
        ask();
    });
    connect(&session, &Session::traceGrew, this, [this] {
        ++m_growth;
        ask();
    });
    connect(&session, &Session::themeChanged, this, &BucketsPanel::paintTheme);
    showSources();
    showSweep();
    paintTheme();
}

// --- the widgets -----------------------------------------------------------------------------------------------------

QWidget* BucketsPanel::makeLeft() {
    m_title = new QLabel;
    m_title->setFont(uiFont(metrics::font, true));
    m_subtitle = new ElidedLabel;
    m_subtitle->setProperty("role", "dim");
    m_subtitle->setFont(uiFont(metrics::font_small));
    m_sweep_choice = new QComboBox;
    m_sweep_choice->setAccessibleName("Sweep");
    m_key_choice = new QComboBox;
    m_key_choice->setAccessibleName("Key on the axis");
    m_note_left = roleLabel({}, "dim");
    m_note_right = roleLabel({}, "dim");
    m_chart = new SweepChart;
    m_slider = new PointSlider;
    auto* head = new QHBoxLayout;
    head->setContentsMargins(16, 8, 12, 0);
    head->setSpacing(16);
    head->addWidget(m_title);
    head->addWidget(m_subtitle, 1);
    head->addWidget(m_key_choice);
    head->addWidget(m_sweep_choice);
    auto* notes = new QHBoxLayout;
    notes->setContentsMargins(16, 0, 16, 0);
    notes->addWidget(m_note_left);
    notes->addStretch();
    notes->addWidget(m_note_right);
    m_slider_row = new QWidget;
    auto* slider_row = new QHBoxLayout(m_slider_row);
    slider_row->setContentsMargins(0, 0, 0, 0);
    slider_row->addWidget(m_slider);
    m_sweep_part = new QWidget;
    auto* sweep = new QVBoxLayout(m_sweep_part);
    sweep->setContentsMargins(0, 0, 0, 4);
    sweep->setSpacing(2);
    sweep->addLayout(head);
    sweep->addLayout(notes);
    sweep->addWidget(m_chart, 1);
    sweep->addWidget(m_slider_row);
    m_empty = makeEmptyState();

    m_steps = new MiniTimeline;
    m_source = new QComboBox;
    m_source->setObjectName("bucketSource");
    m_source->setAccessibleName("Trace whose collectives are listed");
    m_source->setSizeAdjustPolicy(QComboBox::AdjustToContents);
    m_table_note = new ElidedLabel;
    m_table_note->setProperty("role", "dim");
    m_table_note->setFont(uiFont(metrics::font_small));
    auto* copy = new QToolButton;
    copy->setText("Copy CSV");
    connect(copy, &QToolButton::clicked, this, &BucketsPanel::copyTable);
    auto* table_head = new QHBoxLayout;
    table_head->setContentsMargins(14, 6, 12, 6);
    table_head->setSpacing(12);
    table_head->addWidget(m_source);
    table_head->addWidget(m_table_note, 1);
    table_head->addWidget(copy);
    m_rows = new BucketTableModel(this);
    m_sorted = new QSortFilterProxyModel(this);
    m_sorted->setSourceModel(m_rows);
    m_sorted->setSortRole(BucketTableModel::sort_role);
    m_table = new QTableView;
    m_table->setObjectName("bucketTable");
    m_table->setAccessibleName("Collectives of one step");
    m_table->setProperty("compact", true); // twelve columns beside the side of the place
    m_table->setModel(m_sorted);
    m_table->setFont(uiFont(metrics::font_small));
    m_table->setSortingEnabled(true);
    m_table->sortByColumn(BucketTableModel::sent, Qt::AscendingOrder);
    m_table->setSelectionBehavior(QAbstractItemView::SelectRows);
    m_table->setSelectionMode(QAbstractItemView::SingleSelection);
    m_table->setEditTriggers(QAbstractItemView::NoEditTriggers);
    m_table->setShowGrid(false);
    m_table->setWordWrap(false);
    m_table->setFrameShape(QFrame::NoFrame);
    m_table->verticalHeader()->hide();
    m_table->verticalHeader()->setDefaultSectionSize(table_row);
    m_table->horizontalHeader()->setHighlightSections(false);
    m_table->horizontalHeader()->setFont(uiFont(metrics::font_axis, true));
    m_table->setMinimumHeight(72);
    m_table->setColumnHidden(BucketTableModel::change, true); // until there is something to compare with
    connect(m_table, &QTableView::clicked, this, [this](const QModelIndex& at) { pickRow(at, false); });
    connect(m_table, &QTableView::activated, this, [this](const QModelIndex& at) { pickRow(at, true); });
    connect(m_steps, &MiniTimeline::blockClicked, this, &BucketsPanel::pickBlock);
    connect(m_slider, &PointSlider::chosen, this, &BucketsPanel::selectPoint);
    connect(m_chart, &SweepChart::pointChosen, this, &BucketsPanel::openPoint);
    connect(m_chart, &SweepChart::laidOut, this, &BucketsPanel::placeStops);
    connect(m_sweep_choice, &QComboBox::activated, this, [this](int index) {
        m_shown = static_cast<size_t>(std::max(0, index));
        m_point = -1;
        m_wanted_point.clear();
        showSweep();
    });
    connect(m_key_choice, &QComboBox::activated, this, [this](int index) {
        if (!m_model) return;
        m_model = sweepModel(m_model->sweep, static_cast<size_t>(std::max(0, index)));
        showSweep();
    });
    connect(m_source, &QComboBox::activated, this, [this] {
        const int id = m_source->currentData().toInt();
        m_use_point = id == 0;
        if (id != 0) m_session.setActive(id);
        ask();
    });

    auto* left = new QWidget;
    auto* column = new QVBoxLayout(left);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(0);
    column->addWidget(m_sweep_part, 6);
    column->addWidget(m_empty);
    column->addWidget(thinLine());
    column->addWidget(m_steps);
    column->addWidget(thinLine());
    column->addLayout(table_head);
    auto* table = new QHBoxLayout;
    table->setContentsMargins(14, 0, 0, 0); // rows begin where the head does
    table->addWidget(m_table);
    column->addLayout(table, 4);
    return left;
}

QWidget* BucketsPanel::makeEmptyState() {
    auto* empty = new QWidget;
    auto* title = new QLabel("Which bucket size is best here?");
    title->setFont(uiFont(16, true));
    auto* hint =
        roleLabel("Start a sweep at the right: it runs this configuration with other values of a key, for real,\n"
                  "and shows step time, exposed communication and memory against it. Or open a sweep.json.",
                  "dim", metrics::font);
    hint->setAlignment(Qt::AlignCenter);
    auto* column = new QVBoxLayout(empty);
    column->setContentsMargins(16, 26, 16, 26);
    column->setSpacing(8);
    column->addWidget(title, 0, Qt::AlignCenter);
    column->addWidget(hint);
    return empty;
}

QWidget* BucketsPanel::makeSide() {
    m_advice = new AdvicePanel;
    connect(m_advice, &AdvicePanel::writeWanted, this, &BucketsPanel::writeConfig);
    m_measure = new QWidget;
    auto* measure = new QVBoxLayout(m_measure);
    measure->setContentsMargins(0, 0, 0, 0);
    measure->setSpacing(0);
    measure->addWidget(new SectionHead("Measure"));
    auto* form = new QVBoxLayout;
    form->setContentsMargins(12, 10, 12, 12);
    form->addWidget(m_form);
    measure->addLayout(form);
    auto* inner = new QWidget;
    auto* column = new QVBoxLayout(inner);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(0);
    column->addWidget(m_advice);
    column->addWidget(m_measure);
    column->addStretch();
    m_side_column = column;
    m_side = new ColumnScroll(inner);
    return m_side;
}

void BucketsPanel::paintTheme() {
    m_chart->setTheme(m_session.theme());
    m_slider->setTheme(m_session.theme());
    m_steps->setTheme(m_session.theme());
    m_rows->setTheme(m_session.theme());
    m_side->setFixedWidth(static_cast<int>(std::lround(side_width * uiScale())));
    showRecommendation();
}

// --- the sweep -------------------------------------------------------------------------------------------------------

void BucketsPanel::openSweep(const std::string& path) {
    m_show_next = true;
    m_job.readSweepFile(path);
}

void BucketsPanel::takeSweep(const Sweep& sweep) {
    std::error_code ignored;
    const auto known = std::find_if(m_sweeps.begin(), m_sweeps.end(), [&](const Sweep& other) {
        return std::filesystem::equivalent(other.folder, sweep.folder, ignored);
    });
    if (known != m_sweeps.end()) {
        *known = sweep;
        if (m_show_next) m_shown = static_cast<size_t>(known - m_sweeps.begin());
    } else {
        m_sweeps.push_back(sweep);
        m_shown = m_sweeps.size() - 1;
        m_point = -1;
        m_wanted_point.clear();
        m_use_point = true;
    }
    m_show_next = false; // a sweep that goes on does not take the place of another that is looked at
    showSweep();
}

void BucketsPanel::showSweep() {
    const bool any = m_shown < m_sweeps.size();
    m_chart->setModel(nullptr);
    if (any) {
        const size_t key = m_model && m_model->sweep.keys == m_sweeps[m_shown].keys ? m_model->key : 0;
        m_model = sweepModel(m_sweeps[m_shown], key);
        const Sweep& sweep = m_model->sweep;
        m_point = -1;
        for (size_t p = 0; p < sweep.points.size(); ++p) // the user's point stays while runs come in
            if (!m_wanted_point.empty() && pointLabel(sweep, p) == m_wanted_point && m_model->figures[p].runs > 0)
                m_point = static_cast<int32_t>(p);
        if (m_point < 0) m_point = m_model->verdict.recommended;
        m_title->setText(QString("Step time and peak memory against %1").arg(text(shortKey(sweep.keys[m_model->key]))));
        QString status = text(sweep.title);
        if (sweep.status != "finished" && !m_process.active()) status += " · not finished, Resume goes on";
        if (m_model->failed > 0) status += QString(" · %1 failed").arg(m_model->failed);
        m_subtitle->setText(status);
        m_subtitle->setToolTip(text(sweep.folder));
        m_key_choice->clear();
        for (const std::string& name : sweep.keys) m_key_choice->addItem(text(shortKey(name)));
        m_key_choice->setCurrentIndex(static_cast<int>(m_model->key));
        m_sweep_choice->clear();
        for (const Sweep& open : m_sweeps)
            m_sweep_choice->addItem(text(std::filesystem::path(open.folder).filename().string()));
        m_sweep_choice->setCurrentIndex(static_cast<int>(m_shown));
        m_key_choice->setVisible(sweep.keys.size() > 1);
        m_sweep_choice->setVisible(m_sweeps.size() > 1);
        m_note_left->clear();
        m_note_right->clear();
        for (const ChartNote& note : m_model->notes)
            (note.text.starts_with("too small") ? m_note_left : m_note_right)->setText(text(note.text));
        if (m_model->curves.size() > 1) { // the same pens as in the chart
            QString legend;
            for (size_t i = 0; i < m_model->curves.size(); ++i)
                legend += QString("<span style=\"color:%1\">%2</span> %3 &nbsp; ")
                              .arg(toColour(traceColour(static_cast<int>(i))).name(), i % 2 ? "╌╌" : "──",
                                   text(m_model->curves[i].label).toHtmlEscaped());
            m_note_left->setText(legend);
        }
        m_chart->setModel(&*m_model);
        m_chart->setSelected(m_point);
    }
    m_form->setResumable(any && !m_process.active() ? &m_sweeps[m_shown] : nullptr);
    m_sweep_part->setVisible(any);
    m_empty->setVisible(!any);
    m_advice->setVisible(any);
    // Progress and Stop stand on top while there is something to stop.
    if (const int place = m_process.active() ? 0 : 1; m_side_column->indexOf(m_measure) != place) {
        m_side_column->removeWidget(m_measure);
        m_side_column->insertWidget(place, m_measure);
    }
    placeStops();
    showRecommendation();
    showSources();
    ask();
}

void BucketsPanel::placeStops() {
    std::vector<PointSlider::Stop> stops;
    if (m_model)
        for (const ChartCurve& curve : m_model->curves) {
            const bool own = std::any_of(curve.points.begin(), curve.points.end(),
                                         [&](const ChartPoint& p) { return static_cast<int32_t>(p.point) == m_point; });
            if (!own && m_model->curves.size() > 1) continue;
            for (const ChartPoint& p : curve.points)
                stops.push_back(
                    {m_slider->mapFrom(this, m_chart->mapTo(this, m_chart->positionOf(p.point).toPoint())).x() * 1.0,
                     static_cast<int32_t>(p.point), text(pointLabel(m_model->sweep, p.point))});
        }
    m_slider->setStops(std::move(stops));
    m_slider->setCurrent(m_point);
}

void BucketsPanel::selectPoint(int32_t point) {
    if (!m_model || point < 0 || static_cast<size_t>(point) >= m_model->figures.size()) return;
    m_point = point;
    m_wanted_point = pointLabel(m_model->sweep, static_cast<size_t>(point));
    m_use_point = true;
    m_chart->setSelected(point);
    placeStops();
    showRecommendation();
    showSources();
    ask();
}

void BucketsPanel::openPoint(int32_t point) {
    selectPoint(point);
    const std::string& trace = m_model->figures[static_cast<size_t>(point)].trace;
    if (trace.empty()) return m_session.notify("The trace of this point was not kept.", false);
    m_session.openLater(trace);
}

bool BucketsPanel::goesOn() const {
    std::error_code ignored;
    return m_process.active() && m_model &&
           std::filesystem::equivalent(m_model->sweep.folder, m_process.folder(), ignored);
}

void BucketsPanel::showRecommendation() {
    m_advice->showPoint(m_model ? &*m_model : nullptr, m_point, goesOn(), m_session.theme());
}

void BucketsPanel::writeConfig() {
    if (!m_model || m_point < 0) return;
    const Recommendation r = recommendationFor(*m_model, static_cast<size_t>(m_point));
    auto* dialog = new WriteConfigDialog(m_session.theme(), r.values, r.config + "\n", this);
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    dialog->show();
}

// --- the step --------------------------------------------------------------------------------------------------------

void BucketsPanel::showSources() {
    const QSignalBlocker quiet(m_source);
    m_source->clear();
    if (m_model && m_point >= 0) m_source->addItem(text(pointLabel(m_model->sweep, static_cast<size_t>(m_point))), 0);
    for (const OpenTrace& open : m_session.traces())
        m_source->addItem((open.label.empty() ? QString() : text(open.label) + "  ") + text(open.facts.title()) + "  " +
                              text(std::filesystem::path(open.reader->path()).filename().string()),
                          open.id);
    const OpenTrace* active = m_session.active();
    const int wanted = usesPoint() ? 0 : active ? active->id : 0;
    m_source->setCurrentIndex(std::max(0, m_source->findData(wanted)));
    m_source->setVisible(m_source->count() > 0);
}

void BucketsPanel::ask() {
    if (m_session.place() != Place::buckets) return; // asked when somebody looks
    ViewQuestion question;
    const OpenTrace* active = m_session.active();
    if (usesPoint()) {
        question.now = m_model->figures[static_cast<size_t>(m_point)].trace;
        if (const int32_t reference = m_model->verdict.reference; reference >= 0)
            question.was = m_model->figures[static_cast<size_t>(reference)].trace;
    } else if (active) {
        question.now = active->reader->path();
        question.step = m_session.step();
        for (const OpenTrace& open : m_session.traces())
            if (open.compared) {
                if (open.id != active->id && active->compared) question.was = open.reader->path();
                break;
            }
        if (active->followed) question.growth = m_growth;
    }
    if (question.was == question.now) question.was.clear();
    m_job.ask(question);
    std::optional<double> in_use;
    if (active && m_model)
        if (const auto fact = configFact(*active->reader, m_model->sweep.keys[m_model->key])) {
            bool number = false;
            const double value = text(fact->value).toDouble(&number);
            if (number) in_use = value;
        }
    m_chart->setInUse(in_use);
}

void BucketsPanel::takeAnswer(const ViewAnswer& answer) {
    m_now = answer.now;
    m_rows->setView(m_now ? &*m_now : nullptr);
    std::set<int> unwanted;
    if (!m_now || !m_now->has_baseline) unwanted.insert(BucketTableModel::change);
    if (m_now && !m_now->has_program)
        unwanted.insert({BucketTableModel::ready, BucketTableModel::reason, BucketTableModel::key});
    fitColumns(*m_table, widest_column, unwanted);
    std::vector<MiniTimeline::Step> steps;
    const auto add = [&](const QString& title, const std::optional<BucketView>& view) {
        if (view) steps.push_back({title, text(formatDuration(view->step_ns)), *view});
    };
    const bool point = usesPoint() && !answer.question.now.empty() &&
                       answer.question.now == m_model->figures[static_cast<size_t>(m_point)].trace;
    const auto label = [&](int32_t p) {
        return text(valueLabel(m_model->sweep.points[static_cast<size_t>(p)].values[m_model->key]));
    };
    add(point ? "now " + label(m_point) : QString("rank %1").arg(m_now ? m_now->rank : 0), answer.now);
    add(point && m_model->verdict.reference >= 0 ? "was " + label(m_model->verdict.reference) + " (default)"
                                                 : QString("baseline"),
        answer.was);
    m_steps->setVisible(!steps.empty());
    m_steps->setSteps(std::move(steps));
    m_steps->setSelected(LaneId::none, {});
    QString note;
    if (!answer.now_error.empty())
        note = text(answer.now_error);
    else if (m_now && m_now->rows.empty())
        note = "no collectives in this trace";
    else if (m_now)
        note = QString("rank %1, %2: %3 collectives, %4 exposed")
                   .arg(m_now->rank)
                   .arg(m_now->step >= 0 ? QString("step %1").arg(m_now->step) : QString("the whole trace"))
                   .arg(static_cast<qulonglong>(m_now->rows.size() + m_now->left_out))
                   .arg(text(formatDuration(m_now->exposed_ns)));
    else if (m_session.traces().empty() && !m_model)
        note = "Open a trace to list its collectives.";
    if (m_now && m_now->left_out > 0)
        note += QString("; the first %1 are listed").arg(static_cast<qulonglong>(m_now->rows.size()));
    if (!answer.was_error.empty()) note += "; no baseline: " + text(answer.was_error);
    m_table_note->setText(note);
    m_table_note->setToolTip(note);
}

void BucketsPanel::pickBlock(int step, LaneId lane, TimeRange time) {
    if (step != 0 || !m_now) return;
    m_steps->setSelected(lane, time);
    for (int row = 0; row < m_sorted->rowCount(); ++row) {
        const CollectiveRow* r = m_rows->row(m_sorted->mapToSource(m_sorted->index(row, 0)).row());
        if (!r || r->lane != lane || !(r->time == time)) continue;
        m_table->selectRow(row);
        m_table->scrollTo(m_sorted->index(row, 0));
    }
}

void BucketsPanel::pickRow(const QModelIndex& at, bool go_there) {
    const CollectiveRow* r = m_rows->row(m_sorted->mapToSource(at).row());
    if (!r || !m_now) return;
    m_steps->setSelected(r->lane, r->time);
    const CollectiveRow picked = *r; // selecting may change the table
    const int32_t step = m_now->step;
    const OpenTrace* open = openTraceAt(m_session, m_now->path);
    if (open) return showEvent(open->id, picked, step, go_there);
    if (!go_there) return;
    m_session.openLater(m_now->path, [this, picked, step](const Result<int>& opened) {
        if (opened)
            showEvent(*opened, picked, step, true);
        else
            m_session.notify(text(opened.error().message), true);
    });
}

void BucketsPanel::showEvent(int trace_id, const CollectiveRow& row, int32_t step, bool go_there) {
    m_session.ask(trace_id,
                  [this, trace_id, lane = row.lane, time = row.time, step, go_there](const TraceReader& reader) {
                      // Rows carry no id; at its own width the event is one rectangle of its lane.
                      EventId event = EventId::none;
                      for (const LaneRect& rect : reader.rects(lane, time, 1.0))
                          if (rect.start_ns == time.start_ns && rect.end_ns == time.end_ns && rect.count == 1)
                              event = rect.event;
                      return [this, trace_id, event, step, go_there] {
                          if (go_there) {
                              m_session.setPlace(Place::timeline);
                              if (step >= 0) m_session.setStep(step);
                          }
                          if (event != EventId::none) m_session.select(PickedEvent{trace_id, event});
                      };
                  });
}

void BucketsPanel::copyTable() {
    QApplication::clipboard()->setText(tableCsv(*m_sorted));
    m_session.notify("The table is on the clipboard as CSV.", false);
}

} // namespace shardscope::gui
