// SPDX-License-Identifier: Apache-2.0
#include "gui/export/export_job.h"
#include "gui/style.h"
#include <QCoreApplication>
#include <QPointer>
#include <QThreadPool>

namespace shardscope::gui {

namespace {

constexpr int most_frames = 50; // until everything is there; more would not help

} // namespace

ExportJob::ExportJob(Exportable what, ExportOptions options, QString path, QObject* parent)
    : QObject(parent)
    , m_what(std::move(what))
    , m_options(options)
    , m_path(std::move(path)) {}

void ExportJob::start() { draw(); }

// A frame shows what was read; a picture waits until all of it was.
void ExportJob::draw() {
    if (!m_what.canvas || !m_what.unfinished || !m_what.read || ++m_frames > most_frames) return encode();
    (void)drawFrame(m_what.canvas, *m_options.theme, m_options.size, 1);
    if (!m_what.unfinished()) return encode();
    m_what.read([guard = QPointer<ExportJob>(this)] {
        if (guard) guard->draw();
    });
}

void ExportJob::encode() {
    const Result<Encoding> encoding = drawn(m_what, m_options);
    if (!encoding) {
        emit ended({}, text(encoding.error().message));
        return;
    }
    QThreadPool::globalInstance()->start([guard = QPointer<ExportJob>(this), encode = *encoding, path = m_path] {
        QByteArray content = encode();
        QString problem;
        if (content.isEmpty())
            problem = "There is not enough memory for a picture of this size; choose a smaller one.";
        else if (!path.isEmpty())
            if (const auto written = writeWhole(content, path); !written) problem = text(written.error().message);
        QMetaObject::invokeMethod(
            QCoreApplication::instance(),
            [guard, content, problem] {
                if (guard) emit guard->ended(content, problem);
            },
            Qt::QueuedConnection);
    });
}

} // namespace shardscope::gui
