// SPDX-License-Identifier: Apache-2.0
#include "gui/main_window.h"
#include "gui/application_style.h"
#include "gui/buckets/buckets_panel.h"
#include "gui/canvas/format.h"
#include "gui/canvas/imgui_canvas.h"
#include "gui/compare/compare_exports.h"
#include "gui/export/export_controller.h"
#include "gui/import_process.h"
#include "gui/memory/memory_panel.h"
#include "gui/panels/inspector_panel.h"
#include "gui/panels/library_panel.h"
#include "gui/panels/live_panel.h"
#include "gui/panels/notes_panel.h"
#include "gui/panels/run_form.h"
#include "gui/panels/run_panel.h"
#include "gui/panels/search_box.h"
#include "gui/panels/section.h"
#include "gui/panels/segmented.h"
#include "gui/panels/summary_panel.h"
#include "gui/panels/timeline_panel.h"
#include "gui/panels/welcome_panel.h"
#include "gui/project_files.h"
#include "gui/style.h"
#include "gui/tables/details_panel.h"
#include "gui/window_tools.h"
#include "gui/workspace.h"
#include <QApplication>
#include <QClipboard>
#include <QCloseEvent>
#include <QDockWidget>
#include <QFileDialog>
#include <QFileInfo>
#include <QFrame>
#include <QHBoxLayout>
#include <QLabel>
#include <QLineEdit>
#include <QMenuBar>
#include <QMimeData>
#include <QProgressBar>
#include <QResizeEvent>
#include <QSettings>
#include <QSplitter>
#include <QStackedWidget>
#include <QStatusBar>
#include <QToolBar>
#include <QToolButton>
#include <QVBoxLayout>
#include <QWidgetAction>
#include <algorithm>
#include <cmath>

