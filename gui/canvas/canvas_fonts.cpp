// SPDX-License-Identifier: Apache-2.0
#include "gui/canvas/canvas_fonts.h"
#include "gui/canvas/theme.h"
#include <QDirIterator>
#include <QFile>
#include <QRawFont>
#include <QStandardPaths>
#include <array>
#include <imgui.h>

namespace shardscope::gui {

namespace {

// Latin 1, Greek, dashes and ellipsis, arrows, minus and comparisons, the check mark.
constexpr std::array<ImWchar, 15> glyph_ranges = {0x20,   0xff,   0x370,  0x3ff,  0x2010, 0x2026, 0x2190, 0x2193,
                                                  0x2212, 0x2212, 0x2248, 0x2265, 0x2713, 0x2713, 0};

// The first of `names` found in any font folder; earlier names win.
QString findFile(const QStringList& names) {
    QStringList found(names.size());
    for (const QString& folder : QStandardPaths::standardLocations(QStandardPaths::FontsLocation)) {
        QDirIterator files(folder, names, QDir::Files, QDirIterator::Subdirectories | QDirIterator::FollowSymlinks);
        while (files.hasNext()) {
            const QString path = files.next();
            const qsizetype rank = names.indexOf(files.fileName());
            if (rank >= 0 && found[rank].isEmpty()) found[rank] = path;
        }
    }
    for (const QString& path : found)
        if (!path.isEmpty()) return path;
    return {};
}

QByteArray readAll(const QString& path) {
    QFile file(path);
    return !path.isEmpty() && file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
}

void addFont(ImFontAtlas& atlas, const QByteArray& bytes, float pixels, double dpr) {
    ImFontConfig config;
    config.OversampleH = dpr >= 1.75 ? 2 : 3; // text stands on fractions of a pixel, which keeps Inter's spacing even
    config.OversampleV = 1;
    if (bytes.isEmpty()) {
        config.SizePixels = static_cast<float>(pixels * dpr);
        atlas.AddFontDefault(&config);
        return;
    }
    // ImGui's size is ascent + descent, Qt's is the em square.
    const QRawFont metrics_font(bytes, pixels * dpr);
    const double height = metrics_font.isValid() ? metrics_font.ascent() + metrics_font.descent() : pixels * dpr * 1.2;
    config.FontDataOwnedByAtlas = false;
    atlas.AddFontFromMemoryTTF(const_cast<char*>(bytes.constData()), static_cast<int>(bytes.size()),
                               static_cast<float>(height), &config, glyph_ranges.data());
}

} // namespace

FontFiles findFontFiles() {
    return {.regular = findFile({"Inter-Regular.otf", "Inter-Regular.ttf", "DejaVuSans.ttf"}),
            .semi_bold = findFile({"Inter-SemiBold.otf", "Inter-SemiBold.ttf", "DejaVuSans-Bold.ttf"}),
            .mono = findFile({"NotoSansMono-Regular.ttf", "DejaVuSansMono.ttf"})};
}

CanvasFonts::CanvasFonts() {
    const FontFiles files = findFontFiles();
    m_regular = readAll(files.regular);
    m_semi_bold = readAll(files.semi_bold);
    m_mono = readAll(files.mono);
}

void CanvasFonts::build(ImFontAtlas& atlas, double dpr) const {
    atlas.Clear();
    addFont(atlas, m_regular, metrics::font_small, dpr);
    addFont(atlas, m_regular, metrics::font_axis, dpr);
    addFont(atlas, m_semi_bold, metrics::font_small, dpr);
    addFont(atlas, m_mono, metrics::font_small, dpr);
    atlas.Flags |= ImFontAtlasFlags_NoMouseCursors;
    atlas.Build();
}

} // namespace shardscope::gui
