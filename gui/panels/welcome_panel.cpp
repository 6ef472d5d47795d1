// SPDX-License-Identifier: Apache-2.0
#include "gui/panels/welcome_panel.h"
#include "gui/demo_runs.h"
#include "gui/panels/choice_button.h"
#include "gui/panels/section.h"
#include "gui/panels/stages_picture.h"
#include "gui/style.h"
#include "gui/workspace.h"
#include <QFileInfo>
#include <QGridLayout>
#include <QPushButton>
#include <QVBoxLayout>

namespace shardscope::gui {
namespace {

constexpr int most_recent = 5, between = 12;

} // namespace

WelcomePanel::WelcomePanel(Session& session, Workspace& workspace, DemoRuns& demo, QWidget* parent)
    : QWidget(parent)
    , m_session(session)
    , m_workspace(workspace)
    , m_demo(demo)
    , m_demo_button(new ChoiceButton("Run the demo", "Four stages of ZeRO side by side, in seconds", true))
    , m_continue(new QPushButton)
    , m_stages(new StagesPicture)
    , m_progress(roleLabel({}, "dim"))
    , m_recent(new QVBoxLayout) {
    setObjectName("canvasSide");
    setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Ignored); // hidden behind the canvas it claims no room
    setAttribute(Qt::WA_StyledBackground);
    auto* title = new QLabel("What does ZeRO do to a training step?");
    title->setFont(uiFont(22, true));
    auto* hint = roleLabel("Train a model here or open a trace, and see which key of the DeepSpeed configuration\n"
                           "costs which millisecond and which byte. Files can also be dropped on this window.",
                           "dim", metrics::font);
    hint->setAlignment(Qt::AlignCenter);
    m_progress->setAlignment(Qt::AlignCenter);
    auto* open = new ChoiceButton("Open a file…", "Traces, Nsight Systems, PyTorch profiler");
    auto* own = new ChoiceButton("Set up a run of your own", "Form and DeepSpeed JSON side by side");
    auto* tour = new ChoiceButton("Take the two-minute tour", "What is where, on the demo");
    m_demo_button->setObjectName("runDemo");
    m_continue->setObjectName("continue");
    m_recent->setSpacing(2);
    auto* column = new QVBoxLayout(this);
    column->setSpacing(10);
    column->addStretch(3);
    column->addWidget(m_stages, 0, Qt::AlignCenter);
    column->addSpacing(26);
    column->addWidget(title, 0, Qt::AlignCenter);
    column->addWidget(hint);
    column->addSpacing(16);
    auto* choices = new QGridLayout;
    choices->setSpacing(between);
    choices->addWidget(m_demo_button, 0, 1);
    choices->addWidget(open, 0, 2);
    choices->addWidget(own, 1, 1);
    choices->addWidget(tour, 1, 2);
    choices->setColumnStretch(0, 1);
    choices->setColumnStretch(3, 1);
    column->addLayout(choices);
    m_continue->setProperty("link", true);
    m_continue->setCursor(Qt::PointingHandCursor);
    m_continue->setToolTip("What was open when the window was closed last");
    column->addWidget(m_continue, 0, Qt::AlignCenter);
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
    const auto paint = [this] { m_stages->setTheme(m_session.theme()); };
    connect(&session, &Session::themeChanged, this, paint);
    paint();
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
        connect(
            link, &QPushButton::clicked, this, [this, file] { emit openRequested(file); }, Qt::QueuedConnection);
        m_recent->addWidget(link, 0, Qt::AlignCenter);
    }
}

} // namespace shardscope::gui
