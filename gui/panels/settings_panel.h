// SPDX-License-Identifier: Apache-2.0
// The settings: what is chosen here is seen at once.
#pragma once
#include "gui/appearance.h"
#include "gui/panels/overlay.h"

class QCheckBox;
class QComboBox;
class QLabel;
class QSlider;

namespace shardscope::gui {

class SettingsPanel : public Overlay {
    Q_OBJECT
public:
    SettingsPanel(Appearance&, QWidget* window);
    QComboBox& theme() { return *m_theme; }
    QComboBox& colours() { return *m_colours; }
    QSlider& fontSize() { return *m_font; }
    QCheckBox& reducedMotion() { return *m_motion; }

signals:
    void keysRequested();

protected:
    void opened() override;

private:
    void showLook();
    void take();
    Appearance& m_appearance;
    QComboBox *m_theme, *m_colours;
    QSlider* m_font;
    QLabel* m_font_text;
    QCheckBox* m_motion;
    bool m_showing = false;
};

} // namespace shardscope::gui
