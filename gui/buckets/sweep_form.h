// SPDX-License-Identifier: Apache-2.0
// Starts, follows, stops and resumes a sweep of the configuration in the Run form.
#pragma once
#include "gui/buckets/sweep_process.h"
#include <QWidget>
#include <functional>

class QCheckBox;
class QComboBox;
class QLabel;
class QLineEdit;
class QProgressBar;
class QPushButton;

namespace shardscope::gui {

class SweepForm : public QWidget {
    Q_OBJECT
public:
    SweepForm(SweepProcess&, QWidget* parent = nullptr);
    void setRequestSource(std::function<RunRequest()> source) { m_source = std::move(source); }
    void setProgramSource(std::function<QString()> source) { m_program = std::move(source); }
    // What a step takes in a trace of the same configuration, if there is one; 0: not known.
    void setStepTimeSource(std::function<double(const RunRequest&)> source) { m_step_time = std::move(source); }
    void setKey(const QString& key);       // short name; the values follow
    void setResumable(const Sweep* sweep); // copied; null: nothing to resume
    void refresh();                        // the Run form may have changed

    QLineEdit* field(const QString& name) const;
    QPushButton* startButton() const { return m_start; }
    QPushButton* stopButton() const { return m_stop; }
    QPushButton* resumeButton() const { return m_resume; }
    QString problem() const;
    QString progressText() const;

signals:
    void started();

private:
    std::optional<SweepRequest> request(QString& problem) const; // plans the configuration: not for every frame
    void showState();
    QString estimate(const SweepRequest&) const;

    SweepProcess& m_process;
    std::function<RunRequest()> m_source;
    std::function<QString()> m_program;
    std::function<double(const RunRequest&)> m_step_time;
    QComboBox* m_key;
    QLineEdit *m_values, *m_repeat, *m_steps, *m_folder;
    QCheckBox* m_overlap;
    QLabel *m_what, *m_estimate, *m_problem, *m_progress;
    QProgressBar* m_bar;
    QPushButton *m_start, *m_stop, *m_resume;
    std::optional<SweepRequest> m_resumable;
    std::optional<SweepRequest> m_wanted; // what Start would start
    QString m_wrong;                      // why there is none
    QTimer m_check_timer;
};

} // namespace shardscope::gui