namespace shardscope::gui {
namespace {

constexpr int library_width = 232, inspector_width = 290, summary_height = 232, notes_height = 170, note_ms = 6'000;
constexpr int layout_version = 4; // what was stored with other docks is not used

QToolButton* actionButton(QAction* action, const char* kind = "") {
    auto* button = new QToolButton;
    button->setDefaultAction(action);
    button->setToolButtonStyle(Qt::ToolButtonTextOnly);
    if (*kind) button->setProperty(kind, true);
    return button;
}

// Widgets that exist keep the font they were born with, so it comes before the window itself.
QWidget* noParentButFonts(const Theme& theme) {
    prepareTheme(*qApp, theme);
    return nullptr;
}

QString counted(int64_t count, const char* what) {
    return text(formatCount(count)) + " " + what + (count == 1 ? "" : "s");
}

QString placeKey(Place place) { return QString("layout/%1").arg(static_cast<int>(place)); }

} // namespace

MainWindow::MainWindow(Session& session, Memory memory)
    : QMainWindow(noParentButFonts(session.theme()))
    , m_session(session)
    , m_remembers(memory == Memory::remembers) {
    setAcceptDrops(true);
    setDockOptions(QMainWindow::AnimatedDocks | QMainWindow::AllowNestedDocks);
    for (const auto& [corner, area] : {std::pair{Qt::TopLeftCorner, Qt::LeftDockWidgetArea},
                                       {Qt::BottomLeftCorner, Qt::LeftDockWidgetArea},
                                       {Qt::TopRightCorner, Qt::RightDockWidgetArea},
                                       {Qt::BottomRightCorner, Qt::RightDockWidgetArea}})
        setCorner(corner, area);
    session.actions().fillMenus(menuBar());
    for (const ActionSpec& spec : actionTable())
        addAction(session.actions().get(spec.id)); // shortcuts work without the menu
    m_workspace = new Workspace(session, this);
    m_workspace->setRemembers(m_remembers);
    makeCentre();
    makeDocks();
    makeToolBar();
    makeStatusBar();
    m_tools = new WindowTools(session, *m_workspace, *this, *m_notes, m_remembers);
    connectWorkspace();
    connectWindowActions();
    m_exports = new ExportController(session, this);
    m_exports->addSource([this] { return m_buckets->exports(); });
    m_exports->addSource([this] { return timelineExports(m_session, m_timeline->canvas().size()); });
    m_exports->addSource([this] { return m_memory->exports(); });
    m_exports->addSource([this] { return comparisonExports(m_session); });
    connect(&session, &Session::viewChanged, this, &MainWindow::showPlace);
    connect(&session, &Session::tracesChanged, this, &MainWindow::showStatus);
    connect(&session, &Session::tracesChanged, this, &MainWindow::showWelcome);
    connect(&session, &Session::traceGrew, this, &MainWindow::showStatus);
    connect(&session, &Session::noticed, this, &MainWindow::showNotice);
    connect(&session, &Session::themeChanged, this, &MainWindow::applyCurrentTheme);
    connect(&session.run(), &RunProcess::changed, this, &MainWindow::showStatus);
    m_notice_timer.setSingleShot(true);
    connect(&m_notice_timer, &QTimer::timeout, m_notice, &QWidget::hide);
    m_composed = true;
    applyCurrentTheme();
    resize(1600, 1000);
    if (m_remembers) restore();
    showPlace();
    showStatus();
}

MainWindow::~MainWindow() { m_workspace->finish(); }

void MainWindow::makeCentre() {
    m_timeline = new TimelinePanel(m_session);
    m_run = new RunPanel(m_session);
    m_buckets = new BucketsPanel(m_session, [this] { return m_run->form().request(); });
    m_centre = new QStackedWidget;
    m_memory = new MemoryPanel(m_session);
    m_memory->hide();
    m_canvas_page = new QSplitter(Qt::Vertical);
    m_canvas_page->setChildrenCollapsible(false);
    m_canvas_page->setHandleWidth(1);
    m_canvas_page->addWidget(m_timeline);
    m_canvas_page->addWidget(m_memory);
    m_canvas_page->setSizes({372, 508}); // curves of four runs fit at 1600 x 1000
    m_centre->addWidget(m_canvas_page);
    m_centre->addWidget(m_run);
    m_centre->addWidget(m_buckets);
    m_notice = new QFrame;
    m_notice->setObjectName("notice");
    m_notice_text = new QLabel;
    m_notice_text->setWordWrap(true);
    m_notice_text->setTextInteractionFlags(Qt::TextSelectableByMouse);
    auto* close = new QToolButton;
    close->setText("×");
    close->setProperty("flat", true);
    connect(close, &QToolButton::clicked, m_notice, &QWidget::hide);
    auto* notice_row = new QHBoxLayout(m_notice);
    notice_row->setContentsMargins(12, 6, 8, 6);
    notice_row->addWidget(m_notice_text, 1);
    notice_row->addWidget(close);
    m_notice->hide();
    auto* centre = new QWidget;
    auto* column = new QVBoxLayout(centre);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(0);
    column->addWidget(m_notice);
    column->addWidget(m_centre, 1);
    setCentralWidget(centre);
}

void MainWindow::makeDocks() {
    const auto add = [this](const char* name, Qt::DockWidgetArea area, QWidget* content, QWidget* head) {
        auto* dock = new QDockWidget(head->property("title").toString());
        dock->setObjectName(name);
        dock->setTitleBarWidget(head);
        dock->setWidget(content);
        dock->setFeatures(QDockWidget::DockWidgetMovable | QDockWidget::DockWidgetFloatable);
        addDockWidget(area, dock);
        return dock;
    };
    auto* library_head = new SectionHead("Library");
    auto* open = new QToolButton; // a plus; its tooltip says the rest
    open->setProperty("flat", true);
    open->setText("+");
    open->setToolTip(m_session.actions().get(ActionId::open)->toolTip());
    connect(open, &QToolButton::clicked, m_session.actions().get(ActionId::open), &QAction::trigger);
    library_head->addWidget(open);
    auto* inspector_head = new SectionHead("Selection");
    m_library = new LibraryPanel(m_session, *m_workspace);
    m_inspector = new InspectorPanel(m_session, inspector_head);
    m_summary = new SummaryPanel(m_session);
    m_library_dock = add("library", Qt::LeftDockWidgetArea, m_library, library_head);
    m_inspector_dock = add("inspector", Qt::RightDockWidgetArea, m_inspector, inspector_head);
    auto* notes_head = new SectionHead("Notes");
    m_notes = new NotesPanel(m_session, *m_workspace, notes_head);
    m_notes_dock = add("notes", Qt::RightDockWidgetArea, m_notes, notes_head);
    m_summary_dock = add("summary", Qt::BottomDockWidgetArea, m_summary, new QWidget);
    m_details = new DetailsPanel(m_session);
    m_details_dock = add("details", Qt::BottomDockWidgetArea, m_details, new QWidget);
    m_summary_dock->setWindowTitle("Figures"); // of the tab, where both are shown
    m_details_dock->setWindowTitle("Tables");
    tabifyDockWidget(m_summary_dock, m_details_dock);
    m_details_dock->hide();
}

void MainWindow::makeToolBar() {
    Actions& actions = m_session.actions();
    QToolBar* bar = addToolBar("Tools");
    bar->setObjectName("tools");
    bar->setMovable(false);
    bar->setContextMenuPolicy(Qt::PreventContextMenu);
    // Tools of some places only come in groups: a toolbar enables what it shows, and would enable a button of a resting
    // action.
    const auto group = [bar](std::initializer_list<QWidget*> widgets) {
        auto* box = new QWidget;
        auto* row = new QHBoxLayout(box);
        row->setContentsMargins(0, 0, 0, 0);
        row->setSpacing(8);
        for (QWidget* widget : widgets) row->addWidget(widget);
        return bar->addWidget(box);
    };
    const auto arrow = [&](ActionId id) {
        QToolButton* button = actionButton(actions.get(id), "flat");
        button->setToolButtonStyle(Qt::ToolButtonIconOnly);
        return button;
    };
    m_step_label = new QLabel;
    m_step_label->setMinimumWidth(52);
    m_step_label->setAlignment(Qt::AlignCenter);
    m_gap = new QWidget;
    m_gap->setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Preferred);
    auto* align = new Segmented(actions.ofChoice(Choice::align));
    QToolButton *exposed = actionButton(actions.get(ActionId::exposed_only)),
                *vary = actionButton(actions.get(ActionId::vary_run)),
                *picture = actionButton(actions.get(ActionId::export_view)),
                *stages = actionButton(actions.get(ActionId::queue_stages));
    m_giving_tools = {{exposed, 1400}, {vary, 1400}, {align, 1080}, {stages, 960}, {picture, 880}};

