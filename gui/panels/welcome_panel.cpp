// SPDX-License-Identifier: Apache-2.0
#include "gui/panels/welcome_panel.h"
#include "gui/demo_runs.h"
#include "gui/panels/section.h"
#include "gui/style.h"
#include "gui/workspace.h"
#include <QFileInfo>
#include <QPushButton>
#include <QVBoxLayout>

namespace shardscope::gui {
namespace {

constexpr int button_width = 300, most_recent = 5;

QPushButton* choice(const QString& title, const QString& hint, bool primary) {
    auto* button = new QPushButton(title);
    button->setProperty("primary", primary);
    button->setFixedWidth(button_width);
    button->setToolTip(hint);
    return button;
}

} // namespace

WelcomePanel::WelcomePanel(Session& session, Workspace& workspace, DemoRuns& demo, QWidget* parent)
    : QWidget(parent)
    , m_session(session)
    , m_workspace(workspace)
    , m_demo(demo)
    , m_demo_button(choice("Run the demo", "Trains a small model at ZeRO stages 0 to 3 and compares the four runs", true))
    , m_continue(choice({}, "What was open when the window was closed last", false))
    , m_progress(roleLabel({}, "dim"))
    , m_recent(new QVBoxLayout) {
    setObjectName("canvasSide");
    setAttribute(Qt::WA_StyledBackground);
    auto* title = new QLabel("What does ZeRO do to a training step?");
    title->setFont(uiFont(20, true));
    auto* hint = roleLabel("The demo trains one small model at ZeRO stages 0 to 3 on this machine, in seconds,\n"
                           "and puts the four steps on one time axis. Traces can also be dropped on this window.",
                           "dim", metrics::font);
    hint->setAlignment(Qt::AlignCenter);
    m_progress->setAlignment(Qt::AlignCenter);
    auto* open = choice("Open a file…", session.actions().get(ActionId::open)->toolTip(), false);
    auto* own = choice("Set up a run of your own", session.actions().get(ActionId::new_run)->toolTip(), false);
    auto* tour = choice("Take the two-minute tour", session.actions().get(ActionId::tour)->toolTip(), false);
    m_demo_button->setObjectName("runDemo");
    m_continue->setObjectName("continue");
    m_recent->setSpacing(2);
    auto* column = new QVBoxLayout(this);
    column->setSpacing(10);
    column->addStretch(3);
    column->addWidget(title, 0, Qt::AlignCenter);
    column->addWidget(hint);
    column->addSpacing(10);
    for (QWidget* widget : std::initializer_list<QWidget*>{m_demo_button, open, own, tour, m_continue})
        column->addWidget(widget, 0, Qt::AlignCenter);
    column->addWidget(m_progress);
    column->addLayout(m_recent);
    column->addStretch(4);

    connect(m_demo_button, &QPushButton::clicked, this, [this] {
        if (m_demo.active())
            m_demo.cancel();
        else
            m_session.actions().get(ActionId::run_demo)->trigger();
    });
    connect(open, &QPushButton::clicked, session.actions().get(ActionId::open), &QAction::trigger);
    connect(own, &QPushButton::clicked, session.actions().get(ActionId::new_run), &QAction::trigger);
    connect(tour, &QPushButton::clicked, session.actions().get(ActionId::tour), &QAction::trigger);
    connect(m_continue, &QPushButton::clicked, &workspace, &Workspace::continuePrevious);
    connect(&demo, &DemoRuns::changed, this, &WelcomePanel::showChoices);
    connect(&workspace, &Workspace::changed, this, &WelcomePanel::showChoices);
    showChoices();
}

void WelcomePanel::showChoices() {
    if (!m_session.traces().empty()) return; // it is not shown
    m_demo_button->setText(m_demo.active() ? "Stop the demo" : "Run the demo");
    m_progress->setText(m_demo.active() ? "Training " + m_demo.progressText() + " …" : QString());
    m_continue->setVisible(m_workspace.canContinue());
    m_continue->setText("Continue where you left off: " + m_workspace.previousSummary());
    while (QLayoutItem* item = m_recent->takeAt(0)) {
        delete item->widget();
        delete item;
    }
    QStringList files = m_workspace.recentProjects() + m_workspace.recentFiles();
    files.removeIf([](const QString& file) { return !QFileInfo::exists(file); });
    if (files.isEmpty()) return;
    auto* head = headLabel("Recent");
    head->setAlignment(Qt::AlignCenter);
    m_recent->addWidget(head);
    for (const QString& file : files.mid(0, most_recent)) {
        auto* link = new QPushButton(QFileInfo(file).fileName());
        link->setProperty("link", true);
        link->setToolTip(file);
        link->setCursor(Qt::PointingHandCursor);
        connect(link, &QPushButton::clicked, this, [this, file] { emit openRequested(file); }, Qt::QueuedConnection);
        m_recent->addWidget(link, 0, Qt::AlignCenter);
    }
}

} // namespace shardscope::gui
