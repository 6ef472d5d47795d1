// SPDX-License-Identifier: Apache-2.0
#include "gui/panels/inspector_panel.h"
#include "gui/event_facts.h"
#include "gui/panels/column_scroll.h"
#include "gui/panels/fact_list.h"
#include "gui/panels/range_card.h"
#include "gui/panels/relations_list.h"
#include "gui/panels/section.h"
#include "gui/recording_notice.h"
#include "gui/style.h"
#include "gui/timeline_tools.h"
#include "gui/units.h"
#include <QFrame>
#include <QLabel>
#include <QToolButton>
#include <QVBoxLayout>
#include <algorithm>
#include <functional>

namespace shardscope::gui {
namespace {

QLabel* wrapping(QLabel* label) {
    label->setWordWrap(true);
    return label;
}

} // namespace

InspectorPanel::InspectorPanel(Session& session, SectionHead* dock_head, QWidget* parent)
    : QWidget(parent)
    , m_session(session)
    , m_head(dock_head)
    , m_differences_head(new SectionHead("What differs"))
    , m_title(wrapping(new QLabel))
    , m_subtitle(wrapping(roleLabel({}, "dim")))
    , m_hint(wrapping(roleLabel({}, "dim")))
    , m_facts(new FactList(false))
    , m_differences(new FactList(true))
    , m_relations(new RelationsList(session))
    , m_range(new RangeCard(session))
    , m_cause(new QFrame)
    , m_cause_key(wrapping(roleLabel({}, "key")))
    , m_cause_value(wrapping(new QLabel))
    , m_cause_sentence(wrapping(roleLabel({}, "dim")))
    , m_change(new QToolButton) {
    m_title->setFont(uiFont(15, true));
    m_title->setTextInteractionFlags(Qt::TextSelectableByMouse);
    m_cause->setObjectName("card");
    auto* cause = new QVBoxLayout(m_cause);
    cause->setContentsMargins(12, 9, 12, 11);
    cause->setSpacing(4);
    cause->addWidget(roleLabel("because of", "dim"));
    cause->addWidget(m_cause_key);
    cause->addWidget(m_cause_value);
    cause->addWidget(m_cause_sentence);
    m_change->setText("Change it in a new run");
    m_change->setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
    connect(m_change, &QToolButton::clicked, this, [this] { emit m_session.changeWanted(m_shown_trace, m_shown_key); });
    cause->addSpacing(4);
    cause->addWidget(m_change);
    m_cause_value->setFont(uiFont(metrics::font_small));

    auto* content = new QWidget;
    auto* column = new QVBoxLayout(content);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(0);
    auto* selection = new QVBoxLayout;
    selection->setContentsMargins(12, 14, 12, 14);
    selection->setSpacing(6);
    for (QWidget* widget : std::initializer_list<QWidget*>{m_range, m_title, m_subtitle, m_hint, m_facts})
        selection->addWidget(widget);
    selection->addSpacing(6);
    selection->addWidget(m_cause);
    selection->addWidget(m_relations);
    column->addLayout(selection);
    column->addWidget(thinLine());
    column->addWidget(m_differences_head);
    auto* differences = new QVBoxLayout;
    differences->setContentsMargins(14, 12, 14, 12);
    differences->addWidget(m_differences);
    column->addLayout(differences);
    column->addStretch();
    auto* scroll = new ColumnScroll(content);
    auto* outer = new QVBoxLayout(this);
    outer->setContentsMargins(0, 0, 0, 0);
    outer->addWidget(scroll);

    connect(&session, &Session::selectionChanged, this, &InspectorPanel::showSelection);
    connect(&session, &Session::tracesChanged, this, &InspectorPanel::showSelection);
    connect(&session, &Session::tracesChanged, this, &InspectorPanel::showDifferences);
    connect(&session, &Session::analysisChanged, this, &InspectorPanel::showDifferences);
    connect(&session.timelineTools(), &TimelineTools::answered, this, &InspectorPanel::showSelection);
    const auto widen = [this] { setMinimumWidth(std::min(static_cast<int>(250 * uiScale()), 290)); };
    connect(&session, &Session::themeChanged, this, widen); // with the theme comes the size of type
    widen();
    showSelection();
    showDifferences();
}

QString InspectorPanel::title() const { return m_title->text().remove(line_break_here); }

// A worker looks the event up; what was shown before stays until it has.
void InspectorPanel::showSelection() {
    const auto picked = m_session.hovered() ? m_session.hovered() : m_session.selected();
    const OpenTrace* trace = picked ? m_session.trace(picked->trace_id) : nullptr;
    if (!trace) {
        m_asked.reset();
        m_known.reset();
        m_known_event.reset();
        return showFacts();
    }
    const Asked wanted{*picked, trace->reader->eventCount()};
    if (wanted != m_asked && !m_asking) {
        m_asked = wanted;
        m_asking = true;
        m_session.ask(
            picked->trace_id,
            [this, wanted](const TraceReader& reader) -> Session::Answer {
                return [this, wanted, facts = eventFacts(reader, wanted.event.event)] {
                    m_asking = false;
                    if (m_asked == wanted) {
                        m_known = facts;
                        m_known_event = wanted.event;
                    }
                    showSelection();
                };
            },
            [this] { m_asking = false; });
    }
    showFacts();
}

void InspectorPanel::showFacts() {
    const std::optional<EventFacts>& facts = m_known;
    const std::optional<PickedEvent>& picked = m_known_event;
    const OpenTrace* trace = picked ? m_session.trace(picked->trace_id) : nullptr;
    const OpenTrace* active = facts ? nullptr : m_session.active(); // nothing is picked: the run itself
    for (QWidget* widget : std::initializer_list<QWidget*>{m_title, m_subtitle}) widget->setVisible(facts.has_value());
    m_facts->setVisible(facts.has_value() || active);
    m_hint->setVisible(!facts && !m_session.timelineTools().range());
    // What is under the mouse has facts only; relations are those of what is selected.
    if (facts && picked == m_session.selected())
        m_relations->showRelations();
    else
        m_relations->hide();
    m_cause->setVisible(facts && facts->cause);
    if (!facts) {
        m_title->clear();
        m_facts->setFacts(active ? runFactList(*active->reader) : std::vector<Fact>());
        m_head->setRight(active ? "run" + text(active->label.empty() ? "" : " " + active->label) : QString());
        m_hint->setText(m_session.traces().empty()
                            ? "Open a trace to see what its blocks are and which key caused them."
                            : "Point at a block to see what it is; click to keep it here. "
                              "X selects the longest exposed communication.");
        return;
    }
    m_head->setRight(text((!trace || trace->label.empty() ? "" : trace->label + " · ") + facts->place));
    m_title->setText(breakable(text(facts->title)));
    m_subtitle->setText(text(facts->subtitle));
    m_facts->setFacts(facts->facts);
    if (!facts->cause) return;
    const ConfigFact& cause = *facts->cause;
    m_shown_trace = picked->trace_id;
    m_shown_key = text(cause.key);
    m_cause_key->setText(breakable(text(cause.key)));
    QString value = "<b>" + text(cause.value).toHtmlEscaped() + "</b>";
    if (!cause.unit.empty()) value += " " + text(cause.unit).toHtmlEscaped();
    value += cause.given ? " given" : " by default";
    if (cause.given && !cause.default_value.empty()) value += " · default " + text(cause.default_value).toHtmlEscaped();
    m_cause_value->setText(value);
    m_cause_sentence->setText(text(facts->sentence));
    m_cause_sentence->setVisible(!facts->sentence.empty());
}

void InspectorPanel::showDifferences() {
    const Comparison& comparison = m_session.comparison();
    const size_t runs = comparison.runs.size();
    m_differences_head->setRight(runs > 1 ? text(comparison.runs.front().label + " → " + comparison.runs.back().label)
                                          : QString());
    std::vector<Fact> rows;
    std::vector<ConfigDifference> differences = comparison.differences;
    differences.insert(differences.end(), comparison.known.begin(), comparison.known.end());
    for (const ConfigDifference& difference : differences) {
        if (std::ranges::adjacent_find(difference.values, std::not_equal_to()) == difference.values.end()) continue;
        std::string values;
        for (const std::string& value : difference.values)
            values += (values.empty() ? "" : " → ") + (value.empty() ? "–" : shortValue(value));
        rows.push_back({difference.key.substr(difference.key.rfind('.') + 1), values, Tone::normal,
                        difference.key + ": " + values});
    }
    const auto configured =
        std::ranges::count_if(comparison.runs, [](const RunFigures& run) { return run.configured; });
    if (runs > 1 && configured < static_cast<std::ptrdiff_t>(runs))
        rows.push_back({"configuration", configured > 0 ? "not known of all" : "not known"});
    else if (runs > 1)
        rows.push_back(
            {rows.empty() ? "configuration" : "everything else",
             comparison.equal_keys > 0 ? "equal (" + std::to_string(comparison.equal_keys) + " keys)" : "equal"});
    else
        rows.push_back({"one run", "nothing to compare with"});
    if (runs == 0) rows.clear();
    m_differences->setFacts(rows);
}

} // namespace shardscope::gui
