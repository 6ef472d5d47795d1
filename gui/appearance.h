// SPDX-License-Identifier: Apache-2.0
// How the program looks, as the user chose it: theme, size of type, colours that can be told apart without red and
// green, and whether anything moves. One value, applied at once, stored in the settings.
#pragma once
#include "gui/canvas/theme.h"
#include <QObject>

class QSettings;

namespace shardscope::gui {

class Session;

struct Look {
    bool light = false;
    ColourSet colours = ColourSet::standard;
    int font_px = 13; // everything else scales with it
    bool reduced_motion = false;
    bool operator==(const Look&) const = default;
};

inline constexpr int smallest_font_px = 11, largest_font_px = 17;

Look loadLook(const QSettings&); // what cannot be is replaced by the default
void saveLook(QSettings&, const Look&);

class Appearance : public QObject {
    Q_OBJECT
public:
    explicit Appearance(Session&, QObject* parent = nullptr);
    const Look& look() const { return m_look; }
    void set(const Look&); // widgets, canvases and charts follow at once

signals:
    void changed();

private:
    void followTheme(); // the theme has actions of its own
    Session& m_session;
    Look m_look;
};

} // namespace shardscope::gui