    bar->addWidget(new Segmented(actions.ofChoice(Choice::place)));
    m_canvas_tools << group({align, new Segmented(actions.ofChoice(Choice::rank)), arrow(ActionId::previous_step),
                             m_step_label, arrow(ActionId::next_step)});
    m_run_tools << group({actionButton(actions.get(ActionId::open_config)), vary});
    auto* search = new SearchBox(m_session, &m_timeline->canvas());
    connect(actions.get(ActionId::search), &QAction::triggered, search, &SearchBox::start);
    m_canvas_tools << group({search});
    bar->addWidget(m_gap);
    m_canvas_tools << group({exposed, picture, actionButton(actions.get(ActionId::new_run), "primary")});
    m_run_tools << group({stages, actionButton(actions.get(ActionId::queue_run)),
                          actionButton(actions.get(ActionId::stop_run)),
                          actionButton(actions.get(ActionId::start_run), "primary")});
}

// Where not all tools have room, those that have a key and a menu entry go before the rest are cut off, and the search
// field gets what is left between the others.
void MainWindow::fitTools() {
    constexpr float all_tools = 1400;
    const float room = static_cast<float>(width()) / uiScale();
    for (const auto& [tool, needed] : m_giving_tools) tool->setVisible(room >= needed);
    const bool search = m_shown_place != Place::run && m_shown_place != Place::buckets;
    m_gap->setMaximumWidth(room >= all_tools || !search ? QWIDGETSIZE_MAX : 8);
}

