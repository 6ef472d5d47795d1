// SPDX-License-Identifier: Apache-2.0
// Makes one picture or table: reads what it lacks, draws it, and leaves the pixels, their compression and the file to a
// worker, so that the window goes on meanwhile. Deletes nothing and says how it ended.
#pragma once
#include "gui/export/exportable.h"
#include <QObject>

namespace shardscope::gui {

class ExportJob : public QObject {
    Q_OBJECT
public:
    // Without a path the content comes with the signal instead of going into a file. The theme has to outlive the job.
    ExportJob(Exportable, ExportOptions, QString path, QObject* parent);
    void start();

signals:
    void ended(const QByteArray& content, const QString& problem); // a sentence, or empty

private:
    void draw();
    void encode();
    Exportable m_what;
    ExportOptions m_options;
    QString m_path;
    int m_frames = 0;
};

} // namespace shardscope::gui
