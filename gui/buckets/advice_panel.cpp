// SPDX-License-Identifier: Apache-2.0
#include "gui/buckets/advice_panel.h"
#include "gui/buckets/recommendation.h"
#include "gui/panels/fact_list.h"
#include "gui/panels/section.h"
#include "gui/style.h"
#include <QFrame>
#include <QLabel>
#include <QPushButton>
#include <QVBoxLayout>
#include <algorithm>

namespace shardscope::gui {
namespace {

QString monospaced(const std::vector<SnippetLine>& lines, const Theme& theme) {
    QStringList html;
    for (const SnippetLine& line : lines)
        html << QString("<span style=\"color:%1; white-space:pre\">%2</span>")
                    .arg(toColour(line.changed ? theme.good : theme.text).name(), text(line.text).toHtmlEscaped());
    return html.join("<br>");
}

} // namespace

AdvicePanel::AdvicePanel(QWidget* parent)
    : QWidget(parent)
    , m_head(new SectionHead("Recommendation"))
    , m_title(new QLabel)
    , m_sentences(new QLabel)
    , m_snippet(new QLabel)
    , m_write(new QPushButton("Write DeepSpeed JSON…"))
    , m_grounds(new FactList(false)) {
    m_title->setObjectName("sweepCardTitle");
    m_title->setFont(uiFont(15, true));
    m_title->setWordWrap(true);
    m_sentences->setObjectName("sweepSentences");
    m_sentences->setWordWrap(true);
    m_snippet->setObjectName("sweepSnippet");
    m_snippet->setFont(monoFont());
    m_snippet->setTextFormat(Qt::RichText);
    m_snippet->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred); // a long key must not widen the side
    for (QLabel* label : {m_sentences, m_snippet}) label->setTextInteractionFlags(Qt::TextSelectableByMouse);
    auto* card = new QFrame;
    card->setObjectName("card");
    auto* card_column = new QVBoxLayout(card);
    card_column->setContentsMargins(10, 8, 10, 8);
    card_column->addWidget(m_snippet);
    connect(m_write, &QPushButton::clicked, this, &AdvicePanel::writeWanted);
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(0);
    column->addWidget(m_head);
    auto* body = new QVBoxLayout;
    body->setContentsMargins(12, 10, 12, 12);
    body->setSpacing(8);
    for (QWidget* widget : std::initializer_list<QWidget*>{m_title, m_sentences, card, m_write})
        body->addWidget(widget);
    column->addLayout(body);
    column->addWidget(new SectionHead("What it rests on"));
    auto* grounds = new QVBoxLayout;
    grounds->setContentsMargins(12, 8, 12, 10);
    grounds->addWidget(m_grounds);
    column->addLayout(grounds);
}

void AdvicePanel::showPoint(const SweepModel* model, int32_t point, bool goes_on, const Theme& theme) {
    if (!model || point < 0) {
        m_head->setTitle("Recommendation");
        m_title->setText("Nothing measured yet");
        m_sentences->setText(goes_on ? "The first run is going on." : "All runs have failed.");
        m_snippet->clear();
        m_write->setEnabled(false);
        m_grounds->setFacts({});
        return;
    }
    const Recommendation r = recommendationFor(*model, static_cast<size_t>(point));
    m_head->setTitle(!r.recommended ? "Selected point" : goes_on ? "Best so far" : "Recommendation");
    m_title->setText(text(r.title));
    QStringList sentences;
    if (r.recommended && goes_on)
        sentences << "The sweep goes on, and what it measures next may change this.";
    else
        for (const std::string& sentence : r.sentences) sentences << text(sentence);
    const auto failed =
        std::ranges::find_if(model->figures, [](const PointFigures& f) { return f.runs == 0 && !f.error.empty(); });
    if (failed != model->figures.end()) sentences << "A point failed: " + text(failed->error);
    m_sentences->setText(sentences.join("\n"));
    m_snippet->setText(monospaced(r.snippet, theme));
    m_write->setEnabled(true);
    std::vector<Fact> facts;
    for (const auto& [name, value] : groundsOf(*model)) facts.push_back({name, value});
    m_grounds->setFacts(facts);
}

} // namespace shardscope::gui
