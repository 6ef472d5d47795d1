// SPDX-License-Identifier: Apache-2.0
// The Buckets place: what a sweep measured, the step of a point beside the step of the default, and every collective of
// that step. Works without a sweep, for the active trace alone.
#pragma once
#include "gui/buckets/buckets_job.h"
#include "gui/buckets/recommendation.h"
#include "gui/buckets/sweep_form.h"
#include "gui/export/exportable.h"
#include "gui/session.h"
#include <QWidget>

class QComboBox;
class QLabel;
class QSortFilterProxyModel;
class QTableView;
class QVBoxLayout;

namespace shardscope::gui {

class AdvicePanel;
class BucketTableModel;
class MiniTimeline;
class PointSlider;
class SweepChart;

class BucketsPanel : public QWidget {
    Q_OBJECT
public:
    // `run_request` is what the Run form holds when a sweep is started.
    BucketsPanel(Session&, std::function<RunRequest()> run_request, QWidget* parent = nullptr);
    void openSweep(const std::string& path); // read on a worker; a failure is a notice
    bool settled() const { return !m_job.pending(); }

    const SweepModel* model() const { return m_model ? &*m_model : nullptr; }
    int32_t selectedPoint() const { return m_point; }
    void selectPoint(int32_t point);
    SweepChart& chart() { return *m_chart; }
    PointSlider& slider() { return *m_slider; }
    MiniTimeline& steps() { return *m_steps; }
    QTableView& table() { return *m_table; }
    SweepForm& form() { return *m_form; }
    SweepProcess& process() { return m_process; }
    AdvicePanel& advice() { return *m_advice; }
    std::vector<Exportable> exports(); // what the place shows now

private:
    QWidget* makeLeft();
    QWidget* makeSide();
    QWidget* makeEmptyState();
    void takeSweep(const Sweep&);
    void showSweep();
    void showRecommendation();
    void showSources();
    void ask();
    void takeAnswer(const ViewAnswer&);
    void openPoint(int32_t point);
    void pickRow(const QModelIndex&, bool go_there);
    void pickBlock(int step, LaneId, TimeRange);
    void placeStops();
    void paintTheme();
    void copyTable();
    void writeConfig();
    void showEvent(int trace_id, const CollectiveRow&, int32_t step, bool go_there);
    bool goesOn() const; // the sweep that is shown is the one being measured
    bool usesPoint() const { return m_use_point && m_model && m_point >= 0; }

    Session& m_session;
    SweepProcess m_process;
    BucketsJob m_job;
    std::vector<Sweep> m_sweeps; // opened or made in this session; one is shown
    size_t m_shown = 0;
    std::optional<SweepModel> m_model;
    int32_t m_point = -1;
    bool m_use_point = true; // the step below is the selected point's, else the active trace's
    std::optional<BucketView> m_now;
    bool m_here = false;      // this place is the one that is shown
    bool m_show_next = false; // the next sweep that is read is the one to look at
    uint64_t m_growth = 0;
    std::string m_wanted_point; // values of the point to keep while a sweep goes on

    QLabel *m_title, *m_subtitle, *m_note_left, *m_note_right, *m_table_note;
    QComboBox *m_sweep_choice, *m_key_choice, *m_source;
    SweepChart* m_chart;
    PointSlider* m_slider;
    QWidget *m_sweep_part, *m_empty, *m_slider_row, *m_measure, *m_side = nullptr;
    QVBoxLayout* m_side_column = nullptr;
    AdvicePanel* m_advice;
    MiniTimeline* m_steps;
    BucketTableModel* m_rows;
    QSortFilterProxyModel* m_sorted;
    QTableView* m_table;
    SweepForm* m_form;
};

} // namespace shardscope::gui
