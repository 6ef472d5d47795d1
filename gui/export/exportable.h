// SPDX-License-Identifier: Apache-2.0
// What a view offers to be exported. One of three kinds: a canvas, drawn by ImGui at any size; a page, painted by a
// QPainter at any size; or a table of text. All of them in either theme, without a window.
#pragma once
#include "gui/canvas/imgui_canvas.h"
#include "traces/result.h"
#include <QSize>
#include <QString>
#include <functional>
#include <optional>
#include <string>
#include <vector>

class QPainter;

namespace shardscope::gui {

using CsvText = std::function<std::string()>; // long tables take long: any thread may call it

struct Exportable {
    QString name;      // "Timelines", as the dialog lists it
    QString file_stem; // "timelines"
    QSize size;        // on the screen now, in logical pixels; what the dialog suggests
    std::function<void(const CanvasFrame&)> canvas = {};
    std::function<bool()> unfinished = {}; // of a canvas: its last frame was coarser than it should be
    std::function<void(std::function<void()> then)> read = {}; // what that frame lacked, on a worker
    std::function<void(QPainter&, QSize, const Theme&)> page = {};
    std::function<CsvText()> csv = {}; // takes what is shown now; its text is written later
};

enum class ExportFormat { png, svg, pdf, csv };
QString suffixOf(ExportFormat); // "png"
std::vector<ExportFormat> formatsOf(const Exportable&);

struct ExportOptions {
    ExportFormat format = ExportFormat::png;
    QSize size{1600, 1000}; // logical pixels
    int scale = 2;          // pixels per logical pixel; of PNG only
    const Theme* theme = nullptr;
};

// Draws, as far as only the thread of the user interface can; what takes long is left to any other thread. A sentence
// says why there is no picture.
using Encoding = std::function<QByteArray()>; // the file's content; empty: there is not enough memory
Result<Encoding> drawn(const Exportable&, const ExportOptions&);
Result<void> writeWhole(const QByteArray&, const QString& path); // or not at all

QString fileNameFor(const Exportable&, const std::vector<std::string>& run_titles,
                    ExportFormat); // "timelines ZeRO-0 ZeRO-2.png"

} // namespace shardscope::gui
