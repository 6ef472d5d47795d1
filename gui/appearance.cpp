// SPDX-License-Identifier: Apache-2.0
#include "gui/appearance.h"
#include "gui/session.h"
#include "gui/style.h"
#include <QSettings>
#include <algorithm>

namespace shardscope::gui {

Look loadLook(const QSettings& settings) {
    Look look;
    look.light = settings.value("theme").toString() == "light";
    look.colours = settings.value("colours").toString() == "distinct" ? ColourSet::distinct : ColourSet::standard;
    bool number = false;
    const int font = settings.value("font_px", look.font_px).toInt(&number);
    if (number) look.font_px = std::clamp(font, smallest_font_px, largest_font_px);
    look.reduced_motion = settings.value("reduced_motion", false).toBool();
    return look;
}

void saveLook(QSettings& settings, const Look& look) {
    settings.setValue("theme", look.light ? "light" : "dark");
    settings.setValue("colours", look.colours == ColourSet::distinct ? "distinct" : "standard");
    settings.setValue("font_px", look.font_px);
    settings.setValue("reduced_motion", look.reduced_motion);
}

Appearance::Appearance(Session& session, QObject* parent)
    : QObject(parent)
    , m_session(session) {
    m_look.light = session.theme().name == "light";
    m_look.colours = colourSet();
    connect(&session, &Session::themeChanged, this, &Appearance::followTheme);
}

void Appearance::set(const Look& look) {
    if (look == m_look) return;
    m_look = look;
    useColours(look.colours);
    setUiScale(static_cast<float>(look.font_px) / metrics::font);
    m_session.setReducedMotion(look.reduced_motion);
    m_session.setTheme(look.light ? lightTheme() : darkTheme()); // everything is drawn anew
    emit changed();
}

void Appearance::followTheme() {
    const bool light = m_session.theme().name == "light";
    if (light == m_look.light) return;
    m_look.light = light;
    emit changed();
}

} // namespace shardscope::gui
