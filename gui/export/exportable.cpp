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

constexpr int dots_per_inch = 96;                 // of a logical pixel
constexpr int64_t most_pixels = int64_t{1} << 26; // a quarter of a GiB of picture

QByteArray pngOf(const QImage& image) {
    QByteArray bytes;
    QBuffer buffer(&bytes);
    buffer.open(QIODevice::WriteOnly);
    image.save(&buffer, "PNG");
    return bytes;
}

QByteArray svg(const QString& title, QSize size, const std::function<void(QPainter&)>& paint) {
    QByteArray bytes;
    QBuffer buffer(&bytes);
    buffer.open(QIODevice::WriteOnly);
    QSvgGenerator generator;
    generator.setOutputDevice(&buffer);
    generator.setResolution(dots_per_inch);
    generator.setSize(size);
    generator.setViewBox(QRect({0, 0}, size));
    generator.setTitle(title);
    QPainter painter(&generator);
    paint(painter);
    painter.end();
    return bytes;
}

QByteArray pdf(const QString& title, QSize size, const std::function<void(QPainter&)>& paint) {
    QByteArray bytes;
    QBuffer buffer(&bytes);
    buffer.open(QIODevice::WriteOnly);
    QPdfWriter writer(&buffer);
    writer.setResolution(dots_per_inch);
    writer.setTitle(title);
    writer.setPageMargins({});
    writer.setPageSize(QPageSize(QSizeF(size) * 72 / dots_per_inch, QPageSize::Point, {}, QPageSize::ExactMatch));
    QPainter painter(&writer);
    paint(painter);
    painter.end();
    return bytes;
}

Encoding pngOfPage(const Exportable& what, const ExportOptions& options) {
    QImage image(options.size * options.scale, QImage::Format_RGB32);
    if (image.isNull()) return [] { return QByteArray(); };
    image.setDevicePixelRatio(options.scale);
    image.fill(toColour(options.theme->panel));
    QPainter painter(&image);
    what.page(painter, options.size, *options.theme);
    painter.end();
    return [image] { return pngOf(image); };
}

Encoding encodingOf(const Exportable& what, const ExportOptions& options) {
    if (options.format == ExportFormat::png && what.canvas)
        return [frame = drawFrame(what.canvas, *options.theme, options.size, options.scale)] {
            return pngOf(frame->image());
        };
    if (options.format == ExportFormat::png) return pngOfPage(what, options);
    if (what.canvas) {
        QByteArray svg = renderToSvg(what.canvas, *options.theme, options.size);
        if (options.format == ExportFormat::svg) return [svg] { return svg; };
        return [svg, name = what.name, size = options.size] {
            return pdf(name, size,
                       [&](QPainter& painter) { QSvgRenderer(svg).render(&painter, QRectF(QPointF(), QSizeF(size))); });
        };
    }
    const auto page = [&](QPainter& painter) {
        painter.fillRect(QRect({0, 0}, options.size), toColour(options.theme->panel));
        what.page(painter, options.size, *options.theme);
    };
    // Shapes and text without their pixels: as quick as showing them.
    QByteArray bytes =
        options.format == ExportFormat::svg ? svg(what.name, options.size, page) : pdf(what.name, options.size, page);
    return [bytes] { return bytes; };
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

Result<Encoding> drawn(const Exportable& what, const ExportOptions& options) {
    if (what.csv) return Encoding([csv = what.csv()] { return QByteArray::fromStdString(csv()); });
    const int64_t scale = options.format == ExportFormat::png ? options.scale : 1;
    if (options.size.width() < 1 || options.size.height() < 1)
        return Error{"The width and the height of a picture are at least one pixel."};
    if (options.size.width() * scale * options.size.height() * scale > most_pixels)
        return Error{"The picture would have more than 67 million pixels; choose a smaller size or scale, or SVG."};
    return encodingOf(what, options);
}

Result<void> writeWhole(const QByteArray& bytes, const QString& path) {
    auto file = OutputFile::create(path.toStdString());
    if (!file) return file.error();
    (*file)->write({bytes.constData(), static_cast<size_t>(bytes.size())});
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
