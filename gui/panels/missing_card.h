// SPDX-License-Identifier: Apache-2.0
// A trace of the project whose file is not where it was: grey, with what is known of it and a way to say where it is.
#pragma once
#include "gui/project.h"
#include <QFrame>

class QLabel;

namespace shardscope::gui {

class MissingCard : public QFrame {
    Q_OBJECT
public:
    explicit MissingCard(QWidget* parent = nullptr);
    void show(const ProjectTrace&);
    const QString& searchText() const { return m_search_text; }

signals:
    void locateRequested();
    void forgetRequested();

private:
    QLabel *m_title, *m_path;
    QString m_search_text;
};

} // namespace shardscope::gui