void MainWindow::resizeEvent(QResizeEvent* event) {
    QMainWindow::resizeEvent(event);
    fitTools();
}

void MainWindow::makeStatusBar() {
    m_status = new QLabel;
    m_hint = new QLabel;
    statusBar()->setSizeGripEnabled(false);
    statusBar()->addWidget(m_status, 1);
    m_import = new ImportProcess(this);
    m_import_box = new QWidget;
    m_import_text = new QLabel;
    m_import_bar = new QProgressBar;
    m_import_bar->setTextVisible(false);
    m_import_bar->setFixedWidth(120);
    auto* cancel = new QToolButton;
    cancel->setText("Cancel");
    auto* line = new QHBoxLayout(m_import_box);
    line->setContentsMargins(0, 0, 0, 0);
    for (QWidget* widget :
         {static_cast<QWidget*>(m_import_text), static_cast<QWidget*>(m_import_bar), static_cast<QWidget*>(cancel)})
        line->addWidget(widget);
    m_import_box->hide();
    statusBar()->addPermanentWidget(m_import_box);
    connect(cancel, &QToolButton::clicked, m_import, &ImportProcess::cancel);
    connect(m_import, &ImportProcess::changed, this, &MainWindow::showImport);
    connect(m_import, &ImportProcess::changed, this, &MainWindow::showWelcome);
    connect(m_import, &ImportProcess::imported, this,
            [this](const QString& trace) { m_session.openLater(trace.toStdString()); });
    connect(m_import, &ImportProcess::failed, this,
            [this](const QString& sentence) { m_session.notify(sentence, true); });
    statusBar()->addPermanentWidget(m_hint);
}

void MainWindow::connectWindowActions() {
    const auto on = [this](ActionId id, auto&& what) {
        connect(m_session.actions().get(id), &QAction::triggered, this, std::forward<decltype(what)>(what));
    };
    connectDetails();
    on(ActionId::open, [this] { chooseFiles(); });
    on(ActionId::quit, [this] { close(); });
    on(ActionId::save_picture, [this] { savePicture(); });
    on(ActionId::copy_comparison, [this] {
        QApplication::clipboard()->setText(text(comparisonText(m_session.comparison())));
        m_session.notify("The numbers are on the clipboard as an aligned table.", false);
    });
    on(ActionId::reset_layout, [this] {
        m_layouts.erase(m_session.place());
        useDefaultLayout(m_session.place());
    });
    connect(&m_session, &Session::changeWanted, m_run, &RunPanel::changeKey);
    on(ActionId::about, [this] {
        m_session.notify("Shardscope " SHARDSCOPE_VERSION
                         ": what does ZeRO do to my training step, and why? This program links QCustomPlot "
                         "and is distributed under GPL-3.0-or-later; its own sources are under Apache-2.0.",
                         false);
    });
}

// Tables can be shown in every place and stay while places change.
void MainWindow::connectDetails() {
    QAction* shown = m_session.actions().get(ActionId::tables);
    const auto open = [this] {
        m_details_dock->show();
        m_details_dock->raise();
    };
    connect(shown, &QAction::triggered, this, [this, open](bool wanted) { wanted ? open() : m_details_dock->hide(); });
    connect(m_details_dock, &QDockWidget::visibilityChanged, this,
            [this, shown] { shown->setChecked(!m_details_dock->isHidden()); });
    connect(m_session.actions().get(ActionId::sql_console), &QAction::triggered, this, [this, open] {
        open();
        m_details->showSql();
    });
    connect(m_session.actions().get(ActionId::warnings), &QAction::triggered, this, [this, open] {
        open();
        m_details->showTable(DetailsKind::warnings);
    });
}

