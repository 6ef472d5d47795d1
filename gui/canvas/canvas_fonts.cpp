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

// The first of `names` found in any font folder; earlier names win. Thousands of files may lie there, so that where
// distributions put the best one is tried before all folders are searched.
QString findFile(const QStringList& names) {
    const QStringList folders = QStandardPaths::standardLocations(QStandardPaths::FontsLocation);
    for (const QString& folder : folders)
        for (const char* usual : {"opentype/inter", "truetype/inter", "truetype/noto", "noto"})
            if (const QString path = folder + "/" + usual + "/" + names.front(); QFile::exists(path)) return path;
    QStringList found(names.size());
    for (const QString& folder : folders) {
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

QByteArray contentOfFirst(const QStringList& names) {
    const QString path = findFile(names);
    QFile file(path);
    return !path.isEmpty() && file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
}

struct FontContents { // empty where nothing was found
    QByteArray regular = contentOfFirst({"Inter-Regular.otf", "Inter-Regular.ttf", "DejaVuSans.ttf"});
    QByteArray semi_bold = contentOfFirst({"Inter-SemiBold.otf", "Inter-SemiBold.ttf", "DejaVuSans-Bold.ttf"});
    QByteArray mono = contentOfFirst({"NotoSansMono-Regular.ttf", "DejaVuSansMono.ttf"});
};

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

void buildFonts(ImFontAtlas& atlas, double dpr) {
    static const FontContents contents;
    atlas.Clear();
    addFont(atlas, contents.regular, metrics::font_small, dpr);
    addFont(atlas, contents.regular, metrics::font_axis, dpr);
    addFont(atlas, contents.semi_bold, metrics::font_small, dpr);
    addFont(atlas, contents.mono, metrics::font_small, dpr);
    atlas.Flags |= ImFontAtlasFlags_NoMouseCursors;
    atlas.Build();
}

} // namespace shardscope::gui
