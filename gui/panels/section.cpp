// SPDX-License-Identifier: Apache-2.0
#include "gui/panels/section.h"
#include "gui/style.h"
#include <QFrame>
#include <QHBoxLayout>
#include <QStyle>

namespace shardscope::gui {

SectionHead::SectionHead(const QString& title, QWidget* parent)
    : QWidget(parent)
    , m_title(new QLabel(headText(title)))
    , m_right(new QLabel)
    , m_row(new QHBoxLayout(this)) {
    setObjectName("sectionHead");
    setAttribute(Qt::WA_StyledBackground);
    setFixedHeight(height_px);
    m_title->setFont(headFont());
    m_right->setFont(uiFont(metrics::font_axis, true));
    m_row->setContentsMargins(12, 0, 12, 0);
    m_row->addWidget(m_title);
    m_row->addStretch();
    m_row->addWidget(m_right);
}

void SectionHead::setTitle(const QString& title) { m_title->setText(headText(title)); }

void SectionHead::setRight(const QString& text, Tone tone) {
    m_right->setText(text);
    setTone(m_right, tone);
}

void SectionHead::addWidget(QWidget* widget) { m_row->addWidget(widget); }

QString headText(const QString& title, const QString& unit) {
    const QString capitals = title.toUpper().replace("ZERO", "ZeRO");
    return unit.isEmpty() ? capitals : capitals + ", " + unit;
}

QLabel* headLabel(const QString& title, const QString& unit) {
    auto* label = new QLabel(headText(title, unit));
    label->setFont(headFont());
    label->setProperty("role", "dim");
    return label;
}

QLabel* roleLabel(const QString& text, const char* role, float pixels) {
    auto* label = new QLabel(text);
    label->setProperty("role", role);
    label->setFont(qstrcmp(role, "key") == 0 ? monoFont(pixels) : uiFont(pixels));
    return label;
}

void setTone(QLabel* label, Tone tone) {
    const char* const name = tone == Tone::good        ? "good"
                             : tone == Tone::bad       ? "bad"
                             : tone == Tone::attention ? "attention"
                                                       : "";
    if (label->property("tone").toString() == name) return;
    label->setProperty("tone", name);
    repolish(label);
}

QWidget* thinLine() {
    auto* line = new QFrame;
    line->setObjectName("separator");
    line->setFixedHeight(1);
    return line;
}

void repolish(QWidget* widget) {
    widget->style()->unpolish(widget);
    widget->style()->polish(widget);
    widget->update();
}

} // namespace shardscope::gui