bool MainWindow::openFiles(const std::vector<std::string>& files) {
    size_t traces = 0;
    for (auto at = files.begin(); at != files.end(); ++at) {
        const std::string& file = *at;
        if (file.ends_with(".shardproj")) { // it closes what is open; what stands behind it is opened beside its traces
            m_workspace->open(QString::fromStdString(file),
                              [this, rest = std::vector(at + 1, files.end())] { openFiles(rest); });
            break;
        }
        if (mayBeSweep(file)) {
            m_buckets->openSweep(file); // a failure is shown when it was read
            m_session.setPlace(Place::buckets);
        } else if (ImportProcess::mayImport(file)) {
            m_import->add(QString::fromStdString(file));
        } else {
            m_session.openLater(file);
            ++traces;
        }
    }
    if (traces > 1)
        m_session.whenOpened([this] {
            if (!m_session.traces().empty()) m_session.setActive(m_session.traces().front().id);
        });
    return !files.empty();
}

void MainWindow::showImport() {
    m_import_box->setVisible(m_import->active());
    m_hint->setVisible(!m_import->active());
    QString line = "importing " + QFileInfo(m_import->file()).fileName() + ", " + m_import->stage();
    if (m_import->secondsLeft() >= 1) line += QString(", %1 s left").arg(m_import->secondsLeft(), 0, 'f', 0);
    m_import_text->setText(line);
    m_import_bar->setValue(m_import->percent());
}

bool MainWindow::settled() const {
    if (m_session.busy() || m_workspace->reading() || m_import->active() || !m_library->settled()) return false;
    if (m_session.place() == Place::run && !m_run->settled()) return false;
    if (m_session.place() == Place::run) return !m_run->live().canvas().isVisible() || m_run->live().canvas().idle();
    if (!m_buckets->settled()) return false;
    if (m_session.place() == Place::buckets) return m_session.traces().empty() || m_details->idle();
    return m_session.traces().empty() || (m_timeline->canvas().idle() && m_memory->idle() && m_details->idle());
}

QString MainWindow::notice() const { return m_notice->isHidden() ? QString() : m_notice_text->text(); }

QString MainWindow::statusText() const { return m_status->text(); }

// --- places --------------------------------------------------------------------------------------------------------

void MainWindow::showPlace() {
    m_step_label->setText(m_session.step() < 0 ? QString("–") : QString("step %1").arg(m_session.step()));
    const Place place = m_session.place();
    if (m_shown_place == place) return;
    if (m_shown_place && !m_welcomes) m_layouts[*m_shown_place] = saveState(layout_version);
    m_shown_place = place;
    m_welcomes = false;
    const bool run = place == Place::run, buckets = place == Place::buckets, page = run || buckets;
    const bool tables = m_session.actions().get(ActionId::tables)->isChecked();
    const auto arrangeDocks = [&] {
        if (!m_layouts.contains(place) || !restoreState(m_layouts[place], layout_version)) useDefaultLayout(place);
        m_details_dock->setVisible(tables);
    };
    // The form and the docks need not fit beside each other: those who go, go first, or they would widen the window.
    if (page) arrangeDocks();
    m_memory->setVisible(place == Place::memory);
    showPage(run ? static_cast<QWidget*>(m_run) : buckets ? static_cast<QWidget*>(m_buckets) : m_canvas_page);
    if (!page) arrangeDocks();
    for (QAction* tool : m_canvas_tools) tool->setVisible(!page);
    for (QAction* tool : m_run_tools) tool->setVisible(run);
    fitTools();
    showWelcome();
    if (!page) m_timeline->setFocus();
    showStatus();
}

