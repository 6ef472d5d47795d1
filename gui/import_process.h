// SPDX-License-Identifier: Apache-2.0
// Imports files of other profilers, one after another, by the command line program as a child process. A file that was
// imported before and has not changed since is not imported again.
#pragma once
#include <QObject>
#include <QProcess>
#include <QStringList>
#include <memory>

namespace shardscope::gui {

class ImportProcess : public QObject {
    Q_OBJECT
public:
    explicit ImportProcess(QObject* parent = nullptr);
    ~ImportProcess() override; // interrupts the child, which leaves nothing half-made

    // Whether a file is worth trying: not a trace of ours, not missing, not a folder, not empty.
    static bool mayImport(const std::string& path);
    void setProgram(const QString& path) { m_program = path; }
    void setFolder(const QString& path) { m_folder = path; } // default: "imported" among the application's data
    void add(const QString& file);
    void cancel(); // the current file and those that wait
    bool active() const { return m_process != nullptr; }
    const QString& file() const { return m_file; }
    int percent() const { return m_percent; } // of what is being done now: reading, then writing
    const QString& stage() const { return m_stage; }
    double secondsLeft() const { return m_seconds_left; } // below zero: not known yet

signals:
    void changed();
    void imported(const QString& trace);
    void failed(const QString& sentence);

private:
    void next();
    void readLines();
    void finish(int exit_code);
    QString target() const;

    QString m_program, m_folder, m_file, m_stage, m_words;
    QStringList m_waiting;
    QByteArray m_line;
    std::unique_ptr<QProcess> m_process;
    int m_percent = 0;
    double m_seconds_left = -1;
    bool m_cancelled = false;
};

} // namespace shardscope::gui
