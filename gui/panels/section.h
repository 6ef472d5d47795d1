// SPDX-License-Identifier: Apache-2.0
// Heads and rows that every panel shares: a section head in small capitals, a one-pixel line, and labels in a role or
// tone of the theme.
#pragma once
#include "gui/event_facts.h"
#include <QLabel>
#include <QWidget>

class QHBoxLayout;

namespace shardscope::gui {

class SectionHead : public QWidget { // also the title bar of a dock
    Q_OBJECT
public:
    explicit SectionHead(const QString& title, QWidget* parent = nullptr);
    void setTitle(const QString&);
    void setRight(const QString&, Tone = Tone::normal);
    void addWidget(QWidget*);                                                            // at the right end
    QSize sizeHint() const override { return {QWidget::sizeHint().width(), height_px}; } // what a dock asks for
    static constexpr int height_px = 30;

private:
    QLabel* m_title;
    QLabel* m_right;
    QHBoxLayout* m_row;
};

QString headText(const QString& title, const QString& unit = {}); // capitals, but units and ZeRO keep their own case
QLabel* headLabel(const QString&, const QString& unit = {});      // a section head without bar, inside a panel
QLabel* roleLabel(const QString&, const char* role, float pixels = 12); // role: dim | faint | key
void setTone(QLabel*, Tone);
QWidget* thinLine();
void repolish(QWidget*); // after a property changed that the style sheet looks at

} // namespace shardscope::gui