bool MainWindow::nothingOpen() const {
    const bool page = m_session.place() == Place::run || m_session.place() == Place::buckets;
    return !page && m_session.traces().empty() && m_session.opening() == 0 && m_workspace->missing().empty();
}

// Panels that have nothing to show leave the room to the page that says what can be done.
void MainWindow::showWelcome() {
    const bool welcomes = nothingOpen();
    if (welcomes == m_welcomes || !m_shown_place) return;
    const Place place = *m_shown_place;
    // Before the window was laid out once its docks have no sizes to keep: what is stored, or the default, stays.
    if (welcomes && isVisible()) m_layouts[place] = saveState(layout_version);
    m_welcomes = welcomes;
    for (QAction* tool : m_canvas_tools) tool->setVisible(!welcomes && place != Place::run && place != Place::buckets);
    if (!welcomes && restoreState(m_layouts[place], layout_version)) return;
    for (QDockWidget* dock : {m_library_dock, m_inspector_dock, m_notes_dock, m_summary_dock}) // tables are asked for
        dock->setVisible(false);
    if (!welcomes) useDefaultLayout(place);
}

void MainWindow::showPage(QWidget* page) {
    for (QWidget* other : {static_cast<QWidget*>(m_run), static_cast<QWidget*>(m_buckets),
                           static_cast<QWidget*>(m_canvas_page)}) { // a hidden page claims no room
        const auto policy = other == page ? QSizePolicy::Preferred : QSizePolicy::Ignored;
        other->setSizePolicy(policy, policy);
    }
    m_centre->setCurrentWidget(page);
    m_centre->layout()->activate();
    centralWidget()->layout()->activate();
}

void MainWindow::widenDocks() {
    m_docked_scale = uiScale();
    const int most = width() / 4; // the canvas keeps half of the window
    const auto wide = [&](int pixels) {
        return std::min(static_cast<int>(std::lround(static_cast<float>(pixels) * uiScale())), most);
    };
    resizeDocks({m_library_dock, m_inspector_dock}, {wide(library_width), wide(inspector_width)}, Qt::Horizontal);
}

void MainWindow::useDefaultLayout(Place place) {
    addDockWidget(Qt::LeftDockWidgetArea, m_library_dock);
    addDockWidget(Qt::RightDockWidgetArea, m_inspector_dock);
    splitDockWidget(m_inspector_dock, m_notes_dock, Qt::Vertical);
    addDockWidget(Qt::BottomDockWidgetArea, m_summary_dock);
    addDockWidget(Qt::BottomDockWidgetArea, m_details_dock);
    tabifyDockWidget(m_summary_dock, m_details_dock);
    for (QDockWidget* dock : {m_library_dock, m_inspector_dock, m_notes_dock, m_summary_dock, m_details_dock})
        dock->setFloating(false);
    m_details_dock->hide();
    const bool docks = place != Place::run && place != Place::buckets;
    m_library_dock->setVisible(docks);
    m_inspector_dock->setVisible(docks);
    m_notes_dock->setVisible(docks);
    m_summary_dock->setVisible(place == Place::compare);
    widenDocks();
    resizeDocks({m_summary_dock}, {summary_height}, Qt::Vertical);
    resizeDocks({m_inspector_dock, m_notes_dock}, {height() - notes_height, notes_height}, Qt::Vertical);
}

// Under a style sheet a widget that gets a parent takes all that is in it through the rules again, so that the sheet
// comes last, when everything has its place.
void MainWindow::applyCurrentTheme() {
    if (!m_composed) return;
    applyTheme(*qApp, m_session.theme());
    menuBar()->setCornerWidget(nullptr); // as high as the bar is without it
    m_project_name->setMinimumHeight(menuBar()->sizeHint().height());
    menuBar()->setCornerWidget(m_project_name);
    if (m_docked_scale != uiScale()) { // larger type needs wider docks, and fewer tools have room
        fitTools();
        widenDocks();
    }
    m_session.actions().setIconColour(toColour(m_session.theme().text));
    setWindowIcon(tintedIcon("shardscope", toColour(m_session.theme().accent)));
}

