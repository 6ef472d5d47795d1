// SPDX-License-Identifier: Apache-2.0
#include "gui/panels/summary_panel.h"
#include "gui/canvas/format.h"
#include "gui/panels/loss_chart.h"
#include "gui/panels/section.h"
#include "gui/panels/stacked_bars.h"
#include "gui/style.h"
#include "gui/units.h"
#include <QGridLayout>
#include <QLabel>
#include <algorithm>

namespace shardscope::gui {
namespace {

constexpr std::array shown_categories = { // from what stays to what comes and goes, as in the canvas
    MemoryCategory::parameters,  MemoryCategory::master_weights, MemoryCategory::optimizer, MemoryCategory::gradients,
    MemoryCategory::activations, MemoryCategory::comm_buffers,   MemoryCategory::workspace, MemoryCategory::other};

QString categoryName(MemoryCategory category) {
    return category == MemoryCategory::comm_buffers ? QString("buffers") : text(toText(category)).replace('_', ' ');
}

struct BudgetPart {
    const char* name;
    int64_t RunFigures::*value;
    Rgb colour;
};

std::array<BudgetPart, 4> budgetParts(const Theme& theme) {
    return {BudgetPart{"compute", &RunFigures::compute_ns, operationColour(OpClass::compute, Phase::forward)},
            BudgetPart{"exposed communication", &RunFigures::exposed_comm_ns, theme.bad},
            BudgetPart{"exposed copies", &RunFigures::exposed_copy_ns, operationColour(OpClass::copy, Phase::forward)},
            BudgetPart{"idle", &RunFigures::idle_ns, theme.faint}};
}
constexpr int exposed_part = 1;

} // namespace

SummaryPanel::SummaryPanel(Session& session, QWidget* parent)
    : QWidget(parent)
    , m_session(session)
    , m_budget_head(headLabel("Step budget"))
    , m_memory_head(headLabel("Peak memory per rank"))
    , m_loss_statement(new QLabel)
    , m_budget(new StackedBars)
    , m_memory(new StackedBars)
    , m_overlap(new StackedBars)
    , m_losses(new LossChart("loss")) {
    setObjectName("canvasSide");
    setAttribute(Qt::WA_StyledBackground);
    auto* grid = new QGridLayout(this);
    grid->setContentsMargins(16, 10, 14, 8);
    grid->setHorizontalSpacing(28);
    grid->setVerticalSpacing(6);
    auto* overlap_head = headLabel("Overlap", "%");
    overlap_head->setToolTip("the part of communication that compute covers");
    auto* loss_head = headLabel("Loss");
    int column = 0;
    for (QLabel* head : {m_budget_head, m_memory_head, overlap_head, loss_head}) grid->addWidget(head, 0, column++);
    grid->addWidget(m_budget, 1, 0, 2, 1);
    grid->addWidget(m_memory, 1, 1, 2, 1);
    grid->addWidget(m_overlap, 1, 2, 2, 1);
    grid->addWidget(m_losses, 1, 3);
    grid->addWidget(m_loss_statement, 2, 3);
    grid->setRowStretch(1, 1);
    for (const auto& [index, stretch] : {std::pair{0, 29}, {1, 29}, {2, 20}, {3, 22}})
        grid->setColumnStretch(index, stretch);
    m_loss_statement->setFont(uiFont(metrics::font_axis));
    m_loss_statement->setWordWrap(true);
    m_loss_statement->setFixedHeight(30);
    m_loss_statement->setAlignment(Qt::AlignLeft | Qt::AlignTop);

    for (StackedBars* bars : {m_budget, m_memory, m_overlap})
        connect(bars, &StackedBars::rowClicked, this, [this, bars](int id, int segment) {
            m_session.setActive(id);
            if (bars == m_budget && segment == exposed_part) m_session.selectLongestExposed();
        });
    connect(m_budget, &StackedBars::legendClicked, this, [this](int item) {
        if (item == exposed_part) m_session.setExposedOnly(!m_session.exposedOnly());
    });
    connect(&session, &Session::analysisChanged, this, &SummaryPanel::rebuild);
    connect(&session, &Session::tracesChanged, this, &SummaryPanel::rebuild);
    connect(&session, &Session::themeChanged, this, &SummaryPanel::paintTheme);
    paintTheme();
}

QString SummaryPanel::lossStatement() const { return m_loss_statement->text(); }

void SummaryPanel::resizeEvent(QResizeEvent* event) {
    QWidget::resizeEvent(event);
    alignRows();
}

void SummaryPanel::alignRows() { // the column with the longest legend decides, so that rows of all columns line up
    int pitch = m_overlap->naturalPitch();
    for (const StackedBars* bars : {m_budget, m_memory}) pitch = std::min(pitch, bars->naturalPitch());
    for (StackedBars* bars : {m_budget, m_memory, m_overlap}) bars->setFixedPitch(pitch);
}

void SummaryPanel::paintTheme() {
    for (StackedBars* bars : {m_budget, m_memory, m_overlap}) bars->setTheme(m_session.theme());
    m_losses->setTheme(m_session.theme());
    rebuild();
}

int SummaryPanel::traceOfRow(size_t row) const { // runs of the comparison come in the order of the compared traces
    size_t seen = 0;
    for (const OpenTrace& open : m_session.traces())
        if (open.compared && seen++ == row) return open.id;
    return 0;
}

void SummaryPanel::rebuild() {
    const Comparison& comparison = m_session.comparison();
    int64_t longest_ns = 0, largest_bytes = 0;
    for (const RunFigures& run : comparison.runs) {
        longest_ns = std::max(longest_ns, run.step_ns);
        largest_bytes = std::max(largest_bytes, run.peak_total_bytes);
    }
    const Unit time = timeUnit(longest_ns), size = byteUnit(largest_bytes);
    m_budget_head->setText(headText("Step budget", longest_ns ? text(time.name) : QString()));
    m_memory_head->setText(headText("Peak memory per rank", largest_bytes ? text(size.name) : QString()));
    const auto parts = budgetParts(m_session.theme());

    std::vector<BarRow> budget, memory, overlap;
    std::vector<Curve> curves;
    std::array<bool, all_memory_categories.size()> occurs{};
    for (size_t i = 0; i < comparison.runs.size(); ++i) {
        const RunFigures& run = comparison.runs[i];
        const int id = traceOfRow(i);
        const bool active = m_session.active() && m_session.active()->id == id && comparison.runs.size() > 1;
        const QString label = text(run.label);
        BarRow row{.id = id, .label = label, .segments = {}, .total = {}, .active = active};

        for (const BudgetPart& part : parts)
            row.segments.push_back({static_cast<double>(run.*part.value), part.colour,
                                    QString("%1: %2").arg(part.name, text(formatDuration(run.*part.value)))});
        row.total = text(inUnit(run.step_ns, time) + " ± " + spreadInUnit(run.step_spread_ns, time));
        budget.push_back(row);

        row.segments.clear();
        for (const MemoryCategory category : shown_categories) {
            const int64_t bytes = run.peak_bytes[static_cast<size_t>(category)];
            occurs[static_cast<size_t>(category)] |= bytes > 0;
            row.segments.push_back({static_cast<double>(bytes), memoryColour(category),
                                    categoryName(category) + ": " + text(formatBytes(bytes))});
        }
        row.total = text(inUnit(run.peak_total_bytes, size));
        memory.push_back(row);

        row.segments = {{run.overlap_percent, m_session.theme().good,
                         QString("%1 of %2 communication beside compute")
                             .arg(text(formatDuration(run.overlap_ns)), text(formatDuration(run.comm_ns)))}};
        row.total = run.comm_ns > 0 ? text(formatPercent(run.overlap_percent)) : QString("–");
        overlap.push_back(row);

        const bool hidden = comparison.losses_equal && i > 0; // equal curves lie on each other: one is drawn
        if (!hidden)
            curves.push_back({label,
                              comparison.losses_equal ? m_session.theme().accent : traceColour(static_cast<int>(i)),
                              run.losses});
    }
    std::vector<LegendItem> budget_legend, memory_legend;
    for (const BudgetPart& part : parts) budget_legend.push_back({part.name, part.colour});
    for (const MemoryCategory category : shown_categories)
        if (occurs[static_cast<size_t>(category)])
            memory_legend.push_back({categoryName(category), memoryColour(category)});
    if (comparison.runs.empty()) budget_legend.clear();

    m_budget->setRows(std::move(budget), std::move(budget_legend));
    m_memory->setRows(std::move(memory), std::move(memory_legend));
    m_overlap->setRows(std::move(overlap), {});
    m_overlap->setScale(100, true);
    alignRows();
    m_losses->setCurves(curves, curves.size() > 1);
    if (comparison.losses_equal && comparison.runs.size() > 1) {
        m_loss_statement->setText(QString("✓ bitwise equal, %1 runs").arg(comparison.runs.size()));
        setTone(m_loss_statement, Tone::good);
    } else {
        m_loss_statement->setText(comparison.runs.size() > 1 ? text(comparison.loss_statement) : QString());
        setTone(m_loss_statement, Tone::attention);
    }
    m_loss_statement->setToolTip(text(comparison.loss_statement));
}

} // namespace shardscope::gui
