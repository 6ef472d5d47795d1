// SPDX-License-Identifier: Apache-2.0
// Goes through the export dialog by mouse and tells what was written.
#pragma once
#include "gui/export/export_controller.h"
#include "shell_fixture.h"
#include <QComboBox>
#include <QFile>
#include <QPushButton>
#include <QSpinBox>

namespace shardscope::gui {

inline void chooseIn(const QDialog& dialog, const QString& box_name, const QString& entry) {
    for (QComboBox* box : dialog.findChildren<QComboBox*>())
        if (box->accessibleName() == box_name) box->setCurrentText(entry);
}

inline QStringList exportsOffered(MainWindow& window) {
    QStringList names;
    for (const Exportable& exportable : window.exports().exportables()) names << exportable.name;
    return names;
}

// In the light theme, 800 x 500, a PNG with three pixels for one.
inline QByteArray exportAs(Shell& shell, const QString& what, const QString& format) {
    const QString path = shell.folder.filePath("exported." + format.toLower());
    shell.window.exports().setChooseFile([path](const QString&, const QString&) { return path; });
    trigger(shell.session, ActionId::export_view);
    auto* dialog = shell.window.findChild<ExportDialog*>();
    REQUIRE(dialog);
    chooseIn(*dialog, "What", what);
    CHECK(dialog->subject().name == what);
    chooseIn(*dialog, "Format", format);
    chooseIn(*dialog, "Theme", "light");
    chooseIn(*dialog, "Scale", "3 ×");
    for (QSpinBox* box : dialog->findChildren<QSpinBox*>()) box->setValue(box->accessibleName() == "Width" ? 800 : 500);
    QTest::mouseClick(dialog->findChild<QPushButton*>("export"), Qt::LeftButton);
    waitFor([&] { return shell.window.findChild<ExportDialog*>() == nullptr; });
    QFile file(path);
    REQUIRE(file.open(QIODevice::ReadOnly));
    const QByteArray content = file.readAll();
    if (const QString kept = qEnvironmentVariable("SHARDSCOPE_TEST_PICTURES"); !kept.isEmpty())
        file.copy(kept + "/" + QString(what).replace(' ', '_') + "." + format.toLower());
    return content;
}

// As a picture of every format, with text that stays text and none of the other theme's ground.
inline void checkPictureExports(Shell& shell, const QString& what) {
    INFO(what.toStdString());
    const QImage png = QImage::fromData(exportAs(shell, what, "PNG"), "PNG");
    CHECK(png.size() == QSize(2400, 1500));
    CHECK(qGray(png.pixel(5, png.height() - 5)) > 200);
    CHECK(exportAs(shell, what, "SVG").contains("<text"));
    CHECK(exportAs(shell, what, "PDF").startsWith("%PDF-"));
}

} // namespace shardscope::gui