// --- facts and sentences -------------------------------------------------------------------------------------------

void MainWindow::showNotice(const QString& sentence, bool is_error) {
    m_notice->setProperty("kind", is_error ? "error" : "note");
    repolish(m_notice);
    m_notice_text->setText(sentence);
    m_notice->show();
    if (is_error)
        m_notice_timer.stop(); // a failure stays until it was read
    else
        m_notice_timer.start(note_ms);
}

void MainWindow::showStatus() {
    const auto& traces = m_session.traces();
    int64_t events = 0, steps = 0, warnings = 0;
    std::string link;
    bool emulated = false;
    for (const OpenTrace& open : traces) {
        events += open.reader->eventCount();
        steps = std::max(steps, static_cast<int64_t>(open.reader->steps().size()));
        warnings += static_cast<int64_t>(open.reader->warnings().size());
        if (!open.facts.link.empty() && link.find(open.facts.link) == std::string::npos)
            link += (link.empty() ? "" : ", ") + open.facts.link;
        emulated |= open.facts.link_emulated;
    }
    QStringList facts;
    if (traces.empty())
        facts << "no trace open";
    else
        facts << counted(static_cast<int64_t>(traces.size()), "trace") + " · " + counted(steps, "step") + " · " +
                     counted(events, "event");
    if (!link.empty()) facts << "link " + text(link) + (emulated ? ", emulated" : ", not emulated");
    if (m_session.opening() > 0) facts << (m_session.opening() == 1 ? "reading a trace" : "reading traces");
    if (warnings > 0) facts << QString("%1 %2 in the traces").arg(warnings).arg(warnings == 1 ? "warning" : "warnings");
    if (m_session.run().active()) facts << QString("run going on, process %1").arg(m_session.run().processId());
    m_status->setText(facts.join("      "));
    QString details;
    for (const OpenTrace& open : traces)
        for (const WarningEvent& warning : open.reader->warnings()) details += text(warning.text) + "\n";
    m_status->setToolTip(details.trimmed());
    const auto key = [this](ActionId id) {
        const QString keys = m_session.actions().get(id)->shortcut().toString(QKeySequence::NativeText);
        return keys.isEmpty() ? QString("–") : keys;
    };
    m_hint->setText(m_session.place() == Place::run
                        ? "the form and the JSON are two views of one thing · " + key(ActionId::keys) + " keys"
                    : m_session.place() == Place::buckets
                        ? "click a point to open its trace · double-click a row to see it in the timeline · " +
                              key(ActionId::keys) + " keys"
                        : QString("%1 %2 zoom · %3 %4 pan · %5 focus · %6 %7 step · %8 keys")
                              .arg(key(ActionId::zoom_in), key(ActionId::zoom_out), key(ActionId::pan_left),
                                   key(ActionId::pan_right), key(ActionId::focus), key(ActionId::previous_step),
                                   key(ActionId::next_step), key(ActionId::keys)));
}

