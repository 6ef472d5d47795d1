// SPDX-License-Identifier: Apache-2.0
// Carries out what the File menu offers to export: the dialog over everything the place offers, and the report on the
// comparison, which a worker writes from the files. Views add what they have to offer.
#pragma once
#include "gui/export/export_dialog.h"
#include "gui/session.h"
#include <QPointer>

namespace shardscope::gui {

class ExportController : public QObject {
    Q_OBJECT
public:
    using Source = std::function<std::vector<Exportable>()>; // of what is shown now; may be empty
    ExportController(Session&, QWidget* window);
    void addSource(Source source) { m_sources.push_back(std::move(source)); } // listed in the order of adding
    std::vector<Exportable> exportables() const;
    void setChooseFile(ChooseFile choose) { m_choose = std::move(choose); }
    ExportDialog* openDialog(); // without blocking; null and a notice where there is nothing to export
    void exportReport();
    bool writing() const { return m_writing > 0; } // a report

private:
    Session& m_session;
    QWidget* m_window;
    std::vector<Source> m_sources;
    ChooseFile m_choose;
    QPointer<ExportDialog> m_dialog;
    int m_writing = 0;
};

} // namespace shardscope::gui
