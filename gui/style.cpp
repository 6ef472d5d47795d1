// SPDX-License-Identifier: Apache-2.0
#include "gui/style.h"
#include <QApplication>
#include <QFile>
#include <QFontDatabase>
#include <QHash>
#include <QPainter>
#include <QSvgRenderer>
#include <cmath>

namespace shardscope::gui {
namespace {

QString firstInstalled(const QStringList& families, const QString& otherwise) {
    const QStringList installed = QFontDatabase::families();
    for (const QString& family : families)
        if (installed.contains(family)) return family;
    return otherwise;
}

double luminance(const QColor& colour) { // WCAG 2 relative luminance
    const auto linear = [](double c) { return c <= 0.03928 ? c / 12.92 : std::pow((c + 0.055) / 1.055, 2.4); };
    return 0.2126 * linear(colour.redF()) + 0.7152 * linear(colour.greenF()) + 0.0722 * linear(colour.blueF());
}

} // namespace

QColor toColour(Rgb rgb, double alpha) {
    QColor colour(static_cast<QRgb>(rgb | 0xff000000u));
    colour.setAlphaF(static_cast<float>(alpha));
    return colour;
}

QColor readableOn(const QColor& fill) {
    const double light = 1.05 / (luminance(fill) + 0.05), dark = (luminance(fill) + 0.05) / 0.058;
    return light >= 4.5 || light > dark ? QColor(Qt::white) : QColor(0x0e, 0x11, 0x16);
}

QBrush patternBrush(Pattern pattern, Rgb on) {
    constexpr Qt::BrushStyle styles[] = {Qt::NoBrush, Qt::VerPattern, Qt::Dense6Pattern, Qt::HorPattern,
                                         Qt::BDiagPattern};
    return {toColour(textOn(on), 0.35), styles[static_cast<size_t>(pattern)]};
}

Rgb traceColour(int index) {
    constexpr Rgb colours[] = {0x4c9aff, 0xf0a63a, 0x35b57f, 0xc66bd6};
    return colours[static_cast<size_t>(index) % std::size(colours)];
}

QFont uiFont(float pixels, bool strong) {
    static const QString family =
        firstInstalled({"Inter", "Inter Variable", "Noto Sans", "DejaVu Sans"}, QApplication::font().family());
    QFont font(family);
    font.setPixelSize(static_cast<int>(std::lround(pixels * uiScale())));
    if (strong) font.setWeight(QFont::DemiBold);
    return font;
}

QFont monoFont(float pixels) {
    static const QString family = firstInstalled({"DejaVu Sans Mono", "Noto Sans Mono"},
                                                 QFontDatabase::systemFont(QFontDatabase::FixedFont).family());
    QFont font(family);
    font.setPixelSize(static_cast<int>(std::lround(pixels * uiScale())));
    return font;
}

QFont headFont() {
    QFont font = uiFont(metrics::font_axis, true);
    font.setLetterSpacing(QFont::AbsoluteSpacing, 0.6);
    return font;
}

// Each is made once: Qt keeps the pictures that it scaled of an icon, up to ten megabytes of them, and would keep them
// anew for icons that are equal but not the same.
QIcon tintedIcon(const QString& name, const QColor& colour) {
    static auto& made = *new QHash<QString, QIcon>; // no static may hold pictures when the application has gone
    QIcon& icon = made[name + colour.name()];
    if (!icon.isNull()) return icon;
    QFile file(":/icons/" + name + ".svg");
    if (!file.open(QIODevice::ReadOnly)) return {};
    QSvgRenderer renderer(file.readAll().replace("currentColor", colour.name().toUtf8()));
    for (const int size : {16, 32, 48}) {
        QPixmap pixmap(size, size);
        pixmap.fill(Qt::transparent);
        QPainter painter(&pixmap);
        renderer.render(&painter);
        icon.addPixmap(pixmap);
    }
    return icon;
}

QString text(std::string_view utf8) { return QString::fromUtf8(utf8.data(), static_cast<qsizetype>(utf8.size())); }

} // namespace shardscope::gui