void MainWindow::connectWorkspace() {
    auto* files = new ProjectFiles(m_session, *m_workspace, this);
    connect(files, &ProjectFiles::openRequested, this, &MainWindow::openDropped);
    QMenu* menu = m_session.actions().menu("File");
    menu->insertMenu(m_session.actions().get(ActionId::new_project), files->recentMenu());
    m_project_name = new QLabel;
    m_project_name->setProperty("role", "dim");
    m_project_name->setContentsMargins(8, 0, 12, 0);
    m_project_name->setAlignment(Qt::AlignVCenter);
    const auto show_name = [this] {
        m_project_name->setText(m_workspace->title() + (m_workspace->dirty() ? " •" : ""));
        m_project_name->adjustSize();
        menuBar()->setCornerWidget(m_project_name); // or it stays where the text before it began
    };
    connect(m_workspace, &Workspace::changed, this, show_name);
    connect(m_workspace, &Workspace::changed, this, &MainWindow::showWelcome);
    connect(&m_tools->bindings(), &KeyBindings::changed, this, &MainWindow::showStatus);
    show_name();
    auto* welcome = new WelcomePanel(m_session, *m_workspace, m_tools->demo());
    connect(welcome, &WelcomePanel::openRequested, this, &MainWindow::openDropped);
    m_timeline->setWelcome(welcome);
    m_workspace->setLayoutHooks(
        [this] {
            Workspace::Layouts layouts;
            for (const auto& [place, layout] : m_layouts) layouts[placeName(place)] = layout;
            if (m_shown_place && !m_welcomes) layouts[placeName(*m_shown_place)] = saveState(layout_version);
            return layouts;
        },
        [this](const Workspace::Layouts& layouts) {
            for (const auto& [name_of_place, layout] : layouts)
                if (const auto place = placeOf(text(name_of_place))) {
                    m_layouts[*place] = layout;
                    if (m_shown_place == place && !m_welcomes) restoreState(layout, layout_version);
                }
        });
    if (m_remembers) m_workspace->keepCopiesIn(Workspace::defaultFolder());
}

void MainWindow::openDropped(const QString& file) {
    if (m_session.place() == Place::run) m_session.setPlace(Place::compare);
    openFiles({file.toStdString()});
}

// --- files ---------------------------------------------------------------------------------------------------------

void MainWindow::chooseFiles() {
    std::vector<std::string> files;
    for (const QString& file : QFileDialog::getOpenFileNames(
             this, "Open traces", {},
             "Traces, sweeps and projects (*.shardscope *.shardproj *.sqlite *.json *.json.gz);;All files (*)"))
        files.push_back(file.toStdString());
    openFiles(files);
    if (!files.empty() && m_session.place() == Place::run) m_session.setPlace(Place::timeline);
}

void MainWindow::savePicture() {
    const QPixmap picture = grab(); // before the dialog covers it
    const QString path = QFileDialog::getSaveFileName(this, "Save picture", "shardscope.png", "Pictures (*.png)");
    if (path.isEmpty()) return;
    if (picture.save(path))
        m_session.notify("Saved " + path + ".", false);
    else
        m_session.notify(path + " could not be written; choose another folder.", true);
}

void MainWindow::dragEnterEvent(QDragEnterEvent* event) {
    if (event->mimeData()->hasUrls()) event->acceptProposedAction();
}

void MainWindow::dropEvent(QDropEvent* event) {
    std::vector<std::string> files;
    for (const QUrl& url : event->mimeData()->urls())
        if (url.isLocalFile()) files.push_back(url.toLocalFile().toStdString());
    event->acceptProposedAction();
    if (m_session.place() == Place::run) m_session.setPlace(Place::compare);
    openFiles(files);
}

// --- what is remembered --------------------------------------------------------------------------------------------

void MainWindow::restore() {
    QSettings settings;
    restoreGeometry(settings.value("geometry").toByteArray());
    for (const Place place : {Place::run, Place::timeline, Place::compare, Place::buckets, Place::memory})
        if (const QByteArray layout = settings.value(placeKey(place)).toByteArray(); !layout.isEmpty())
            m_layouts[place] = layout;
}

void MainWindow::closeEvent(QCloseEvent* event) {
    if (!m_run->mayClose()) return event->ignore();
    if (m_remembers) {
        QSettings settings;
        settings.setValue("geometry", saveGeometry());
        if (m_shown_place && !m_welcomes) m_layouts[*m_shown_place] = saveState(layout_version);
        for (const auto& [place, layout] : m_layouts) settings.setValue(placeKey(place), layout);
    }
    event->accept();
}

} // namespace shardscope::gui
