// SPDX-License-Identifier: Apache-2.0
// The demo: the same small model trained at ZeRO stages 0 to 3, one after another, each opened when it has finished.
// Child processes like any run; their traces go to the application's folder and are written anew each time.
#pragma once
#include "gui/run_process.h"

namespace shardscope::gui {

class DemoRuns : public QObject {
    Q_OBJECT
public:
    explicit DemoRuns(QObject* parent = nullptr);
    void setProgram(const QString& path) { m_run.setProgram(path); }
    void setFolder(const QString& path) { m_folder = path; }
    bool start(); // false with failed() if it cannot
    void cancel();
    bool active() const { return m_stage >= 0; }
    QString progressText() const; // "ZeRO-2, step 5 of 12"

signals:
    void changed();
    void finishedStage(const QString& trace);
    void finishedAll();
    void failed(const QString& sentence);

private:
    bool next();
    void stageEnded();
    RunProcess m_run;
    QString m_folder;
    int m_stage = -1;
};

} // namespace shardscope::gui
