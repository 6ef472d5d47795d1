// SPDX-License-Identifier: Apache-2.0
#include "gui/panels/summary_panel.h"
#include "gui/compare/card_flow.h"
#include "gui/compare/chart_card_view.h"
#include "gui/compare/chart_places.h"
#include "gui/compare/comparison_tables.h"
#include "gui/panels/elided_label.h"
#include "gui/panels/section.h"
#include "gui/panels/segmented.h"
#include "gui/panels/stacked_bars.h"
#include "gui/style.h"
#include <QAction>
#include <QActionGroup>
#include <QScrollArea>
#include <QStackedWidget>
#include <QTableView>
#include <QToolButton>
#include <QVBoxLayout>
#include <algorithm>
#include <cmath>

namespace shardscope::gui {

SummaryPanel::SummaryPanel(Session& session, QWidget* parent)
    : QWidget(parent)
    , m_session(session)
    , m_pages(new QStackedWidget)
    , m_differences(new ElidedLabel)
    , m_losses(new LossChart("loss"))
    , m_configuration(new ViewTablePage("configuration"))
    , m_ops(new ViewTablePage("ops"))
    , m_numbers(new ViewTablePage("numbers")) {
    setObjectName("canvasSide");
    setAttribute(Qt::WA_StyledBackground);
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(0);
    column->addWidget(makeBar());
    column->addWidget(m_pages, 1);
    m_pages->addWidget(m_configuration);
    m_pages->addWidget(makeCharts());
    m_pages->addWidget(m_ops);
    m_pages->addWidget(m_numbers);
    m_pages->setCurrentIndex(static_cast<int>(Page::charts));
    connect(m_ops, &ViewTablePage::cellClicked, this, &SummaryPanel::goToOp);
    connect(&session, &Session::analysisChanged, this, &SummaryPanel::rebuild);
    connect(&session, &Session::tracesChanged, this, &SummaryPanel::rebuild);
    connect(&session, &Session::themeChanged, this, &SummaryPanel::paintTheme);
    paintTheme();
}

QWidget* SummaryPanel::makeBar() {
    auto* bar = new QWidget;
    auto* row = new QHBoxLayout(bar);
    row->setContentsMargins(12, 6, 12, 2);
    row->setSpacing(10);
    auto* group = new QActionGroup(this);
    for (const auto& [page, name, help] :
         {std::tuple{Page::configuration, "Configuration", "What was chosen differently, key by key"},
          {Page::charts, "Charts", "Step budget, memory, overlap, throughput and losses"},
          {Page::ops, "Ops", "Every op of every run, and what differs by more than noise"},
          {Page::numbers, "Numbers", "All medians with their spread"}}) {
        auto* action = new QAction(name, group);
        action->setCheckable(true);
        action->setToolTip(help);
        action->setChecked(page == Page::charts);
        connect(action, &QAction::triggered, this, [this, page = page] { showPage(page); });
        m_page_actions << action;
    }
    row->addWidget(new Segmented(m_page_actions));
    m_differences->setFont(uiFont(metrics::font_small));
    m_differences->setAccessibleName("What differs");
    row->addWidget(m_differences, 1);
    row->addStretch(); // where that is hidden
    m_baseline_box = new QWidget;
    m_baselines = new QHBoxLayout(m_baseline_box);
    m_baselines->setContentsMargins(0, 0, 0, 0);
    m_baselines->setSpacing(2);
    m_against = roleLabel("against", "dim", metrics::font_axis);
    m_baselines->addWidget(m_against);
    row->addWidget(m_baseline_box);
    m_mark = new QToolButton;
    m_mark->setDefaultAction(m_session.actions().get(ActionId::differences));
    m_mark->setToolButtonStyle(Qt::ToolButtonTextOnly);
    row->addWidget(m_mark);
    return bar;
}

// Where the bar is short, words go before buttons, and the button that has a key and a menu entry before the pages.
void SummaryPanel::fitBar() {
    const float room = static_cast<float>(width()) / uiScale();
    m_differences->setVisible(room >= 640);
    m_against->setVisible(room >= 560);
    m_mark->setVisible(room >= 540);
}

void SummaryPanel::resizeEvent(QResizeEvent* event) {
    QWidget::resizeEvent(event);
    fitBar();
}

QWidget* SummaryPanel::makeCharts() {
    m_flow = new CardFlow;
    // Least widths let four cards stand beside each other in the middle of a window of 1600 pixels, with the loss.
    for (const auto& [id, least, stretch] : {std::tuple{ChartId::budget, 212, 30},
                                             {ChartId::memory, 196, 26},
                                             {ChartId::overlap, 144, 16},
                                             {ChartId::throughput, 156, 18}}) {
        auto* card = new ChartCardView;
        m_cards.push_back(card);
        m_flow->add(card, least, stretch);
        connect(&card->bars(), &StackedBars::rowClicked, this,
                [this, id = id](int trace, int segment) { goTo(id, trace, segment); });
    }
    connect(&budget(), &StackedBars::legendClicked, this, [this](int item) {
        if (item == exposed_comm_part) m_session.setExposedOnly(!m_session.exposedOnly());
    });
    m_loss_card = new QWidget;
    m_loss_statement = new ElidedLabel;
    m_loss_statement->setFont(uiFont(metrics::font_axis));
    auto* column = new QVBoxLayout(m_loss_card);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(1);
    column->addWidget(headLabel("Loss"));
    column->addWidget(m_loss_statement);
    column->addWidget(m_losses, 1);
    m_losses->setAccessibleName("Loss over steps");
    m_flow->add(m_loss_card, 176, 22);
    connect(m_losses, &LossChart::stepClicked, this, [this](int32_t step) { m_session.setStep(step); });
    connect(m_flow, &CardFlow::arranged, this, &SummaryPanel::alignRows);
    m_scroll = new QScrollArea;
    m_scroll->setWidgetResizable(true);
    m_scroll->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    m_scroll->setFrameShape(QFrame::NoFrame);
    m_scroll->setFocusPolicy(Qt::NoFocus);
    m_scroll->setWidget(m_flow);
    return m_scroll;
}

StackedBars& SummaryPanel::budget() const { return m_cards[static_cast<size_t>(ChartId::budget)]->bars(); }
StackedBars& SummaryPanel::memory() const { return m_cards[static_cast<size_t>(ChartId::memory)]->bars(); }
StackedBars& SummaryPanel::overlap() const { return m_cards[static_cast<size_t>(ChartId::overlap)]->bars(); }
StackedBars& SummaryPanel::throughput() const { return m_cards[static_cast<size_t>(ChartId::throughput)]->bars(); }

QString SummaryPanel::lossStatement() const { return m_loss_statement->text(); }
QString SummaryPanel::differences() const { return m_differences->text(); }

QToolButton* SummaryPanel::baselineButton(size_t run) const {
    return m_baseline_buttons.value(static_cast<qsizetype>(run));
}

SummaryPanel::Page SummaryPanel::page() const { return static_cast<Page>(m_pages->currentIndex()); }

void SummaryPanel::showPage(Page page) {
    m_page_actions[static_cast<qsizetype>(page)]->setChecked(true);
    m_pages->setCurrentIndex(static_cast<int>(page));
}

void SummaryPanel::alignRows() { // the column with the longest legend decides, so that rows of all columns line up
    int pitch = static_cast<int>(std::lround(30 * uiScale()));
    for (ChartCardView* card : m_cards)
        if (!card->isHidden()) pitch = std::min(pitch, card->bars().naturalPitch());
    for (ChartCardView* card : m_cards) card->bars().setFixedPitch(pitch);
}

void SummaryPanel::paintTheme() {
    for (ChartCardView* card : m_cards) card->bars().setTheme(m_session.theme());
    for (ViewTablePage* table : {m_configuration, m_ops, m_numbers}) table->setTheme(m_session.theme());
    m_losses->setTheme(m_session.theme());
    fitBar();
    rebuild();
}

ComparedTraces SummaryPanel::comparedTraces() const { // runs come in the order of the compared traces
    ComparedTraces compared;
    for (const OpenTrace& open : m_session.traces())
        if (open.compared) compared.ids.push_back(open.id);
    if (m_session.active()) compared.active = m_session.active()->id;
    return compared;
}

void SummaryPanel::rebuildBaselines() {
    const Comparison& comparison = m_session.comparison();
    const ComparedTraces traces = comparedTraces();
    m_baseline_box->setVisible(comparison.runs.size() > 1);
    while (m_baseline_buttons.size() > static_cast<qsizetype>(comparison.runs.size()))
        m_baseline_buttons.takeLast()->deleteLater();
    for (size_t i = 0; i < comparison.runs.size(); ++i) {
        if (static_cast<qsizetype>(i) == m_baseline_buttons.size()) {
            auto* button = new QToolButton;
            button->setCheckable(true);
            button->setObjectName("baseline");
            button->setFixedWidth(26);
            connect(button, &QToolButton::clicked, this,
                    [this, i] { m_session.setBaseline(comparedTraces().idOf(i)); });
            m_baselines->addWidget(button);
            m_baseline_buttons << button;
        }
        QToolButton* button = m_baseline_buttons[static_cast<qsizetype>(i)];
        button->setText(text(comparison.runs[i].label));
        button->setChecked(i == comparison.baseline);
        button->setToolTip("Compare with " + text(comparison.runs[i].label + "  " + comparison.runs[i].title));
        button->setAccessibleName(button->toolTip());
    }
}

void SummaryPanel::rebuild() {
    const Comparison& comparison = m_session.comparison();
    const ComparedTraces traces = comparedTraces();
    const Theme& theme = m_session.theme();
    const ChartCard cards[] = {budgetCard(comparison, traces, theme), memoryCard(comparison, traces, theme),
                               overlapCard(comparison, traces, theme), throughputCard(comparison, traces, theme)};
    for (size_t i = 0; i < m_cards.size(); ++i) m_cards[i]->setCard(cards[i]);
    const bool trained =
        std::ranges::any_of(comparison.runs, [](const RunFigures& run) { return run.tokens_per_s > 0; });
    m_cards[static_cast<size_t>(ChartId::throughput)]->setVisible(trained || comparison.runs.empty());
    const std::vector<Curve> curves = lossCurves(comparison, theme);
    m_loss_card->setVisible(!curves.empty() || comparison.runs.empty());
    m_losses->setCurves(curves, curves.size() > 1);
    int32_t first = -1; // where any of the curves leaves the baseline's
    for (const int32_t step : comparison.losses_part)
        if (step >= 0 && (first < 0 || step < first)) first = step;
    m_losses->setMark(first < 0 ? std::nullopt : std::optional(first)); // the line above the chart says it in words
    m_loss_statement->setText(lossSentence(comparison));
    m_loss_statement->setToolTip(text(comparison.loss_statement));
    setTone(m_loss_statement, lossTone(comparison));
    m_differences->setText(differenceLine(comparison));
    m_configuration->setTable(configurationTable(comparison), configurationNote(comparison));
    m_ops->setTable(opsTable(comparison), opsNote(comparison));
    m_numbers->setTable(numbersTable(comparison), numbersNote(comparison));
    rebuildBaselines();
    m_flow->arrange();
}

// --- from a chart to the trace -------------------------------------------------------------------------------------

void SummaryPanel::goTo(ChartId chart, int trace_id, int segment) {
    m_session.setActive(trace_id);
    const OpenTrace* open = m_session.trace(trace_id);
    const ComparedTraces traces = comparedTraces();
    const auto run = static_cast<size_t>(std::ranges::find(traces.ids, trace_id) - traces.ids.begin());
    if (!open || segment < 0 || run >= m_session.comparison().runs.size()) return;
    const RunFigures& figures = m_session.comparison().runs[run];
    const int32_t rank = std::max(0, m_session.onlyRank());
    m_session.ask(trace_id, [this, chart, trace_id, segment, figures, rank](const TraceReader& reader) {
        ChartPlace place;
        switch (chart) {
        case ChartId::budget:
            place = budgetPlace(reader, figures, rank, static_cast<BudgetPart>(segment));
            break;
        case ChartId::memory:
            place = peakPlace(reader, figures);
            break;
        case ChartId::overlap:
            place = overlapPlace(reader, figures, rank);
            break;
        case ChartId::throughput:
            place.step = figures.shown_step;
            break;
        }
        return [this, trace_id, place] {
            if (place.step >= 0) m_session.setStep(place.step);
            if (place.event != EventId::none)
                m_session.reveal({trace_id, place.event});
            else if (!place.sentence.empty())
                m_session.notify(text(place.sentence), false);
        };
    });
}

void SummaryPanel::goToOp(int row, int column) {
    const Comparison& comparison = m_session.comparison();
    if (static_cast<size_t>(row) >= comparison.ops.size()) return;
    const ComparedOp& op = comparison.ops[static_cast<size_t>(row)];
    size_t run = runOfColumn(comparison, m_ops->model().table(), column);
    if (run >= op.ns.size() || !op.ns[run]) // the name, or a run that has no such op: the first that has
        run = static_cast<size_t>(std::ranges::find_if(op.ns, [](const auto& ns) { return ns.has_value(); }) -
                                  op.ns.begin());
    const int id = comparedTraces().idOf(run);
    const int32_t rank = std::max(0, m_session.onlyRank()), step = m_session.step(),
                  shown_step = comparison.runs[run].shown_step;
    m_session.ask(id, [this, id, op, rank, step, shown_step](const TraceReader& reader) {
        EventId event = eventOfOp(reader, op, rank, step);
        if (event == EventId::none) event = eventOfOp(reader, op, -1, shown_step);
        return [this, id, event] {
            if (event != EventId::none)
                m_session.reveal({id, event});
            else
                m_session.notify("This op is too short to be seen in the step; zoom in and look for its name.", false);
        };
    });
}

} // namespace shardscope::gui
