// SPDX-License-Identifier: Apache-2.0
#include "gui/panels/library_panel.h"
#include "gui/panels/section.h"
#include "gui/panels/trace_card.h"
#include <QScrollArea>
#include <QVBoxLayout>
#include <algorithm>

namespace shardscope::gui {

LibraryPanel::LibraryPanel(Session& session, QWidget* parent)
    : QWidget(parent)
    , m_session(session)
    , m_column(new QVBoxLayout)
    , m_hint(roleLabel({}, "dim")) {
    setMinimumWidth(232);
    auto* content = new QWidget;
    content->setLayout(m_column);
    m_column->setContentsMargins(10, 10, 10, 10);
    m_column->setSpacing(10);
    m_hint->setWordWrap(true);
    m_column->addWidget(m_hint);
    m_column->addStretch();
    auto* scroll = new QScrollArea;
    scroll->setWidgetResizable(true);
    scroll->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    scroll->setFocusPolicy(Qt::NoFocus);
    scroll->setWidget(content);
    auto* outer = new QVBoxLayout(this);
    outer->setContentsMargins(0, 0, 0, 0);
    outer->addWidget(scroll);
    for (const auto signal : {&Session::tracesChanged, &Session::analysisChanged})
        connect(&session, signal, this, &LibraryPanel::rebuild);
    connect(&session, &Session::themeChanged, this, &LibraryPanel::rebuild);
    rebuild();
}

void LibraryPanel::rebuild() {
    // Cards are kept by trace id, so that nothing moves or loses focus when only figures change.
    std::vector<TraceCard*> kept;
    for (const OpenTrace& open : m_session.traces()) {
        const auto same = [&](const TraceCard* card) { return card->traceId() == open.id; };
        const auto found = std::find_if(m_cards.begin(), m_cards.end(), same);
        TraceCard* card = found == m_cards.end() ? nullptr : *found;
        if (!card) {
            card = new TraceCard(open.id);
            m_column->insertWidget(static_cast<int>(kept.size()), card);
            connect(card, &TraceCard::clicked, &m_session, &Session::setActive);
            connect(card, &TraceCard::closeRequested, &m_session, &Session::closeTrace, Qt::QueuedConnection);
            connect(card, &TraceCard::compareToggled, &m_session, [this](int id) {
                if (const OpenTrace* toggled = m_session.trace(id)) m_session.setCompared(id, !toggled->compared);
            });
        }
        const OpenTrace* active = m_session.active();
        card->show(open, active && active->id == open.id);
        kept.push_back(card);
    }
    for (TraceCard* card : m_cards)
        if (std::find(kept.begin(), kept.end(), card) == kept.end()) card->deleteLater();
    m_cards = std::move(kept);
    m_hint->setText(m_cards.empty() ? "Nothing is open yet.\n\nDrop traces here, also those of Nsight Systems or the "
                                      "PyTorch profiler, open them with Ctrl+O, or start a run with Ctrl+N."
                                    : "Drop traces here to compare up to four.");
}

} // namespace shardscope::gui
