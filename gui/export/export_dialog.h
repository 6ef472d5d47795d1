// SPDX-License-Identifier: Apache-2.0
// Which part of a view to export, in which format, size and theme, with a small picture of what will be written.
#pragma once
#include "gui/export/exportable.h"
#include <QDialog>
#include <QPointer>

class QComboBox;
class QLabel;
class QSpinBox;

class QPushButton;

namespace shardscope::gui {

class ExportJob;

// Where to write: asked with a suggested name and its suffix; empty if the user thinks better of it.
using ChooseFile = std::function<QString(const QString& suggested, const QString& suffix)>;
QString chooseFileToWrite(QWidget* parent, const QString& title, const QString& suggested, const QString& suffix);

class ExportDialog : public QDialog {
    Q_OBJECT
public:
    ExportDialog(std::vector<Exportable>, std::vector<std::string> run_titles, const Theme& current,
                 QWidget* parent = nullptr);
    void setChooseFile(ChooseFile choose) { m_choose = std::move(choose); }
    const Exportable& subject() const;
    ExportOptions options() const;
    bool settled() const { return m_previewed; } // the preview is what the fields say

signals:
    void exportedTo(const QString& path);

private:
    void showSubject();
    void showPreview();
    void write();
    void preview(const ExportOptions&, std::function<void(const QByteArray&)> show);
    void showPicture(const QByteArray& png);
    std::vector<Exportable> m_exportables;
    std::vector<std::string> m_titles;
    const Theme& m_current;
    ChooseFile m_choose;
    QComboBox *m_what, *m_format, *m_theme, *m_scale;
    QSpinBox *m_width, *m_height;
    QLabel *m_preview, *m_pixels;
    QPushButton* m_write;
    bool m_previewed = true;
    QPointer<ExportJob> m_previewing; // the newest; an older one is given up
    QList<QWidget*> m_picture_fields;
};

} // namespace shardscope::gui
