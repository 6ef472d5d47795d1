// SPDX-License-Identifier: Apache-2.0
#include "gui/panels/fact_list.h"
#include "gui/panels/section.h"
#include "gui/style.h"
#include <QGridLayout>
#include <QLabel>

namespace shardscope::gui {

QString breakable(QString name) {
    constexpr qsizetype longest = 240;
    if (name.size() > longest) name = name.left(longest) + "…";
    for (const char* mark : {"_", "(", ",", "<", ">", ":", ")", ".", "/"})
        name.replace(mark, QString(mark) + line_break_here);
    return name;
}

FactList::FactList(bool monospaced, QWidget* parent)
    : QWidget(parent)
    , m_monospaced(monospaced)
    , m_grid(new QGridLayout(this)) {
    m_grid->setContentsMargins(0, 0, 0, 0);
    m_grid->setHorizontalSpacing(12);
    m_grid->setVerticalSpacing(4);
    m_grid->setColumnStretch(1, 1);
}

void FactList::setFacts(const std::vector<Fact>& facts) {
    while (m_rows.size() < facts.size()) {
        const int row = static_cast<int>(m_rows.size());
        Row labels{roleLabel({}, "dim"), new QLabel};
        labels.name->setFont(m_monospaced ? monoFont() : uiFont(metrics::font_small));
        labels.value->setFont(m_monospaced ? monoFont() : uiFont(metrics::font_small));
        labels.value->setAlignment(Qt::AlignRight | Qt::AlignTop);
        labels.value->setTextInteractionFlags(Qt::TextSelectableByMouse);
        labels.value->setWordWrap(true);
        m_grid->addWidget(labels.name, row, 0, Qt::AlignTop);
        m_grid->addWidget(labels.value, row, 1);
        m_rows.push_back(labels);
    }
    constexpr qsizetype most_letters = 20; // that fit beside a name in any case
    m_used = facts.size();
    for (size_t i = 0; i < m_rows.size(); ++i) {
        const bool used = i < m_used;
        m_rows[i].name->setVisible(used);
        m_rows[i].value->setVisible(used);
        if (!used) continue;
        const QString name = text(facts[i].name);
        const bool long_name = name.size() > most_letters; // takes two lines rather than the room of its value
        m_rows[i].name->setWordWrap(long_name);
        m_rows[i].name->setMinimumWidth(
            long_name ? m_rows[i].name->fontMetrics().horizontalAdvance(QString(most_letters, 'x')) : 0);
        m_rows[i].name->setText(long_name ? breakable(name) : name);
        const QString value = text(facts[i].value);
        m_rows[i].value->setText(value.size() > most_letters ? breakable(value) : value);
        m_rows[i].name->setToolTip(text(facts[i].tooltip));
        m_rows[i].value->setToolTip(text(facts[i].tooltip));
        setTone(m_rows[i].value, facts[i].tone);
    }
}

QString FactList::valueOf(const QString& name) const {
    for (size_t i = 0; i < m_used; ++i)
        if (m_rows[i].name->text().remove(line_break_here) == name)
            return m_rows[i].value->text().remove(line_break_here);
    return {};
}

} // namespace shardscope::gui
