// SPDX-License-Identifier: Apache-2.0
#include "gui/export/exportable.h"
#include "gui/style.h"
#include "traces/exporters/output_file.h"
#include <QBuffer>
#include <QImage>
#include <QPageSize>
#include <QPainter>
#include <QPdfWriter>
#include <QSvgGenerator>
#include <QSvgRenderer>

namespace shardscope::gui {
namespace {

constexpr int most_frames = 500;
constexpr int dots_per_inch = 96;                 // of a logical pixel
constexpr int64_t most_pixels = int64_t{1} << 26; // a quarter of a GiB of picture

QByteArray pngOf(const QImage& image) {
    QByteArray bytes;
    QBuffer buffer(&bytes);
    buffer.open(QIODevice::WriteOnly);
    image.save(&buffer, "PNG");
    return bytes;
}

// A frame fetches what its time allows; a picture waits until everything is there.
template <class Draw> auto finished(const Exportable& what, Draw draw) {
    auto drawn = draw();
    for (int frame = 0; frame < most_frames && what.unfinished && what.unfinished(); ++frame) drawn = draw();
    return drawn;
}

QByteArray svgOfCanvas(const Exportable& what, const ExportOptions& options) {
    return finished(what, [&] { return renderToSvg(what.canvas, *options.theme, options.size); });
}

QByteArray png(const Exportable& what, const ExportOptions& options) {
    if (what.canvas)
        return pngOf(
            finished(what, [&] { return renderToImage(what.canvas, *options.theme, options.size, options.scale); }));
    QImage image(options.size * options.scale, QImage::Format_RGB32);
    image.setDevicePixelRatio(options.scale);
    image.fill(toColour(options.theme->panel));
    QPainter painter(&image);
    what.page(painter, options.size, *options.theme);
    painter.end();
    return pngOf(image);
}

QByteArray svg(const Exportable& what, const ExportOptions& options) {
    if (what.canvas) return svgOfCanvas(what, options);
    QByteArray bytes;
    QBuffer buffer(&bytes);
    buffer.open(QIODevice::WriteOnly);
    QSvgGenerator generator;
    generator.setOutputDevice(&buffer);
    generator.setResolution(dots_per_inch);
    generator.setSize(options.size);
    generator.setViewBox(QRect({0, 0}, options.size));
    generator.setTitle(what.name);
    QPainter painter(&generator);
    painter.fillRect(QRect({0, 0}, options.size), toColour(options.theme->panel));
    what.page(painter, options.size, *options.theme);
    painter.end();
    return bytes;
}

QByteArray pdf(const Exportable& what, const ExportOptions& options) {
    QByteArray bytes;
    QBuffer buffer(&bytes);
    buffer.open(QIODevice::WriteOnly);
    QPdfWriter writer(&buffer);
    writer.setResolution(dots_per_inch);
    writer.setTitle(what.name);
    writer.setPageMargins({});
    writer.setPageSize(
        QPageSize(QSizeF(options.size) * 72 / dots_per_inch, QPageSize::Point, {}, QPageSize::ExactMatch));
    QPainter painter(&writer);
    if (what.canvas) {
        QSvgRenderer renderer(svgOfCanvas(what, options));
        renderer.render(&painter, QRectF(QPointF(), QSizeF(options.size)));
    } else {
        painter.fillRect(QRect({0, 0}, options.size), toColour(options.theme->panel));
        what.page(painter, options.size, *options.theme);
    }
    painter.end();
    return bytes;
}

} // namespace

QString suffixOf(ExportFormat format) {
    switch (format) {
    case ExportFormat::png:
        return "png";
    case ExportFormat::svg:
        return "svg";
    case ExportFormat::pdf:
        return "pdf";
    case ExportFormat::csv:
        break;
    }
    return "csv";
}

std::vector<ExportFormat> formatsOf(const Exportable& what) {
    if (what.csv) return {ExportFormat::csv};
    return {ExportFormat::png, ExportFormat::svg, ExportFormat::pdf};
}

Result<QByteArray> exported(const Exportable& what, const ExportOptions& options) {
    if (what.csv) return QByteArray::fromStdString(what.csv());
    const int64_t scale = options.format == ExportFormat::png ? options.scale : 1;
    if (options.size.width() < 1 || options.size.height() < 1)
        return Error{"The width and the height of a picture are at least one pixel."};
    if (options.size.width() * scale * options.size.height() * scale > most_pixels)
        return Error{"The picture would have more than 67 million pixels; choose a smaller size or scale, or SVG."};
    QByteArray bytes = options.format == ExportFormat::png   ? png(what, options)
                       : options.format == ExportFormat::svg ? svg(what, options)
                                                             : pdf(what, options);
    if (bytes.isEmpty()) return Error{"There is not enough memory for a picture of this size; choose a smaller one."};
    return bytes;
}

Result<void> writeExport(const Exportable& what, const ExportOptions& options, const QString& path) {
    const auto bytes = exported(what, options);
    if (!bytes) return bytes.error();
    auto file = OutputFile::create(path.toStdString());
    if (!file) return file.error();
    (*file)->write({bytes->constData(), static_cast<size_t>(bytes->size())});
    return (*file)->finish();
}

QString fileNameFor(const Exportable& what, const std::vector<std::string>& run_titles, ExportFormat format) {
    QString name = what.file_stem;
    for (const std::string& title : run_titles) name += " " + text(title);
    QString safe;
    for (const QChar c : name.left(100)) safe += c.isLetterOrNumber() || QString("-_.+").contains(c) ? c : QChar('_');
    return safe + "." + suffixOf(format);
}

} // namespace shardscope::gui
