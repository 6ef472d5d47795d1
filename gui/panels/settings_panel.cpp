// SPDX-License-Identifier: Apache-2.0
#include "gui/panels/settings_panel.h"
#include "gui/panels/section.h"
#include "gui/style.h"
#include <QCheckBox>
#include <QComboBox>
#include <QGridLayout>
#include <QPushButton>
#include <QSlider>
#include <QVBoxLayout>

namespace shardscope::gui {

SettingsPanel::SettingsPanel(Appearance& appearance, QWidget* window)
    : Overlay(window)
    , m_appearance(appearance)
    , m_theme(new QComboBox)
    , m_colours(new QComboBox)
    , m_font(new QSlider(Qt::Horizontal))
    , m_font_text(roleLabel({}, "dim"))
    , m_motion(new QCheckBox("Reduced motion: nothing slides or fades")) {
    setAccessibleName("Settings");
    auto* title = new QLabel("Settings");
    title->setFont(uiFont(16, true));
    m_theme->addItems({"Dark", "Light"});
    m_theme->setAccessibleName("Theme");
    m_colours->addItems({"Standard", "Distinct without red and green"});
    m_colours->setAccessibleName("Colours");
    m_colours->setToolTip("The second set can be told apart with any kind of colour vision");
    m_font->setRange(smallest_font_px, largest_font_px);
    m_font->setPageStep(1);
    m_font->setTickPosition(QSlider::TicksBelow);
    m_font->setAccessibleName("Size of type");
    m_font->setMinimumWidth(200);
    m_font_text->setMinimumWidth(40);
    auto* grid = new QGridLayout;
    grid->setHorizontalSpacing(16);
    grid->setVerticalSpacing(12);
    const auto row = [&](int at, const QString& name, QWidget* widget) {
        auto* label = new QLabel(name);
        label->setBuddy(widget);
        grid->addWidget(label, at, 0);
        grid->addWidget(widget, at, 1);
    };
    row(0, "Theme", m_theme);
    row(1, "Colours", m_colours);
    row(2, "Size of type", m_font);
    grid->addWidget(m_font_text, 2, 2);
    grid->addWidget(m_motion, 3, 1);
    auto* keys = new QPushButton("Change keys…");
    auto* defaults = new QPushButton("Defaults");
    auto* close = new QPushButton("Close");
    auto* buttons = new QHBoxLayout;
    buttons->addWidget(keys);
    buttons->addWidget(defaults);
    buttons->addStretch();
    buttons->addWidget(close);
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(24, 20, 24, 18);
    column->setSpacing(16);
    column->addWidget(title);
    column->addLayout(grid);
    column->addLayout(buttons);
    showLook();

    connect(m_theme, &QComboBox::currentIndexChanged, this, &SettingsPanel::take);
    connect(m_colours, &QComboBox::currentIndexChanged, this, &SettingsPanel::take);
    connect(m_font, &QSlider::valueChanged, this, &SettingsPanel::take);
    connect(m_motion, &QCheckBox::toggled, this, &SettingsPanel::take);
    connect(defaults, &QPushButton::clicked, this, [this] { m_appearance.set({}); });
    connect(close, &QPushButton::clicked, this, &SettingsPanel::closeOver);
    connect(keys, &QPushButton::clicked, this, [this] {
        closeOver();
        emit keysRequested();
    });
    connect(&appearance, &Appearance::changed, this, &SettingsPanel::showLook);
}

void SettingsPanel::opened() {
    showLook();
    m_theme->setFocus();
}

void SettingsPanel::showLook() {
    const Look& look = m_appearance.look();
    m_showing = true;
    m_theme->setCurrentIndex(look.light ? 1 : 0);
    m_colours->setCurrentIndex(look.colours == ColourSet::distinct ? 1 : 0);
    m_font->setValue(look.font_px);
    m_font_text->setText(QString("%1 px").arg(look.font_px));
    m_motion->setChecked(look.reduced_motion);
    m_showing = false;
}

void SettingsPanel::take() {
    if (m_showing) return;
    m_appearance.set({.light = m_theme->currentIndex() == 1,
                      .colours = m_colours->currentIndex() == 1 ? ColourSet::distinct : ColourSet::standard,
                      .font_px = m_font->value(),
                      .reduced_motion = m_motion->isChecked()});
}

} // namespace shardscope::gui
