// SPDX-License-Identifier: Apache-2.0
// What the window shows while nothing is open: run the demo, open a file, take the tour, or go on where one left off.
#pragma once
#include "gui/session.h"
#include <QWidget>

class QLabel;
class QPushButton;
class QVBoxLayout;

namespace shardscope::gui {

class DemoRuns;
class StagesPicture;
class Workspace;

class WelcomePanel : public QWidget {
    Q_OBJECT
public:
    WelcomePanel(Session&, Workspace&, DemoRuns&, QWidget* parent = nullptr);

signals:
    void openRequested(const QString& file);

private:
    void showChoices();
    Session& m_session;
    Workspace& m_workspace;
    DemoRuns& m_demo;
    QPushButton *m_demo_button, *m_continue;
    StagesPicture* m_stages;
    QLabel* m_progress;
    QVBoxLayout* m_recent;
};

} // namespace shardscope::gui
